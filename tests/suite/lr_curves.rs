//! What a curve of losses over learning rates suggests is what fastai suggests.

use fastburn::records::LrCurve;
use serde_json::Value;

use crate::support::crate_path;

fn reference(file: &str) -> Value {
    let json = std::fs::read(crate_path("tests/reference").join(file)).unwrap();
    serde_json::from_slice(&json).unwrap()
}

/// A curve as the reference files hold it, where null is no number.
fn curve(value: &Value) -> LrCurve {
    let numbers = |name: &str| -> Vec<f64> {
        let values = value[name].as_array().unwrap();
        values.iter().map(|number| number.as_f64().unwrap_or(f64::NAN)).collect()
    };
    let num_it = value["num_it"].as_u64().unwrap() as usize;
    LrCurve { lrs: numbers("lrs"), losses: numbers("losses"), num_it }
}

fn flat(steps: usize, num_it: usize) -> LrCurve {
    let lrs = (0..steps).map(|step| 1e-7 * 1.2_f64.powi(step as i32)).collect();
    LrCurve { lrs, losses: vec![2.3; steps], num_it }
}

#[test]
fn suggestions_are_fastais() {
    let (searches, made) = (reference("fastai.json"), reference("lr_curves.json"));
    let searches = searches["lr_find"].as_array().unwrap();
    let made = made.as_array().unwrap();
    assert!(searches.len() == 6 && made.len() > 10);
    for value in searches.iter().chain(made) {
        let curve = curve(value);
        for (name, found) in curve.suggestions() {
            let expected = value[name].as_f64();
            let close = match (found, expected) {
                (Some(found), Some(expected)) => (found - expected).abs() <= 1e-6 * expected,
                (found, expected) => found == expected,
            };
            assert!(close, "{} {name}: {found:?} is not {expected:?}", value["name"]);
        }
        assert_eq!(curve.suggestion(), curve.suggestions()[0].1);
        assert_eq!(curve.suggestions()[0].0, "valley");
    }
}

#[test]
fn a_curve_too_short_suggests_nothing_and_says_so() {
    // Of 17 steps the first 10 and the last 5 are not looked at.
    let longest = flat(17, 100);
    assert!(longest.suggestions()[0].1.is_some());
    let mut lost = longest.clone();
    lost.losses[11] = f64::NAN;
    let uneven = LrCurve { losses: vec![2.3; 16], ..longest.clone() };
    for short in [flat(16, 100), flat(5, 6), flat(0, 0), flat(80, usize::MAX), lost, uneven] {
        assert!(short.suggestions().iter().all(|(_, suggestion)| suggestion.is_none()));
        assert!(short.suggestion().is_none());
        let warning = short.warning().unwrap();
        assert!(warning.contains("too short") && warning.contains("take more steps"), "{warning}");
    }
}

#[test]
fn suggestions_far_apart_are_warned_of() {
    let searches = reference("fastai.json");
    let warning = curve(&searches["lr_find"][0]).warning().unwrap();
    for word in ["a factor of 6.3e2", "2.5e-5 (slide)", "1.6e-2 (steep)", "look at the curve"] {
        assert!(warning.contains(word), "{word} is not in: {warning}");
    }
    assert!(!warning.contains('\n'));
    // A tenth of the least, and the least: 15 records of 20 % apart.
    assert_eq!(flat(17, 100).warning(), None);
}

#[test]
fn odd_values_suggest_something_or_nothing() {
    let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -1.0, 1e300];
    for first in odd {
        for second in odd {
            let mut curve = flat(60, 10);
            (curve.lrs[3], curve.losses[30]) = (first, second);
            curve.suggestions();
            curve.warning();
            curve.lrs.fill(second);
            curve.warning();
        }
    }
}

#[test]
fn a_curve_that_ended_in_no_number_survives_as_json() {
    let mut curve = flat(3, 100);
    (curve.losses[1], curve.losses[2]) = (f64::INFINITY, f64::NAN);
    let json = serde_json::to_string(&curve).unwrap();
    let read: LrCurve = serde_json::from_str(&json).unwrap();
    assert_eq!(read.losses[..2], curve.losses[..2]);
    assert!(read.losses[2].is_nan());
    assert_eq!((read.lrs, read.num_it), (curve.lrs, curve.num_it));
}
