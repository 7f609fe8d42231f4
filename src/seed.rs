//! One number from which all randomness of a run comes.

use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use serde::{Deserialize, Serialize};

/// The seed of a run.
///
/// Every use of randomness has its own stream, and within it one generator for each index (the
/// epoch, the layer, …). What one consumer draws never shifts what another gets, and nothing
/// depends on a backend's generator, on timing, or on the number of threads.
///
/// ```
/// use fastburn::Seed;
///
/// let seed = Seed::new(42);
/// assert_eq!(seed, 42.into());
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seed(u64);

/// What randomness is used for. The numbers are part of what "same seed" means: never reuse one.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stream {
    /// The first values of a model's parameters, one generator a layer.
    Weights = 1,
    /// The order of the training items, one generator an epoch.
    Order = 2,
    /// Which items of a class go to the validation set, one generator a class.
    Split = 3,
    /// Which images are shown.
    Sample = 4,
    /// What layers draw while they train, such as dropout, one generator a batch.
    Layers = 5,
    /// Which items an epoch draws by their weights, one generator an epoch.
    Draws = 6,
    /// Which images stay of a class that has too many, one generator a class.
    Cap = 7,
}

impl Seed {
    /// A seed from a number.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The number.
    pub const fn value(self) -> u64 {
        self.0
    }

    /// The generator number `index` of a stream.
    pub(crate) fn rng(self, stream: Stream, index: u64) -> ChaCha8Rng {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&self.0.to_le_bytes());
        key[8..16].copy_from_slice(&(stream as u64).to_le_bytes());
        key[16..24].copy_from_slice(&index.to_le_bytes());
        ChaCha8Rng::from_seed(key)
    }
}

impl From<u64> for Seed {
    fn from(seed: u64) -> Self {
        Self::new(seed)
    }
}

impl std::fmt::Display for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
