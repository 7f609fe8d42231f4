//! Convolutions against loops in double precision.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::winograd::Convolution;
use super::{
    Geometry, forward, input_gradient, matrix_gradient, matrix_input_gradient, matrix_product,
    prepare, weight_gradient,
};
use crate::kernels::finish::{Affine, Finish};
use crate::kernels::instructions::Instructions;
use crate::kernels::testing::{assert_close, numbers};

/// Calls `visit` with the indices of input, weight and output of each product.
fn products(geometry: &Geometry, mut visit: impl FnMut(usize, usize, usize)) {
    let Geometry { batch, inputs, outputs, size, kernel, stride, padding } = *geometry;
    let [height, width] = geometry.output();
    for image in 0..batch {
        for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
            for (row, column) in (0..kernel[0]).flat_map(|r| (0..kernel[1]).map(move |c| (r, c))) {
                let from_y = (y * stride[0] + row).checked_sub(padding[0]);
                let from_x = (x * stride[1] + column).checked_sub(padding[1]);
                let (Some(from_y), Some(from_x)) = (from_y, from_x) else { continue };
                if from_y >= size[0] || from_x >= size[1] {
                    continue;
                }
                let pixel = (image * size[0] + from_y) * size[1] + from_x;
                let output_pixel = (image * height + y) * width + x;
                for output in 0..outputs {
                    for input in 0..inputs {
                        let tap = (output * inputs + input) * kernel[0] * kernel[1];
                        visit(
                            pixel * inputs + input,
                            tap + row * kernel[1] + column,
                            output_pixel * outputs + output,
                        );
                    }
                }
            }
        }
    }
}

/// Sums in double precision, and sums of magnitudes, to which rounding is in proportion.
fn sums(
    geometry: &Geometry,
    len: usize,
    products_of: impl Fn(usize, usize, usize) -> (usize, f32, f32),
) -> (Vec<f64>, Vec<f64>) {
    let (mut sums, mut sizes) = (vec![0.0; len], vec![0.0; len]);
    products(geometry, |input, weight, output| {
        let (at, a, b) = products_of(input, weight, output);
        sums[at] += f64::from(a) * f64::from(b);
        sizes[at] += (f64::from(a) * f64::from(b)).abs();
    });
    (sums, sizes)
}

fn check(geometry: &Geometry) {
    let input = numbers(geometry.input_len(), 1);
    let weight = numbers(geometry.outputs * geometry.depth(), 2);
    let bias = numbers(geometry.outputs, 3);
    let gradient = numbers(geometry.output_len(), 4);

    let (mut output, output_size) =
        sums(geometry, gradient.len(), |i, w, o| (o, input[i], weight[w]));
    let (scale, shift) = (numbers(geometry.outputs, 5), numbers(geometry.outputs, 6));
    let residual = numbers(geometry.output_len(), 7);
    let finish = |index: usize, sum: f64| {
        let channel = index % geometry.outputs;
        let value = sum * f64::from(scale[channel]) + f64::from(shift[channel]);
        (value + f64::from(residual[index])).max(0.0)
    };
    let finished: Vec<_> = output.iter().enumerate().map(|(at, &sum)| finish(at, sum)).collect();
    let finished_size: Vec<_> = output_size.iter().map(|size| size + 2.0).collect();
    let affine = Affine { scale, shift };
    for (value, bias) in output.iter_mut().zip(bias.iter().cycle()) {
        *value += f64::from(*bias);
    }
    let (of_input, of_input_size) =
        sums(geometry, input.len(), |i, w, o| (i, gradient[o], weight[w]));
    let (of_weight, of_weight_size) =
        sums(geometry, weight.len(), |i, w, o| (w, input[i], gradient[o]));
    for instructions in Instructions::available() {
        let name = format!("{} {geometry:?}", instructions.name());
        let prepared = prepare(instructions, geometry, &weight);
        let found = forward(instructions, geometry, &input, &prepared, Some(&bias), None);
        assert_close(&found, &output, &output_size, &name);
        let finish = Finish { affine: &affine, residual: Some(&residual), clips: true };
        let found = forward(instructions, geometry, &input, &prepared, None, Some(&finish));
        assert_close(&found, &finished, &finished_size, &name);
        let found = input_gradient(instructions, geometry, &gradient, &weight);
        assert_close(&found, &of_input, &of_input_size, &name);
        let found = weight_gradient(instructions, geometry, &input, &gradient);
        assert_close(&found, &of_weight, &of_weight_size, &name);
    }
}

