//! The common look of all plots.

/// The fonts, in order of preference. PNG files are always drawn with the first.
pub const FONT: &str = "DejaVu Sans, Verdana, sans-serif";
/// Font sizes in pixels.
pub const TITLE: u32 = 15;
pub const LABEL: u32 = 12;

/// The distance between elements, in pixels.
pub const GAP: u32 = 12;

/// The colour of text and axes.
pub const INK: [u8; 3] = [40, 40, 40];
/// The colour of a chart's grid lines.
pub const GRID: [u8; 3] = [225, 225, 225];
pub const PAPER: [u8; 3] = [255, 255, 255];

/// Colours that colour-blind people can tell apart (Okabe and Ito 2008).
pub const SERIES: [[u8; 3]; 6] =
    [[0, 114, 178], [213, 94, 0], [0, 158, 115], [204, 121, 167], [230, 159, 0], [86, 180, 233]];

/// The colour of the heat over an image, bright enough for a black one and dark enough for a white
/// one.
pub const HEAT: [u8; 3] = [255, 80, 0];

/// From dark to light, for ordered series (viridis, with a darker end for contrast on white).
const RAMP: [[u8; 3]; 5] =
    [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [210, 200, 40]];

/// Returns a colour for each of `count` ordered series: the most distinct ones, or colours along a
/// ramp if these are too few.
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

/// Returns an upper bound on the width of a text, in pixels.
pub fn width_of(text: &str, size: u32) -> u32 {
    let widths: f64 = text.chars().map(advance).sum();
    (widths * f64::from(size)).ceil() as u32
}

/// Returns the text, cut at its end if it is wider than `width` pixels.
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

/// Returns a letter's width in DejaVu Sans relative to the font size, rounded up by group.
fn advance(letter: char) -> f64 {
    match letter {
        'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '\'' | '|' | ' ' => 0.34,
        'm' | 'w' | 'M' | 'W' | '%' | '@' => 1.0,
        'A'..='Z' | '+' | '=' | '<' | '>' | '~' | '^' | '#' | '&' | '_' => 0.84,
        ' '..='~' => 0.65,
        _ => 1.0,
    }
}

/// Formats a colour for SVG.
pub fn hex([red, green, blue]: [u8; 3]) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}
