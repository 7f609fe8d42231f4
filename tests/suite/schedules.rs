//! Schedules are fastai's, and refuse what cannot work.

use fastburn::Error;
use fastburn::schedule::{FlatCosine, OneCycle, ParamSchedule, Policy, Schedule, Sgdr};
use serde_json::Value;

use crate::support::crate_path;

fn reference(file: &str) -> Value {
    let json = std::fs::read(crate_path("tests/reference").join(file)).unwrap();
    serde_json::from_slice(&json).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

/// Compares a schedule with fastai's values of that name.
#[track_caller]
fn assert_fastai(fastai: &Value, name: &str, schedule: &Schedule) {
    let (places, expected) = (numbers(&fastai["pos"]), numbers(&fastai[name]));
    assert_eq!(places.len(), expected.len());
    for (place, expected) in places.into_iter().zip(expected) {
        let found = schedule.at(place);
        let close = (found - expected).abs() <= 1e-6 * expected.abs().max(1e-2);
        assert!(close, "{name} at {place}: {found} is not {expected}");
    }
}

#[track_caller]
fn assert_refused(result: fastburn::Result<ParamSchedule>, name: &str, value: &str) {
    let error = result.unwrap_err();
    assert!(matches!(error, Error::Setting { .. }), "{error}");
    let message = error.to_string();
    assert!(message.contains(name) && message.contains(value), "{message}");
}

#[test]
fn each_curve_is_fastais() {
    let fastai = reference("schedules.json");
    assert_fastai(&fastai, "constant", &Schedule::constant(0.3));
    assert_fastai(&fastai, "linear", &Schedule::linear(0.3, 0.7));
    assert_fastai(&fastai, "cosine", &Schedule::cosine(0.7, 0.3));
    assert_fastai(&fastai, "exponential", &Schedule::exponential(1e-4, 10.0));
    assert_fastai(&fastai, "polynomial", &Schedule::polynomial(0.3, 0.7, 3.0));
    let parts = [
        (0.25, Schedule::linear(0.0, 1.0)),
        (0.5, Schedule::constant(1.0)),
        (0.25, Schedule::exponential(1.0, 0.01)),
    ];
    assert_fastai(&fastai, "combined", &Schedule::combined(parts).unwrap());
    let cosines = Schedule::combined_cosine(0.3, 0.1, 1.0, 0.01).unwrap();
    assert_fastai(&fastai, "combined_cosine", &cosines);
}

#[test]
fn each_policy_is_fastais() {
    let fastai = reference("fastai.json");
    let one_cycle = OneCycle::new(1e-2).schedule().unwrap();
    assert_fastai(&fastai, "one_cycle_lr", &one_cycle.lr);
    assert_fastai(&fastai, "one_cycle_mom", &one_cycle.momentum.unwrap());
    let flat = FlatCosine::new(1e-2).schedule().unwrap();
    assert_fastai(&fastai, "flat_cos_lr", &flat.lr);
    assert!(flat.momentum.is_none());

    let fastai = reference("schedules.json");
    let sgdr = Sgdr::new(1e-2, 3, 2).cycle_mult(3);
    assert_eq!(sgdr.epochs().unwrap() as u64, fastai["sgdr_epochs"].as_u64().unwrap());
    assert_fastai(&fastai, "sgdr_lr", &sgdr.schedule().unwrap().lr);
    assert_eq!(Sgdr::new(1e-2, 4, 3).cycle_mult(1).epochs().unwrap(), 12);
}

#[test]
fn a_schedule_begins_and_ends_where_it_says() {
    for schedule in [
        Schedule::linear(0.5, 2.0),
        Schedule::cosine(0.5, 2.0),
        Schedule::exponential(0.5, 2.0),
        Schedule::polynomial(0.5, 2.0, 4.0),
        Schedule::combined_cosine(0.3, 0.5, 7.0, 2.0).unwrap(),
        Schedule::combined_cosine(0.0, 7.0, 0.5, 2.0).unwrap(),
        Schedule::combined_cosine(1.0, 0.5, 2.0, 7.0).unwrap(),
    ] {
        for (place, expected) in [(0.0, 0.5), (1.0, 2.0), (-0.1, 0.5), (1.1, 2.0)] {
            let found = schedule.at(place);
            assert!((found - expected).abs() < 1e-12, "{schedule:?} at {place}: {found}");
        }
        assert_eq!(format!("{schedule:?}"), "Schedule(from 0.5 to 2)");
    }
    let lr = OneCycle::new(0.1).div(10.0).div_final(100.0).pct_start(0.4).schedule().unwrap().lr;
    let found = [0.0, 0.4, 1.0].map(|place| lr.at(place));
    for (found, expected) in found.into_iter().zip([0.01, 0.1, 0.001]) {
        assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
    }
}

#[test]
fn warm_restarts_fall_to_nothing_before_each_cycle() {
    let lr = Sgdr::new(1.0, 3, 1).schedule().unwrap().lr;
    for restart in [1.0 / 7.0, 3.0 / 7.0] {
        assert!(lr.at(restart - 1e-6) < 1e-6 && lr.at(restart + 1e-6) > 0.999);
    }
    assert!(lr.at(1.0) < 1e-12);
}

#[test]
fn shares_that_do_not_add_up_are_refused() {
    let part = |share: f64| (share, Schedule::constant(1.0));
    let combined = |shares: &[f64]| Schedule::combined(shares.iter().copied().map(part));
    for shares in [&[][..], &[0.5], &[0.5, 0.6], &[1.5, -0.5], &[f64::NAN, 1.0]] {
        let error = combined(shares).unwrap_err();
        assert!(matches!(error, Error::Setting { .. }), "{error}");
        let message = error.to_string();
        assert!(message.contains(&format!("{shares:?}")) && message.contains("1"), "{message}");
    }
    assert_eq!(combined(&[1.0 / 3.0; 3]).unwrap().at(1.0), 1.0);
    assert_eq!(combined(&[0.1; 10]).unwrap().at(1.0), 1.0);
    let error = Schedule::combined_cosine(1.2, 0.0, 1.0, 0.0).unwrap_err().to_string();
    assert!(error.contains("pct_start 1.2"), "{error}");
}

#[test]
fn a_policy_refuses_settings_that_cannot_work() {
    let one_cycle = OneCycle::new(1e-2);
    for (policy, name, value) in [
        (OneCycle::new(-1.0), "learning rate", "-1"),
        (OneCycle::new(f64::NAN), "learning rate", "NaN"),
        (one_cycle.div(0.0), "div", "0"),
        (one_cycle.div(f64::INFINITY), "div", "inf"),
        (one_cycle.div_final(-3.0), "div_final", "-3"),
        (one_cycle.pct_start(0.0), "pct_start", "0"),
        (one_cycle.pct_start(1.5), "pct_start", "1.5"),
        (one_cycle.momenta(0.9, 1.0, 0.9), "momentum", "1"),
    ] {
        assert_refused(policy.schedule(), name, value);
    }
    assert_refused(FlatCosine::new(f64::INFINITY).schedule(), "learning rate", "inf");
    assert_refused(FlatCosine::new(1.0).div_final(0.0).schedule(), "div_final", "0");
    assert_refused(FlatCosine::new(1.0).pct_start(-0.1).schedule(), "pct_start", "-0.1");
    assert_refused(Sgdr::new(-1.0, 3, 1).schedule(), "learning rate", "-1");
    assert_refused(Sgdr::new(1.0, 0, 1).schedule(), "number of cycles", "0");
    assert_refused(Sgdr::new(1.0, 3, 0).schedule(), "cycle length", "0");
    assert_refused(Sgdr::new(1.0, 3, 1).cycle_mult(0).schedule(), "cycle_mult", "0");
    for cycles in [64, 65, 1000] {
        let error = Sgdr::new(1.0, cycles, 1).cycle_mult(2).epochs();
        assert_eq!(error.is_ok(), cycles == 64, "{cycles} cycles");
    }
    assert_refused(Sgdr::new(1.0, 1000, 1).schedule(), "number of cycles", "1000");
}

#[test]
fn a_schedule_of_ones_own_crosses_threads() {
    let own = Schedule::new(|progress| 1.0 - progress * progress);
    let there = own.clone();
    let found = std::thread::spawn(move || there.at(0.5)).join().unwrap();
    assert_eq!(found, own.at(0.5));
}
