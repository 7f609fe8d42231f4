//! Events, their order, and what happens when a callback leaves early or fails.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use burn::tensor::Tensor;
use fastburn::Error;
use fastburn::callbacks::StopFlag;
use fastburn::data::{DataLoaders, TensorSource};
use fastburn::learner::{Callback, Flow, Learner, Scope, State, Stop, Task};
use fastburn::loss::Mse;
use fastburn::models::{Linear, LinearConfig};
use fastburn::optim::OptimizerKind;

type Log = Arc<Mutex<Vec<String>>>;
/// At which event to answer, and with what.
type Answer = (&'static str, fn() -> Stop);
type Small = Learner<(Linear, Tensor<2>, Tensor<2>)>;

/// Two training batches and one validation batch an epoch.
fn learner() -> Small {
    let device = fastburn::device::cpu().unwrap();
    let x = Tensor::<2>::from_data([[-1.0], [0.0], [1.0], [2.0]], &device);
    let train = TensorSource::new(x.clone(), x.clone() * 2.0).unwrap();
    let valid = TensorSource::new(x.clone().narrow(0, 0, 2), x.narrow(0, 0, 2)).unwrap();
    let dls = DataLoaders::new(train, valid, 0).batch_size(2).unwrap();
    let model = LinearConfig::new(1, 1).init(&device, 0).unwrap();
    Learner::new(dls, model, Mse).optimizer(OptimizerKind::Sgd)
}

/// Writes each event down, and answers one of them with a [`Stop`].
struct Watch {
    name: &'static str,
    order: i32,
    log: Log,
    answer: Option<Answer>,
}

impl Watch {
    fn note(&mut self, event: &'static str) -> Flow {
        self.log.lock().unwrap().push(format!("{}{event}", self.name));
        match self.answer {
            Some((at, stop)) if at == event => {
                self.answer = None;
                Err(stop())
            }
            _ => Ok(()),
        }
    }
}

macro_rules! watch_all {
    ($($method:ident)+) => {
        impl<T: Task> Callback<T> for Watch {
            fn order(&self) -> i32 {
                self.order
            }

            $(fn $method(&mut self, _: &mut State<T>) -> Flow {
                self.note(stringify!($method))
            })+
        }
    };
}

watch_all! {
    before_fit before_epoch before_train before_batch after_pred after_loss before_backward
    after_backward before_step after_step after_batch after_train before_validate after_validate
    after_epoch after_fit
}

/// The events of a fit in which one is answered with a stop, and how the fit ends.
fn events(epochs: usize, answer: Option<Answer>) -> (Vec<String>, fastburn::Result<()>) {
    let log = Log::default();
    let watch = Watch { name: "", order: 0, log: log.clone(), answer };
    let ended = learner().callback(watch).fit(epochs, 0.1);
    let events = log.lock().unwrap().clone();
    (events, ended)
}

const TRAIN_BATCH: &str = "before_batch after_pred after_loss before_backward after_backward \
    before_step after_step after_batch";
const VALID_BATCH: &str = "before_batch after_pred after_loss after_batch";

fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

#[test]
fn events_come_in_fastais_order() {
    let (found, ended) = events(1, None);
    ended.unwrap();
    let expected = format!(
        "before_fit before_epoch before_train {TRAIN_BATCH} {TRAIN_BATCH} after_train \
         before_validate {VALID_BATCH} after_validate after_epoch after_fit"
    );
    assert_eq!(found, words(&expected));
}

#[test]
fn a_cancelled_part_is_cleaned_up_and_the_fit_goes_on_behind_it() {
    let rest_of_epoch = format!("before_validate {VALID_BATCH} after_validate after_epoch");
    let start = "before_fit before_epoch before_train before_batch after_pred";
    for (scope, expected) in [
        (
            (|| Stop::Cancel(Scope::Batch)) as fn() -> Stop,
            format!("{start} after_batch {TRAIN_BATCH} after_train {rest_of_epoch} after_fit"),
        ),
        (
            || Stop::Cancel(Scope::Train),
            format!("{start} after_batch after_train {rest_of_epoch} after_fit"),
        ),
        (
            || Stop::Cancel(Scope::Epoch),
            format!("{start} after_batch after_train after_epoch after_fit"),
        ),
        (
            || Stop::Cancel(Scope::Fit),
            format!("{start} after_batch after_train after_epoch after_fit"),
        ),
    ] {
        let (found, ended) = events(1, Some(("after_pred", scope)));
        ended.unwrap();
        assert_eq!(found, words(&expected));
    }
}

#[test]
fn a_cancelled_validation_leaves_the_next_epoch_alone() {
    let (found, ended) = events(2, Some(("before_validate", || Stop::Cancel(Scope::Validate))));
    ended.unwrap();
    let count = |event: &str| found.iter().filter(|found| *found == event).count();
    assert_eq!(count("before_validate"), 2);
    assert_eq!(count("after_validate"), 2);
    assert_eq!(count("after_epoch"), 2);
    assert_eq!(count("before_batch"), 2 + 2 + 1);
}

#[test]
fn a_cancelled_epoch_is_followed_by_the_next_and_a_cancelled_fit_by_nothing() {
    for (scope, epochs) in
        [((|| Stop::Cancel(Scope::Epoch)) as fn() -> Stop, 3), (|| Stop::Cancel(Scope::Fit), 1)]
    {
        let (found, ended) = events(3, Some(("before_batch", scope)));
        ended.unwrap();
        assert_eq!(found.iter().filter(|event| *event == "before_epoch").count(), epochs);
        assert_eq!(found.last().unwrap(), "after_fit");
    }
}

#[test]
fn an_error_ends_the_fit_and_still_cleans_up() {
    let failing =
        || Stop::Error(Error::Callback { callback: "Watch".into(), source: "out of ink".into() });
    for at in ["before_fit", "before_train", "after_loss", "before_step", "after_batch"] {
        let (found, ended) = events(2, Some((at, failing)));
        assert_eq!(ended.unwrap_err().to_string(), "Watch: out of ink", "{at}");
        let begun = |part: &str| found.iter().filter(|e| *e == &format!("before_{part}")).count();
        let ended = |part: &str| found.iter().filter(|e| *e == &format!("after_{part}")).count();
        for part in ["fit", "epoch", "train", "batch", "validate"] {
            assert_eq!(begun(part), ended(part), "{part} after an error at {at}");
        }
    }
}

#[test]
fn clean_up_reaches_every_callback_though_one_fails_in_it() {
    let log = Log::default();
    let watch = |name, answer| Watch { name, order: 0, log: log.clone(), answer };
    let failing: fn() -> Stop =
        || Stop::Error(Error::Callback { callback: "first".into(), source: "no".into() });
    let mut learn = learner()
        .callback(watch("first ", Some(("after_fit", failing))))
        .callback(watch("second ", None));
    assert!(learn.fit(1, 0.1).is_err());
    assert_eq!(log.lock().unwrap().last().unwrap(), "second after_fit");
}

#[test]
fn callbacks_run_in_the_order_of_their_numbers_then_as_added() {
    let log = Log::default();
    let watch = |name, order| Watch { name, order, log: log.clone(), answer: None };
    let learn = learner();
    let mut learn = learn
        .callback(watch("d ", 7))
        .callback(watch("b ", 0))
        .callback(watch("c ", 0))
        .callback(watch("a ", -3));
    learn.fit(1, 0.1).unwrap();
    let first = log.lock().unwrap()[..4].to_vec();
    assert_eq!(first, ["a before_fit", "b before_fit", "c before_fit", "d before_fit"]);
}

/// Changes what it is given leave to change.
struct Meddle(fn(&mut State<(Linear, Tensor<2>, Tensor<2>)>));

impl Callback<(Linear, Tensor<2>, Tensor<2>)> for Meddle {
    fn after_loss(&mut self, state: &mut State<(Linear, Tensor<2>, Tensor<2>)>) -> Flow {
        (self.0)(state);
        Ok(())
    }
}

#[test]
fn a_callback_can_change_the_learning_rate_and_the_loss() {
    let mut plain = learner();
    plain.fit(1, 0.1).unwrap();
    let losses = |learn: &Small| -> Vec<f32> {
        learn.history().steps.iter().map(|step| step.loss).collect()
    };

    let mut frozen = learner().callback(Meddle(|state| state.lr = 0.0));
    let before = frozen.model().layer.weight.val().into_scalar::<f32>();
    frozen.fit(1, 0.1).unwrap();
    assert_eq!(frozen.model().layer.weight.val().into_scalar::<f32>(), before);
    assert!(frozen.history().steps.iter().all(|step| step.lr == 0.0));

    let mut doubled = learner().callback(Meddle(|state| {
        state.loss = state.loss.take().map(|loss| loss * 2.0);
    }));
    doubled.fit(1, 0.1).unwrap();
    assert_eq!(losses(&doubled)[0], 2.0 * losses(&plain)[0]);
}

#[test]
fn a_stop_flag_ends_the_fit_after_the_batch_at_hand() {
    /// Sets the flag in the middle of a batch.
    struct Press(Arc<AtomicBool>);
    impl<T: Task> Callback<T> for Press {
        fn after_loss(&mut self, _: &mut State<T>) -> Flow {
            self.0.store(true, Ordering::Relaxed);
            Ok(())
        }
    }
    let flag = Arc::new(AtomicBool::new(false));
    let mut learn = learner().callback(Press(flag.clone())).callback(StopFlag::new(flag.clone()));
    learn.fit(5, 0.1).unwrap();
    assert_eq!(learn.history().steps.len(), 1);
    let epochs = &learn.history().epochs;
    assert_eq!(epochs.len(), 1);
    assert!(epochs[0].train_loss.is_some() && epochs[0].valid_loss.is_none());
    // The program's next fit does not begin before the flag is taken back.
    learn.fit(5, 0.1).unwrap();
    assert!(learn.is_interrupted() && learn.history().steps.len() == 1);
    flag.store(false, Ordering::Relaxed);
    learn.fit(5, 0.1).unwrap();
    assert_eq!(learn.history().steps.len(), 2);
}

fn failing() -> Stop {
    Stop::Error(Error::Callback { callback: "Watch".into(), source: "out of ink".into() })
}

/// How a fit of two epochs ends whose events two callbacks answer.
fn ended_by(answers: [Answer; 2]) -> (Vec<String>, fastburn::Result<()>) {
    let log = Log::default();
    let mut learn = learner();
    for (order, answer) in (0..).zip(answers) {
        learn = learn.callback(Watch { name: "", order, log: log.clone(), answer: Some(answer) });
    }
    let ended = learn.fit(2, 0.1);
    let events = log.lock().unwrap().clone();
    (events, ended)
}

#[test]
fn an_error_in_clean_up_is_not_lost_behind_a_cancel() {
    let cancel: fn() -> Stop = || Stop::Cancel(Scope::Fit);
    for at in ["after_batch", "after_train", "after_epoch", "after_fit"] {
        let (_, ended) = ended_by([("after_pred", cancel), (at, failing)]);
        assert!(ended.is_err(), "an error at {at}");
    }
    let (_, ended) =
        ended_by([("after_batch", || Stop::Cancel(Scope::Batch)), ("after_batch", failing)]);
    assert!(ended.is_err());
}

#[test]
fn a_part_may_be_cancelled_by_its_own_last_event() {
    let (found, ended) = events(2, Some(("after_epoch", || Stop::Cancel(Scope::Epoch))));
    ended.unwrap();
    assert_eq!(found.iter().filter(|event| *event == "before_epoch").count(), 2);
    let (found, ended) = events(1, Some(("after_batch", || Stop::Cancel(Scope::Batch))));
    ended.unwrap();
    assert_eq!(found.iter().filter(|event| *event == "before_batch").count(), 3);
}

#[test]
fn a_part_that_is_not_under_way_cannot_be_cancelled() {
    for (at, scope) in [
        ("after_pred", (|| Stop::Cancel(Scope::Validate)) as fn() -> Stop),
        ("before_epoch", || Stop::Cancel(Scope::Batch)),
        ("before_fit", || Stop::Cancel(Scope::Train)),
    ] {
        let (_, ended) = events(1, Some((at, scope)));
        let message = ended.unwrap_err().to_string();
        assert!(message.contains("not under way"), "{message}");
    }
}

#[test]
fn a_cancelled_epoch_that_did_nothing_has_no_row() {
    let mut learn = learner().callback(Watch {
        name: "",
        order: 0,
        log: Log::default(),
        answer: Some(("before_epoch", || Stop::Cancel(Scope::Epoch))),
    });
    learn.fit(3, 0.1).unwrap();
    let epochs: Vec<_> = learn.history().epochs.iter().map(|row| row.epoch).collect();
    assert_eq!(epochs, [1, 2]);
}

#[test]
fn a_validation_that_was_left_early_has_no_result() {
    let device = fastburn::device::cpu().unwrap();
    let x = Tensor::<2>::zeros([6, 1], &device);
    let data = TensorSource::new(x.clone(), x).unwrap();
    let dls = DataLoaders::new(data.clone(), data, 0).batch_size(2).unwrap();
    let model = LinearConfig::new(1, 1).init(&device, 0).unwrap();
    let flag = Arc::new(AtomicBool::new(true));
    let mut learn = Learner::new(dls, model, Mse).callback(StopFlag::new(flag));
    assert!(
        learn.validate().unwrap_err().to_string().contains("none of them skipped by a callback")
    );
}

/// Keeps the progress at some events.
struct Progress(Arc<Mutex<Vec<f64>>>);

impl<T: Task> Callback<T> for Progress {
    fn before_fit(&mut self, state: &mut State<T>) -> Flow {
        self.0.lock().unwrap().push(state.progress());
        Ok(())
    }

    fn before_batch(&mut self, state: &mut State<T>) -> Flow {
        self.before_fit(state)
    }

    fn after_fit(&mut self, state: &mut State<T>) -> Flow {
        self.before_fit(state)
    }
}

#[test]
fn progress_goes_from_0_to_1_in_each_fit() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let mut learn = learner().callback(Progress(seen.clone()));
    for _ in 0..2 {
        learn.fit(2, 0.1).unwrap();
        let seen = std::mem::take(&mut *seen.lock().unwrap());
        // Before the fit; two training batches and one of validation an epoch; behind the fit.
        assert_eq!(seen, [0.0, 0.0, 0.25, 0.5, 0.5, 0.75, 1.0, 1.0]);
    }
}
