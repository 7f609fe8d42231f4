//! Pictures: what is in them, that nothing overlaps, and how they are saved.

use std::fs;

use burn::tensor::{Int, Tensor};
use fastburn::data::Batch;
use fastburn::learner::Learner;
use fastburn::loss::CrossEntropy;
use fastburn::models::LinearConfig;
use fastburn::plot::text::{self, Paint};
use fastburn::plot::{
    Cells, Chart, Figure, HeatMap, confusion_matrix, image_grid, plot_confusion_matrix, plot_loss,
    plot_top_losses, show_batch, show_image,
};
use fastburn::records::{Confusion, History, Interpretation, Outcome};
use fastburn::vision::{Bitmap, Splits};
use fastburn::{Error, device};
use resvg::usvg::{self, Group, Node, Rect};
use tempfile::TempDir;

use crate::support::each_device;

fn decoded(figure: &Figure) -> image::RgbImage {
    image::load_from_memory(&figure.png().unwrap()).unwrap().into_rgb8()
}

fn count(image: &image::RgbImage, colour: [u8; 3]) -> usize {
    image.pixels().filter(|pixel| pixel.0 == colour).count()
}

/// Every text of a picture, and where it is painted.
pub fn texts(figure: &Figure) -> (Vec<(String, Rect)>, Rect) {
    let mut options = usvg::Options { font_family: "DejaVu Sans".to_owned(), ..Default::default() };
    options.fontdb_mut().load_font_data(dejavu::sans::regular().to_vec());
    let tree = usvg::Tree::from_str(figure.svg(), &options).unwrap();
    let mut found = Vec::new();
    collect(tree.root(), &mut found);
    let page = Rect::from_xywh(0.0, 0.0, tree.size().width(), tree.size().height()).unwrap();
    (found, page)
}

fn collect(group: &Group, found: &mut Vec<(String, Rect)>) {
    for node in group.children() {
        match node {
            Node::Text(text) => {
                let content = text.chunks().iter().map(usvg::TextChunk::text).collect();
                found.push((content, text.abs_bounding_box()));
            }
            Node::Group(group) => collect(group, found),
            Node::Path(_) | Node::Image(_) => {}
        }
    }
}

#[track_caller]
pub fn assert_legible(figure: &Figure) {
    let (texts, page) = texts(figure);
    for (index, (text, place)) in texts.iter().enumerate() {
        let inside = place.left() >= page.left()
            && place.right() <= page.right()
            && place.top() >= page.top()
            && place.bottom() <= page.bottom();
        assert!(inside, "{text:?} at {place:?} leaves the page {page:?}");
        for (other, there) in &texts[..index] {
            let apart = place.right() <= there.left()
                || there.right() <= place.left()
                || place.bottom() <= there.top()
                || there.bottom() <= place.top();
            assert!(apart, "{text:?} at {place:?} covers {other:?} at {there:?}");
        }
    }
}

fn grey(value: f32) -> Bitmap {
    Bitmap::new(&[value; 4], [1, 2, 2]).unwrap()
}

#[test]
fn a_chart_shows_its_lines_its_points_and_its_words() {
    let figure = Chart::new("a title with <, > & \"")
        .axes("time (s)", "way (m)")
        .line("a line", [(0.0, 0.0), (10.0, 10.0)])
        .points("some dots", [(2.0, 8.0), (8.0, 2.0)])
        .draw()
        .unwrap();
    let words: Vec<String> = texts(&figure).0.into_iter().map(|(text, _)| text).collect();
    for word in ["a title with <, > & \"", "time (s)", "way (m)", "a line", "some dots", "0", "10"]
    {
        assert!(words.iter().any(|text| text == word), "{word} is not in {words:?}");
    }
    let pixels = decoded(&figure);
    assert_eq!(pixels.dimensions(), (1280, 800));
    assert!(count(&pixels, [0, 114, 178]) > 2000, "the line is not there");
    assert!(count(&pixels, [213, 94, 0]) > 300, "the dots are not there");
    assert!(count(&pixels, [40, 40, 40]) > 2000, "the letters are not there");
}

