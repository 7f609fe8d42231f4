//! The two phases of fine-tuning, on standard error.

use fastburn::learner::{Callback, Flow, State, Task};

use super::print::say;

/// A callback that announces each phase, for a learner that numbers epochs through both.
#[derive(Debug)]
pub struct Phases;

impl<T: Task> Callback<T> for Phases {
    /// Before the header of the epoch table.
    fn order(&self) -> i32 {
        45
    }

    fn before_fit(&mut self, state: &mut State<T>) -> Flow {
        let epochs = match state.epochs {
            1 => "1 epoch".to_owned(),
            epochs => format!("{epochs} epochs"),
        };
        if state.first_epoch() == 0 {
            say(format_args!("phase   1 of 2: {epochs} with a frozen body"));
        } else {
            say(format_args!("phase   2 of 2: {epochs} with all layers"));
        }
        Ok(())
    }
}
