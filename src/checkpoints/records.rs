//! Burn's records of a model and of an optimizer, as entries of a file.

use burn::optim::OptimizerRecord;
use burn::store::ModuleRecord;
use burn::tensor::Bytes;
use safetensors::SafeTensors;
use safetensors::tensor::Dtype;

use crate::error::{Error, Result};
use crate::files::checksummed::StoredTensor;

const MODEL: &str = "model";
const OPTIMIZER: &str = "optimizer";

/// The two records, in Burn's own format.
#[derive(Debug)]
pub(super) struct Records {
    model: Vec<u8>,
    optimizer: Vec<u8>,
}

impl Records {
    /// Converts the records, or returns the problem.
    pub fn new(model: ModuleRecord, optimizer: OptimizerRecord) -> Result<Self, String> {
        let model = model.into_bytes().map_err(|error| error.to_string())?;
        let optimizer = optimizer.into_bytes().map_err(|error| error.to_string())?;
        Ok(Self { model: model.to_vec(), optimizer: optimizer.to_vec() })
    }

    /// Reads the records of a file, or returns the problem.
    pub fn read(tensors: &SafeTensors<'_>) -> Result<Self, String> {
        let part = |name| {
            let part = tensors.tensor(name).map_err(|error| error.to_string())?;
            Ok::<_, String>(part.data().to_vec())
        };
        Ok(Self { model: part(MODEL)?, optimizer: part(OPTIMIZER)? })
    }

    /// Returns the entries of a file.
    pub fn entries(&self) -> impl Iterator<Item = (String, StoredTensor<'_>)> {
        [(MODEL, &self.model), (OPTIMIZER, &self.optimizer)].into_iter().map(|(name, bytes)| {
            (name.to_owned(), (Dtype::U8, vec![bytes.len()], bytes.as_slice()))
        })
    }

    /// Returns the record of the model; `file` names the file in an error.
    pub fn model(&self, file: &str) -> Result<ModuleRecord> {
        let bytes = Bytes::from_bytes_vec(self.model.clone());
        ModuleRecord::from_bytes(bytes).map_err(|error| Error::file(file, error.to_string()))
    }

    /// Returns the record of the optimizer; `file` names the file in an error.
    pub fn optimizer(&self, file: &str) -> Result<OptimizerRecord> {
        let bytes = Bytes::from_bytes_vec(self.optimizer.clone());
        OptimizerRecord::from_bytes(bytes).map_err(|error| Error::file(file, error.to_string()))
    }
}
