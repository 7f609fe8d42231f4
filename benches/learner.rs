//! Epoch times of the tutorials' four workloads on MNIST, compared with the matrix products alone.
//!
//! ```sh
//! cargo bench --bench learner -- --data FOLDER --device flex
//! ```
//!
//! FOLDER holds `mnist_png.tgz`. The default is `FASTBURN_DATA`, then `../shared/data`.
//! `--only TEXT` measures the rows whose names contain TEXT. The floor of a row is the time of the
//! matrix products of the forward and backward passes alone, on the same device in the same run.
//! Rounds of both alternate, and their medians are printed. `pytorch.py` in this folder prints the
//! same rows for PyTorch.

#[allow(dead_code, reason = "each benchmark uses only a part of it")]
mod shared;

use std::path::PathBuf;
use std::time::Instant;

use burn::tensor::{Device, Tensor};
use fastburn::data::{DataLoaders, class_indices, is_class_one, one_hot};
use fastburn::learner::Learner;
use fastburn::loss::{CrossEntropy, Loss, MnistLoss};
use fastburn::models::{Activation, MlpConfig};
use fastburn::optim::OptimizerKind;
use fastburn::vision::{Images, ReadOptions, Splits};
use shared::{Error, Options, TrainOnly, median};

/// The number of measured rounds, which follow one warm-up round.
const ROUNDS: usize = 7;

fn main() -> Result<(), Error> {
    let options = Options::parse()?;
    let device = options.device()?;
    let from_environment = || std::env::var_os("FASTBURN_DATA").map(PathBuf::from);
    let data = options.data.clone().or_else(from_environment);
    let data = data.unwrap_or_else(|| "../shared/data".into());

    let splits = Splits::open(data.join("mnist_png.tgz"), 0)?;
    let (all, few) = (
        splits.read(&ReadOptions::new(), &|_, _| {})?,
        splits.with_classes(&["4", "5"])?.read(&ReadOptions::new(), &|_, _| {})?,
    );

    println!("{:<34}  epoch      images/s   floor      epoch/floor", "workload");
    let linear = MlpConfig::new([784, 10]);
    let small = MlpConfig::new([784, 30, 10]);
    let wide = MlpConfig::new([784, 500, 10]);
    let sigmoid = MlpConfig::new([784, 784, 1]).with_activation(Activation::Sigmoid);
    let of_few = few.0.len();
    for (name, config, batch) in [
        ("784-10 cross-entropy, 256", linear, 256),
        ("784-30-10 cross-entropy, 256", small, 256),
        ("784-500-10 mnist_loss, 1000", wide, 1000),
        ("784-784-1 sigmoid mnist_loss, all", sigmoid, of_few),
    ] {
        if !options.wants(name) {
            continue;
        }
        let images = if batch == of_few { few.clone() } else { all.clone() };
        let row = Row { name, config, batch, device: &device };
        match (name.contains("cross-entropy"), batch == of_few) {
            (true, _) => row.measure(images, class_indices, CrossEntropy::new())?,
            (_, true) => row.measure(images, is_class_one, MnistLoss)?,
            _ => row.measure(images, one_hot, MnistLoss)?,
        }
    }
    Ok(())
}

struct Row<'a> {
    name: &'static str,
    config: MlpConfig,
    batch: usize,
    device: &'a Device,
}

impl Row<'_> {
    fn measure<T: Clone + Send + 'static>(
        &self,
        (train, valid): (Images, Images),
        targets: fn(&[u32], usize, &Device) -> T,
        loss: impl Loss<Tensor<2>, T> + 'static,
    ) -> Result<(), Error> {
        let images = train.len() / self.batch * self.batch;
        let dls = DataLoaders::from_images(train, valid, targets, self.device);
        let model = self.config.init(self.device, 0)?;
        let mut learn = Learner::new(dls.batch_size(self.batch)?, model, loss)
            .optimizer(OptimizerKind::Sgd)
            .callback(TrainOnly);
        let products = self.products();
        let (mut epochs, mut floors) = (Vec::new(), Vec::new());
        for round in 0..=ROUNDS {
            learn.fit(1, 0.1)?;
            let floor = self.floor(&products, images / self.batch)?;
            if round > 0 {
                epochs.push(learn.history().epochs.last().map_or(0.0, |row| row.seconds));
                floors.push(floor);
            }
        }
        let (epoch, floor) = (median(epochs), median(floors));
        println!(
            "{:<34}  {epoch:.4} s  {:>9.0}  {floor:.4} s  {:>5.2}",
            self.name,
            images as f64 / epoch,
            epoch / floor
        );
        Ok(())
    }

    /// Returns the matrix products of one step: the forward pass, the gradients of the weights, and
    /// the gradients of the inputs of all layers but the first.
    fn products(&self) -> Vec<(Tensor<2>, Tensor<2>)> {
        let widths = &self.config.widths;
        let matrix = |rows: usize, columns: usize| {
            let uniform = burn::tensor::Distribution::Uniform(-1.0, 1.0);
            Tensor::<2>::random([rows, columns], uniform, self.device)
        };
        let mut products = Vec::new();
        for (layer, width) in widths.windows(2).enumerate() {
            let (x, weight) = (matrix(self.batch, width[0]), matrix(width[0], width[1]));
            let gradient = matrix(self.batch, width[1]);
            products.push((x.clone(), weight.clone()));
            products.push((x.transpose(), gradient.clone()));
            if layer > 0 {
                products.push((gradient, weight.transpose()));
            }
        }
        products
    }

    fn floor(&self, products: &[(Tensor<2>, Tensor<2>)], steps: usize) -> Result<f64, Error> {
        let start = Instant::now();
        for _ in 0..steps {
            for (a, b) in products {
                let _ = a.clone().matmul(b.clone());
            }
        }
        self.device.sync().map_err(|error| error.to_string())?;
        Ok(start.elapsed().as_secs_f64())
    }
}
