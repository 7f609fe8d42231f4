//! Lesson 15: where a net looks.
//!
//! You will learn what the last feature maps of a convolutional net tell, how each place in an
//! image adds to the score of a class, Grad-CAM by hand, how to check such a heat by covering parts
//! of the image, and how it exposes a net that is right for the wrong reason.
//!
//! ```sh
//! cargo run --release --example 15_where_a_net_looks
//! ```

#[allow(dead_code, reason = "each lesson uses only a part of it")]
mod lesson;

use anyhow::{Context, Result};
use burn::module::Module;
use burn::tensor::activation::relu;
use burn::tensor::{Device, Int, Tensor, TensorData, s};
use fastburn::data::{DataLoaders, ItemFormat, TensorSource};
use fastburn::layers::HeadConfig;
use fastburn::learner::Learner;
use fastburn::loss::CrossEntropy;
use fastburn::metrics::accuracy;
use fastburn::models::{ConvNet, ConvNetConfig, Model, StateDict, grad_cam};
use fastburn::plot::{heat_overlay, plot_explanation};
use fastburn::records::Explanation;
use fastburn::vision::{Bitmap, ImageFolder, ImageSpec, Images, Predictor};
use lesson::maps::{difference, map, save_grid, values};
use lesson::{Data, Lesson, step};

/// The width and height of a digit, and the number of rows and columns of the feature maps.
const SIDE: usize = 28;
const ROWS: usize = 7;
const CLASSES: usize = 10;
/// The numbers of images to train on and to validate with. More would take longer.
const TRAIN: usize = 10_000;
const VALID: usize = 1_000;
const BATCH: usize = 64;
/// The largest allowed difference between two ways to compute the same.
const TOLERANCE: f32 = 1e-4;
/// The class whose training images get a mark, in one corner.
const MARKED: usize = 7;
/// The width and height of the mark.
const MARK: usize = 4;
/// The number of images that are covered, and that of those shown.
const COVERED: usize = 128;
const SHOWN: usize = 4;

type Digits = Learner<(ConvNet, Tensor<4>, Tensor<1, Int>)>;

fn main() -> Result<()> {
    let lesson = Lesson::begin("15_where_a_net_looks")?;
    let Data { splits, is_mnist, .. } = lesson.data()?;
    let format = ImageSpec::new([1, SIDE, SIDE]);
    let items = ItemFormat::of_classes((&format).into(), splits.train.classes());
    let train = Sample::read(&splits.train, TRAIN, &lesson)?;
    let valid = Sample::read(&splits.valid, VALID, &lesson)?;

    step("A small convolutional net");
    let net = Net::train(&lesson, &train, &valid, &items)?;
    let right = format!("{:.1} %", 100.0 * net.accuracy);
    let enough = if is_mnist { 0.92 } else { 0.85 };
    let claim = format!("an epoch on {} images reaches {right}", train.len());
    lesson.claim(net.accuracy > enough, claim)?;

    let seven = valid.images_of(MARKED).narrow(0, 0, 1);
    feature_maps(&lesson, &net.model, &seven)?;
    evidence(&lesson, &net.model, &seven)?;
    let heat = grad_cam_by_hand(&lesson, &net.model, &seven)?;
    ten_digits(&lesson, &net, &valid, &heat)?;
    occlusion(&lesson, &net.model, &valid.images.clone().narrow(0, 0, COVERED))?;
    shortcut(&lesson, &net, &train, &valid, &items)
}

/// Images and their classes.
struct Sample {
    /// From 0 (black) to 1 (white), `[images, 1, height, width]`.
    images: Tensor<4>,
    labels: Vec<usize>,
}

impl Sample {
    fn read(folder: &ImageFolder, most: usize, lesson: &Lesson) -> Result<Self> {
        let images = Images::decode(&folder.sample(most, lesson.seed))?;
        let mut pixels = Vec::new();
        for index in 0..images.len() {
            pixels.extend(images.pixels(index)?.iter().map(|&pixel| f32::from(pixel) / 255.0));
        }
        let pixels = TensorData::new(pixels, [images.len(), 1, SIDE, SIDE]);
        let labels = images.labels().iter().map(|&label| label as usize).collect();
        Ok(Self { images: Tensor::from_data(pixels, &lesson.device), labels })
    }

    fn len(&self) -> usize {
        self.labels.len()
    }

