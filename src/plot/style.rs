//! One look for every picture.

/// The font that PNG files are drawn with; whoever shows an SVG file takes it or the next best.
pub const FONT: &str = "DejaVu Sans, Verdana, sans-serif";
/// A character's width, in parts of the font's size: the font's widest common letters.
const CHARACTER: f64 = 0.62;

/// Sizes of letters, in pixels.
pub const TITLE: u32 = 15;
pub const LABEL: u32 = 12;

/// The room between things, in pixels.
pub const GAP: u32 = 12;

/// Letters and axes.
pub const INK: [u8; 3] = [40, 40, 40];
/// Lines of a chart's grid.
pub const GRID: [u8; 3] = [225, 225, 225];
pub const PAPER: [u8; 3] = [255, 255, 255];

/// Colours that people with colour-blindness can tell apart (Okabe and Ito 2008).
pub const SERIES: [[u8; 3]; 6] =
    [[0, 114, 178], [213, 94, 0], [0, 158, 115], [204, 121, 167], [230, 159, 0], [86, 180, 233]];

/// About how wide a text is, in pixels.
pub fn width_of(text: &str, size: u32) -> u32 {
    (text.chars().count() as f64 * f64::from(size) * CHARACTER).ceil() as u32
}

/// The text, cut at its end so that it is no wider than `width` pixels.
pub fn fitted(text: &str, size: u32, width: u32) -> String {
    if width_of(text, size) <= width {
        return text.to_owned();
    }
    let room = (f64::from(width) / (f64::from(size) * CHARACTER)) as usize;
    text.chars().take(room.saturating_sub(1)).chain(['…']).collect()
}

/// A colour as SVG writes it.
pub fn hex([red, green, blue]: [u8; 3]) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}
