//! One look for every picture.

/// The font that PNG files are drawn with; whoever shows an SVG file takes it or the next best.
pub const FONT: &str = "DejaVu Sans, Verdana, sans-serif";
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

/// From dark to light, for what has an order (viridis, its end darkened to be seen on paper).
const RAMP: [[u8; 3]; 5] =
    [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [210, 200, 40]];

/// A colour for each of so many series in their order: those that are told apart best, or, where
/// they are too few, along a ramp.
pub fn ordered(count: usize) -> Vec<[u8; 3]> {
    if count <= SERIES.len() {
        return SERIES[..count].to_vec();
    }
    let along = |index: usize| {
        let place = index as f64 / (count - 1) as f64 * (RAMP.len() - 1) as f64;
        let from = (place as usize).min(RAMP.len() - 2);
        let share = place - from as f64;
        let mix = |(a, b): (u8, u8)| f64::from(a) + share * (f64::from(b) - f64::from(a));
        [0, 1, 2].map(|channel| mix((RAMP[from][channel], RAMP[from + 1][channel])).round() as u8)
    };
    (0..count).map(along).collect()
}

/// The most that a text is wide, in pixels.
pub fn width_of(text: &str, size: u32) -> u32 {
    let widths: f64 = text.chars().map(advance).sum();
    (widths * f64::from(size)).ceil() as u32
}

/// The text, cut at its end so that it is no wider than `width` pixels.
pub fn fitted(text: &str, size: u32, width: u32) -> String {
    if width_of(text, size) <= width {
        return text.to_owned();
    }
    let mut room = f64::from(width) / f64::from(size) - advance('…');
    let fits = |&letter: &char| {
        room -= advance(letter);
        room >= 0.0
    };
    text.chars().take_while(fits).chain(['…']).collect()
}

/// A letter's width in DejaVu Sans, in parts of the font's size, rounded up by kind.
fn advance(letter: char) -> f64 {
    match letter {
        'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '\'' | '|' | ' ' => 0.34,
        'm' | 'w' | 'M' | 'W' | '%' | '@' => 1.0,
        'A'..='Z' | '+' | '=' | '<' | '>' | '~' | '^' | '#' | '&' | '_' => 0.84,
        ' '..='~' => 0.65,
        _ => 1.0,
    }
}

/// A colour as SVG writes it.
pub fn hex([red, green, blue]: [u8; 3]) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}
