//! Draws the digits of `assets/digits.tgz`: handwriting-like strokes, bent and shaken by a seed.
//!
//! Only additions, multiplications, divisions and square roots are used, which every machine
//! rounds alike, so that the same images come out everywhere. `examples/make_digits.rs` writes
//! the archive from them, and a test compares the archive with them.

mod glyphs;
mod hand;
mod pen;

/// Pixels a side.
pub const SIDE: usize = 28;
/// The parts of the data set, with the number of images of each digit in them.
pub const PARTS: [(&str, usize); 2] = [("training", 600), ("testing", 100)];

/// Image `index` of `digit` in part number `part`: white on black, row by row.
pub fn draw(part: usize, digit: usize, index: usize) -> [u8; SIDE * SIDE] {
    let mut hand = hand::Hand::new(part, digit, index);
    let handwritings = glyphs::DIGITS[digit];
    let glyph = handwritings[hand.pick(handwritings.len())];
    let strokes: Vec<_> = glyph.iter().map(|stroke| hand.shake(stroke)).collect();
    let twist = hand.twist();
    let lines: Vec<_> = strokes
        .iter()
        .flat_map(|stroke| pen::curve(stroke))
        .map(|line| line.map(|point| twist.apply(point)))
        .collect();
    pen::ink(&lines, &mut hand)
}
