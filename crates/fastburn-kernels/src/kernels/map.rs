//! Functions of each value, computed by all threads.

use pulp::{Simd, WithSimd};

use crate::kernels::instructions::Instructions;
use crate::kernels::parallel::for_each;
use crate::kernels::vector::{Lanes, vectors};

/// The rows' values that a thread takes at a time.
const PART: usize = 1 << 14;

/// What is computed for each vector of values.
pub(crate) trait Map: Sync {
    /// Computes a vector: value `index` is the first, in column `column` of its row.
    ///
    /// # Safety
    ///
    /// The lanes must be values from these on, which no other call computes.
    unsafe fn vector<S: Simd>(&self, simd: S, index: usize, column: usize, lanes: Lanes<S>);
}

/// Computes all values of `[rows, columns]`.
///
/// # Safety
///
/// The buffers of the map must have as many values.
pub(crate) unsafe fn map<M: Map>(instructions: Instructions, rows: usize, columns: usize, map: &M) {
    let part = PART.div_ceil(columns.max(1));
    for_each(rows.div_ceil(part), rows * columns, |index| {
        let rows = index * part..((index + 1) * part).min(rows);
        instructions.run(Rows { rows, columns, map });
    });
}

/// Computes `len` values that have no columns.
///
/// # Safety
///
/// The buffers of the map must have as many values.
pub(crate) unsafe fn map_all<M: Map>(instructions: Instructions, len: usize, of_values: &M) {
    let parts = len.div_ceil(PART);
    for_each(parts, len, |part| {
        let first = part * PART;
        instructions.run(Values { first, len: PART.min(len - first), map: of_values });
    });
}

struct Rows<'a, M> {
    rows: std::ops::Range<usize>,
    columns: usize,
    map: &'a M,
}

impl<M: Map> WithSimd for Rows<'_, M> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for row in self.rows {
            vectors(
                simd,
                self.columns,
                #[inline(always)]
                |column, lanes| {
                    // SAFETY: a vector of a row of the buffers; each is computed once.
                    unsafe { self.map.vector(simd, row * self.columns + column, column, lanes) };
                },
            );
        }
    }
}

struct Values<'a, M> {
    first: usize,
    len: usize,
    map: &'a M,
}

impl<M: Map> WithSimd for Values<'_, M> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        vectors(
            simd,
            self.len,
            #[inline(always)]
            |index, lanes| {
                // SAFETY: a vector of the buffers; each is computed once.
                unsafe { self.map.vector(simd, self.first + index, 0, lanes) };
            },
        );
    }
}
