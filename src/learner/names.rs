//! Names of types as people read them.

/// Returns a type's name without module paths, such as `EpochTable<Stdout>`.
pub(super) fn short_name(type_name: &str) -> String {
    let paths = type_name.split_inclusive(|c: char| !(c.is_alphanumeric() || "_:".contains(c)));
    paths.filter_map(|path| path.rsplit("::").next()).collect()
}

/// Returns a type's name without module paths and parameters, such as `EpochTable`; other names as
/// they are.
pub(super) fn plain_name(type_name: &str) -> &str {
    let name = type_name.split('<').next().unwrap_or(type_name);
    name.rsplit("::").next().unwrap_or(name)
}
