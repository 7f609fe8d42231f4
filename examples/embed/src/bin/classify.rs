//! A program that contains a trained model. It needs no other file and runs no training code.
//!
//! `fastburn --hidden 16 --epochs 20 --out digits.safetensors` wrote `digits.safetensors`.

use std::path::PathBuf;
use std::process::ExitCode;

use fastburn::vision::Predictor;
use fastburn::{Result, device};

/// The weights, the classes and the image format.
const MODEL: &[u8] = include_bytes!("../../digits.safetensors");
/// The image to classify if the command line names none.
const SEVEN: &[u8] = include_bytes!("../../seven.png");

fn main() -> ExitCode {
    match classify(std::env::args_os().nth(1).map(PathBuf::from)) {
        Ok(answer) => {
            println!("{answer}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn classify(image: Option<PathBuf>) -> Result<String> {
    let predictor = Predictor::from_bytes(MODEL, &device::cpu()?)?;
    let prediction = match image {
        Some(path) => predictor.predict_file(path)?,
        None => predictor.predict_bytes(SEVEN)?,
    };
    Ok(format!("{} ({:.1} %)", prediction.label(), 100.0 * prediction.probability()))
}
