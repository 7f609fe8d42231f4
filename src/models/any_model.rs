//! The models that the program knows: a new one is one more line here.

use burn::tensor::Tensor;

use super::conv_net::ConvNet;
use super::linear::Linear;
use super::mlp::Mlp;
use super::resnet::ResNet;

crate::registry! {
    /// Any of fastburn's models, for images `[batch, channels, height, width]`.
    #[non_exhaustive]
    pub enum AnyModel: Model<Tensor<4>, Output = Tensor<2>> {
        /// One linear layer.
        Linear(Linear),
        /// A multi-layer perceptron.
        Mlp(Mlp),
        /// A small convolutional network.
        ConvNet(ConvNet),
        /// A residual network.
        ResNet(ResNet),
    }
}
