//! Where a model looks, against PyTorch and finite differences.

use burn::module::{Module, Param};
use burn::nn;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Dropout, DropoutConfig};
use burn::tensor::{Device, Int, Tensor, TensorData, activation::tanh};
use fastburn::data::{DataLoaders, TensorSource, is_class_one};
use fastburn::layers::{HeadConfig, Pooling};
use fastburn::learner::Learner;
use fastburn::loss::{CrossEntropy, MnistLoss};
use fastburn::models::{
    AnyModel, BlockKind, ConvNet, ConvNetConfig, Exportable, Mlp, MlpConfig, Model, Registry,
    ResNet, ResNetConfig, Shrinking, StateDict, Stem, TorchNames, grad_cam, input_gradient,
    saliency,
};
use fastburn::plot::plot_explanation;
use fastburn::records::{Attribution, Explanation, Prediction};
use fastburn::vision::{Images, Predictor, Splits};
use fastburn::{Error, Seed};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde::{Deserialize, Serialize};

use crate::support::{Reference, assert_close, cpus, crate_path, each_device, values};

/// Asserts that two lists agree within a part of the largest value.
#[track_caller]
fn assert_near(found: &[f32], expected: &[f32]) {
    let largest = expected.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
    assert!(largest > 0.0);
    assert_close(found, expected, 0.0, 1e-4 * largest);
}

/// Compares the explanations of a net that was loaded on a training device with PyTorch's.
fn explains_as_pytorch<M>(name: &str, config: &M::Config, device: &Device)
where
    M: Exportable + Model<Tensor<4>, Output = Tensor<2>>,
{
    let expected = Reference::open("explanations.safetensors");
    let of = |what: &str| expected.floats(&format!("{name}.{what}"));
    let file = crate_path("tests/reference").join(format!("{name}.safetensors"));
    let begun = StateDict::open(file).unwrap();
    let mut model = M::init(config, &device.clone().autodiff(), 1).unwrap();
    begun.load_into(&mut model).unwrap();
    let before = StateDict::of(&model).unwrap();
    let score = expected.tensor::<2>(&format!("{name}.score"), device);
    let images = Reference::open(&format!("{name}_steps.safetensors")).tensor::<4>("x", device);
    let images = images.narrow(0, 0, score.dims()[0]);
    let score = |outputs: Tensor<2>| (outputs * score.clone()).sum();

    let heat = grad_cam(&model, images.clone(), score).unwrap().unwrap();
    assert_eq!(heat.dims().as_slice(), expected.shape(&format!("{name}.cam")));
    assert_near(&values(heat), &of("cam"));
    let gradient = input_gradient(&model, images.clone(), score).unwrap();
    assert_eq!(gradient.dims(), images.dims());
    assert_near(&values(gradient.clone()), &of("gradient"));
    let most = gradient.abs().max_dim(1).flatten::<1>(0, 3);
    assert_eq!(values(saliency(&model, images, score).unwrap()), values(most));
    // An explanation is no training step.
    assert!(StateDict::of(&model).unwrap() == before);
}

#[test]
fn resnets_are_explained_as_in_pytorch() {
    let basic = ResNetConfig::resnet18(3, 5).with_widths([4, 6, 8, 10]);
    let bottlenecks = ResNetConfig::new(1, BlockKind::Bottleneck, [1, 2, 1, 1], 5)
        .with_widths([2, 3, 4, 4])
        .with_stem(Stem::Small);
    for device in cpus() {
        explains_as_pytorch::<ResNet>("narrow_resnet18", &basic, &device);
        explains_as_pytorch::<ResNet>("narrow_bottlenecks", &bottlenecks, &device);
    }
}

#[test]
fn a_convnet_is_explained_as_in_pytorch() {
    let head = HeadConfig { hidden: vec![7], dropout: 0.0, ..HeadConfig::fastai() };
    let config =
        ConvNetConfig::new(1, [4, 6, 8], 5).with_shrinking(Shrinking::MaxPool).with_head(head);
    each_device(|device| explains_as_pytorch::<ConvNet>("small_convnet", &config, device));
}

