//! The page for those who know fastai: what it says is run.

use std::fs;

use crate::support::crate_path;

/// What must have a row.
const NAMES: &[&str] = &[
    "before_fit",
    "before_epoch",
    "before_train",
    "before_batch",
    "after_pred",
    "after_loss",
    "before_backward",
    "after_backward",
    "before_step",
    "after_step",
    "after_batch",
    "after_train",
    "before_validate",
    "after_validate",
    "after_epoch",
    "after_fit",
    "CancelBatchException",
    "CancelTrainException",
    "CancelValidException",
    "CancelEpochException",
    "CancelFitException",
    "EarlyStoppingCallback",
    "SaveModelCallback",
    "ReduceLROnPlateau",
    "min_delta",
    "SchedLin",
    "SchedCos",
    "SchedExp",
    "SchedNo",
    "SchedPoly",
    "combine_scheds",
    "combined_cos",
    "fit_one_cycle",
    "fit_flat_cos",
    "fit_sgdr",
    "fine_tune",
    "ParamScheduler",
    "plot_sched",
    "lr_find",
    "CSVLogger",
    "GradientClip",
    "GradientAccumulation",
    "TerminateOnNaNCallback",
    "to_fp16",
    "LabelSmoothing",
    "ActivationStats",
    "wd=",
    "freeze()",
    "freeze_to",
    "unfreeze",
    "slice(",
    "splitter",
    "cbs=",
    "order =",
    "reset_opt",
    "from_folder",
    "show_batch",
    "load_learner",
    "plot_loss",
    "ClassificationInterpretation",
    "plot_top_losses",
    "classification_report",
    "top_k_accuracy",
    "FBeta",
    "rmse",
    "untar_data",
    "from_csv",
    "Resize",
    "Normalize",
    "verify_images",
    "weighted_dataloaders",
    "weight=",
    "aug_transforms",
    "RandomResizedCrop",
    "RandomErasing",
    "MixUp",
    "CutMix",
    "tta",
];

/// A table, and the example below it.
#[derive(Default)]
struct Section {
    /// What fastai has, and our code.
    rows: Vec<[String; 2]>,
    /// The lines that a reader sees.
    example: Vec<String>,
}

#[test]
fn every_line_in_a_table_is_one_of_the_example_below_it() {
    let sections = sections(&page());
    assert!(sections.len() > 10, "only {} tables found", sections.len());
    for Section { rows, example } in sections {
        for [fastai, ours] in rows {
            assert!(
                example.iter().any(|line| line.starts_with(&ours)),
                "no line of the example below begins with `{ours}`, the row of {fastai}"
            );
        }
    }
}

#[test]
fn every_example_is_run() {
    for line in page().lines().filter(|line| line.starts_with("```")) {
        assert_eq!(line, "```", "an example that is not run");
    }
}

#[test]
fn what_fastai_has_has_a_row() {
    let rows: Vec<_> = sections(&page()).into_iter().flat_map(|section| section.rows).collect();
    for name in NAMES {
        assert!(rows.iter().any(|[fastai, _]| fastai.contains(name)), "{name} has no row");
    }
}

fn page() -> String {
    fs::read_to_string(crate_path("src/coming_from_fastai.md")).unwrap()
}

/// The tables of the page, each with the first example behind it.
fn sections(page: &str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    let (mut in_table, mut in_example) = (false, false);
    for line in page.lines() {
        if line.starts_with("```") {
            in_example = !in_example;
        } else if let (true, Some(section)) = (in_example, sections.last_mut()) {
            let line = line.trim();
            let hidden = line == "#" || line.starts_with("# ");
            section.example.extend((!hidden).then(|| line.to_owned()));
        } else if line.starts_with("| fastai |") {
            in_table = true;
            sections.push(Section::default());
        } else if in_table && line.starts_with("| ") {
            let section = sections.last_mut().unwrap();
            section.rows.push(row(line));
        } else if !line.starts_with('|') {
            in_table = false;
        }
    }
    sections
}

/// The first cell of a row, and the code that is the second.
fn row(line: &str) -> [String; 2] {
    let line = line.replace("\\|", "\0");
    let cells: Vec<_> = line.split('|').map(|cell| cell.trim().replace('\0', "|")).collect();
    let ours = cells[2].strip_prefix('`').and_then(|cell| cell.strip_suffix('`'));
    let ours = ours.filter(|code| !code.is_empty() && !code.contains('`'));
    [cells[1].clone(), ours.unwrap_or_else(|| panic!("no code in {line}")).to_owned()]
}
