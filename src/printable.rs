//! Names, paths and numbers in a form that is safe and short to print.

use std::borrow::Cow;
use std::path::Path;

/// Replaces each character that could control a terminal, or reorder the rest of its line, with
/// `\u{fffd}`.
///
/// These are control characters and Unicode's bidirectional formatting characters, such as U+202E,
/// which displays the text after it from right to left.
///
/// ```
/// assert_eq!(fastburn::printable("a\x1b[31mb"), "a\u{fffd}[31mb");
/// assert_eq!(fastburn::printable("photo\u{202e}gpj.exe"), "photo\u{fffd}gpj.exe");
/// ```
pub fn printable(text: &str) -> String {
    text.replace(|c: char| c.is_control() || is_bidirectional(c), "\u{fffd}")
}

/// Returns whether a character is one of Unicode's `Bidi_Control` characters (UAX #9).
pub(crate) fn is_bidirectional(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Returns a path as text, with bytes that are not UTF-8 as `\xFF`, so that different paths look
/// different.
pub(crate) fn shown(path: &Path) -> Cow<'_, str> {
    if let Some(text) = path.to_str() {
        return Cow::Borrowed(text);
    }
    let chunks = path.as_os_str().as_encoded_bytes().utf8_chunks();
    let chunks = chunks.map(|chunk| {
        let bytes = chunk.invalid().iter().map(|byte| format!("\\x{byte:02X}"));
        chunk.valid().to_owned() + &bytes.collect::<String>()
    });
    Cow::Owned(chunks.collect())
}

/// Formats a number, in scientific notation if it would have many digits: 1e-320 has 322.
pub(crate) fn short_number(value: f64) -> String {
    let plain = value == 0.0 || !value.is_finite() || (1e-5..1e16).contains(&value.abs());
    if plain { value.to_string() } else { format!("{value:e}") }
}

/// Joins the first `most` names, and adds how many more there are.
pub(crate) fn list_of<T: AsRef<str>>(
    most: usize,
    names: impl IntoIterator<Item = T, IntoIter: ExactSizeIterator>,
) -> String {
    let mut names = names.into_iter();
    let first: Vec<T> = names.by_ref().take(most).collect();
    let first: Vec<&str> = first.iter().map(AsRef::as_ref).collect();
    match names.len() {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_few_characters_and_is_read_back_as_it_was() {
        for value in [0.0, -1.0, 0.003, 1e-5, 1e-320, f64::MAX, 1e16, f64::INFINITY] {
            let text = short_number(value);
            assert!(text.len() < 25 && text.parse::<f64>() == Ok(value), "{text}");
        }
        assert_eq!([0.1, 1e-6, 3.0].map(short_number), ["0.1", "1e-6", "3"]);
    }

    #[test]
    fn a_long_list_says_how_many_names_it_leaves_out() {
        assert_eq!(list_of(2, ["a", "b"]), "a, b");
        assert_eq!(list_of(2, ["a", "b", "c", "d"]), "a, b and 2 more");
    }
}
