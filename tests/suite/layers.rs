//! Imports go one way.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::crate_path;

/// The library's modules, the lowest layer first; those of one layer do not know each other.
const LAYERS: [&[&str]; 10] = [
    &["any_number", "hidden"],
    &["confusion", "error", "history", "layer_activations", "lr_curve", "prediction", "summary"],
    &["interpretation", "seed", "schedule", "shape", "scalars", "device", "whole_file"],
    &["whole_folder"],
    &["archive"],
    &["data", "models", "metrics", "loss", "sealed"],
    &["datasets", "model_file", "checkpoints"],
    &["baseline", "burn_learner", "learner", "plot", "predictor", "pretrained"],
    &["callbacks"],
    &["coming_from_fastai", "prelude"],
];

#[test]
fn a_module_imports_only_from_modules_below_it() {
    let mut checked = 0;
    for (level, modules) in LAYERS.iter().enumerate() {
        for module in *modules {
            let file = crate_path("src").join(format!("{module}.rs"));
            let files =
                if file.exists() { vec![file] } else { sources(&crate_path("src").join(module)) };
            for file in files {
                for (number, line) in fs::read_to_string(&file).unwrap().lines().enumerate() {
                    let Some(imported) = line.trim().split("use crate::").nth(1) else { continue };
                    let end = imported.find([':', ';']).unwrap();
                    let imported = &imported[..end];
                    let below = LAYERS[..level].iter().any(|layer| layer.contains(&imported));
                    assert!(
                        below,
                        "{}:{}: {module} imports {imported}, which is not below it",
                        file.display(),
                        number + 1
                    );
                    checked += 1;
                }
            }
        }
    }
    assert!(checked > 30, "only {checked} imports seen");
}

#[test]
fn every_module_of_the_library_has_its_layer() {
    let lib = fs::read_to_string(crate_path("src/lib.rs")).unwrap();
    for line in lib.lines() {
        let declared = line.strip_prefix("pub mod ").or_else(|| line.strip_prefix("mod "));
        let Some(module) = declared.and_then(|rest| rest.strip_suffix(';')) else { continue };
        assert!(LAYERS.iter().any(|layer| layer.contains(&module)), "{module} has no layer");
    }
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let sources = entries.flat_map(|path| match path.is_dir() {
        true => sources(&path),
        false => vec![path],
    });
    sources.filter(|path| path.extension().is_some_and(|e| e == "rs")).collect()
}
