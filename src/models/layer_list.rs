//! The layers of a model: their parameters, the shapes of their outputs, and what they cost.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;

use super::model::Model;
use super::module_path::ModulePath;
use crate::layers::listen;
use crate::records::LayerSummary;

/// A layer and the shape of its output.
type Output = (String, Vec<usize>);

/// Returns the layers of a model: each module with its own parameters, and each that reports its
/// output to [`observe`](crate::layers::observe). The shapes of the outputs are those for a batch
/// of inputs, which passes through the model as in validation.
///
/// ```
/// use burn::tensor::Tensor;
/// use fastburn::models::{ResNetConfig, layers_of};
///
/// let device = fastburn::device::cpu()?;
/// let model = ResNetConfig::resnet18(3, 10).with_widths([4, 4, 8, 8]).init(&device, 42)?;
/// let layers = layers_of(&model, Some(Tensor::zeros([1, 3, 64, 64], &device)));
/// assert_eq!((layers[0].layer.as_str(), layers[0].parameters), ("conv1", 588));
/// assert_eq!(layers[0].output, Some(vec![1, 4, 32, 32]));
/// assert_eq!(layers[0].multiply_adds, Some(588 * 32 * 32));
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// # Panics
///
/// If the model's forward pass panics, because the inputs do not fit it.
pub fn layers_of<I, M: Model<I>>(model: &M, input: Option<I>) -> Vec<LayerSummary> {
    let outputs = input.map(|input| outputs_for(model, input)).unwrap_or_default();
    let (mut layers, kinds) = layers_with_parameters(model);
    let mut next = 0;
    for (layer, shape) in outputs {
        let index = layers.iter().position(|row| row.layer == layer).unwrap_or_else(|| {
            let kind = kinds.get(&layer).cloned().unwrap_or_default();
            layers.insert(next, LayerSummary { layer, kind, ..LayerSummary::default() });
            next
        });
        layers[index].output = Some(shape);
        next = index + 1;
    }
    let weights = TensorCollector::through(model).tensors;
    for layer in &mut layers {
        layer.multiply_adds = multiply_adds(layer, &weights);
    }
    layers
}

/// Returns the number of a model's parameters. The running means and variances of batch
/// normalisation, which `num_params` counts, are not among them.
///
/// ```
/// use burn::module::Module;
/// use fastburn::models::{ConvNetConfig, count_parameters};
///
/// let device = fastburn::device::cpu()?;
/// let model = ConvNetConfig::new(1, [16, 32, 64], 10).init(&device, 42)?;
/// assert_eq!((count_parameters(&model), model.num_params()), (24_954, 25_178));
/// # Ok::<(), fastburn::Error>(())
/// ```
pub fn count_parameters<M: Module>(model: &M) -> usize {
    layers_with_parameters(model).0.iter().map(|layer| layer.parameters).sum()
}

/// Returns the layer outputs that the model reports for a batch, in that order.
fn outputs_for<I, M: Model<I>>(model: &M, input: I) -> Vec<Output> {
    let outputs = Rc::new(RefCell::new(Vec::new()));
    let sink = outputs.clone();
    let listening = listen(move |observation| {
        sink.borrow_mut().push((observation.layer.to_owned(), observation.shape.to_vec()));
    });
    model.valid().forward(input);
    drop(listening);
    outputs.take()
}

/// Returns a row for each module with its own parameters, and the kinds of all modules by path.
fn layers_with_parameters<M: Module>(model: &M) -> (Vec<LayerSummary>, BTreeMap<String, String>) {
    // Tensors that are not parameters, such as running means, have no gradients even if unfrozen.
    let unfrozen = TensorCollector::through(&model.valid().unfreeze().train());
    let current = TensorCollector::through(&model.valid().train());
    let mut layers: Vec<LayerSummary> = Vec::new();
    for (unfrozen, current) in unfrozen.tensors.into_iter().zip(&current.tensors) {
        if !unfrozen.trainable {
            continue;
        }
        let length = unfrozen.shape.iter().product::<usize>();
        let index =
            layers.iter().position(|row| row.layer == unfrozen.layer).unwrap_or_else(|| {
                let TensorInfo { layer, kind, .. } = unfrozen;
                layers.push(LayerSummary { layer, kind, ..LayerSummary::default() });
                layers.len() - 1
            });
        layers[index].parameters += length;
        layers[index].trainable += if current.trainable { length } else { 0 };
    }
    (layers, unfrozen.kinds)
}

/// Returns the multiplications for one item of a linear or convolutional layer: each weight is used
/// once for each position of the output.
fn multiply_adds(layer: &LayerSummary, tensors: &[TensorInfo]) -> Option<u64> {
    let output = layer.output.as_ref()?;
    let channels_axis = match layer.kind.as_str() {
        "Linear" => output.len().checked_sub(1)?,
        "Conv1d" | "Conv2d" | "Conv3d" => 1,
        _ => return None,
    };
    let is_weight = |tensor: &&TensorInfo| tensor.layer == layer.layer && tensor.shape.len() > 1;
    let weight = tensors.iter().find(is_weight)?;
    let positions = output.iter().enumerate().skip(1).filter(|(axis, _)| *axis != channels_axis);
    let positions: usize = positions.map(|(_, length)| length).product();
    Some(weight.shape.iter().product::<usize>() as u64 * positions as u64)
}

/// Collects a module's tensors.
#[derive(Default)]
struct TensorCollector {
    path: ModulePath,
    tensors: Vec<TensorInfo>,
    /// The modules' types, by path.
    kinds: BTreeMap<String, String>,
}

/// One tensor of a module.
struct TensorInfo {
    layer: String,
    kind: String,
    shape: Vec<usize>,
    trainable: bool,
}

impl TensorCollector {
    fn through<M: Module>(model: &M) -> Self {
        let mut collector = Self::default();
        model.visit(&mut collector);
        collector
    }
}

impl ModuleVisitor for TensorCollector {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
        self.kinds.insert(self.path.module(), self.path.kind());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        self.tensors.push(TensorInfo {
            layer: self.path.module(),
            kind: self.path.kind(),
            shape: tensor.dims().to_vec(),
            trainable: tensor.is_require_grad(),
        });
    }
}
