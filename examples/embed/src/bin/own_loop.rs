//! A custom training loop with fastburn's data, model and loss, and one of Burn's optimizers. The
//! net classifies digits and learns a factor that sharpens its logits.

use burn::module::{Module, Param};
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{Device, Tensor};
use fastburn::data::DataLoader;
use fastburn::loss::cross_entropy;
use fastburn::models::{Mlp, MlpConfig, Model};
use fastburn::vision::Splits;
use fastburn::{Result, device};

/// A model that contains one of fastburn's.
#[derive(Module, Debug)]
struct Reader {
    net: Mlp,
    /// The factor of the logits, `[1, 1]`.
    sharpness: Param<Tensor<2>>,
}

impl Reader {
    fn new(device: &Device) -> Result<Self> {
        let net = MlpConfig::new([784, 50, 10]).init(device, 42)?;
        Ok(Self { net, sharpness: Param::from_tensor(Tensor::ones([1, 1], device)) })
    }

    /// Maps images `[batch, 1, 28, 28]` to logits `[batch, 10]`.
    fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        self.net.forward(images) * self.sharpness.val()
    }
}

fn main() -> Result<()> {
    let device = device::cpu()?;
    let dls = Splits::digits()?.loaders(64, 42, &device)?;
    let with_gradients = device.clone().autodiff();
    let mut reader = Reader::new(&device)?.train();
    let mut optimizer = AdamConfig::new().init();
    for epoch in 0..5 {
        let order = dls.train.order(epoch);
        for index in 0..dls.train.len() {
            let batch = dls.train.batch(&order, index, &with_gradients)?;
            let loss = cross_entropy(reader.forward(batch.input), batch.target)?;
            let gradients = GradientsParams::from_grads(loss.backward(), &reader);
            reader = optimizer.step(3e-3, reader, gradients);
        }
        println!("epoch {epoch}: accuracy {:.3}", accuracy(&reader.valid(), &dls.valid, &device)?);
    }
    let reached = accuracy(&reader.valid(), &dls.valid, &device)?;
    assert!(reached > 0.85, "accuracy {reached}, expected more than 0.85");
    Ok(())
}

/// Returns the accuracy on the images.
fn accuracy(
    reader: &Reader,
    images: &DataLoader<Tensor<4>, Tensor<1, burn::tensor::Int>>,
    device: &Device,
) -> Result<f32> {
    let order = images.order(0);
    let mut right = Tensor::<1>::zeros([1], device);
    for index in 0..images.len() {
        let batch = images.batch(&order, index, device)?;
        let found = reader.forward(batch.input).argmax(1).flatten(0, 1);
        right = right + found.equal(batch.target).float().sum();
    }
    Ok(right.into_scalar::<f32>() / images.items() as f32)
}