#[test]
fn no_word_of_a_picture_covers_another() {
    let curve =
        |scale: f64| (0..50).map(move |x| (f64::from(x) * scale, f64::from(x).sin() * scale));
    for scale in [1e-6, 1e-3, 1.0, 1e3, 1e6] {
        let chart = Chart::new("a title of some length, as a lesson might have")
            .axes("step", "loss of the batch")
            .line("training, smoothed", curve(scale))
            .faint_line(curve(scale))
            .marked_line("validation", curve(scale));
        assert_legible(&chart.draw().unwrap());
        let narrow = Chart::new("after 3 steps").axes("time (s)", "speed (m/s)");
        let narrow = narrow.points("measured", curve(scale)).line("predicted", curve(scale));
        assert_legible(&Chart::row(&vec![narrow; 4]).unwrap());
        let map = HeatMap::new(vec![vec![scale, -scale, 12.0 * scale]; 3]).unwrap();
        assert_legible(&map.title("numbers").rows("row", ["a", "long label", "c"]).draw());
    }
    let images: Vec<Bitmap> = (0..7).map(|index| grey(index as f32 / 7.0)).collect();
    for name in
        ["a class of a very long name indeed", "WWWW HUMMINGBIRD MOM", "数字の画像を見分ける分類"]
    {
        let titled: Vec<_> = images.iter().map(|image| (image, name)).collect();
        assert_legible(&image_grid(&titled, 3).unwrap());
        let mut chart = Chart::new(name.repeat(5)).axes(name.repeat(9), name.repeat(9));
        for _ in 0..6 {
            chart = chart.line(name, [(0.0, 0.0), (1.0, 1.0)]);
        }
        assert_legible(&chart.draw().unwrap());
        assert_legible(&Chart::row(&vec![chart; 3]).unwrap());
        let map = HeatMap::new(vec![vec![1.0]]).unwrap().title(name);
        assert_legible(&map.rows(name, [name]).columns(name, [name]).draw());
    }
}

#[test]
fn each_number_at_an_axis_is_another() {
    let ranges =
        [(1e6, 1.1e6), (1e-3, 1.15e-3), (0.5, 0.500_000_5), (12_345.6, 12_345.7), (-3.0, 4e9)];
    for (least, most) in ranges {
        let chart = Chart::new("").line("", [(least, least), (most, most)]);
        let figure = chart.draw().unwrap();
        assert_legible(&figure);
        let mut numbers: Vec<String> = texts(&figure).0.into_iter().map(|(text, _)| text).collect();
        assert!(numbers.len() >= 6, "{numbers:?}");
        // Both axes have the same numbers, but for those at the ends.
        numbers.sort();
        for number in &numbers {
            let times = numbers.iter().filter(|other| *other == number).count();
            assert!(times <= 2, "{number} stands {times} times: {numbers:?}");
        }
    }
}

#[test]
fn control_characters_reach_neither_a_picture_nor_a_terminal() {
    let (name, image) = ("a\u{1}b\u{1b}[31m", grey(0.5));
    let chart = Chart::new(name).axes(name, name).line(name, [(0.0, 0.0), (1.0, 1.0)]);
    let map = HeatMap::new(vec![vec![1.0]]).unwrap().title(name).rows(name, [name]);
    for figure in [chart.draw().unwrap(), map.draw(), image_grid(&[(&image, name)], 1).unwrap()] {
        assert!(!figure.svg().contains(['\u{1}', '\u{1b}']));
        assert!(figure.svg().contains("a\u{fffd}b"));
        decoded(&figure);
    }
    assert!(!text::image_grid(&[(&image, name)], 80, Paint::Plain).contains('\u{1b}'));
}

#[test]
fn a_picture_too_large_for_memory_is_refused() {
    let image = grey(0.5);
    let figure = image_grid(&vec![(&image, ""); 500], 1).unwrap();
    let error = figure.png().unwrap_err().to_string();
    assert!(error.contains("16384") && error.contains(".svg"), "{error}");
}

