//! JSON has no word for what is not a finite number; as text it survives.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Number {
    Finite(f64),
    Text(String),
}

pub fn serialize<S: Serializer>(values: &[f64], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(values.iter().map(|&value| match value.is_finite() {
        true => Number::Finite(value),
        false => Number::Text(value.to_string()),
    }))
}

pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
    let numbers =
        Vec::<Number>::deserialize(deserializer)?.into_iter().map(|number| match number {
            Number::Finite(value) => Ok(value),
            Number::Text(text) => text.parse().map_err(serde::de::Error::custom),
        });
    numbers.collect()
}
