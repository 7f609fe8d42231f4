//! Numbers of values, without overflow.

/// Returns the product of some sizes, if that many f32 values fit into memory.
///
/// Tensors with a stride of 0 can have any number of values, and their product would wrap around.
pub(crate) fn product(sizes: &[usize]) -> Option<usize> {
    let bytes = sizes.iter().try_fold(size_of::<f32>(), |bytes, &size| bytes.checked_mul(size))?;
    (bytes <= isize::MAX as usize).then_some(bytes / size_of::<f32>())
}

/// Returns a size with padding at both ends.
pub(crate) fn padded(size: usize, padding: usize) -> Option<usize> {
    size.checked_add(padding.checked_mul(2)?)
}
