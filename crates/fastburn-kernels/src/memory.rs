//! The memory that the kernels keep.

/// Gives the memory that the kernels keep for their next results back to the allocator, but for
/// 64 MiB, together with what they use.
///
/// They keep what they no longer need: together with what they use, never more than twice what they
/// have used at once, or 64 MiB. After a training, it is time to give it back.
///
/// Weights of convolutions that were prepared for at most 8 images and 1024 pixels of their outputs are
/// kept as long as the weights themselves. They take up to three times as much memory, or more if there
/// are few output channels, which are rounded up to whole vectors. This function drops those of weights
/// that are gone.
///
/// ```
/// fastburn_kernels::release_memory();
/// ```
pub fn release_memory() {
    #[cfg(feature = "flex")]
    {
        crate::extension::release_kept_weights();
        crate::kernels::memory::release();
    }
}
