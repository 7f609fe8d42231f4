//! The vector instructions of the processor, chosen at run time.

use std::sync::OnceLock;

use pulp::{Scalar128b, Simd, WithSimd};

/// The environment variable that names the instructions to use: `avx512`, `avx2`, `neon` or
/// `portable`. A name that this processor does not have is ignored.
const VARIABLE: &str = "FASTBURN_KERNELS";

/// Vector instructions that this processor has.
///
/// A value is proof that the processor has them: pulp makes its tokens only after asking it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Instructions {
    #[cfg(target_arch = "x86_64")]
    Avx512(pulp::x86::V4),
    #[cfg(target_arch = "x86_64")]
    Avx2(pulp::x86::V3),
    #[cfg(target_arch = "aarch64")]
    Neon(pulp::aarch64::Neon),
    /// Vectors of four, for the compiler to make what it can of.
    Portable(Scalar128b),
}

impl Instructions {
    /// Returns all that this processor has, the best first.
    pub fn available() -> Vec<Self> {
        let mut all = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            all.extend(pulp::x86::V4::try_new().map(Self::Avx512));
            all.extend(pulp::x86::V3::try_new().map(Self::Avx2));
        }
        #[cfg(target_arch = "aarch64")]
        all.extend(pulp::aarch64::Neon::try_new().map(Self::Neon));
        all.push(Self::Portable(Scalar128b));
        all
    }

    /// Returns those that [`VARIABLE`] names, or the best.
    pub fn chosen() -> Self {
        static CHOSEN: OnceLock<Instructions> = OnceLock::new();
        *CHOSEN.get_or_init(|| {
            let wanted = std::env::var(VARIABLE).unwrap_or_default();
            let all = Self::available();
            all.iter().copied().find(|one| one.name() == wanted).unwrap_or(all[0])
        })
    }

    /// Returns the name that [`VARIABLE`] takes.
    pub fn name(self) -> &'static str {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => "avx512",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => "avx2",
            #[cfg(target_arch = "aarch64")]
            Self::Neon(_) => "neon",
            Self::Portable(_) => "portable",
        }
    }

    /// Runs an operation with these instructions.
    pub fn run<O: WithSimd>(self, operation: O) -> O::Output {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(simd) => Simd::vectorize(simd, operation),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(simd) => Simd::vectorize(simd, operation),
            #[cfg(target_arch = "aarch64")]
            Self::Neon(simd) => Simd::vectorize(simd, operation),
            Self::Portable(simd) => Simd::vectorize(simd, operation),
        }
    }

    /// Returns the number of f32 values of a vector.
    pub fn lanes(self) -> usize {
        struct Lanes;
        impl WithSimd for Lanes {
            type Output = usize;

            fn with_simd<S: Simd>(self, _: S) -> usize {
                S::F32_LANES
            }
        }
        self.run(Lanes)
    }

    /// Returns whether there are 32 vector registers, not 16.
    pub fn has_32_registers(self) -> bool {
        struct Registers;
        impl WithSimd for Registers {
            type Output = bool;

            fn with_simd<S: Simd>(self, _: S) -> bool {
                S::REGISTER_COUNT >= 32
            }
        }
        self.run(Registers)
    }
}
