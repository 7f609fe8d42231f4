//! Options shared by several verbs.

pub mod augmentation;
pub mod checkpoints;
pub mod data;
pub mod evaluation;
pub mod fine_tuning;
pub mod given;
pub mod image_input;
pub mod images;
pub mod model;
pub mod predictor;
pub mod pretrained;
pub mod settings;
pub mod values;