    fn source(&self, device: &Device) -> Result<TensorSource<4, 1, Int>> {
        let labels: Vec<i32> = self.labels.iter().map(|&label| label as i32).collect();
        Ok(TensorSource::new(self.images.clone(), Tensor::from_data(labels.as_slice(), device))?)
    }

    /// Returns the pixels of an image, 0 to 255.
    fn pixels(&self, index: usize) -> Result<Vec<u8>> {
        let pixels = values(&self.images.clone().narrow(0, index, 1))?;
        Ok(pixels.into_iter().map(|pixel| (pixel * 255.0).round() as u8).collect())
    }

    /// Returns the indices of the images of a class.
    fn of_class(&self, class: usize) -> Vec<usize> {
        (0..self.len()).filter(|&index| self.labels[index] == class).collect()
    }

    /// Returns the images of a class.
    fn images_of(&self, class: usize) -> Tensor<4> {
        let images = self.of_class(class).into_iter();
        Tensor::cat(images.map(|index| self.images.clone().narrow(0, index, 1)).collect(), 0)
    }

    /// Returns the images with a white square in the lower right corner of those of a class.
    fn marked(&self, class: usize) -> Self {
        let mut images = self.images.clone();
        let corner = SIDE - MARK..SIDE;
        for index in self.of_class(class) {
            images = images.slice_fill(s![index, .., corner.clone(), corner.clone()], 1.0);
        }
        Self { images, labels: self.labels.clone() }
    }
}

/// A trained net.
struct Net {
    learn: Digits,
    /// The model in evaluation mode: batch norm uses its running statistics.
    model: ConvNet,
    /// On the validation images, from 0 to 1.
    accuracy: f64,
}

impl Net {
    fn train(lesson: &Lesson, train: &Sample, valid: &Sample, items: &ItemFormat) -> Result<Self> {
        let [train, valid] = [train, valid].map(|sample| sample.source(&lesson.device));
        let mut dls = DataLoaders::new(train?, valid?, lesson.seed).batch_size(BATCH)?;
        dls.items = Some(items.clone());
        let config = ConvNetConfig::new(1, [16, 32, 64], CLASSES).with_head(HeadConfig::linear());
        let model = config.init(&lesson.device, lesson.seed)?;
        let mut learn = Learner::new(dls, model, CrossEntropy::new()).metric(accuracy());
        learn.fit_one_cycle(1, 1e-2)?;
        let accuracy = learn.validate()?.metrics[0];
        Ok(Self { model: learn.model().valid(), learn, accuracy })
    }

    /// Returns a predictor that has read the net from a model file.
    fn predictor(&self, device: &Device) -> Result<Predictor<ConvNet>> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("digits.safetensors");
        self.learn.export(&file)?;
        Ok(Predictor::load_as(&file, device)?)
    }
}

/// Returns the last feature maps of images, and the outputs that the net computes from them.
fn maps_and_outputs(net: &ConvNet, images: &Tensor<4>) -> Result<(Tensor<4>, Tensor<2>)> {
    let mut kept = None;
    let outputs = net.forward_with_maps(images.clone(), &mut |maps| {
        kept = Some(maps.clone());
        maps
    });
    Ok((kept.context("the net has no feature maps")?, outputs))
}

fn feature_maps(lesson: &Lesson, net: &ConvNet, image: &Tensor<4>) -> Result<()> {
    step("The last feature maps still have places");
    let (maps, outputs) = maps_and_outputs(net, image)?;
    println!("image {:?}, last feature maps {:?}", image.dims(), maps.dims());
    println!("Then the head takes the mean of each map, and a linear layer: {:?}.", outputs.dims());
    let claim = "a place in a map stands for 4×4 pixels: 7×7 places for 28×28 pixels";
    lesson.claim(maps.dims()[2..] == [ROWS, ROWS], claim)?;

    let means = values(&maps.clone().mean_dims(&[2, 3]))?;
    let mut strongest: Vec<usize> = (0..means.len()).collect();
    strongest.sort_by(|&a, &b| means[b].total_cmp(&means[a]));
    let most: f32 = maps.clone().max().into_scalar();
    let mut pictures = vec![(Bitmap::from_tensor(image.clone())?, "the image".to_owned())];
    for channel in strongest.into_iter().take(9) {
        let map_of_channel = map(&maps.clone().narrow(1, channel, 1), most)?;
        pictures.push((map_of_channel, format!("map {channel}")));
    }
    save_grid(lesson, "feature_maps", &pictures, 5)?;

    // The places in the middle do not see the border of the image.
    let (moved, _) = maps_and_outputs(net, &image.clone().roll(&[4], &[3]))?;
    let same = difference(&moved.narrow(3, 3, 2), &maps.narrow(3, 2, 2))? < TOLERANCE;
    let claim = "if the digit moves by four pixels, its maps move by one place, but for the border";
    lesson.claim(same, claim)
}

