//! The functions of this crate against Burn's own, with gradients.

use burn::tensor::module::{
    avg_pool2d, batch_norm as burn_batch_norm, batch_norm_train, conv2d, max_pool2d,
};
use burn::tensor::ops::{AvgPoolOptions, ConvOptions, MaxPoolOptions};
use burn::tensor::{Device, Distribution, Int, Tensor, activation};
use fastburn_kernels::{AdamStep, BatchNormParameters, Epilogue, SgdStep, WeightDecay};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// Flex, which the kernels are for, and a backend for which they are not.
// Burn means to remove ndarray; until then it is the second CPU backend.
#[allow(deprecated)]
fn plain_devices() -> [Device; 2] {
    [Device::flex(), Device::ndarray()]
}

fn devices() -> [Device; 2] {
    plain_devices().map(Device::autodiff)
}

fn random<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::random(shape, Distribution::Uniform(-1.0, 1.0), device)
}

/// Runs a function of tensors on tracked copies of its inputs, and returns its output, and the
/// gradients of the inputs of a weighted sum of the output.
fn run<const N: usize>(
    inputs: &[Vec<f32>; N],
    shapes: &[Vec<usize>; N],
    device: &Device,
    function: impl FnOnce([Any; N]) -> Any,
) -> Vec<Vec<f32>> {
    let tracked =
        std::array::from_fn::<_, N, _>(|at| Any::new(&inputs[at], &shapes[at], device).tracked());
    let output = function(tracked.clone());
    let flat = output.flat();
    // Weights that differ, so that no gradient is hidden by the next one.
    let len = flat.dims()[0];
    let weights: Vec<f32> = (0..len).map(|at| ((at * 37 % 101) as f32 - 50.0) / 50.0).collect();
    let weights = Tensor::<1>::from_floats(&weights[..], device);
    let gradients = (flat.clone() * weights).sum().backward();
    let mut all = vec![flat.into_data().try_to_vec().unwrap()];
    all.extend(tracked.iter().map(|input| input.gradient(&gradients)));
    all
}

/// A tensor of one of the ranks that are used here.
#[derive(Clone)]
enum Any {
    One(Tensor<1>),
    Two(Tensor<2>),
    Four(Tensor<4>),
}

impl Any {
    fn new(values: &[f32], shape: &[usize], device: &Device) -> Self {
        let flat = Tensor::<1>::from_floats(values, device);
        match *shape {
            [_] => Self::One(flat),
            [a, b] => Self::Two(flat.reshape([a, b])),
            [a, b, c, d] => Self::Four(flat.reshape([a, b, c, d])),
            _ => panic!("no tensor of {shape:?}"),
        }
    }

    fn tracked(self) -> Self {
        match self {
            Self::One(tensor) => Self::One(tensor.require_grad()),
            Self::Two(tensor) => Self::Two(tensor.require_grad()),
            Self::Four(tensor) => Self::Four(tensor.require_grad()),
        }
    }

    fn flat(self) -> Tensor<1> {
        match self {
            Self::One(tensor) => tensor,
            Self::Two(tensor) => tensor.flatten(0, 1),
            Self::Four(tensor) => tensor.flatten(0, 3),
        }
    }

    fn gradient(&self, gradients: &burn::tensor::Gradients) -> Vec<f32> {
        match self {
            Self::One(tensor) => tensor.grad(gradients).unwrap().into_data().try_to_vec().unwrap(),
            Self::Two(tensor) => tensor.grad(gradients).unwrap().into_data().try_to_vec().unwrap(),
            Self::Four(tensor) => tensor.grad(gradients).unwrap().into_data().try_to_vec().unwrap(),
        }
    }

    fn one(self) -> Tensor<1> {
        let Self::One(tensor) = self else { panic!("not a tensor of rank 1") };
        tensor
    }

    fn two(self) -> Tensor<2> {
        let Self::Two(tensor) = self else { panic!("not a tensor of rank 2") };
        tensor
    }

    fn four(self) -> Tensor<4> {
        let Self::Four(tensor) = self else { panic!("not a tensor of rank 4") };
        tensor
    }
}

/// Asserts that two lists of tensors agree, within 2e-5 of each one's largest value. That of a sum
/// whose terms cancel each other may be tiny: it counts as a twentieth of the largest of all.
fn assert_agree(found: &[Vec<f32>], expected: &[Vec<f32>], name: &str) {
    assert_eq!(found.len(), expected.len());
    let most = expected.iter().flatten().fold(0.0_f32, |most, value| most.max(value.abs()));
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert_eq!(found.len(), expected.len());
        let largest = expected.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
        for (found, expected) in found.iter().zip(expected) {
            let error = (found - expected).abs();
            assert!(error <= 2e-5 * largest.max(most / 20.0), "{name}, {at}: {found} {expected}");
        }
    }
}

