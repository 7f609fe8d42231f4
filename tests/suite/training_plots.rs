//! Pictures of a training: schedules, searches for a learning rate, activations.

use fastburn::plot::{Chart, Figure, plot_activation_stats, plot_lr_find, plot_schedule};
use fastburn::records::{History, LayerActivations, LrCurve, StepRecord};
use serde_json::Value;

use crate::plots::{assert_legible, texts};
use crate::support::crate_path;

fn words(figure: &Figure) -> Vec<String> {
    texts(figure).0.into_iter().map(|(text, _)| text).collect()
}

#[track_caller]
fn assert_says(figure: &Figure, expected: &[&str]) {
    let words = words(figure);
    for expected in expected {
        assert!(words.iter().any(|word| word == expected), "{expected} is not in {words:?}");
    }
}

fn lr_curve(index: usize) -> LrCurve {
    let json = std::fs::read(crate_path("tests/reference/fastai.json")).unwrap();
    let fastai: Value = serde_json::from_slice(&json).unwrap();
    serde_json::from_value(fastai["lr_find"][index].clone()).unwrap()
}

fn history(momentum: impl Fn(usize) -> Option<f64>) -> History {
    let step = |index: usize| StepRecord {
        epoch: 0,
        batch: index,
        lr: 1e-2 * (index as f64 / 20.0).sin().abs(),
        momentum: momentum(index),
        loss: 1.0,
        smooth_loss: 1.0,
    };
    History { steps: (0..100).map(step).collect(), ..History::default() }
}

fn layers(count: usize, name: &str) -> Vec<LayerActivations> {
    let layer = |index: usize| {
        let values = |scale: f64| {
            let value = move |step: usize| {
                scale * (1.0 - (-(step as f64) / 10.0).exp()) * (index + 1) as f64 / count as f64
            };
            (0..60).map(value).collect()
        };
        let layer = format!("{name}{index}");
        LayerActivations { layer, means: values(0.4), deviations: values(1.1), dead: values(0.9) }
    };
    (0..count).map(layer).collect()
}

#[test]
fn a_logarithmic_axis_has_powers_of_ten() {
    let lrs: Vec<f64> = (0..=80).map(|step| 10_f64.powf(f64::from(step) / 10.0 - 7.0)).collect();
    let chart = |lrs: &[f64]| {
        let points = lrs.iter().map(|&lr| (lr, lr.log10())).collect::<Vec<_>>();
        Chart::new("").log_x().line("", points).draw().unwrap()
    };
    let figure = chart(&lrs);
    assert_legible(&figure);
    assert_says(&figure, &["1e-7", "1e-5", "1e-1", "1e0", "1e1"]);
    // Less than a power of ten has those around it.
    for lrs in [&[2e-3, 3e-3][..], &[5e-4], &[9e-3, 1.1e-2]] {
        let powers = words(&chart(lrs)).into_iter().filter(|word| word.starts_with("1e")).count();
        assert!(powers >= 2, "{lrs:?} has {powers}");
    }
    let wide = chart(&[1e-300, 1.0, 1e300]);
    assert_legible(&wide);
    let row = Chart::new("a row").axes("learning rate", "loss").log_x();
    let row = row.line("", lrs.iter().map(|&lr| (lr, lr)));
    assert_legible(&Chart::row(&vec![row; 3]).unwrap());
}

#[test]
fn what_has_no_place_on_a_logarithmic_axis_interrupts_the_line() {
    let lines = |middle: f64| {
        let points = [(1e-3, 1.0), (1e-2, 2.0), (middle, 2.5), (1e-1, 3.0), (1.0, 4.0)];
        let figure = Chart::new("").log_x().line("", points).draw().unwrap();
        figure.svg().matches("stroke=\"#0072B2\"").count()
    };
    assert_eq!(lines(0.05), 1);
    for middle in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(lines(middle), 2, "{middle}");
    }
    let nowhere = Chart::new("").log_x().line("a", [(0.0, 1.0), (-1.0, 2.0)]);
    assert_legible(&nowhere.draw().unwrap());
}

#[test]
fn a_search_is_shown_with_its_suggestions() {
    for index in 0..6 {
        let curve = lr_curve(index);
        let figure = plot_lr_find(&curve).unwrap();
        assert_legible(&figure);
        assert_says(&figure, &["learning rate", "1e-7", "1e-3"]);
        for (name, suggestion) in curve.suggestions() {
            let expected = format!("{name} {:.1e}", suggestion.unwrap());
            assert_says(&figure, &[&expected]);
        }
        // Each dot and its sample in the legend.
        assert_eq!(figure.svg().matches("<circle").count(), 8);
    }
}

#[test]
fn a_search_that_ended_early_is_shown_as_far_as_it_went() {
    let whole = lr_curve(0);
    for steps in [0, 1, 6, 20, 40] {
        let mut cut = whole.clone();
        cut.lrs.truncate(steps);
        cut.losses.truncate(steps);
        assert_legible(&plot_lr_find(&cut).unwrap());
        let mut lost = whole.clone();
        lost.losses[steps..].fill(f64::NAN);
        assert_legible(&plot_lr_find(&lost).unwrap());
        lost.losses.truncate(steps);
        assert_legible(&plot_lr_find(&lost).unwrap());
    }
}

#[test]
fn a_schedule_is_shown_with_the_momentum_beside_it() {
    let alone = plot_schedule(&history(|_| None)).unwrap();
    assert_legible(&alone);
    assert_says(&alone, &["learning rate", "step"]);
    assert!(!words(&alone).iter().any(|word| word == "momentum"));
    let both = plot_schedule(&history(|step| Some(0.9 + 0.05 * (step as f64 / 20.0).cos())));
    let both = both.unwrap();
    assert_legible(&both);
    assert_says(&both, &["learning rate", "momentum"]);
    // A second fit whose optimizer has none.
    assert_legible(&plot_schedule(&history(|step| (step < 50).then_some(0.9))).unwrap());
    assert_legible(&plot_schedule(&History::default()).unwrap());
}

#[test]
fn activations_are_shown_with_a_line_a_layer() {
    for (count, name) in [(1, "conv"), (6, "a layer of a long name "), (30, "layers.convs.")] {
        let layers = layers(count, name);
        let figure = plot_activation_stats(&layers).unwrap();
        assert_legible(&figure);
        let titles = ["mean", "standard deviation", "share of dead activations"];
        assert_says(&figure, &titles);
        let words = words(&figure);
        for layer in &layers {
            // Under one legend.
            let times = words.iter().filter(|word| **word == layer.layer).count();
            assert_eq!(times, 1, "{} is listed {times} times", layer.layer);
        }
    }
    assert_legible(&plot_activation_stats(&[]).unwrap());
    let odd = LayerActivations {
        layer: "odd".to_owned(),
        means: vec![f64::NAN, 1.0, f64::INFINITY],
        deviations: vec![],
        dead: vec![2.0],
    };
    assert_legible(&plot_activation_stats(std::slice::from_ref(&odd)).unwrap());
    let json = serde_json::to_string(&odd).unwrap();
    let read: LayerActivations = serde_json::from_str(&json).unwrap();
    assert!(read.means[0].is_nan() && read.means[1..] == odd.means[1..]);
}
