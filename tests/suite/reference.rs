//! Three steps of four nets, against PyTorch.

use std::sync::{Arc, Mutex};

use burn::module::{Param, ParamId};
use burn::nn;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use fastburn::data::{DataLoaders, Source, TensorSource};
use fastburn::device::{self, DeviceInfo, DeviceKind};
use fastburn::learner::{Callback, Flow, Learner, State, Task};
use fastburn::loss::{CrossEntropy, Loss, MnistLoss};
use fastburn::models::{Activation, Linear, LinearConfig, Mlp, MlpConfig, Model};
use fastburn::optim::OptimizerKind;

use crate::support::{Labelled, Reference, assert_close, each_device, values};

/// One layer's parameters, by their names in the file: weight, bias.
type Names = (&'static str, &'static str);

/// The layers of a model, to set and to read.
trait Layers {
    fn layers(&self) -> Vec<&nn::Linear>;
    fn set_layers(&mut self, layers: Vec<nn::Linear>);
}

impl Layers for Linear {
    fn layers(&self) -> Vec<&nn::Linear> {
        vec![&self.layer]
    }

    fn set_layers(&mut self, mut layers: Vec<nn::Linear>) {
        self.layer = layers.remove(0);
    }
}

impl Layers for Mlp {
    fn layers(&self) -> Vec<&nn::Linear> {
        self.layers.iter().collect()
    }

    fn set_layers(&mut self, layers: Vec<nn::Linear>) {
        self.layers = layers;
    }
}

/// Keeps the first step's logits and gradients.
struct FirstStep {
    ids: Vec<(ParamId, ParamId)>,
    kept: Arc<Mutex<Option<Kept>>>,
}

struct Kept {
    logits: Vec<f32>,
    /// Weight and bias of each layer.
    gradients: Vec<(Vec<f32>, Vec<f32>)>,
}

impl<T: Task<Output = Tensor<2>>> Callback<T> for FirstStep {
    fn after_backward(&mut self, state: &mut State<T>) -> Flow {
        let mut kept = self.kept.lock().unwrap();
        if kept.is_none() {
            let gradients: &GradientsParams = state.gradients.as_ref().unwrap();
            let of_layer = |(weight, bias): &(ParamId, ParamId)| {
                let weight = values(gradients.get::<2>(*weight).unwrap());
                (weight, values(gradients.get::<1>(*bias).unwrap()))
            };
            let gradients = self.ids.iter().map(of_layer).collect();
            let logits = values(state.output.clone().unwrap());
            *kept = Some(Kept { logits, gradients });
        }
        Ok(())
    }
}

fn three_steps_agree<M, T>(
    reference: &Reference,
    mut model: M,
    names: &[Names],
    data: impl Source<Tensor<2>, T> + Clone + 'static,
    loss: impl Loss<Tensor<2>, T> + 'static,
    device: &Device,
) where
    M: Model<Tensor<2>, Output = Tensor<2>> + Layers,
    T: Clone + Send + 'static,
{
    model.set_layers(
        names
            .iter()
            .map(|(weight, bias)| nn::Linear {
                weight: Param::from_tensor(reference.tensor(&format!("before.{weight}"), device)),
                bias: Some(Param::from_tensor(reference.tensor(&format!("before.{bias}"), device))),
            })
            .collect(),
    );
    let ids = |layer: &&nn::Linear| (layer.weight.id, layer.bias.as_ref().unwrap().id);
    let ids: Vec<_> = model.layers().iter().map(ids).collect();
    let kept = Arc::new(Mutex::new(None));
    let rows = data.len();
    let dls = DataLoaders::new(data.clone(), data, 0).shuffle(None).batch_size(rows).unwrap();
    let mut learn = Learner::new(dls, model, loss)
        .optimizer(OptimizerKind::Sgd)
        .callback(FirstStep { ids, kept: kept.clone() });
    learn.fit(reference.number("steps") as usize, reference.number("lr")).unwrap();

    let first = kept.lock().unwrap().take().unwrap();
    assert_agrees(&first.logits, &reference.floats("logits"), device);
    for ((weight, bias), (weight_name, bias_name)) in first.gradients.iter().zip(names) {
        assert_agrees(weight, &reference.floats(&format!("grad.{weight_name}")), device);
        assert_agrees(bias, &reference.floats(&format!("grad.{bias_name}")), device);
    }
    let losses: Vec<f32> = learn.history().steps.iter().map(|step| step.loss).collect();
    assert_agrees(&losses, &reference.floats("losses"), device);
    for (layer, (weight, bias)) in learn.model().layers().iter().zip(names) {
        let found = values(layer.weight.val());
        assert_close(&found, &reference.floats(&format!("after.{weight}")), 1e-4, 1e-4);
        let found = values(layer.bias.as_ref().unwrap().val());
        assert_close(&found, &reference.floats(&format!("after.{bias}")), 1e-4, 1e-4);
    }
}