fn evidence(lesson: &Lesson, net: &ConvNet, image: &Tensor<4>) -> Result<()> {
    step("Each place adds its part to a class's output");
    println!("output = weights · mean of each map + bias = mean over the places + bias");
    let (evidence, bias) = evidence_of(net, image)?;
    let (_, outputs) = maps_and_outputs(net, image)?;
    let outputs = values(&outputs)?;
    let mut worst = 0.0_f32;
    let mut pictures = Vec::new();
    let most: f32 = evidence.clone().abs().max().into_scalar();
    for (class, output) in outputs.iter().enumerate() {
        let places = evidence.clone().narrow(0, class, 1);
        let sum: f32 = places.clone().sum().into_scalar();
        worst = worst.max((sum + bias[class] - output).abs());
        pictures.push((map(&places, most)?, format!("{class}: {output:.1}")));
    }
    save_grid(lesson, "evidence", &pictures, 5)?;
    println!("Orange places speak for the class, blue ones against it.");
    let claim = format!("the parts of the 49 places and the bias add up within {TOLERANCE:e}");
    lesson.claim(worst < TOLERANCE, claim)
}

/// Returns what each place adds to each class's output, `[classes, rows, columns]`, and the biases.
fn evidence_of(net: &ConvNet, image: &Tensor<4>) -> Result<(Tensor<3>, Vec<f32>)> {
    let (maps, _) = maps_and_outputs(net, image)?;
    let [_, channels, rows, columns] = maps.dims();
    let head = StateDict::of(net)?;
    let of_head = |name: &str| head.values(name).context("the head is no linear layer");
    let weights = TensorData::new(of_head("head.weight")?.to_vec(), [CLASSES, channels]);
    let weights = Tensor::<2>::from_data(weights, &maps.device());
    let places = rows * columns;
    let evidence = weights.matmul(maps.reshape([channels, places])) / places as f32;
    Ok((evidence.reshape([CLASSES, rows, columns]), of_head("head.bias")?.to_vec()))
}

fn grad_cam_by_hand(lesson: &Lesson, net: &ConvNet, image: &Tensor<4>) -> Result<Tensor<3>> {
    step("Grad-CAM does the same for any head");
    println!(
        "Other heads have no weight for each map. Then the gradient tells how much the output\n\
         changes with a map. Grad-CAM (Selvaraju et al. 2017) takes its mean as the map's weight,\n\
         and keeps what is positive."
    );
    let mut kept = None;
    let outputs = net.forward_with_maps(image.clone(), &mut |maps| {
        let maps = maps.autodiff().require_grad();
        kept = Some(maps.clone());
        maps
    });
    let maps = kept.context("the net has no feature maps")?;
    let gradients = outputs.narrow(1, MARKED, 1).sum().backward();
    let gradient = maps.grad(&gradients).context("the maps have no gradient")?;
    let weights = gradient.mean_dims(&[2, 3]);
    let heat = relu((maps.inner() * weights).sum_dim(1));
    let heat: Tensor<3> = heat.squeeze_dim(1);

    let of_class = |outputs: Tensor<2>| outputs.narrow(1, MARKED, 1).sum();
    let library = grad_cam(net, image.clone(), of_class)?.context("no feature maps")?;
    let claim = "five lines by hand equal fastburn's grad_cam";
    lesson.claim(difference(&heat, &library)? < TOLERANCE, claim)?;
    let positive = relu(evidence_of(net, image)?.0.narrow(0, MARKED, 1));
    let claim = "with this head, they are the evidence of before where it is positive";
    lesson.claim(difference(&heat, &positive)? < TOLERANCE, claim)?;
    Ok(heat)
}

/// Explains an image for a class.
fn explain(
    predictor: &Predictor<ConvNet>,
    sample: &Sample,
    index: usize,
    class: usize,
) -> Result<Explanation> {
    let (pixels, class) = (sample.pixels(index)?, class.to_string());
    Ok(predictor.explain_pixels(&pixels, [1, SIDE, SIDE], Some(&class))?)
}

