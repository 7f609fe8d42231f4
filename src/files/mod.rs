//! Files and folders: atomic writes, bounded reads, checksums, locks and listings.

pub(crate) mod atomic;
pub(crate) mod checksummed;
pub(crate) mod csv_lines;
mod lock;
pub(crate) mod regular;
pub(crate) mod walk;

pub(crate) use lock::Lock;
pub(crate) use walk::is_hidden;
