//! Residual networks, with torchvision's architecture and names.

mod block;
mod config;
mod network;

pub use config::{BlockKind, ResNetConfig};
pub use network::ResNet;