fn square(
    [batch, inputs, outputs]: [usize; 3],
    size: usize,
    [kernel, stride, padding]: [usize; 3],
) -> Geometry {
    let [size, kernel, stride, padding] = [size, kernel, stride, padding].map(|side| [side; 2]);
    Geometry { batch, inputs, outputs, size, kernel, stride, padding }
}

#[test]
fn convolutions_of_usual_nets_are_sums_of_products() {
    for geometry in [
        square([2, 1, 16], 28, [5, 2, 2]),
        square([3, 16, 32], 14, [3, 2, 1]),
        square([2, 3, 64], 16, [7, 2, 3]),
        square([2, 64, 64], 8, [3, 1, 1]),
        square([2, 64, 128], 8, [1, 2, 0]),
        square([1, 130, 70], 5, [1, 1, 0]),
        square([2, 100, 90], 2, [3, 1, 1]),
        square([90, 33, 17], 3, [3, 1, 1]),
        square([70, 700, 10], 1, [1, 1, 0]),
    ] {
        check(&geometry);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn convolutions_of_any_shape_are_sums_of_products(
        batch in 1..4_usize,
        inputs in 1..20_usize,
        outputs in 1..70_usize,
        size in [1..9_usize, 1..9_usize],
        kernel in [1..6_usize, 1..6_usize],
        stride in [1..4_usize, 1..4_usize],
        padding in [0..4_usize, 0..4_usize],
    ) {
        let geometry = Geometry { batch, inputs, outputs, size, kernel, stride, padding };
        prop_assume!(geometry.is_valid());
        check(&geometry);
    }
}

#[test]
fn filtered_convolutions_are_sums_of_products() {
    for (geometry, expected) in [
        (square([2, 100, 90], 13, [3, 1, 1]), [true, true]),
        (square([2, 130, 70], 8, [3, 1, 1]), [true, true]),
        (square([2, 33, 65], 14, [3, 1, 0]), [true, false]),
        (square([1, 64, 64], 32, [3, 1, 0]), [true, true]),
        (square([2, 64, 64], 13, [3, 1, 2]), [false, true]),
        (square([1, 64, 64], 30, [3, 1, 2]), [true, true]),
        (square([1, 64, 64], 60, [3, 1, 3]), [true, false]),
        (
            Geometry {
                batch: 3,
                inputs: 100,
                outputs: 80,
                size: [13, 16],
                kernel: [3, 3],
                stride: [1, 1],
                padding: [1, 2],
            },
            [true, true],
        ),
        (square([30, 96, 100], 8, [3, 1, 1]), [true, true]),
    ] {
        let filtered =
            [Convolution::of_output(&geometry), Convolution::of_input_gradient(&geometry)];
        assert_eq!(filtered.map(|one| one.is_some()), expected, "{geometry:?}");
        check(&geometry);
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    threads_change_no_bit(&square([16, 12, 24], 24, [3, 1, 1]));
    threads_change_no_bit(&square([16, 48, 64], 24, [3, 1, 1]));
    threads_change_no_bit(&square([64, 256, 256], 4, [3, 1, 1]));
}

fn threads_change_no_bit(geometry: &Geometry) {
    let input = numbers(geometry.input_len(), 1);
    let weight = numbers(geometry.outputs * geometry.depth(), 2);
    let gradient = numbers(geometry.output_len(), 3);
    let instructions = Instructions::chosen();
    let results = [1, 2, 3, 8].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            [
                forward(
                    instructions,
                    geometry,
                    &input,
                    &prepare(instructions, geometry, &weight),
                    None,
                    None,
                ),
                input_gradient(instructions, geometry, &gradient, &weight),
                weight_gradient(instructions, geometry, &input, &gradient),
            ]
        })
    });
    assert!(results.iter().all(|result| *result == results[0]));
}

#[test]
fn nan_goes_through() {
    let geometry = square([1, 3, 5], 6, [3, 1, 1]);
    let mut input = numbers(geometry.input_len(), 1);
    input[0] = f32::NAN;
    let weight = vec![0.0; geometry.outputs * geometry.depth()];
    for instructions in Instructions::available() {
        let prepared = prepare(instructions, &geometry, &weight);
        let output = forward(instructions, &geometry, &input, &prepared, None, None);
        // Of the first channel of the pixel in the corner: the outputs of the four around it.
        let pixels = output.chunks_exact(5).map(|pixel| pixel.iter().all(|value| value.is_nan()));
        let with_nan: Vec<_> =
            (0..36).zip(pixels).filter(|(_, nan)| *nan).map(|(i, _)| i).collect();
        assert_eq!(with_nan, [0, 1, 6, 7]);
    }
}

