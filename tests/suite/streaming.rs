//! Images that are more than memory holds: decoded in each epoch, with the same results.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use burn::data::dataset::Dataset;
use burn::tensor::{Device, Int, Tensor};
use fastburn::callbacks::{Checkpoint, StopFlag};
use fastburn::checkpoints::CheckpointFolder;
use fastburn::data::{Batch, DataLoader, DataLoaders, class_indices};
use fastburn::learner::{Callback, Flow, Learner, State, Task};
use fastburn::loss::CrossEntropy;
use fastburn::models::{AnyModel, MlpConfig};
use fastburn::vision::{Baseline, Distance, Predictor, mean_images};
use fastburn::vision::{ImageSource, Images, ReadOptions, Residency, Splits};
use fastburn::{Error, Remedy, Seed};
use image::{GrayImage, Luma};
use serde_json::Value;
use tempfile::{TempDir, tempdir};

use crate::any_images::QUICK;
use crate::program::{output, stderr, stdout, timeless};
use crate::support::{crate_path, each_device, values};

type Labels = fn(&[u32], usize, &Device) -> Tensor<1, Int>;
type Loader = DataLoader<Tensor<4>, Tensor<1, Int>>;

/// The embedded digits, in memory or streamed.
fn digits(streamed: bool) -> (Images, Images) {
    let reading = ReadOptions::new().standardized();
    let reading = if streamed { reading.memory(0) } else { reading };
    let read = Splits::digits().unwrap().read(&reading, &|_, _| {}).unwrap();
    assert_eq!((read.0.is_streamed(), read.1.is_streamed()), (streamed, streamed));
    read
}

/// Two classes with twenty grey 6×6 images each, on disk.
fn files() -> TempDir {
    let place = tempdir().unwrap();
    for index in 0..40_u8 {
        let folder = place.path().join(if index < 20 { "a" } else { "b" });
        fs::create_dir_all(&folder).unwrap();
        let image = GrayImage::from_fn(6, 6, |x, y| Luma([index * 5 + (x * y) as u8]));
        image.save(folder.join(format!("{index:02}.png"))).unwrap();
    }
    place
}

fn streamed(place: &Path, memory: u64) -> Images {
    let folder = fastburn::vision::ImageFolder::open(place).unwrap();
    Images::read(&folder, &ReadOptions::new().memory(memory), &|_, _| {}).unwrap()
}

fn loader(images: Images, device: &Device) -> Loader {
    let source = ImageSource::new(images, class_indices as Labels, device, Residency::Auto);
    DataLoader::new(source).batch_size(5).unwrap()
}

fn numbers(batch: fastburn::Result<Batch<Tensor<4>, Tensor<1, Int>>>) -> (Vec<f32>, Vec<i32>) {
    let batch = batch.unwrap();
    (values(batch.input), batch.target.try_into_vec_as::<i32>().unwrap())
}

fn learner(
    images: (Images, Images),
    device: &Device,
) -> Learner<(AnyModel, Tensor<4>, Tensor<1, Int>)> {
    let dls =
        DataLoaders::from_images(images.0, images.1, class_indices, device).shuffle(Seed::new(7));
    let model = AnyModel::from(MlpConfig::new([784, 20, 10]).init(device, 7).unwrap());
    Learner::new(dls, model, CrossEntropy::new())
}

#[test]
fn streamed_images_are_those_in_memory() {
    let ((train, valid), (streamed, streamed_valid)) = (digits(false), digits(true));
    for (memory, streamed) in [(&train, &streamed), (&valid, &streamed_valid)] {
        assert_eq!(memory.format(), streamed.format());
        assert_eq!((memory.labels(), memory.classes()), (streamed.labels(), streamed.classes()));
        assert_eq!(memory.checksum().unwrap(), streamed.checksum().unwrap());
        for index in (0..memory.len()).step_by(97) {
            assert_eq!(memory.pixels(index).unwrap(), streamed.pixels(index).unwrap());
            assert_eq!(memory.get(index).unwrap(), streamed.get(index).unwrap());
        }
    }
}

#[test]
fn batches_are_the_same_to_the_bit_wherever_they_are_from() {
    each_device(|device| {
        let (memory, streamed) = (digits(false).1, digits(true).1);
        for residency in [Residency::Auto, Residency::Host, Residency::Device] {
            let loader = |images| {
                let source = ImageSource::new(images, class_indices as Labels, device, residency);
                DataLoader::new(source).shuffle(Seed::new(3)).batch_size(150).unwrap()
            };
            let (memory, streamed) = (loader(memory.clone()), loader(streamed.clone()));
            let order = memory.order(2);
            for index in [0, 1, 2, 5, 6, 3] {
                let expected = numbers(memory.batch(&order, index, device));
                assert!(expected == numbers(streamed.batch(&order, index, device)), "{index}");
            }
        }
    });
}