fn ten_digits(lesson: &Lesson, net: &Net, valid: &Sample, heat: &Tensor<3>) -> Result<()> {
    step("The heat of ten digits");
    let predictor = net.predictor(&lesson.device)?;
    let mut pictures = Vec::new();
    for class in 0..CLASSES {
        let index = *valid.of_class(class).first().context("a class has no images")?;
        let explanation = explain(&predictor, valid, index, class)?;
        let title = format!("{class} {:.2}", explanation.probability());
        pictures.push((heat_overlay(&explanation)?, title));
        if class == MARKED {
            lesson.save("a_seven", &plot_explanation(&explanation)?)?;
            let found = TensorData::new(explanation.heat.clone(), heat.dims());
            let found = Tensor::from_data(found, &lesson.device);
            let equal =
                difference(&(heat.clone() / heat.clone().max().into_scalar::<f32>()), &found)?
                    < TOLERANCE;
            let claim = "a predictor's explanation is this heat, relative to its maximum";
            lesson.claim(equal, claim)?;
        }
    }
    save_grid(lesson, "ten_digits", &pictures, 5)?;

    println!("What in a 4 speaks for a 4, and what for a 9?");
    let four = *valid.of_class(4).first().context("a class has no images")?;
    let pictures = [4, 9].map(|class| {
        let explanation = explain(&predictor, valid, four, class)?;
        Ok((heat_overlay(&explanation)?, format!("{class} {:.2}", explanation.probability())))
    });
    save_grid(lesson, "four_or_nine", &pictures.into_iter().collect::<Result<Vec<_>>>()?, 2)?;
    println!("The program does this too: fastburn explain digits.safetensors 4.png --class 9");
    Ok(())
}

fn occlusion(lesson: &Lesson, net: &ConvNet, images: &Tensor<4>) -> Result<()> {
    step("Is it true? Cover a part of the image, and see how much the output falls");
    let outputs = net.forward(images.clone());
    let predicted = outputs.clone().argmax(1);
    let of_predicted = |outputs: Tensor<2>| outputs.gather(1, predicted.clone());
    let heat = grad_cam(net, images.clone(), |outputs| of_predicted(outputs).sum())?;
    let heat = heat.context("the net has no feature maps")?;
    let whole = of_predicted(outputs);
    let fall = |place: usize| {
        let [rows, columns] = [place / ROWS, place % ROWS].map(pixels_around);
        let covered = images.clone().slice_fill(s![.., .., rows, columns], 0.0);
        whole.clone() - of_predicted(net.forward(covered))
    };
    let falls = Tensor::cat((0..ROWS * ROWS).map(fall).collect(), 1);

    let mut pictures = Vec::new();
    let most: f32 = falls.clone().narrow(0, 0, SHOWN).max().into_scalar();
    for index in 0..SHOWN {
        let [image, heat] = [
            Bitmap::from_tensor(images.clone().narrow(0, index, 1))?,
            map_of_heat(&heat.clone().narrow(0, index, 1))?,
        ];
        let fall = falls.clone().narrow(0, index, 1).reshape([ROWS, ROWS]);
        pictures.extend([(image, "image".to_owned()), (heat, "Grad-CAM".to_owned())]);
        pictures.push((map(&fall, most)?, "covered".to_owned()));
    }
    save_grid(lesson, "occlusion", &pictures, 6)?;

    let (heat, falls) = (values(&heat)?, values(&falls)?);
    let (mut hottest, mut coldest) = (Vec::new(), Vec::new());
    for (heat, falls) in heat.chunks(ROWS * ROWS).zip(falls.chunks(ROWS * ROWS)) {
        let order = |a: &usize, b: &usize| heat[*a].total_cmp(&heat[*b]);
        let ends = (0..heat.len()).max_by(order).zip((0..heat.len()).min_by(order));
        let (hot, cold) = ends.context("the heat has no values")?;
        hottest.push(falls[hot]);
        coldest.push(falls[cold]);
    }
    println!("The predicted class's output falls, on average over {COVERED} images, by");
    println!("  {:>5.2} if the hottest place is covered", mean(&hottest));
    println!("  {:>5.2} if any place is covered", mean(&falls));
    println!("  {:>5.2} if the coldest place is covered", mean(&coldest));
    println!("A place sees 17×17 pixels, so its heat need not come from those in its middle.");
    let more = hottest.iter().zip(&coldest).filter(|(hot, cold)| hot > cold).count();
    let share = 100.0 * more as f32 / COVERED as f32;
    let claim =
        format!("in {share:.1} % of the images, the hottest place counts more than the coldest");
    let falls_most = mean(&hottest) > mean(&falls) && mean(&falls) > mean(&coldest);
    lesson.claim(share > 75.0 && falls_most, claim)
}