fn values(shape: &[usize], device: &Device) -> Vec<f32> {
    random([shape.iter().product()], device).into_data().try_to_vec().unwrap()
}

fn inputs_of<const N: usize>(shapes: &[Vec<usize>; N]) -> [Vec<f32>; N] {
    let device = Device::flex();
    device.seed(1);
    std::array::from_fn(|at| values(&shapes[at], &device))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn a_convolution_is_burns(
        batch in 1..4_usize,
        channels in [1..20_usize, 1..40_usize],
        size in [1..12_usize, 1..12_usize],
        kernel in [1..6_usize, 1..6_usize],
        stride in [1..4_usize, 1..4_usize],
        padding in [0..3_usize, 0..3_usize],
        dilation in prop::sample::select(vec![1, 1, 1, 2]),
        has_bias: bool,
    ) {
        let fits = |axis: usize| {
            (kernel[axis] - 1) * dilation < size[axis] + 2 * padding[axis]
        };
        prop_assume!(fits(0) && fits(1));
        let shapes = [
            vec![batch, channels[0], size[0], size[1]],
            vec![channels[1], channels[0], kernel[0], kernel[1]],
            vec![channels[1]],
        ];
        let inputs = inputs_of(&shapes);
        let options = ConvOptions::new(stride, padding, [dilation; 2], 1);
        for device in devices() {
            let result = |convolve: fn(_, _, _, ConvOptions<2>) -> Tensor<4>| {
                let options = options.clone();
                if has_bias {
                    run(&inputs, &shapes, &device, |[input, weight, bias]| {
                        Any::Four(convolve(input.four(), weight.four(), Some(bias.one()), options))
                    })
                } else {
                    let [input, weight, _] = inputs.clone();
                    let [of_input, of_weight, _] = shapes.clone();
                    let shapes = [of_input, of_weight];
                    run(&[input, weight], &shapes, &device, |[input, weight]| {
                        Any::Four(convolve(input.four(), weight.four(), None, options))
                    })
                }
            };
            let name = format!("{device:?} {shapes:?} {options:?}");
            let expected = result(conv2d);
            assert_agree(&result(fastburn_kernels::conv2d), &expected, &name);
        }
    }

    #[test]
    fn a_linear_layer_is_burns(
        rows in 1..100_usize,
        inputs in 1..100_usize,
        outputs in 1..140_usize,
        has_bias: bool,
    ) {
        let shapes = [vec![rows, inputs], vec![inputs, outputs], vec![outputs]];
        let inputs = inputs_of(&shapes);
        for device in devices() {
            let result = |linear: fn(_, _, Option<Tensor<1>>) -> Tensor<2>| {
                if has_bias {
                    return run(&inputs, &shapes, &device, |[input, weight, bias]| {
                        Any::Two(linear(input.two(), weight.two(), Some(bias.one())))
                    });
                }
                let [input, weight, _] = inputs.clone();
                let [of_input, of_weight, _] = shapes.clone();
                run(&[input, weight], &[of_input, of_weight], &device, |[input, weight]| {
                    Any::Two(linear(input.two(), weight.two(), None))
                })
            };
            let name = format!("{device:?} {shapes:?} {has_bias}");
            let expected = result(burn::tensor::module::linear);
            assert_agree(&result(fastburn_kernels::linear), &expected, &name);
        }
    }

    #[test]
    fn activations_are_burns(shape in [1..4_usize, 1..40_usize, 1..9_usize, 1..9_usize]) {
        type Function = fn(Tensor<4>) -> Tensor<4>;
        let functions: [[Function; 2]; 3] = [
            [fastburn_kernels::relu, activation::relu],
            [fastburn_kernels::sigmoid, activation::sigmoid],
            [fastburn_kernels::silu, activation::silu],
        ];
        let shapes = [shape.to_vec()];
        let inputs = inputs_of(&shapes);
        for device in devices() {
            for (at, functions) in functions.iter().enumerate() {
                let [found, expected] = functions.map(|function| {
                    run(&inputs, &shapes, &device, |[input]| Any::Four(function(input.four())))
                });
                assert_agree(&found, &expected, &format!("{device:?} {shape:?} {at}"));
            }
        }
    }

    #[test]
    fn a_cross_entropy_is_that_of_burns_softmax(rows in 1..100_usize, classes in 2..40_usize) {
        let shapes = [vec![rows, classes]];
        let inputs = inputs_of(&shapes);
        for device in devices() {
            let targets = Tensor::<1, Int>::arange(0..rows as i64, &device) % classes as i64;
            let one_hot = targets.clone().one_hot::<2>(classes).float().inner();
            let shares = one_hot.clone() * 0.7 + 0.2;
            let loss = |loss: &dyn Fn(Tensor<2>) -> Tensor<1>| {
                run(&inputs, &shapes, &device, |[logits]| Any::One(loss(logits.two())))
            };
            let of_burn = |shares: &Tensor<2>| {
                let shares = Tensor::from_inner(shares.clone());
                loss(&|logits| {
                    -(activation::log_softmax(logits, 1) * shares.clone()).sum() / rows as f64
                })
            };
            let found = loss(&|logits| fastburn_kernels::cross_entropy(logits, targets.clone()));
            assert_agree(&found, &of_burn(&one_hot), &format!("{device:?} {rows} {classes}"));
            let found =
                loss(&|logits| fastburn_kernels::soft_cross_entropy(logits, shares.clone()));
            assert_agree(&found, &of_burn(&shares), &format!("{device:?} {rows} {classes}, soft"));
        }
    }

    #[test]
    fn a_pooling_is_burns(
        shape in [1..4_usize, 1..40_usize, 2..12_usize, 2..12_usize],
        kernel in 1..4_usize,
        stride in 1..4_usize,
        padding in 0..2_usize,
        ceil_mode: bool,
    ) {
        prop_assume!(kernel <= shape[2].min(shape[3]) && padding <= kernel / 2);
        let shapes = [shape.to_vec()];
        let inputs = inputs_of(&shapes);
        let mut largest = MaxPoolOptions::new([kernel; 2]).with_stride([stride; 2]);
        largest = largest.with_padding([padding; 2]);
        largest.ceil_mode = ceil_mode && padding == 0;
        let average = AvgPoolOptions::new([kernel; 2]).with_stride([stride; 2]);
        let average = average.with_padding([padding; 2]);
        for device in devices() {
            let name = format!("{device:?} {shapes:?} {kernel} {stride} {padding} {ceil_mode}");
            let with = |pool: &dyn Fn(Tensor<4>) -> Tensor<4>| {
                run(&inputs, &shapes, &device, |[images]| Any::Four(pool(images.four())))
            };
            let found = with(&|images| fastburn_kernels::max_pool2d(images, largest.clone()));
            assert_agree(&found, &with(&|images| max_pool2d(images, largest.clone())), &name);
            let found = with(&|images| fastburn_kernels::avg_pool2d(images, average.clone()));
            assert_agree(&found, &with(&|images| avg_pool2d(images, average.clone())), &name);
        }
    }

    #[test]
    fn a_batch_norm_and_what_follows_are_burns(
        shape in [2..6_usize, 1..40_usize, 1..9_usize, 1..9_usize],
    ) {
        let shapes = [shape.to_vec(), vec![shape[1]], vec![shape[1]], shape.to_vec()];
        let inputs = inputs_of(&shapes);
        for device in devices() {
            for after in 0..3 {
                let found = run(&inputs, &shapes, &device, |[input, weight, bias, residual]| {
                    let (residual, nothing) = (residual.four(), 0.0);
                    let epilogue = match after {
                        0 => Epilogue::None,
                        1 => Epilogue::Relu,
                        _ => Epilogue::AddRelu(residual.clone()),
                    };
                    let (input, weight, bias) = (input.four(), weight.one(), bias.one());
                    let result = fastburn_kernels::batch_norm_training(
                        input, weight, bias, 1e-2, epilogue,
                    );
                    // The residual has a gradient, if only of 0.
                    Any::Four(result.output + residual * nothing)
                });
                let expected = run(&inputs, &shapes, &device, |[input, weight, bias, residual]| {
                    let (input, weight, bias) = (input.four(), weight.one(), bias.one());
                    let output = batch_norm_train(input, weight, bias, 1e-2).output;
                    let residual = residual.four();
                    Any::Four(match after {
                        0 => output + residual * 0.0,
                        1 => burn::tensor::activation::relu(output) + residual * 0.0,
                        _ => burn::tensor::activation::relu(output + residual),
                    })
                });
                assert_agree(&found, &expected, &format!("{device:?} {shape:?} {after}"));
            }
        }
    }
}

