//! Files and folders: read with a bound, written whole or not at all, checked, locked, listed.

pub(crate) mod atomic;
pub(crate) mod checksummed;
mod lock;
pub(crate) mod regular;
pub(crate) mod walk;

pub(crate) use lock::Lock;
pub(crate) use walk::is_hidden;