#[test]
fn text_rows_are_as_wide_as_asked() {
    let images: Vec<Bitmap> = (0..9).map(|_| grey(1.0)).collect();
    for name in ["a", "a class of a very long name, longer than any image is drawn"] {
        let titled: Vec<_> = images.iter().map(|image| (image, name)).collect();
        let text = text::image_grid(&titled, 80, Paint::Plain);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(text.matches('█').count() == 18);
    }
    // A row below which there is none is not darkened by it.
    let white = Bitmap::new(&[1.0; 3], [1, 3, 1]).unwrap();
    assert_eq!(text::image(&white, Paint::Plain), "█\n█\n");
}

#[test]
fn odd_values_are_drawn_as_far_as_they_can_be() {
    let odd = [(0.0, f64::NAN), (1.0, 1.0), (f64::INFINITY, 2.0), (2.0, 3.0), (3.0, f64::MAX)];
    for points in [&odd[..], &odd[..1], &odd[1..2], &[], &[(5.0, 0.0), (5.0, 0.0)]] {
        let chart = Chart::new("odd").line("line", points.to_vec()).points("dots", points.to_vec());
        decoded(&chart.draw().unwrap());
    }
    for range in [0.0..0.0, f64::NAN..1.0, 2.0..1.0, 0.0..f64::MAX] {
        decoded(&Chart::new("odd").line("", odd).y_at_least(range).draw().unwrap());
    }
    for (least, most) in [(1e15, 1e15 + 0.5), (1.0, 1.0 + 1e-15), (0.0, 1e-300), (-1e30, 1e30)] {
        let chart = Chart::new("odd").line("", [(least, least), (most, most)]);
        decoded(&chart.draw().unwrap());
    }
    decoded(&HeatMap::new(vec![vec![f64::NAN, 1.0, f64::INFINITY]]).unwrap().draw());
    assert!(matches!(Chart::row(&[]), Err(Error::Setting { .. })));
    assert!(matches!(HeatMap::new(vec![]), Err(Error::Setting { .. })));
    assert!(matches!(HeatMap::new(vec![vec![1.0], vec![]]), Err(Error::Setting { .. })));
    assert!(matches!(image_grid(&[], 3), Err(Error::Setting { .. })));
    assert!(matches!(image_grid(&[(&grey(0.0), "")], 0), Err(Error::Setting { .. })));
}

#[test]
fn an_image_is_drawn_pixel_by_pixel() {
    let corners = Bitmap::new(&[0.0, 1.0, 0.5, 0.25], [1, 2, 2]).unwrap();
    let pixels = decoded(&show_image(&corners).unwrap());
    let (width, height) = pixels.dimensions();
    let at = |x: u32, y: u32| pixels.get_pixel(x, y).0[0];
    let (left, right) = (width / 4, 3 * width / 4);
    let (top, bottom) = (height / 4, 3 * height / 4);
    assert_eq!([at(left, top), at(right, top)], [0, 255]);
    assert_eq!([at(left, bottom), at(right, bottom)], [128, 64]);
    // Sharp to the edge between two pixels.
    assert_eq!([at(width / 2 - 2, top), at(width / 2 + 2, top)], [0, 255]);

    let red = Bitmap::new(&[[1.0; 6], [0.0; 6], [0.0; 6]].concat(), [3, 2, 3]).unwrap();
    assert!(count(&decoded(&show_image(&red).unwrap()), [255, 0, 0]) > 100_000);
}

#[test]
fn a_large_image_is_reduced_to_what_is_seen() {
    let photo = Bitmap::new(&vec![0.5; 2000 * 1000], [1, 1000, 2000]).unwrap();
    let figure = image_grid(&[(&photo, "a photo")], 1).unwrap();
    assert!(figure.svg().len() < 20_000);
    assert!(count(&decoded(&figure), [128; 3]) > 20_000);
    let lines = text::image(&photo, Paint::Plain);
    assert!(lines.lines().all(|line| line.chars().count() == 32) && lines.lines().count() == 8);
}