fn mean(values: &[f32]) -> f32 {
    values.iter().sum::<f32>() / values.len() as f32
}

fn map_of_heat(heat: &Tensor<3>) -> Result<Bitmap> {
    map(heat, heat.clone().max().into_scalar())
}

/// Returns the rows, or columns, of the image that are covered around a place in the maps.
fn pixels_around(place: usize) -> std::ops::Range<usize> {
    let first = place * SIDE / ROWS;
    first.saturating_sub(2)..(first + 6).min(SIDE)
}

fn shortcut(
    lesson: &Lesson,
    honest: &Net,
    train: &Sample,
    valid: &Sample,
    items: &ItemFormat,
) -> Result<()> {
    step("A net that is right for the wrong reason");
    println!("Suppose that every {MARKED} in the data set has a white mark in a corner.");
    let marked = valid.marked(MARKED);
    let misled = Net::train(lesson, &train.marked(MARKED), &marked, items)?;
    let (with_mark, without) = (marked.images_of(MARKED), valid.images_of(MARKED));
    let shares = [honest, &misled].map(|net| -> Result<[f32; 3]> {
        let found = [&without, &with_mark].map(|sevens| share_found(&net.model, sevens));
        Ok([found[0], found[1], share_in_corner(&net.model, &with_mark)?].map(|part| 100.0 * part))
    });
    let [honest_shares, misled_shares] = shares;
    let (honest_shares, misled_shares) = (honest_shares?, misled_shares?);
    println!("                             trained without  trained with marks");
    for (row, what) in
        ["7s found without a mark", "7s found with the mark", "7s whose heat is there"]
            .iter()
            .enumerate()
    {
        println!("{what:<27}  {:>13.1} %  {:>16.1} %", honest_shares[row], misled_shares[row]);
    }

    let index = *valid.of_class(MARKED).first().context("there are no sevens")?;
    let mut pictures = Vec::new();
    for (net, title) in [(honest, "trained without"), (&misled, "with marks")] {
        let predictor = net.predictor(&lesson.device)?;
        let explanation = explain(&predictor, &marked, index, MARKED)?;
        pictures.push((heat_overlay(&explanation)?, title.to_owned()));
    }
    save_grid(lesson, "shortcut", &pictures, 2)?;
    let right = format!("{:.1} %", 100.0 * misled.accuracy);
    let claim = format!("the accuracy of the second net, {right}, shows no problem");
    lesson.claim(misled.accuracy > 0.85, claim)?;
    let [_, _, honest_heat] = honest_shares;
    let [found, _, misled_heat] = misled_shares;
    let claim = "the heat does: it looks at the corner, unlike the first net";
    lesson.claim(misled_heat > 80.0 && honest_heat < misled_heat / 2.0, claim)?;
    let claim = "without marks, it finds far fewer 7s";
    lesson.claim(found < honest_shares[0] - 20.0, claim)
}

/// Returns the share of images, all of the marked class, that a net classifies as that.
fn share_found(net: &ConvNet, images: &Tensor<4>) -> f32 {
    let predicted = net.forward(images.clone()).argmax(1);
    predicted.equal_elem(MARKED as i32).float().mean().into_scalar()
}

/// Returns the share of images in which a net's hottest place for the marked class is the corner.
fn share_in_corner(net: &ConvNet, images: &Tensor<4>) -> Result<f32> {
    let score = |outputs: Tensor<2>| outputs.narrow(1, MARKED, 1).sum();
    let heat = grad_cam(net, images.clone(), score)?.context("the net has no feature maps")?;
    let hottest = heat.flatten::<2>(1, 2).argmax(1);
    let hottest = hottest.try_into_vec_as::<i64>().context("read the hottest places")?;
    let is_corner = |place: &&i64| {
        let place = **place as usize;
        place / ROWS >= ROWS - 2 && place % ROWS >= ROWS - 2
    };
    Ok(hottest.iter().filter(is_corner).count() as f32 / hottest.len().max(1) as f32)
}
