//! How channels are divided into blocks of vectors, and the tiles that registers hold.

use crate::kernels::instructions::Instructions;

/// Channels, divided into blocks of at most `width` lanes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Blocks {
    channels: usize,
    lanes: usize,
    /// The vectors of every block but perhaps the last.
    pub vectors: usize,
    pub count: usize,
}

impl Blocks {
    /// Divides channels into as few blocks as registers allow, all of about one size.
    pub fn new(instructions: Instructions, channels: usize) -> Self {
        let most = if instructions.has_32_registers() { 4 } else { 3 };
        let lanes = instructions.lanes();
        let all = channels.div_ceil(lanes);
        let vectors = all.div_ceil(all.div_ceil(most));
        Self { channels, lanes, vectors, count: all.div_ceil(vectors) }
    }

    /// Returns the number of channels of all blocks.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Returns the lanes of every block but perhaps the last.
    pub fn width(&self) -> usize {
        self.vectors * self.lanes
    }

    /// Returns the first channel of a block.
    pub fn first(&self, block: usize) -> usize {
        block * self.width()
    }

    /// Returns the number of channels of a block.
    pub fn channels_of(&self, block: usize) -> usize {
        (self.channels - self.first(block)).min(self.width())
    }

    /// Returns the number of vectors of a block.
    pub fn vectors_of(&self, block: usize) -> usize {
        self.channels_of(block).div_ceil(self.lanes)
    }

    /// Returns how many channels may be taken at once, at most `most`, without crossing the end of a
    /// block.
    pub fn lanes_at_once(&self, most: usize) -> usize {
        self.lanes.min(most)
    }

    /// Returns the number of lanes of a block, those of the last vector that are no channel included.
    pub fn width_of(&self, block: usize) -> usize {
        self.vectors_of(block) * self.lanes
    }
}

/// The order of a matrix whose rows have a value for each channel.
#[derive(Debug, Clone, Copy)]
pub(super) enum Order {
    /// Blocks of rows of whole vectors.
    Packed,
    /// Rows of all channels.
    Rows,
}

impl Order {
    /// Returns the number of values of a matrix of `depth` rows.
    pub fn len(self, blocks: Blocks, depth: usize) -> usize {
        depth
            * match self {
                Self::Packed => blocks.count * blocks.width(),
                Self::Rows => blocks.channels(),
            }
    }

    /// Returns where a block begins in a matrix of `depth` rows, and the step from row to row.
    pub fn place(self, blocks: Blocks, block: usize, depth: usize) -> (usize, usize) {
        match self {
            Self::Packed => (block * depth * blocks.width(), blocks.width_of(block)),
            Self::Rows => (blocks.first(block), blocks.channels()),
        }
    }
}

/// Returns the number of rows of a tile whose blocks have that many vectors: as many accumulators
/// as registers are left by the vectors of a row of weights and a broadcast value.
pub(super) fn rows_of_tile(has_32_registers: bool, vectors: usize) -> usize {
    match (has_32_registers, vectors) {
        (true, 1) => 14,
        (true, 2) => 12,
        (true, 3) => 8,
        (true, _) => 6,
        (false, 1) => 12,
        (false, 2) => 6,
        (false, _) => 4,
    }
}

/// Calls a function of `<rows, vectors>` with the constants that fit: whole tiles, then tiles of 4,
/// 2 and 1 rows.
///
/// `$rows` is one of the numbers that [`rows_of_tile`] returns for `$vectors`, 4, 2 or 1.
macro_rules! with_tile {
    ($function:ident, $simd:ty, $rows:expr, $vectors:expr, $arguments:tt) => {
        match ($vectors, $rows) {
            (1, 14) if <$simd>::REGISTER_COUNT >= 32 => $function::<$simd, 14, 1> $arguments,
            (1, 12) if <$simd>::REGISTER_COUNT < 32 => $function::<$simd, 12, 1> $arguments,
            (1, 4) => $function::<$simd, 4, 1> $arguments,
            (1, 2) => $function::<$simd, 2, 1> $arguments,
            (1, 1) => $function::<$simd, 1, 1> $arguments,
            (2, 12) if <$simd>::REGISTER_COUNT >= 32 => $function::<$simd, 12, 2> $arguments,
            (2, 6) if <$simd>::REGISTER_COUNT < 32 => $function::<$simd, 6, 2> $arguments,
            (2, 4) => $function::<$simd, 4, 2> $arguments,
            (2, 2) => $function::<$simd, 2, 2> $arguments,
            (2, 1) => $function::<$simd, 1, 2> $arguments,
            (3, 8) if <$simd>::REGISTER_COUNT >= 32 => $function::<$simd, 8, 3> $arguments,
            (3, 4) => $function::<$simd, 4, 3> $arguments,
            (3, 2) => $function::<$simd, 2, 3> $arguments,
            (3, 1) => $function::<$simd, 1, 3> $arguments,
            (4, 6) if <$simd>::REGISTER_COUNT >= 32 => $function::<$simd, 6, 4> $arguments,
            (4, 4) if <$simd>::REGISTER_COUNT >= 32 => $function::<$simd, 4, 4> $arguments,
            (4, 2) if <$simd>::REGISTER_COUNT >= 32 => $function::<$simd, 2, 4> $arguments,
            (4, 1) if <$simd>::REGISTER_COUNT >= 32 => $function::<$simd, 1, 4> $arguments,
            _ => unreachable!("no tile of {} rows and {} vectors", $rows, $vectors),
        }
    };
}
pub(super) use with_tile;

/// Returns the rows of the next tile when `left` rows are left.
#[inline(always)]
pub(super) fn next_tile(whole: usize, left: usize) -> usize {
    if left >= whole {
        whole
    } else if left >= 4 {
        4
    } else if left >= 2 {
        2
    } else {
        1
    }
}