#[test]
fn what_is_no_image_is_refused() {
    for (values, shape) in [(4, [2, 1, 2]), (3, [1, 2, 2]), (0, [1, 0, 2]), (0, [3, 0, 0])] {
        let refused = Bitmap::new(&vec![0.0; values], shape);
        assert!(matches!(refused, Err(Error::Shape { .. })), "{shape:?}");
    }
    each_device(|device| {
        assert!(Bitmap::from_tensor(Tensor::<1>::zeros([4], device)).is_err());
        assert!(Bitmap::from_tensor(Tensor::<4>::zeros([2, 1, 3, 3], device)).is_err());
        assert!(Bitmap::from_tensor(Tensor::<3>::zeros([2, 3, 3], device)).is_err());
        let image = Bitmap::from_tensor(Tensor::<4>::full([1, 3, 2, 5], 2.0, device)).unwrap();
        assert_eq!((image.width(), image.height(), image.rgb(4, 1)), (5, 2, [255; 3]));
    });
}

#[test]
fn a_batch_is_shown_with_its_classes() {
    let classes = ["cat", "dog"].map(String::from);
    each_device(|device| {
        for (len, shown) in [(3, 3), (20, 9)] {
            let labels: Vec<i32> = (0..len).map(|index| (index % 2) as i32).collect();
            let target = Tensor::<1, Int>::from_data(labels.as_slice(), device);
            let batch = Batch { input: Tensor::full([len, 1, 4, 4], 0.5, device), target, len };
            let (texts, _) = texts(&show_batch(&batch, &classes).unwrap());
            let titles: Vec<_> = texts.iter().map(|(title, _)| title.as_str()).collect();
            assert_eq!(titles, ["cat", "dog"].repeat(5)[..shown]);
        }
        let target = Tensor::<1, Int>::zeros([3], device);
        let empty = Batch { input: Tensor::zeros([3, 1, 4, 4], device), target, len: 0 };
        assert!(matches!(show_batch(&empty, &classes), Err(Error::Setting { .. })));
    });
}

#[test]
fn each_validation_loss_stands_at_the_step_it_was_measured_after() {
    let digits = Splits::digits().unwrap();
    let device = device::cpu().unwrap();
    let dls = digits.loaders(1000, 0, &device).unwrap();
    let model = LinearConfig::new(784, 10).init(&device, 0).unwrap();
    let mut learn = Learner::new(dls, model, CrossEntropy::new());
    // Epochs count from 0 in each call.
    for epochs in [1, 1, 2] {
        learn.fit(epochs, 1e-3).unwrap();
    }
    let steps: Vec<usize> = learn.history().epochs.iter().map(|row| row.steps).collect();
    assert_eq!(steps, [6, 12, 18, 24]);
    let figure = plot_loss(learn.history()).unwrap();
    assert_legible(&figure);
    // A dot for each epoch, no two at one step, and the one of the legend.
    let mut places: Vec<&str> =
        figure.svg().split("<circle cx=\"").skip(1).map(|c| c.split('"').next().unwrap()).collect();
    places.sort_unstable();
    places.dedup();
    assert_eq!(places.len(), 5);
    assert_legible(&plot_loss(&History::default()).unwrap());
}

#[test]
fn a_picture_is_saved_whole_or_not_at_all() {
    let folder = TempDir::new().unwrap();
    let figure = show_image(&grey(0.5)).unwrap();
    let names = || {
        let entries = fs::read_dir(folder.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let svg = folder.path().join("picture.svg");
    fs::write(&svg, "what was there before").unwrap();
    figure.save(&svg).unwrap();
    figure.save(folder.path().join("picture.PNG")).unwrap();
    assert_eq!(fs::read_to_string(&svg).unwrap(), figure.svg());
    assert_eq!(names(), ["picture.PNG", "picture.svg"]);

    let error = figure.save(folder.path().join("picture.bmp")).unwrap_err();
    assert!(error.is_usage() && error.to_string().contains("picture.bmp"), "{error}");
    let absent = folder.path().join("absent/picture.svg");
    let error = figure.save(&absent).unwrap_err();
    assert!(matches!(error, Error::Write { .. }), "{error}");
    let told = error.to_string();
    assert!(told.contains(absent.to_str().unwrap()) && told.contains("no folder "), "{told}");
    let taken = folder.path().join("taken.svg");
    fs::create_dir(&taken).unwrap();
    assert!(figure.save(&taken).unwrap_err().to_string().contains("taken.svg"));
    assert_eq!(names(), ["picture.PNG", "picture.svg", "taken.svg"]);
}

#[cfg(unix)]
#[test]
fn a_saved_picture_can_be_read_by_others() {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().unwrap();
    let (ours, plain) = (folder.path().join("ours.svg"), folder.path().join("plain"));
    show_image(&grey(0.5)).unwrap().save(&ours).unwrap();
    fs::write(&plain, "").unwrap();
    let mode = |path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&ours), mode(&plain));
}

