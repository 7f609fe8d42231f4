//! Loaders of the rows of tables.

use std::collections::BTreeSet;

use burn::tensor::{Device, Int, Tensor, TensorData};

use super::spec::RowSpec;
use super::table::Table;
use crate::data::{DataLoaders, ItemFormat, TensorSource};
use crate::error::{Error, Result};

impl DataLoaders<Tensor<2>, Tensor<2>> {
    /// Creates loaders for a regression: of inputs `[batch, features]`, standardised by the
    /// training rows, and values `[batch, 1]` of a column.
    ///
    /// The training rows are shuffled with seed 0; [`shuffle`](Self::shuffle) sets another. Batches
    /// have 64 rows; [`batch_size`](Self::batch_size) changes that.
    ///
    /// ```
    /// use fastburn::metrics::mae;
    /// use fastburn::prelude::*;
    /// use fastburn::rows::Table;
    ///
    /// // y = 3 a - b
    /// let line = |i: i32| format!("{},{},{}\n", i % 7, i % 5, 3 * (i % 7) - i % 5);
    /// let csv = "a,b,y\n".to_owned() + &(0..100).map(line).collect::<String>();
    /// let (train, valid) = Table::parse("planes.csv", csv.as_bytes())?.split(0.2, 42)?;
    ///
    /// let device = device::cpu()?;
    /// let dls = DataLoaders::from_rows(&train, &valid, &["a", "b"], "y", &device)?.batch_size(16)?;
    /// let model = LinearConfig::new(2, 1).init(&device, 42)?;
    /// let mut learn = Learner::new(dls, model, Mse).metric(mae());
    /// learn.fit(200, 0.3)?;
    /// assert!(learn.validate()?.metrics[0] < 0.1);
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if the target is one of the features, and those of [`RowSpec::of`] and of
    /// [`Table::numbers`].
    pub fn from_rows(
        train: &Table,
        valid: &Table,
        features: &[&str],
        target: &str,
        device: &Device,
    ) -> Result<Self> {
        let spec = spec(train, features, target)?;
        let source = |table: &Table| {
            let values = TensorData::new(table.numbers(target)?, [table.len(), 1]);
            TensorSource::new(inputs(&spec, table, device)?, Tensor::from_data(values, device))
        };
        let items = ItemFormat::of_values((&spec).into(), [target.to_owned()]);
        Ok(Self { items: Some(items), ..Self::new(source(train)?, source(valid)?, 0) })
    }
}

impl DataLoaders<Tensor<2>, Tensor<1, Int>> {
    /// Creates loaders for a classification: of inputs `[batch, features]`, standardised by the
    /// training rows, and class indices `[batch]` of a column. The classes are the texts in that
    /// column of the training rows, sorted.
    ///
    /// ```
    /// use fastburn::prelude::*;
    /// use fastburn::rows::Table;
    ///
    /// let line = |i: i32| format!("{i},{}\n", if i < 50 { "cold" } else { "warm" });
    /// let csv = "degrees,feels\n".to_owned() + &(0..100).map(line).collect::<String>();
    /// let (train, valid) = Table::parse("weather.csv", csv.as_bytes())?.split(0.2, 42)?;
    ///
    /// let device = device::cpu()?;
    /// let dls = DataLoaders::from_classes(&train, &valid, &["degrees"], "feels", &device)?;
    /// let model = LinearConfig::new(1, 2).init(&device, 42)?;
    /// let mut learn =
    ///     Learner::new(dls.batch_size(16)?, model, CrossEntropy::new()).metric(accuracy());
    /// learn.fit(20, 0.1)?;
    /// assert!(learn.validate()?.metrics[0] > 0.9);
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if the class is one of the features, and those of [`RowSpec::of`] and of
    /// [`Table::classes`].
    pub fn from_classes(
        train: &Table,
        valid: &Table,
        features: &[&str],
        class: &str,
        device: &Device,
    ) -> Result<Self> {
        let spec = spec(train, features, class)?;
        let classes: BTreeSet<_> = train.texts(class)?.into_iter().map(str::to_owned).collect();
        let classes: Vec<_> = classes.into_iter().collect();
        let source = |table: &Table| {
            let indices = table.classes(class, &classes)?;
            let indices: Vec<i32> = indices.into_iter().map(u32::cast_signed).collect();
            let indices = TensorData::new(indices, [table.len()]);
            let targets = Tensor::<1, Int>::from_data(indices, device);
            TensorSource::new(inputs(&spec, table, device)?, targets)
        };
        let dls = Self::new(source(train)?, source(valid)?, 0);
        Ok(Self { items: Some(ItemFormat::of_classes((&spec).into(), classes)), ..dls })
    }
}

/// Measures the features, none of which may be what is to be predicted.
fn spec(train: &Table, features: &[&str], target: &str) -> Result<RowSpec> {
    if features.contains(&target) {
        let expected = format!("none that is the target, {target}");
        return Err(Error::setting("features", features.join(", "), expected));
    }
    RowSpec::of(train, features)
}

fn inputs(spec: &RowSpec, table: &Table, device: &Device) -> Result<Tensor<2>> {
    let shape = [table.len(), spec.features.len()];
    Ok(Tensor::from_data(TensorData::new(spec.inputs(table)?, shape), device))
}