/// Agreement in float32: 1e-5 of a value and 1e-6; on a GPU, 1e-6 of the largest value.
///
/// A GPU adds in another order, which shows where the terms of a sum cancel. PyTorch's own logits
/// of the ReLU net, whose terms reach 38, are up to 6e-6 from what float64 gives.
#[track_caller]
fn assert_agrees(found: &[f32], expected: &[f32], device: &Device) {
    let of_cpu =
        |info: &DeviceInfo| info.kind == DeviceKind::Cpu && info.open().unwrap() == *device;
    let largest = expected.iter().fold(1.0, |largest: f32, value| largest.max(value.abs()));
    let scale = if device::list().iter().any(of_cpu) { 1.0 } else { largest };
    assert_close(found, expected, 1e-5, 1e-6 * scale);
}

fn tensors(reference: &Reference, device: &Device) -> TensorSource<2, 2> {
    TensorSource::new(reference.tensor("x", device), reference.tensor("y", device)).unwrap()
}

const ONE_LAYER: [Names; 1] = [("w", "b")];
const TWO_LAYERS: [Names; 2] = [("w1", "b1"), ("w2", "b2")];

#[test]
fn a_binary_linear_model_steps_as_in_pytorch() {
    let reference = Reference::open("binary_linear.safetensors");
    each_device(|device| {
        let model = LinearConfig::new(64, 1).init(device, 0).unwrap();
        let data = tensors(&reference, device);
        three_steps_agree(&reference, model, &ONE_LAYER, data, MnistLoss, device);
    });
}

#[test]
fn a_binary_sigmoid_net_steps_as_in_pytorch() {
    let reference = Reference::open("binary_sigmoid_net.safetensors");
    each_device(|device| {
        let config = MlpConfig::new([64, 50, 1]).with_activation(Activation::Sigmoid);
        let model = config.init(device, 0).unwrap();
        let data = tensors(&reference, device);
        three_steps_agree(&reference, model, &TWO_LAYERS, data, MnistLoss, device);
    });
}

#[test]
fn a_relu_net_on_one_hot_targets_steps_as_in_pytorch() {
    let reference = Reference::open("multi_relu_net.safetensors");
    each_device(|device| {
        let model = MlpConfig::new([64, 30, 10]).init(device, 0).unwrap();
        let data = tensors(&reference, device);
        three_steps_agree(&reference, model, &TWO_LAYERS, data, MnistLoss, device);
    });
}

#[test]
fn a_linear_model_with_cross_entropy_steps_as_in_pytorch() {
    let reference = Reference::open("multi_linear_cross_entropy.safetensors");
    each_device(|device| {
        let model = LinearConfig::new(64, 10).init(device, 0).unwrap();
        let data = Labelled { x: reference.tensor("x", device), y: reference.ints("y") };
        three_steps_agree(&reference, model, &ONE_LAYER, data, CrossEntropy::new(), device);
    });
}