#[test]
fn two_loaders_may_share_a_source() {
    let device = fastburn::device::cpu().unwrap();
    let (memory, streamed) = (digits(false).1, digits(true).1);
    let (memory, streamed) = (loader(memory, &device), loader(streamed, &device));
    let others = (memory.clone().shuffle(Seed::new(1)), streamed.clone().shuffle(Seed::new(1)));
    let (order, other) = (memory.order(0), others.0.order(0));
    for index in 0..40 {
        let expected = numbers(memory.batch(&order, index, &device));
        assert!(expected == numbers(streamed.batch(&order, index, &device)), "{index}");
        let expected = numbers(others.0.batch(&other, index, &device));
        assert!(expected == numbers(others.1.batch(&other, index, &device)), "{index}");
    }
}

#[test]
fn a_budget_is_what_may_be_in_memory() {
    let place = files();
    assert!(!streamed(place.path(), 40 * 36).is_streamed());
    assert!(streamed(place.path(), 40 * 36 - 1).is_streamed());
    // Without one there is room for these.
    assert!(!Images::decode(streamed(place.path(), 0).folder()).unwrap().is_streamed());
}

#[test]
fn what_does_not_agree_is_found_before_the_first_batch() {
    let place = files();
    GrayImage::new(7, 6).save(place.path().join("b/99.png")).unwrap();
    let folder = fastburn::vision::ImageFolder::open(place.path()).unwrap();
    let read = |reading: ReadOptions| Images::read(&folder, &reading.memory(0), &|_, _| {});
    let error = read(ReadOptions::new()).unwrap_err();
    assert_eq!(error.remedy(), Some(Remedy::ResizeImages), "{error}");
    assert_eq!(read(ReadOptions::new().size(3, 4)).unwrap().shape(), [1, 3, 4]);
    image::RgbImage::new(6, 6).save(place.path().join("b/99.png")).unwrap();
    let error = read(ReadOptions::new()).unwrap_err();
    assert_eq!(error.remedy(), Some(Remedy::ConvertChannels), "{error}");
    assert_eq!(read(ReadOptions::new().size(3, 4)).unwrap().shape(), [3, 3, 4]);
    fs::write(place.path().join("a/00.png"), "no image").unwrap();
    assert!(read(ReadOptions::new().size(3, 4)).unwrap_err().to_string().contains("a/00.png"));
    let images = read(ReadOptions::new().size(3, 4).skip_bad()).unwrap();
    assert_eq!((images.len(), images.skipped().len(), images.is_streamed()), (40, 1, true));
    assert_eq!(images.labels()[18..20], [0, 1]);
    assert!(images.folder().file_name(0).ends_with("a/01.png"));
}

#[test]
fn a_file_that_vanishes_or_changes_ends_the_epoch_by_its_name() {
    let device = fastburn::device::cpu().unwrap();
    let place = files();
    let loader = loader(streamed(place.path(), 0), &device);
    let order = loader.order(0);
    let epoch = || (0..loader.len()).try_for_each(|i| loader.batch(&order, i, &device).map(|_| ()));
    epoch().unwrap();
    let (gone, bytes) = (place.path().join("b/23.png"), fs::read(place.path().join("b/23.png")));
    fs::remove_file(&gone).unwrap();
    fs::remove_file(place.path().join("b/24.png")).unwrap();
    let error = epoch().unwrap_err();
    assert!(matches!(error, Error::Read { .. }), "{error}");
    assert!(error.to_string().contains("b/23.png"), "{error}");
    // The batches before are as they were, and all are once it is there again.
    assert!(loader.batch(&order, 3, &device).is_ok());
    for index in ["23", "24"] {
        fs::copy(place.path().join("a/01.png"), place.path().join(format!("b/{index}.png")))
            .unwrap();
    }
    let error = epoch().unwrap_err().to_string();
    assert!(error.contains("b/23.png: changed since it was first read"), "{error}");
    fs::write(&gone, bytes.unwrap()).unwrap();
    assert!(epoch().unwrap_err().to_string().contains("b/24.png"));
}

#[test]
fn no_more_is_decoded_ahead_than_the_budget_allows() {
    let device = fastburn::device::cpu().unwrap();
    // Batches of five images, 36 bytes each; one may always wait.
    for (budget, ahead) in [(0, 1), (3 * 5 * 36, 3), (4 * 5 * 36 - 1, 3)] {
        let place = files();
        let loader = loader(streamed(place.path(), budget), &device);
        let order = loader.order(0);
        loader.batch(&order, 0, &device).unwrap();
        // What waits is ready by now, and all else is gone.
        thread::sleep(Duration::from_millis(300));
        fs::remove_dir_all(place.path().join("a")).unwrap();
        fs::remove_dir_all(place.path().join("b")).unwrap();
        let ready = (1..8).take_while(|&index| loader.batch(&order, index, &device).is_ok());
        assert_eq!(ready.count(), ahead, "of a budget of {budget}");
    }
}