#[test]
fn the_batch_norm_of_rows_is_burns() {
    let shapes = [vec![7, 33], vec![33], vec![33]];
    let inputs = inputs_of(&shapes);
    for device in devices() {
        let found = run(&inputs, &shapes, &device, |[input, weight, bias]| {
            let (input, weight, bias) = (input.two(), weight.one(), bias.one());
            let epilogue = Epilogue::None;
            Any::Two(
                fastburn_kernels::batch_norm_training(input, weight, bias, 1e-5, epilogue).output,
            )
        });
        let expected = run(&inputs, &shapes, &device, |[input, weight, bias]| {
            Any::Two(batch_norm_train(input.two(), weight.one(), bias.one(), 1e-5).output)
        });
        assert_agree(&found, &expected, &format!("{device:?}"));
    }
}

#[test]
fn statistics_and_inference_are_burns() {
    for device in plain_devices() {
        let input = random([4, 19, 5, 6], &device) + 3.0;
        let [weight, bias] = [(); 2].map(|()| random([19], &device));
        let residual = random([4, 19, 5, 6], &device);
        let list = |tensors: [Tensor<1>; 3]| {
            tensors.map(|tensor| tensor.into_data().try_to_vec::<f32>().unwrap())
        };
        let (w, b) = (weight.clone(), bias.clone());
        let found =
            fastburn_kernels::batch_norm_training(input.clone(), w, b, 1e-5, Epilogue::None);
        let expected = batch_norm_train(input.clone(), weight.clone(), bias.clone(), 1e-5);
        let (mean, variance) = (expected.mean.clone(), expected.variance.clone());
        assert_agree(
            &list([found.output.flatten(0, 3), found.mean, found.variance]),
            &list([expected.output.flatten(0, 3), expected.mean, expected.variance]),
            "training",
        );
        let plain = burn_batch_norm(
            input.clone(),
            weight.clone(),
            bias.clone(),
            mean.clone(),
            variance.clone(),
            1e-5,
        );
        let relu = burn::tensor::activation::relu;
        let expected = [plain.clone(), relu(plain.clone()), relu(plain + residual.clone())];
        let epilogues = [Epilogue::None, Epilogue::Relu, Epilogue::AddRelu(residual)];
        let found = epilogues.map(|epilogue| {
            fastburn_kernels::batch_norm(
                input.clone(),
                BatchNormParameters {
                    weight: weight.clone(),
                    bias: bias.clone(),
                    mean: mean.clone(),
                    variance: variance.clone(),
                    epsilon: 1e-5,
                },
                epilogue,
            )
        });
        let flat = |tensors: [Tensor<4>; 3]| list(tensors.map(|tensor| tensor.flatten(0, 3)));
        assert_agree(&flat(found), &flat(expected), "inference");
    }
}