#[test]
fn a_perceptron_has_the_gradients_of_pytorch_and_no_feature_maps() {
    let expected = Reference::open("explanations.safetensors");
    each_device(|device| {
        let mut model = MlpConfig::new([75, 8, 3]).init(device, 1).unwrap();
        for (layer, name) in model.layers.iter_mut().zip(["mlp.0", "mlp.2"]) {
            let weight = expected.tensor::<2>(&format!("{name}.weight"), device).transpose();
            let bias = expected.tensor(&format!("{name}.bias"), device);
            *layer = nn::Linear {
                weight: Param::from_tensor(weight),
                bias: Some(Param::from_tensor(bias)),
            };
        }
        let images = expected.tensor::<4>("mlp.x", device);
        let score =
            |outputs: Tensor<2>| (outputs * expected.tensor::<2>("mlp.score", device)).sum();
        let gradient = input_gradient(&model, images.clone(), score).unwrap();
        assert_near(&values(gradient), &expected.floats("mlp.gradient"));
        assert!(grad_cam::<Mlp>(&model, images, score).unwrap().is_none());
    });
}

#[test]
fn heat_is_interpolated_over_the_pixels_as_in_pytorch() {
    let expected = Reference::open("explanations.safetensors");
    for name in ["narrow_resnet18", "narrow_bottlenecks", "small_convnet"] {
        let (cam, pixels) = (expected.floats(&format!("{name}.cam")), format!("{name}.pixels"));
        let [images, rows, columns] = expected.shape(&format!("{name}.cam"))[..] else { panic!() };
        let [_, height, width] = expected.shape(&pixels)[..] else { panic!() };
        let of_pixels = cam.chunks(cam.len() / images).flat_map(|heat| {
            let explanation = Explanation {
                heat: heat.to_vec(),
                shape: [1, height, width],
                ..example([rows, columns])
            };
            explanation.heat_of_pixels()
        });
        assert_close(&of_pixels.collect::<Vec<_>>(), &expected.floats(&pixels), 1e-5, 1e-7);
    }
}

/// An explanation of a black image of 8×8 pixels without heat.
fn example([rows, columns]: [usize; 2]) -> Explanation {
    Explanation {
        prediction: Prediction::new(["cat", "dog"].map(String::from), vec![0.25, 0.75]),
        class: 0,
        method: Attribution::GradCam,
        heat: vec![0.0; rows * columns],
        heat_size: [rows, columns],
        pixels: vec![0; 64],
        shape: [1, 8, 8],
    }
}

#[test]
fn the_place_of_the_heat_is_in_pixels_of_the_image() {
    let none = example([2, 4]);
    assert_eq!((none.hottest(), none.centre()), (None, None));
    let mut one = example([2, 4]);
    one.heat[6] = 0.5;
    // The second of two rows of 4 pixels, the third of four columns of 2.
    assert_eq!((one.hottest(), one.centre()), (Some([5.5, 4.5]), Some([5.5, 4.5])));
    let two = Explanation { heat: vec![1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0], ..one };
    assert_eq!((two.hottest(), two.centre()), (Some([1.5, 0.5]), Some([1.5, 3.5])));
    assert_eq!((two.label(), two.probability()), ("cat", 0.25));
}

#[test]
fn grey_and_colour_images_are_drawn_beside_their_heat() {
    let grey = Explanation { heat: vec![0.0, 1.0, 0.5, 0.0], ..example([2, 2]) };
    let colour = Explanation { pixels: vec![200; 3 * 64], shape: [3, 8, 8], ..grey.clone() };
    for explanation in [&grey, &colour, &example([2, 2])] {
        let figure = plot_explanation(explanation).unwrap();
        assert_eq!(figure.svg().matches("<image").count(), 2);
        assert!(figure.svg().contains("cat 0.25") && figure.svg().contains("grad-cam"));
    }
    let error = plot_explanation(&Explanation { shape: [1, 9, 8], ..grey }).unwrap_err();
    assert!(error.to_string().contains("72 values"), "{error}");
}