#[test]
fn what_is_decoded_ahead_holds_nobody_up_in_the_end() {
    let device = fastburn::device::cpu().unwrap();
    let loader = loader(digits(true).0, &device).batch_size(600).unwrap();
    loader.batch(&loader.order(0), 0, &device).unwrap();
    let start = Instant::now();
    drop(loader);
    assert!(start.elapsed() < Duration::from_millis(500));
}

#[test]
fn what_looks_at_all_images_sees_the_same() {
    let device = fastburn::device::cpu().unwrap();
    let ((train, valid), (streamed, streamed_valid)) = (digits(false), digits(true));
    assert_eq!(mean_images(&train).unwrap(), mean_images(&streamed).unwrap());
    let confusion = |train: &Images, valid: &Images| {
        let baseline = Baseline::new(train, Distance::L2, &device).unwrap();
        baseline.evaluate(valid.clone()).unwrap()
    };
    assert_eq!(confusion(&train, &valid), confusion(&streamed, &streamed_valid));
    let predictor =
        Predictor::load(crate_path("examples/embed/digits.safetensors"), &device).unwrap();
    let (seen, expected) =
        (predictor.interpret(&streamed_valid).unwrap(), predictor.interpret(&valid).unwrap());
    assert_eq!(seen, expected);
}

/// Presses Ctrl-C after some batches.
struct StopAfter(usize, Arc<AtomicBool>);

impl<T: Task> Callback<T> for StopAfter {
    fn after_batch(&mut self, _: &mut State<T>) -> Flow {
        self.0 = self.0.saturating_sub(1);
        self.1.store(self.0 == 0, Ordering::Relaxed);
        Ok(())
    }
}

#[test]
fn a_run_goes_on_in_the_middle_of_an_epoch_as_one_from_memory_does() {
    let device = fastburn::device::cpu().unwrap();
    let place = tempdir().unwrap();
    let exported = |learn: &Learner<(AnyModel, Tensor<4>, Tensor<1, Int>)>| {
        let file = place.path().join("model.safetensors");
        learn.export(&file).unwrap();
        fs::read(file).unwrap()
    };
    let mut unbroken = learner(digits(false), &device);
    unbroken.fit(2, 1e-3).unwrap();

    let (kept, flag) = (place.path().join("kept"), Arc::new(AtomicBool::new(false)));
    let mut broken = learner(digits(true), &device)
        .callback(Checkpoint::new(CheckpointFolder::create(&kept).unwrap()))
        .callback(StopAfter(150, flag.clone()))
        .callback(StopFlag::new(flag));
    broken.fit(2, 1e-3).unwrap();
    assert!(broken.is_interrupted());
    drop(broken);
    let mut resumed = learner(digits(true), &device);
    resumed.resume(&CheckpointFolder::open(&kept).unwrap().newest().unwrap()).unwrap();
    resumed.fit(2, 1e-3).unwrap();
    assert!(exported(&resumed) == exported(&unbroken));
}

#[test]
fn the_program_streams_what_passes_its_budget_and_says_so() {
    let place = tempdir().unwrap();
    let model = |name: &str, memory: &[&str]| {
        let out = place.path().join(name);
        let data = crate_path("assets/digits.tgz");
        let options = ["--size", "20", "--normalize", "--bad-images", "skip", "--epochs", "2"];
        let run = output(
            &[
                &["train", data.to_str().unwrap(), "--device", "cpu", "--out"],
                &[out.to_str().unwrap()][..],
                &options,
                memory,
            ]
            .concat(),
        );
        assert!(run.status.success(), "{}", stderr(&run));
        assert_eq!(stderr(&run).contains("streamed: 2.8 MB decoded"), !memory.is_empty());
        (timeless(&stdout(&run)), fs::read(out).unwrap())
    };
    let from_memory = model("memory.safetensors", &[]);
    assert!(from_memory == model("streamed.safetensors", &["--memory", "1MB"]));

    let data = files();
    let data = data.path().to_str().unwrap();
    let run = output(&[&["train", data, "--memory", "0", "--json"], &QUICK[..]].concat());
    let start: Value = serde_json::from_str(stdout(&run).lines().next().unwrap()).unwrap();
    assert_eq!(start["streamed"], true, "{start}");
    let run = output(&[&["train", data, "--memory", "much"], &QUICK[..]].concat());
    assert_eq!(run.status.code(), Some(2));
    for verb in ["baseline", "summary", "lr-find"] {
        let run = output(&[verb, data, "--memory", "0", "--device", "cpu"]);
        assert!(!stderr(&run).contains("unexpected"), "{}", stderr(&run));
    }
}
