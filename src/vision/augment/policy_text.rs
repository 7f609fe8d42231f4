//! The text of a policy.

use std::fmt;
use std::str::FromStr;

use super::policy::{Augment, name_of};
use super::transforms::{NAMES, named};
use super::view::RandomCrop;
use crate::error::{Error, Result};
use crate::vision::padding::Padding;

impl Augment {
    /// Applies one item of a policy's text.
    fn apply(mut self, item: &str) -> Result<Self> {
        let (setting, probability) = match item.split_once('@') {
            Some((setting, probability)) => (setting, Some(probability)),
            None => (item, None),
        };
        let (name, value) = match setting.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (setting, None),
        };
        let numbers: Option<Vec<f64>> =
            value.map_or(Some(Vec::new()), |value| value.split("..").map(number).collect());
        let probability = match probability.map(number) {
            None => None,
            Some(Some(probability)) if (0.0..=1.0).contains(&probability) => Some(probability),
            Some(_) => return Err(unknown(item)),
        };
        match (name, value, probability) {
            ("padding", Some(padding), None) => return Ok(self.padding(padding.parse()?)),
            (name, Some("none"), None) if is_known(name) => return Ok(self.without(name)),
            _ => {}
        }
        let numbers = numbers.ok_or_else(|| unknown(item))?;
        if let ("crop", &[least], None) = (name, numbers.as_slice(), probability)
            && least > 0.0
            && least <= 1.0
        {
            return Ok(self.crop(RandomCrop::new(least)));
        }
        self.add(named(name, &numbers, probability).ok_or_else(|| unknown(item))?);
        Ok(self)
    }
}

/// Returns whether there is a built-in transform of this name.
fn is_known(name: &str) -> bool {
    name == "crop" || NAMES.iter().any(|known| name_of(known) == name)
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

fn unknown(item: &str) -> Error {
    let names = NAMES.join(", ");
    let expected = format!(
        "none, standard or digits at first, then padding=reflection, border or zeros, crop=AREA \
         above 0 and up to 1, or one of {names}; with @PROBABILITY from 0 to 1, except for crop, \
         randaugment and trivialaugment, or with =none"
    );
    let item = if item.is_empty() { "an empty item" } else { item };
    Error::setting("augmentation", item, expected)
}

impl fmt::Display for Augment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let crop = self.crop.map(|crop| format!("crop={}", crop.least()));
        let padding =
            (self.padding != Padding::default()).then(|| format!("padding={}", self.padding));
        let transforms = self.transforms.iter().map(|transform| transform.describe());
        let batches = self.batches.iter().map(|transform| transform.describe());
        let items: Vec<_> =
            crop.into_iter().chain(transforms).chain(batches).chain(padding).collect();
        f.write_str(if items.is_empty() { "none" } else { "" })?;
        f.write_str(&items.join(","))
    }
}

impl FromStr for Augment {
    type Err = Error;

    /// # Errors
    ///
    /// [`Error::Setting`] if there is no such transform, or its setting is out of range.
    fn from_str(text: &str) -> Result<Self> {
        let mut items = text.split(',').map(str::trim).peekable();
        let named = match items.peek() {
            Some(&"none") => Some(Self::none()),
            Some(&"standard") => Some(Self::standard()),
            Some(&"digits") => Some(Self::digits()),
            _ => None,
        };
        let start = match named {
            Some(policy) => {
                items.next();
                policy
            }
            None => Self::none(),
        };
        items.try_fold(start, Self::apply)
    }
}