/// The side of an image, and that of a figure in one of its corners.
const SIDE: usize = 24;
const FIGURE: usize = 7;

/// Images of noise with a filled square (class 0) or a cross (class 1) in a corner, 0 to 3 from the
/// upper left to the lower right; their classes, and the corners.
fn figures(count: usize, seed: u64, device: &Device) -> (Tensor<4>, Vec<i32>, Vec<usize>) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut pixels: Vec<f32> =
        (0..count * SIDE * SIDE).map(|_| rng.random_range(0.0..0.3)).collect();
    let (mut classes, mut corners) = (Vec::new(), Vec::new());
    for image in pixels.chunks_mut(SIDE * SIDE) {
        let (class, corner) = (rng.random_range(0..2), rng.random_range(0..4));
        let begin = |is_far: bool| if is_far { SIDE - FIGURE - 2 } else { 2 };
        let (top, left) = (begin(corner >= 2), begin(corner % 2 == 1));
        for row in 0..FIGURE {
            for column in 0..FIGURE {
                if class == 0 || row == FIGURE / 2 || column == FIGURE / 2 {
                    image[(top + row) * SIDE + left + column] = 1.0;
                }
            }
        }
        classes.push(class);
        corners.push(corner);
    }
    let images = TensorData::new(pixels, [count, 1, SIDE, SIDE]);
    (Tensor::from_data(images, device), classes, corners)
}

#[test]
fn a_trained_convnet_looks_at_the_corner_with_the_figure() {
    each_device(|device| {
        let source = |(images, classes, _): (Tensor<4>, Vec<i32>, _)| {
            let classes = Tensor::<1, Int>::from_data(classes.as_slice(), device);
            TensorSource::new(images, classes).unwrap()
        };
        let (train, valid) = (figures(256, 1, device), figures(64, 2, device));
        let dls = DataLoaders::new(source(train), source(valid), 3).batch_size(16).unwrap();
        let model = ConvNetConfig::new(1, [8, 16, 16], 2).init(device, 3).unwrap();
        let mut learn = Learner::new(dls, model, CrossEntropy::new());
        learn.fit_one_cycle(3, 1e-2).unwrap();

        let (images, classes, corners) = figures(64, 4, device);
        for class in 0..2 {
            let heat = grad_cam(learn.model(), images.clone(), |outputs| {
                outputs.narrow(1, class, 1).sum()
            });
            let heat = heat.unwrap().unwrap();
            let [_, rows, columns] = heat.dims();
            let heat = values(heat);
            let mut right = 0;
            let of_class = || (0..64).filter(|&image| classes[image] as usize == class);
            for image in of_class() {
                let heat = &heat[image * rows * columns..][..rows * columns];
                let hottest = (0..heat.len()).max_by(|&a, &b| heat[a].total_cmp(&heat[b])).unwrap();
                let corner = hottest / columns / (rows / 2) * 2 + hottest % columns / (columns / 2);
                right += usize::from(corner == corners[image]);
            }
            assert!(right * 100 >= 95 * of_class().count(), "{right} of class {class}");
        }
    });
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct OwnConfig {
    classes: usize,
    /// Whether the model implements `forward_with_maps`.
    has_maps: bool,
}

/// A model of one's own, with Burn's layers that compute differently in training.
#[derive(Module, Debug)]
struct Own {
    conv: Conv2d,
    norm: BatchNorm,
    dropout: Dropout,
    head: nn::Linear,
    #[module(skip)]
    config: OwnConfig,
}

impl Model<Tensor<4>> for Own {
    type Output = Tensor<2>;

    fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        self.after(self.maps(images))
    }

    fn forward_with_maps(
        &self,
        images: Tensor<4>,
        change: &mut dyn FnMut(Tensor<4>) -> Tensor<4>,
    ) -> Tensor<2> {
        if self.config.has_maps {
            self.after(change(self.maps(images)))
        } else {
            self.forward(images)
        }
    }
}