#[test]
fn text_has_control_codes_only_in_colours() {
    let ramp: Vec<f32> = (0..30).map(|value| value as f32 / 30.0).collect();
    let image = Bitmap::new(&ramp, [1, 5, 6]).unwrap();
    let map = HeatMap::new(vec![vec![0.0, 255.0], vec![12.5, 3.0]]).unwrap();
    let plain = text::image(&image, Paint::Plain) + &map.text(Paint::Plain);
    let colour = text::image(&image, Paint::Colour) + &map.text(Paint::Colour);
    assert!(!plain.contains('\x1b') && plain.contains("12.50"));
    // What is left without the codes is as wide as the plain text.
    let mut stripped = String::new();
    for part in colour.split('\x1b') {
        stripped.push_str(part.split_once('m').map_or(part, |(_, rest)| rest));
    }
    let widths = |text: &str| text.lines().map(|line| line.chars().count()).collect::<Vec<_>>();
    assert_eq!(widths(&stripped), widths(&plain));
    assert_eq!(text::sparkline(&[], 10), " ");
    assert_eq!(text::sparkline(&[1.0, f64::NAN, 3.0], 3), "▁ █");
}

#[test]
fn a_confusion_matrix_shows_counts_or_shares_of_each_row() {
    let mut confusion =
        Confusion::new(["a", "a longer\u{1b} name", "c"].map(String::from).to_vec());
    for (actual, predicted, times) in [(0, 0, 199), (0, 1, 1), (1, 2, 1), (1, 1, 2)] {
        (0..times).for_each(|_| confusion.add(actual, predicted));
    }
    let words = |cells| {
        let figure = plot_confusion_matrix(&confusion, cells).unwrap();
        assert_legible(&figure);
        texts(&figure).0.into_iter().map(|(text, _)| text).collect::<Vec<_>>()
    };
    let counts = words(Cells::Counts);
    assert_eq!(counts[..3], ["confusion matrix", "predicted", "actual"]);
    assert_eq!(counts[counts.len() - 9..], ["199", "1", "0", "0", "2", "1", "0", "0", "0"]);
    let shares = words(Cells::Normalized);
    let expected = ["0.99", "0.01", "0.00", "0.00", "0.67", "0.33", "0.00", "0.00", "0.00"];
    assert_eq!(shares[shares.len() - 9..], expected);
    // Long names stand upright: nine columns of them would be 1800 pixels wide otherwise.
    let names = (0..9).map(|class| class.to_string().repeat(24)).collect();
    let named = plot_confusion_matrix(&Confusion::new(names), Cells::Counts).unwrap();
    assert_legible(&named);
    assert!(texts(&named).1.width() < 600.0);
    let text = confusion_matrix(&confusion, Cells::Normalized).unwrap().text(Paint::Plain);
    assert!(text.contains("0.67") && !text.contains('\u{1b}'), "{text}");
    let lines: Vec<_> = text.lines().map(|line| line.chars().count()).collect();
    assert!(lines.windows(2).all(|pair| pair[0] == pair[1]), "{text}");
    let none = plot_confusion_matrix(&Confusion::new(Vec::new()), Cells::Counts);
    assert!(matches!(none, Err(Error::Setting { .. })));
}

