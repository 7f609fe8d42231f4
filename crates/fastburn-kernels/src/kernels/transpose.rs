//! Transposition of matrices, tile by tile.

use pulp::{Simd, WithSimd};

use crate::kernels::instructions::Instructions;

/// The side of a tile.
const TILE: usize = 8;

/// A matrix `[rows, columns]` to write as columns, each to a place of its own.
pub(crate) struct Transpose<'a, F> {
    pub from: &'a [f32],
    /// The step from row to row.
    pub step: usize,
    pub rows: usize,
    pub columns: usize,
    pub to: &'a mut [f32],
    /// Where a column begins.
    pub place: F,
}

impl<F: Fn(usize) -> usize> Transpose<'_, F> {
    pub fn run(self, instructions: Instructions) {
        instructions.run(self);
    }
}

impl<F: Fn(usize) -> usize> WithSimd for Transpose<'_, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { from, step, rows, columns, to, place } = self;
        let (whole_rows, whole_columns) = (rows - rows % TILE, columns - columns % TILE);
        let mut row = 0;
        while row < whole_rows {
            let mut column = 0;
            while column < whole_columns {
                let mut tile = [[0.0_f32; TILE]; TILE];
                for r in 0..TILE {
                    let at = (row + r) * step + column;
                    tile[r].copy_from_slice(&from[at..at + TILE]);
                }
                for c in 0..TILE {
                    let at = place(column + c) + row;
                    let to: &mut [f32; TILE] = (&mut to[at..at + TILE]).try_into().unwrap();
                    for r in 0..TILE {
                        to[r] = tile[r][c];
                    }
                }
                column += TILE;
            }
            while column < columns {
                let at = place(column) + row;
                for r in 0..TILE {
                    to[at + r] = from[(row + r) * step + column];
                }
                column += 1;
            }
            row += TILE;
        }
        for row in whole_rows..rows {
            for column in 0..columns {
                to[place(column) + row] = from[row * step + column];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_become_rows_wherever_they_go() {
        for [rows, columns] in [[1_usize, 1_usize], [8, 8], [9, 23], [64, 9], [3, 100], [17, 16]] {
            let step = columns + 5;
            let from: Vec<f32> = (0..rows * step).map(|index| index as f32).collect();
            // Every second column first.
            let place = |column: usize| {
                let half = columns.div_ceil(2);
                let index = if column.is_multiple_of(2) { column / 2 } else { half + column / 2 };
                index * rows
            };
            for instructions in Instructions::available() {
                let mut to = vec![-1.0; rows * columns];
                let to_all = &mut to[..];
                Transpose { from: &from, step, rows, columns, to: to_all, place }.run(instructions);
                for (row, column) in (0..rows).flat_map(|r| (0..columns).map(move |c| (r, c))) {
                    assert_eq!(to[place(column) + row], from[row * step + column]);
                }
            }
        }
    }
}
