//! The devices of this machine, and opening one.

use std::sync::Mutex;

use burn::tensor::Device;

use crate::error::{Error, Result};
use crate::mutex::lock;

/// The buffer limit assumed for a device that was opened elsewhere: WebGPU's guaranteed minimum.
const GUARANTEED_BUFFER: u64 = 128 << 20;
/// The buffer limit for one data set on a GPU whose driver sets none.
const UNLIMITED_BUFFER: u64 = 1 << 30;

/// The kind of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceKind {
    /// A GPU with its own memory.
    DiscreteGpu,
    /// A GPU that shares the CPU's memory.
    IntegratedGpu,
    /// A GPU passed into a virtual machine.
    VirtualGpu,
    /// The CPU, used directly.
    Cpu,
    /// A graphics API implemented on the CPU: correct and slow.
    Software,
    /// A device of unknown kind.
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
    /// The name that [`open`](super::open) accepts.
    pub name: String,
    /// The name that the driver reports.
    pub adapter: String,
    /// Its kind.
    pub kind: DeviceKind,
    /// Its driver, or the library that computes on it.
    pub driver: String,
    /// The largest single buffer in bytes; `None` if only memory limits it.
    pub largest_buffer: Option<u64>,
    pub(super) selector: Selector,
}

/// The information to open a device.
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

/// The graphics adapter to open, in Burn's terms.
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

/// The open devices with their names and buffer limits: a GPU cannot be opened twice, and a
/// [`Device`] does not expose its limit.
static OPENED: Mutex<Vec<(String, Device, Option<u64>)>> = Mutex::new(Vec::new());

impl DeviceInfo {
    /// Opens the device; opening it again returns the same one.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] if the driver fails to open it.
    pub fn open(&self) -> Result<Device> {
        let mut opened = lock(&OPENED);
        if let Some((_, device, _)) = opened.iter().find(|(name, ..)| *name == self.name) {
            return Ok(device.clone());
        }
        let device = match &self.selector {
            #[cfg(feature = "flex")]
            Selector::Flex => Device::flex(),
            #[cfg(feature = "ndarray")]
            #[expect(deprecated, reason = "kept to compare results with")]
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

    /// Returns whether this is a hardware GPU, which `auto` prefers to the CPU.
    pub fn is_gpu(&self) -> bool {
        matches!(
            self.kind,
            DeviceKind::DiscreteGpu | DeviceKind::IntegratedGpu | DeviceKind::VirtualGpu
        )
    }
}

/// Returns the largest single buffer for a data set on a GPU, in bytes.
pub(crate) fn largest_buffer(device: &Device) -> u64 {
    let opened = lock(&OPENED);
    match opened.iter().find(|(_, known, _)| known == device) {
        Some((.., limit)) => limit.unwrap_or(UNLIMITED_BUFFER),
        None => GUARANTEED_BUFFER,
    }
}
