//! The random seed of a run.

use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use serde::{Deserialize, Serialize};

/// The random seed of a run.
///
/// Each use of randomness has its own stream, and within it one generator per index (the epoch, the
/// layer, …). Draws from one generator therefore never affect another, and no result depends on a
/// backend's generator, on timing, or on the number of threads.
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

/// A use of randomness. The numbers determine the results of a seed: never change or reuse one.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stream {
    /// The initial values of a model's parameters, one generator per layer.
    Weights = 1,
    /// The order of the training items, one generator per epoch.
    Order = 2,
    /// The validation items of a class, one generator per class.
    Split = 3,
    /// The images to show.
    Sample = 4,
    /// Randomness of layers during training, such as dropout, one generator per batch.
    Layers = 5,
    /// The weighted sample of items of an epoch, one generator per epoch.
    Draws = 6,
    /// The images to keep of a class with too many, one generator per class.
    Cap = 7,
    /// The initial values of the parameters of Burn's own layers.
    Modules = 8,
    /// Changes of an item, such as an augmentation, one generator per epoch and item.
    Items = 9,
    /// Randomness of callbacks, one generator per step and name.
    Callbacks = 10,
    /// Changes of a batch, one generator per epoch and batch.
    Batches = 11,
}

impl Seed {
    /// Creates a seed from a number.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns the number.
    pub const fn value(self) -> u64 {
        self.0
    }

    /// Returns the generator of a stream with this index.
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
