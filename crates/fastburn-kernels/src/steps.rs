//! The settings of optimizers' steps.

/// Weight decay before a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum WeightDecay {
    /// None.
    None,
    /// The parameter is multiplied by a factor: `1 - learning rate · rate`, in AdamW.
    Factor(f32),
    /// The parameter times a rate is added to its gradient: an L2 penalty.
    Penalty(f32),
}

/// A step of Adam: Kingma and Ba 2015, and Loshchilov and Hutter 2019 for weight decay by a factor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamStep {
    /// The learning rate.
    pub lr: f64,
    /// The decay rate of the average of gradients.
    pub beta_1: f32,
    /// The decay rate of the average of squared gradients.
    pub beta_2: f32,
    /// What is added to the divisor.
    pub epsilon: f32,
    /// The number of this step: the first is 1.
    pub time: usize,
    /// Weight decay.
    pub decay: WeightDecay,
}

/// A step of stochastic gradient descent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SgdStep {
    /// The learning rate.
    pub lr: f64,
    /// The momentum: `velocity = momentum · velocity + gradient`.
    pub momentum: f32,
    /// Weight decay.
    pub decay: WeightDecay,
}
