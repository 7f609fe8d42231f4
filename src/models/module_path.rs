//! The paths of a model's parameters.

use crate::layers::is_full_precision;

/// Burn's normalisation layers.
const NORMS: [&str; 5] = ["BatchNorm", "GroupNorm", "InstanceNorm", "LayerNorm", "RmsNorm"];

/// The path from a module to one of its parameters, updated by a visitor as it enters and leaves
/// the module's parts.
#[derive(Debug, Default)]
pub(crate) struct ModulePath {
    /// Each part's name and the type that contains it, in Burn's notation: `Struct:Linear`.
    parts: Vec<(String, String)>,
}

impl ModulePath {
    pub fn enter(&mut self, name: &str, container: &str) {
        self.parts.push((name.to_owned(), container.to_owned()));
    }

    pub fn exit(&mut self) {
        self.parts.pop();
    }

    /// Returns the path of the parameter, such as `layers.0.weight`.
    pub fn parameter(&self) -> String {
        join(&self.parts)
    }

    /// Returns the path of the module that holds the parameter, such as `layers.0`.
    pub fn module(&self) -> String {
        join(self.parts.split_last().map_or(&[], |(_, above)| above))
    }

    /// Returns the parameter's name in the module that holds it, such as `weight`.
    pub fn tensor(&self) -> &str {
        self.parts.last().map(|(name, _)| name.as_str()).unwrap_or_default()
    }

    /// Returns the type of the module that holds the parameter, such as `Linear`.
    pub fn kind(&self) -> String {
        let container = self.parts.last().map(|(_, container)| container.as_str());
        container.and_then(|container| container.rsplit(':').next()).unwrap_or_default().to_owned()
    }

    /// Returns whether the parameter belongs to one of Burn's normalisation layers.
    pub fn is_in_norm(&self) -> bool {
        NORMS.contains(&self.kind().as_str())
    }

    /// Returns whether the parameter is within a [`FullPrecision`](crate::layers::FullPrecision).
    pub fn is_in_full_precision(&self) -> bool {
        self.parts.iter().any(|(name, container)| is_full_precision(name, container))
    }

    /// Returns the rows and columns of a tensor of that shape, if PyTorch stores it transposed: the
    /// weight of a linear layer.
    pub fn transposed(&self, shape: &[usize]) -> Option<[usize; 2]> {
        let (name, container) = self.parts.last()?;
        match shape {
            &[rows, columns] if name == "weight" && container == "Struct:Linear" => {
                Some([rows, columns])
            }
            _ => None,
        }
    }
}

/// Joins the names with dots. Burn counts an enum's variant as a part of the path, and what is
/// within a [`FullPrecision`](crate::layers::FullPrecision); PyTorch and the paths that users write do not.
fn join(parts: &[(String, String)]) -> String {
    let is_hidden = |name: &str, container: &str| {
        container.starts_with("Enum:") || is_full_precision(name, container)
    };
    let parts = parts.iter().filter(|(name, container)| !is_hidden(name, container));
    parts.map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(".")
}
