//! The names by which data sets call their two parts, in any case.

const TRAINING: [&str; 2] = ["train", "training"];
/// Where there are several, the first of them is used.
const VALIDATION: [&str; 5] = ["valid", "val", "validation", "test", "testing"];

/// Whether a folder of that name is a part rather than a class.
pub(crate) fn is_part(name: &str) -> bool {
    TRAINING.iter().chain(&VALIDATION).any(|part| part.eq_ignore_ascii_case(name))
}

/// The training and the validation part among these names.
pub(super) fn pair(names: &[String]) -> Option<(&String, &String)> {
    Some((first(&TRAINING, names)?, first(&VALIDATION, names)?))
}

/// A part that lacks its other, and what that would be called.
pub(super) fn half(names: &[String]) -> Option<(&String, &'static str)> {
    let is_long = |name: &str| name.to_ascii_lowercase().ends_with("ing");
    let other = |name: &str, long, short| if is_long(name) { long } else { short };
    match (first(&TRAINING, names), first(&VALIDATION, names)) {
        (Some(there), None) => Some((there, other(there, "testing", "valid"))),
        (None, Some(there)) => Some((there, other(there, "training", "train"))),
        _ => None,
    }
}

fn first<'a>(parts: &[&str], names: &'a [String]) -> Option<&'a String> {
    parts.iter().find_map(|part| names.iter().find(|name| part.eq_ignore_ascii_case(name)))
}
