//! Device names, the devices behind them, and which one `auto` takes.
//!
//! A name is a backend of the build (`flex`, `wgpu`, `cuda`, …), with `:N` behind it for the
//! N-th device that the backend lists. Nothing is probed but the backend that is named, and
//! nothing is opened but the device that is returned.

mod backend;
#[cfg(feature = "wgpu")]
mod wgpu;

use std::sync::{Mutex, PoisonError};

use burn::tensor::Device;

use crate::error::{Error, Result};
use backend::{Backend, built_names};

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
    selector: Selector,
}

/// What is needed to open a device.
#[derive(Debug, Clone)]
enum Selector {
    #[cfg(feature = "flex")]
    Flex,
    #[cfg(feature = "ndarray")]
    NdArray,
    #[cfg(feature = "wgpu")]
    Wgpu(wgpu::Selector),
    #[cfg(any(feature = "cuda", feature = "rocm"))]
    Listed(Device),
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
            _ => return Err(unknown(&self.name)),
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

/// The device of that name: `auto`, `cpu`, or a backend of the build with or without `:N`.
///
/// ```
/// let device = fastburn::device::named("cpu")?;
/// assert!(fastburn::device::named("abacus").is_err());
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Device`] if there is no such backend, it is not in the build, or the machine has no
/// such device.
pub fn named(name: &str) -> Result<Device> {
    find(name)?.open()
}

/// A real GPU if the build and the machine have one, else the CPU.
///
/// ```
/// let device = fastburn::device::auto()?;
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Device`] if there is no GPU and the build has no CPU backend.
pub fn auto() -> Result<Device> {
    named("auto")
}

/// The processor: `flex` where the build has it, else `ndarray`.
///
/// ```
/// let device = fastburn::device::cpu()?;
/// assert!(!device.is_autodiff());
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Device`] if the build has neither.
pub fn cpu() -> Result<Device> {
    named("cpu")
}

/// Looks a device up by the name that [`named`] takes, without opening it.
///
/// ```
/// use fastburn::device::{self, DeviceKind};
///
/// assert_eq!(device::find("cpu")?.kind, DeviceKind::Cpu);
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// # Errors
///
/// As [`named`].
pub fn find(name: &str) -> Result<DeviceInfo> {
    match name {
        "auto" => first(DeviceInfo::is_gpu).or_else(cpu_info).ok_or_else(|| {
            missing(name, "no GPU, and no CPU backend in this build; add --features flex")
        }),
        "cpu" => cpu_info()
            .ok_or_else(|| missing(name, "no CPU backend in this build; add --features flex")),
        _ => {
            let (backend, index) = match name.split_once(':') {
                Some((backend, index)) => (backend, index.parse().map_err(|_| unknown(name))?),
                None => (name, 0),
            };
            let backend = Backend::ALL
                .into_iter()
                .find(|known| known.name() == backend)
                .ok_or_else(|| unknown(name))?;
            if !backend.is_built() {
                let (built, backend) = (built_names(), backend.name());
                let problem =
                    format!("not in this build (it has {built}); build with --features {backend}");
                return Err(missing(name, problem));
            }
            let mut devices = backend.devices();
            if index >= devices.len() {
                let there = match devices.len() {
                    0 => format!("this machine has no {} device", backend.name()),
                    1 => format!("this machine has one {0} device, {0}:0", backend.name()),
                    n => format!("this machine has {0}:0 to {0}:{1}", backend.name(), n - 1),
                };
                return Err(missing(name, there));
            }
            Ok(devices.swap_remove(index))
        }
    }
}

/// Every device of every backend of the build.
///
/// ```
/// for device in fastburn::device::list() {
///     println!("{}: {} ({})", device.name, device.adapter, device.kind);
/// }
/// ```
pub fn list() -> Vec<DeviceInfo> {
    Backend::ALL.into_iter().flat_map(Backend::devices).collect()
}

/// Whether the device computes in the host's own memory.
pub(crate) fn is_host(device: &Device) -> bool {
    let mut hosts = [Backend::Flex, Backend::NdArray].into_iter().flat_map(Backend::devices);
    hosts.any(|host| host.open().is_ok_and(|host| host == *device))
}

/// Whether Burn's default device, which its build chooses, is there.
pub(crate) fn has_default() -> bool {
    is_host(&Device::default()) || first(|device| device.kind != DeviceKind::Cpu).is_some()
}

/// The largest single buffer that a data set may take on a GPU, in bytes.
pub(crate) fn largest_buffer(device: &Device) -> u64 {
    let opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
    match opened.iter().find(|(_, known, _)| known == device) {
        Some((.., limit)) => limit.unwrap_or(UNLIMITED_BUFFER),
        None => GUARANTEED_BUFFER,
    }
}

fn first(wanted: impl Fn(&DeviceInfo) -> bool) -> Option<DeviceInfo> {
    Backend::ALL.into_iter().flat_map(Backend::devices).find(wanted)
}

fn cpu_info() -> Option<DeviceInfo> {
    first(|device| device.kind == DeviceKind::Cpu)
}

fn missing(name: &str, problem: impl Into<String>) -> Error {
    Error::Device { name: name.to_owned(), problem: problem.into() }
}

fn unknown(name: &str) -> Error {
    missing(name, format!("no such device; name auto, cpu, or one of {}", built_names()))
}