impl Own {
    fn maps(&self, images: Tensor<4>) -> Tensor<4> {
        tanh(self.norm.forward(self.conv.forward(images)))
    }

    fn after(&self, maps: Tensor<4>) -> Tensor<2> {
        self.head.forward(self.dropout.forward(Pooling::Average.forward(maps)))
    }
}

impl TorchNames for Own {}

impl Exportable for Own {
    const KIND: &'static str = "own";
    type Config = OwnConfig;

    fn config(&self) -> OwnConfig {
        self.config.clone()
    }

    fn from_config(config: &OwnConfig, device: &Device, _: Seed) -> fastburn::Result<Self> {
        Ok(Self {
            conv: Conv2dConfig::new([1, 6], [5, 5]).with_stride([2, 2]).init(device),
            norm: BatchNormConfig::new(6).init(device),
            dropout: DropoutConfig::new(0.5).init(),
            head: nn::LinearConfig::new(6, config.classes).init(device),
            config: config.clone(),
        })
    }

    fn outputs(config: &OwnConfig) -> usize {
        config.classes
    }

    fn with_outputs(config: OwnConfig, classes: usize) -> OwnConfig {
        OwnConfig { classes, ..config }
    }

    fn check_input(_: &OwnConfig, _: &[usize]) -> Result<(), String> {
        Ok(())
    }
}

fastburn::registry! {
    enum Models: Model<Tensor<4>, Output = Tensor<2>> {
        Own(Own),
        BuiltIn(AnyModel),
    }
}

#[test]
fn the_gradient_is_the_slope_in_evaluation_mode() {
    for device in cpus() {
        let device = &device;
        let config = OwnConfig { classes: 3, has_maps: true };
        let model = Own::init(&config, &device.clone().autodiff(), 5).unwrap();
        let (images, _, _) = figures(4, 6, device);
        // Some running statistics that differ from those of any batch.
        model.forward(images.clone().autodiff() * 3.0);
        let score = |outputs: Tensor<2>| outputs.narrow(1, 1, 1).sum();
        let gradient = values(input_gradient(&model, images.clone(), score).unwrap());
        let evaluated = model.valid();
        let score_of = |images: Tensor<4>| values(score(evaluated.forward(images)))[0];
        let largest = gradient.iter().fold(0.0_f32, |most, slope| most.max(slope.abs()));
        for pixel in [0, 100, 300, 575, 576, 1500] {
            let mut step = vec![0.0; images.shape().num_elements()];
            step[pixel] = 0.05;
            let step = Tensor::<4>::from_data(TensorData::new(step, images.dims()), device);
            let change = score_of(images.clone() + step.clone()) - score_of(images.clone() - step);
            let slope = change / 0.1;
            assert!(
                (slope - gradient[pixel]).abs() < 1e-2 * largest,
                "{slope} {}",
                gradient[pixel]
            );
        }
        // With batch statistics and dropout the slope is another one.
        let tracked = images.autodiff().require_grad();
        let gradients = score(model.forward(tracked.clone())).backward();
        let other = values(tracked.grad(&gradients).unwrap());
        let differs = |(a, b): (&f32, &f32)| (a - b).abs() > 0.1 * largest;
        assert!(other.iter().zip(&gradient).any(differs));
    }
}