#[test]
fn the_largest_losses_are_shown_with_what_was_said() {
    let valid = Splits::digits().unwrap().valid;
    let judged = |index: usize| {
        let (loss, actual) = (index as f32 / 8.0, index / 100);
        Outcome::new(index, actual, loss, (0..10).map(|class| class as f32 / 10.0).collect())
    };
    let items: Vec<_> = (0..1000).step_by(99).map(judged).collect();
    let classes = valid.classes().to_vec();
    let seen = Interpretation { classes, items: items.clone() };
    for (count, shown) in [(1, 1), (4, 4), (9, 9), (100, 11)] {
        let figure = plot_top_losses(&seen, &valid, count).unwrap();
        assert_legible(&figure);
        let words: Vec<_> = texts(&figure).0.into_iter().map(|(text, _)| text).collect();
        assert_eq!(words[..2], ["prediction / actual", "loss / probability"]);
        assert_eq!(words[2..4], ["9 / 9", "123.75 / 0.90"]);
        assert_eq!(words.len(), 2 + 2 * shown);
    }
    let classes = (0..10).map(|class| format!("{class} with a\nlong name")).collect();
    let named = Interpretation { classes, items };
    assert_legible(&plot_top_losses(&named, &valid, 9).unwrap());

    let few = valid.subset(&[0]);
    assert!(matches!(plot_top_losses(&seen, &few, 9), Err(Error::Shape { .. })));
    let unnamed = Interpretation { classes: Vec::new(), ..seen.clone() };
    assert!(matches!(plot_top_losses(&unnamed, &valid, 9), Err(Error::Shape { .. })));
    assert!(matches!(plot_top_losses(&seen, &valid, 0), Err(Error::Setting { .. })));
}

#[test]
fn a_confusion_matrix_of_many_classes_shows_the_most_confused_and_says_so() {
    for classes in [101, 300, 1000, 5000] {
        let mut confusion = Confusion::new((0..classes).map(|c| format!("class {c}")).collect());
        for class in 0..classes {
            confusion.add(class, class);
        }
        // Those with the largest numbers are confused with their neighbours.
        for class in classes - 60..classes {
            confusion.add(class, class - 1);
        }
        let figure = plot_confusion_matrix(&confusion, Cells::Counts).unwrap();
        let title = format!("the 100 most confused of {classes} classes");
        assert!(figure.svg().contains(&title) && figure.svg().len() < 3_000_000);
        assert!(figure.svg().contains(&format!(">\nclass {}\n<", classes - 1)), "{classes}");
        if classes == 300 {
            assert_legible(&figure);
            decoded(&figure);
        }
    }
}

#[test]
fn a_large_heat_map_has_its_shades_alone() {
    let row = |y: usize| (0..1000).map(|x| ((x / 100 + y / 100) % 2) as f64).collect();
    let map = HeatMap::new((0..1000).map(row).collect()).unwrap().title("squares");
    let figure = map.draw();
    assert!(figure.svg().len() < 1_000_000, "{}", figure.svg().len());
    let words: Vec<String> = texts(&figure).0.into_iter().map(|(text, _)| text).collect();
    assert_eq!(words, ["squares", "column", "row"]);
    let pixels = decoded(&figure);
    let (dark, light) = (count(&pixels, [8, 48, 107]), count(&pixels, [255, 255, 255]));
    assert!(dark > 1_500_000 && light > 1_500_000, "{dark} {light}");
}

#[test]
fn a_proportion_is_that_of_all_items_of_its_class_however_few_classes_are_shown() {
    let mut confusion = Confusion::new((0..300).map(|class| class.to_string()).collect());
    // Half of class 0 is right; each mistake is for another class, of which most are not shown.
    (0..250).for_each(|_| confusion.add(0, 0));
    (50..300).for_each(|class| confusion.add(0, class));
    let figure = plot_confusion_matrix(&confusion, Cells::Normalized).unwrap();
    assert!(figure.svg().contains(">\n0.50\n<") && !figure.svg().contains(">\n1.00\n<"));
}
