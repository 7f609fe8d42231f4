//! A device of this machine, and opening it.

use std::sync::{Mutex, PoisonError};

use burn::tensor::Device;

use crate::error::{Error, Result};

/// The largest buffer assumed of a device that was not opened here: WebGPU's guaranteed minimum.
const GUARANTEED_BUFFER: u64 = 128 << 20;
/// What one data set may take of a GPU whose driver sets no limit to a buffer.
const UNLIMITED_BUFFER: u64 = 1 << 30;

/// What a device is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceKind {
    /// A graphics card with memory of its own.
    DiscreteGpu,
    /// A GPU that shares the processor's memory.
    IntegratedGpu,
    /// A GPU passed into a virtual machine.
    VirtualGpu,
    /// The processor, used directly.
    Cpu,
    /// The processor behind a graphics API: right, but slow.
    Software,
    /// A device that does not say what it is.
    Other,
}

impl std::fmt::Display for DeviceKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::DiscreteGpu => "GPU",
            Self::IntegratedGpu => "integrated GPU",
            Self::VirtualGpu => "virtual GPU",
            Self::Cpu => "CPU",
            Self::Software => "software",
            Self::Other => "other",
        })
    }
}

/// A device that this build can use on this machine.
#[derive(Debug, Clone)]
pub struct DeviceInfo {
    /// The name that [`named`] takes.
    pub name: String,
    /// What the device calls itself.
    pub adapter: String,
    /// What it is made of.
    pub kind: DeviceKind,
    /// Its driver, or the library that computes.
    pub driver: String,
    /// The largest single buffer in bytes; `None` where memory alone is the limit.
    pub largest_buffer: Option<u64>,
    pub(super) selector: Selector,
}

/// What is needed to open a device.
#[derive(Debug, Clone)]
pub(super) enum Selector {
    #[cfg(feature = "flex")]
    Flex,
    #[cfg(feature = "ndarray")]
    NdArray,
    #[cfg(feature = "wgpu")]
    Wgpu(WgpuSelector),
    #[cfg(any(feature = "cuda", feature = "rocm"))]
    Listed(Device),
}

/// How Burn is told which graphics adapter to open.
#[cfg(feature = "wgpu")]
#[derive(Debug, Clone)]
pub(super) struct WgpuSelector {
    pub kind: burn::tensor::DeviceKind,
    pub api: burn::tensor::wgpu::WgpuBackend,
}

#[cfg(feature = "wgpu")]
impl WgpuSelector {
    fn open(&self, name: &str) -> Result<Device> {
        Device::wgpu_options()
            .device_kind(self.kind.clone())
            .graphics_api(self.api)
            .init()
            .map_err(|error| Error::device(name, error.to_string()))
    }
}

/// The devices opened so far, with their names and buffer limits. A GPU cannot be opened a second
/// time, and a [`Device`] does not tell its limit.
static OPENED: Mutex<Vec<(String, Device, Option<u64>)>> = Mutex::new(Vec::new());

impl DeviceInfo {
    /// The device itself, ready to compute; opening one twice gives the same one.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] if the driver refuses it.
    pub fn open(&self) -> Result<Device> {
        let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, device, _)) = opened.iter().find(|(name, ..)| *name == self.name) {
            return Ok(device.clone());
        }
        let device = match &self.selector {
            #[cfg(feature = "flex")]
            Selector::Flex => Device::flex(),
            #[cfg(feature = "ndarray")]
            #[expect(deprecated, reason = "kept as a second opinion on every result")]
            Selector::NdArray => Device::ndarray(),
            #[cfg(feature = "wgpu")]
            Selector::Wgpu(selector) => selector.open(&self.name)?,
            #[cfg(any(feature = "cuda", feature = "rocm"))]
            Selector::Listed(device) => device.clone(),
            #[allow(unreachable_patterns, reason = "a build may have no backend at all")]
            _ => return Err(Error::device(self.name.as_str(), "no such device")),
        };
        opened.push((self.name.clone(), device.clone(), self.largest_buffer));
        Ok(device)
    }

    /// Whether this is a real GPU, which `auto` prefers to the processor.
    pub fn is_gpu(&self) -> bool {
        matches!(
            self.kind,
            DeviceKind::DiscreteGpu | DeviceKind::IntegratedGpu | DeviceKind::VirtualGpu
        )
    }
}

/// The largest single buffer that a data set may take on a GPU, in bytes.
pub(crate) fn largest_buffer(device: &Device) -> u64 {
    let opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
    match opened.iter().find(|(_, known, _)| known == device) {
        Some((.., limit)) => limit.unwrap_or(UNLIMITED_BUFFER),
        None => GUARANTEED_BUFFER,
    }
}
