//! The file of a learner's weights and optimizer state, without a run to continue.

use std::path::Path;

use burn::optim::OptimizerRecord;
use burn::store::ModuleRecord;
use serde_json::{Map, Value};

use super::records::Records;
use crate::error::{Error, Result};
use crate::files::atomic;
use crate::files::checksummed::{self, FileKind};

const SAVED_LEARNER: FileKind = FileKind { name: "saved learner", format_version: 1 };
/// The entry that describes the optimizer.
const OPTIMIZER: &str = "optimizer";

/// A saved learner that was read from its file.
#[derive(Debug)]
pub(crate) struct SavedLearner {
    /// The file, as named in messages.
    pub file: String,
    /// The description of the optimizer.
    pub optimizer: Value,
    records: Records,
}

impl SavedLearner {
    /// Writes a file of the model and of the optimizer, which `description` describes.
    pub fn write(
        path: &Path,
        model: ModuleRecord,
        optimizer: OptimizerRecord,
        description: Value,
    ) -> Result<()> {
        let records = Records::new(model, optimizer)
            .map_err(|problem| Error::write(path)(std::io::Error::other(problem)))?;
        let about = Map::from_iter([(OPTIMIZER.to_owned(), description)]);
        let tensors = records.entries().collect();
        atomic::write(path, &checksummed::seal(SAVED_LEARNER, about, &tensors)?)
    }

    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = checksummed::read(SAVED_LEARNER, path)?;
        let file = path.display().to_string();
        let opened = checksummed::open(SAVED_LEARNER, &file, &bytes)?;
        let records = Records::read(&opened.tensors)
            .map_err(|problem| Error::file(&file, format!("invalid saved learner: {problem}")))?;
        Ok(Self { optimizer: opened.about[OPTIMIZER].clone(), file: file.clone(), records })
    }

    pub fn model_record(&self) -> Result<ModuleRecord> {
        self.records.model(&self.file)
    }

    pub fn optimizer_record(&self) -> Result<OptimizerRecord> {
        self.records.optimizer(&self.file)
    }
}
