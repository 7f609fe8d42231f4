//! Loads and stores of vectors, and of the first lanes of one.

use std::any::TypeId;

use pulp::{MemMask, Scalar128b, Simd};

/// The lanes of a vector that are in memory: all, or the first ones.
#[derive(Clone, Copy)]
pub(crate) enum Lanes<S: Simd> {
    All,
    First(MemMask<S::m32s>),
}

impl<S: Simd> Lanes<S> {
    /// The first `count` lanes.
    #[inline(always)]
    pub fn first(simd: S, count: usize) -> Self {
        if count >= S::F32_LANES {
            Self::All
        } else {
            // Only the mask: pulp would keep the addresses of functions with it, and jump there.
            Self::First(simd.mask_between_m32s(0, count as u32).mask().into())
        }
    }

    /// Loads these lanes; the others are 0.
    ///
    /// # Safety
    ///
    /// The lanes must be readable from `at`.
    #[inline(always)]
    pub unsafe fn load(self, simd: S, at: *const f32) -> S::f32s {
        match self {
            // SAFETY: the caller's promise. A vector of any backend is plain data.
            Self::All => unsafe { at.cast::<S::f32s>().read_unaligned() },
            // SAFETY: the caller's promise; a masked load reads no other lane.
            Self::First(mask) => unsafe { simd.mask_load_ptr_f32s(mask, at) },
        }
    }

    /// Stores these lanes.
    ///
    /// # Safety
    ///
    /// The lanes must be writable from `at`, and no other thread may access them meanwhile.
    #[inline(always)]
    pub unsafe fn store(self, simd: S, at: *mut f32, values: S::f32s) {
        match self {
            // SAFETY: the caller's promise.
            Self::All => unsafe { at.cast::<S::f32s>().write_unaligned(values) },
            // SAFETY: the caller's promise; a masked store writes no other lane.
            Self::First(mask) => unsafe { simd.mask_store_ptr_f32s(mask, at, values) },
        }
    }
}

/// Calls `body`, which must be `#[inline(always)]`: a function of its own would be compiled without
/// the instructions. It is called for each vector of `len` values, with its first index and its lanes.
#[inline(always)]
pub(crate) fn vectors<S: Simd>(simd: S, len: usize, mut body: impl FnMut(usize, Lanes<S>)) {
    let whole = len - len % S::F32_LANES;
    let mut index = 0;
    while index < whole {
        body(index, Lanes::All);
        index += S::F32_LANES;
    }
    if whole < len {
        body(whole, Lanes::first(simd, len - whole));
    }
}

/// Returns `a · b + c`.
#[inline(always)]
pub(crate) fn mul_add<S: Simd>(simd: S, a: S::f32s, b: S::f32s, c: S::f32s) -> S::f32s {
    if TypeId::of::<S>() == TypeId::of::<Scalar128b>() {
        // Without the processor's own instruction, a fused one would be a function call a lane.
        simd.add_f32s(simd.mul_f32s(a, b), c)
    } else {
        simd.mul_add_e_f32s(a, b, c)
    }
}
