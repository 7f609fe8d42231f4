//! Where a walk through a module is, and what PyTorch calls that place.

/// The way from a module down to one of its parameters.
pub(super) struct WeightsPath {
    /// Each part's name, and the type that has it.
    parts: Vec<(String, String)>,
    torch_name: fn(&str) -> String,
}

impl WeightsPath {
    pub fn new(torch_name: fn(&str) -> String) -> Self {
        Self { parts: Vec::new(), torch_name }
    }

    pub fn enter(&mut self, name: &str, container: &str) {
        self.parts.push((name.to_owned(), container.to_owned()));
    }

    pub fn exit(&mut self) {
        self.parts.pop();
    }

    /// PyTorch's name for the parameter at hand.
    pub fn name(&self) -> String {
        // The variant of an enum is no part of what PyTorch sees.
        let parts = self.parts.iter().filter(|(_, container)| !container.starts_with("Enum:"));
        let names: Vec<_> = parts.map(|(name, _)| name.as_str()).collect();
        (self.torch_name)(&names.join("."))
    }

    /// Rows and columns of a weight that PyTorch has transposed: that of Burn's linear layer.
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