#[test]
fn a_convolution_and_its_batch_norm_are_as_one_after_the_other() {
    for device in plain_devices() {
        // Few pixels and many, filtered and not.
        for ([batch, inputs, outputs, size, kernel], stride) in [
            ([1, 3, 16, 24, 7], 2),
            ([1, 64, 64, 12, 3], 1),
            ([5, 17, 37, 9, 3], 2),
            ([12, 64, 70, 12, 3], 1),
            ([1, 40, 24, 5, 1], 1),
        ] {
            let images = random([batch, inputs, size, size], &device);
            let weight = random([outputs, inputs, kernel, kernel], &device);
            let parameters = BatchNormParameters {
                weight: random([outputs], &device),
                bias: random([outputs], &device),
                mean: random([outputs], &device),
                variance: random([outputs], &device) + 2.0,
                epsilon: 1e-5,
            };
            let bias = (stride == 1).then(|| random([outputs], &device));
            let options = || ConvOptions::new([stride; 2], [kernel / 2; 2], [1, 1], 1);
            let maps = conv2d(images.clone(), weight.clone(), bias.clone(), options());
            let residual = random(maps.dims(), &device);
            for epilogue in [Epilogue::None, Epilogue::Relu, Epilogue::AddRelu(residual)] {
                let BatchNormParameters { weight: scale, bias: shift, mean, variance, epsilon } =
                    parameters.clone();
                let plain = burn_batch_norm(maps.clone(), scale, shift, mean, variance, epsilon);
                let expected = epilogue.clone().apply(plain);
                // The second time, the prepared weight may be one that was kept.
                for _ in 0..2 {
                    let found = fastburn_kernels::conv2d_batch_norm(
                        images.clone(),
                        weight.clone(),
                        bias.clone(),
                        options(),
                        parameters.clone(),
                        epilogue.clone(),
                    );
                    let [found, expected] = [found, expected.clone()]
                        .map(|maps| maps.flatten::<1>(0, 3).into_data().try_to_vec().unwrap());
                    assert_agree(&[found], &[expected], &format!("{outputs} channels"));
                }
            }
        }
    }
}