#[test]
fn nan_goes_through_filtering_to_the_windows_it_is_in() {
    let geometry = square([1, 64, 64], 14, [3, 1, 1]);
    let mut input = numbers(geometry.input_len(), 1);
    input[0] = f32::NAN;
    let weight = numbers(geometry.outputs * geometry.depth(), 2);
    for instructions in Instructions::available() {
        let prepared = prepare(instructions, &geometry, &weight);
        let output = forward(instructions, &geometry, &input, &prepared, None, None);
        let pixels = output.chunks_exact(64).map(|pixel| pixel.iter().all(|value| value.is_nan()));
        let with_nan: Vec<_> = pixels.enumerate().filter(|(_, nan)| *nan).map(|(i, _)| i).collect();
        assert_eq!(with_nan, [0, 1, 14, 15]);
        assert_eq!(output.iter().filter(|value| value.is_nan()).count(), 4 * 64);
    }
}

#[test]
fn matrix_products_are_sums_of_products() {
    for [rows, inputs, outputs] in
        [[1, 1, 1], [64, 784, 100], [7, 3, 129], [130, 33, 10], [3000, 20, 30], [2, 700, 65]]
    {
        let input = numbers(rows * inputs, 1);
        let weight = numbers(inputs * outputs, 2);
        let bias = numbers(outputs, 3);
        let gradient = numbers(rows * outputs, 4);
        // As a convolution whose weight is `[outputs, inputs, 1, 1]`.
        let geometry = square([rows, inputs, outputs], 1, [1, 1, 0]);
        let transposed = |weight: usize| weight % inputs * outputs + weight / inputs;
        let (mut output, output_size) =
            sums(&geometry, gradient.len(), |i, w, o| (o, input[i], weight[transposed(w)]));
        for (value, bias) in output.iter_mut().zip(bias.iter().cycle()) {
            *value += f64::from(*bias);
        }
        let (of_input, of_input_size) =
            sums(&geometry, input.len(), |i, w, o| (i, gradient[o], weight[transposed(w)]));
        let (of_weight, of_weight_size) =
            sums(&geometry, weight.len(), |i, w, o| (transposed(w), input[i], gradient[o]));
        for instructions in Instructions::available() {
            let name = format!("{} {rows} {inputs} {outputs}", instructions.name());
            let sizes = [rows, inputs, outputs];
            let found = matrix_product(instructions, sizes, &input, &weight, Some(&bias));
            assert_close(&found, &output, &output_size, &name);
            let found = matrix_input_gradient(instructions, sizes, &gradient, &weight);
            assert_close(&found, &of_input, &of_input_size, &name);
            let found = matrix_gradient(instructions, sizes, &input, &gradient);
            assert_close(&found, &of_weight, &of_weight_size, &name);
        }
    }
}

#[test]
fn how_a_large_product_is_divided_changes_no_bit() {
    let [rows, inputs, outputs] = [900, 600, 600];
    let (few_rows, few_inputs) = (64, 250);
    let input = numbers(rows * inputs, 1);
    let weight = numbers(inputs * outputs, 2);
    let gradient = numbers(rows * outputs, 3);
    let narrow: Vec<_> =
        input.chunks_exact(inputs).flat_map(|row| &row[..few_inputs]).copied().collect();
    for instructions in Instructions::available() {
        // Tasks that read all weights, and tasks of one block of them.
        let all = matrix_product(instructions, [rows, inputs, outputs], &input, &weight, None);
        let sizes = [few_rows, inputs, outputs];
        let few = matrix_product(instructions, sizes, &input[..few_rows * inputs], &weight, None);
        assert_eq!(all[..few.len()], few[..]);
        // An input that is read once, and one that stays in the cache.
        let all = matrix_gradient(instructions, [rows, inputs, outputs], &input, &gradient);
        let few = matrix_gradient(instructions, [rows, few_inputs, outputs], &narrow, &gradient);
        assert_eq!(all[..few.len()], few[..]);
    }
}