#[test]
fn a_models_own_feature_maps_explain_the_predictions_of_its_file() {
    let digits = Splits::digits().unwrap();
    let seven = digits.valid.image(700).unwrap();
    each_device(|device| {
        for (has_maps, method, size) in
            [(true, Attribution::GradCam, [12, 12]), (false, Attribution::Saliency, [28, 28])]
        {
            let own = Own::init(&OwnConfig { classes: 10, has_maps }, device, 7).unwrap();
            let dls = digits.loaders(64, 42, device).unwrap();
            let learn = Learner::new(dls, Models::from(own), CrossEntropy::new());
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("own.safetensors");
            learn.export(&file).unwrap();
            let predictor = Predictor::load_as::<Models>(&file, device).unwrap();
            assert_eq!(predictor.model().architecture().unwrap().kind(), "own");
            let found = predictor.explain_pixels(&seven.pixels, seven.shape, None).unwrap();
            let predicted = predictor.predict_pixels(&seven.pixels, seven.shape).unwrap();
            assert_eq!((found.method, found.heat_size), (method, size));
            assert_eq!((found.class, &found.prediction), (predicted.class(), &predicted));
            assert_eq!((&found.pixels, found.shape), (&seven.pixels, [1, 28, 28]));
            assert_eq!(found.heat.iter().copied().fold(0.0, f32::max), 1.0);
            assert!(found.heat.iter().all(|heat| (0.0..=1.0).contains(heat)));
        }
    });
}

#[test]
fn one_output_for_two_classes_speaks_for_the_second_and_against_the_first() {
    let device = fastburn::device::cpu().unwrap();
    let splits = Splits::digits().unwrap().with_classes(&["3", "7"]).unwrap();
    let [train, valid] = [&splits.train, &splits.valid].map(|part| Images::decode(part).unwrap());
    let dls = DataLoaders::from_images(train, valid, is_class_one, &device);
    let model = ConvNetConfig::new(1, [4, 8], 1).init(&device, 1).unwrap();
    let learn = Learner::new(dls, model, MnistLoss);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("binary.safetensors");
    learn.export(&file).unwrap();
    let predictor = Predictor::load(&file, &device).unwrap();
    let image = splits.valid.image(0).unwrap();
    let explain =
        |class| predictor.explain_pixels(&image.pixels, image.shape, Some(class)).unwrap();
    let (three, seven) = (explain("3"), explain("7"));
    assert!((three.probability() + seven.probability() - 1.0).abs() < 1e-6);
    let batch = |sign: f32| {
        let pixels: Vec<f32> = image.pixels.iter().map(|&p| f32::from(p) / 255.0).collect();
        let batch = Tensor::from_data(TensorData::new(pixels, [1, 1, 28, 28]), &device);
        let heat = grad_cam(predictor.model(), batch, |outputs| outputs.sum() * sign);
        let heat = values(heat.unwrap().unwrap());
        let most = heat.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
        heat.into_iter().map(|heat| heat / most).collect::<Vec<_>>()
    };
    assert_close(&three.heat, &batch(-1.0), 1e-5, 1e-6);
    assert_close(&seven.heat, &batch(1.0), 1e-5, 1e-6);
    assert_ne!(three.heat, seven.heat);
}

#[test]
fn what_cannot_be_explained_is_an_error() {
    let device = fastburn::device::cpu().unwrap();
    let model = ConvNetConfig::new(1, [4, 8], 3).init(&device, 1).unwrap();
    let images = Tensor::<4>::ones([2, 1, 8, 8], &device);
    let error = grad_cam(&model, images.clone(), |outputs| outputs.sum_dim(1).flatten(0, 1));
    assert!(matches!(error, Err(Error::Shape { .. })), "{error:?}");
    let plain = device.clone();
    for error in [
        grad_cam(&model, images.clone(), |_| Tensor::ones([1], &plain)).unwrap_err(),
        grad_cam(&model, images.clone(), |_| Tensor::ones([1], &plain.autodiff())).unwrap_err(),
        saliency(&model, images, |outputs| outputs.detach().sum()).unwrap_err(),
    ] {
        assert!(error.to_string().contains("does not depend on"), "{error}");
    }
}