#[test]
fn images_in_any_order_give_the_same() {
    // Channels last, and part of a larger tensor.
    let device = Device::flex();
    let images = random([3, 9, 8, 6], &device);
    let last = random([3, 9, 8, 6], &device).permute([0, 2, 3, 1]);
    let plain = Tensor::<4>::from_data(last.to_data(), &device);
    let narrow = images.clone().narrow(0, 1, 2).narrow(2, 2, 5);
    let copied = Tensor::<4>::from_data(narrow.to_data(), &device);
    for (view, plain) in [(last, plain), (narrow, copied)] {
        let weight = random([5, view.dims()[1], 3, 3], &device);
        let options = || ConvOptions::new([1, 1], [1, 1], [1, 1], 1);
        let of = |images: Tensor<4>| {
            let maps = fastburn_kernels::conv2d(images, weight.clone(), None, options());
            let maps = fastburn_kernels::max_pool2d(maps, MaxPoolOptions::new([2, 2]));
            fastburn_kernels::relu(maps).into_data()
        };
        assert_eq!(of(view), of(plain));
    }
}

#[test]
fn steps_of_optimizers_are_the_same_on_both_backends() {
    let results = plain_devices().map(|device| {
        let tensor = |factor: f32| {
            let values: Vec<f32> = (0..90).map(|at| (at as f32 * factor).sin()).collect();
            Tensor::<1>::from_floats(&values[..], &device).reshape([9, 10])
        };
        let mut parameter: Tensor<2> = tensor(0.3);
        let mut moments = [parameter.zeros_like(), parameter.zeros_like()];
        let mut velocity = Some(parameter.zeros_like());
        for time in 1..=4 {
            let gradient = tensor(time as f32);
            let decay = WeightDecay::Factor(0.999);
            let step = AdamStep { lr: 0.1, beta_1: 0.9, beta_2: 0.99, epsilon: 1e-5, time, decay };
            (parameter, moments) =
                fastburn_kernels::adam_step(parameter, gradient.clone(), moments, step);
            let decay = WeightDecay::Penalty(0.01);
            let step = SgdStep { lr: 0.1, momentum: 0.9, decay };
            (parameter, velocity) =
                fastburn_kernels::sgd_step(parameter, gradient.clone(), velocity, step);
            let step = SgdStep { lr: 0.1, momentum: 0.0, decay: WeightDecay::None };
            parameter = fastburn_kernels::sgd_step(parameter, gradient, None, step).0;
        }
        [parameter].map(|tensor| tensor.into_data().try_to_vec::<f32>().unwrap())
    });
    assert_agree(&results[0], &results[1], "steps");
}

#[test]
fn an_input_without_autodiff_may_meet_parameters_with_it() {
    let device = Device::flex();
    let input = random([4, 3, 2, 2], &device);
    let parameters = |device: &Device| BatchNormParameters {
        weight: random([3], device),
        bias: random([3], device),
        mean: random([3], device),
        variance: random([3], device),
        epsilon: 1.0,
    };
    let with_autodiff = parameters(&device.clone().autodiff());
    let output = fastburn_kernels::batch_norm(input.clone(), with_autodiff, Epilogue::Relu);
    assert_eq!(output.dims(), [4, 3, 2, 2]);
    let epilogue = Epilogue::AddRelu(input.clone().autodiff());
    let output = fastburn_kernels::batch_norm(input, parameters(&device), epilogue);
    assert_eq!(output.dims(), [4, 3, 2, 2]);
}

/// The number of values of such tensors is not one that a `usize` holds, so Burn refuses them or
/// fails; nothing may be read outside of a buffer.
#[test]
fn sizes_that_overflow_are_left_to_burn() {
    let device = Device::flex();
    let vast = Tensor::<4>::zeros([1, 1, 1, 1], &device).expand([1_i64 << 32, 1 << 32, 1, 1]);
    let pooled = std::panic::catch_unwind(|| {
        fastburn_kernels::max_pool2d(vast, MaxPoolOptions::new([1, 1])).into_data()
    });
    assert!(pooled.is_err() || pooled.is_ok_and(|data| data.bytes().is_empty()));
    let vast = Tensor::<4>::zeros([1, 16, 1, 1], &device).expand([1, 16, 1_i64 << 30, 1 << 30]);
    let weight = Tensor::ones([8, 16, 1, 1], &device);
    let options = ConvOptions::new([1 << 30; 2], [0, 0], [1, 1], 1);
    let maps = std::panic::catch_unwind(|| {
        fastburn_kernels::conv2d(vast, weight, None, options).into_data()
    });
    assert!(maps.is_err());
}
