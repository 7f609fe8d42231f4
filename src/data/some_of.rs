//! Names in a sentence.

/// The names, or the first `most` of them and how many more there are.
pub(super) fn some_of<T: AsRef<str>>(
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
