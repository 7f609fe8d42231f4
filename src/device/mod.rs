//! Devices by name, and the automatic choice of one.
//!
//! A name is a backend in the build (`flex`, `wgpu`, `cuda`, …), optionally with `:N` for the
//! device of index N. Only the named backend is probed, and only the returned device is opened.

mod backend;
mod info;
#[cfg(feature = "wgpu")]
mod wgpu;

use burn::tensor::Device;

use self::backend::{Backend, built_names};
pub(crate) use self::info::largest_buffer;
pub use self::info::{DeviceInfo, DeviceKind};
use crate::error::{Error, Remedy, Result};

/// Opens a device by name: `auto`, `cpu`, or a backend in the build with or without `:N`.
///
/// ```
/// let device = fastburn::device::open("cpu")?;
/// assert!(fastburn::device::open("abacus").is_err());
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Device`] if the backend is unknown or not in the build, or if the machine has no such
/// device.
pub fn open(name: &str) -> Result<Device> {
    find(name)?.open()
}

/// Opens a hardware GPU if the build and the machine have one, else the CPU.
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
    open("auto")
}

/// Opens the CPU: with `flex` if it is in the build, else with `ndarray`.
///
/// ```
/// let device = fastburn::device::cpu()?;
/// assert!(!device.is_autodiff());
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Device`] if neither is in the build.
pub fn cpu() -> Result<Device> {
    open("cpu")
}

/// Finds a device by the name that [`open`] accepts, without opening it.
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
/// The same as for [`open`].
pub fn find(name: &str) -> Result<DeviceInfo> {
    match name {
        "auto" => first(DeviceInfo::is_gpu).or_else(cpu_info).ok_or_else(|| {
            missing(name, "no GPU, and no CPU backend in this build")
                .with_remedy(Remedy::EnableFeature("flex"))
        }),
        "cpu" => cpu_info().ok_or_else(|| {
            missing(name, "no CPU backend in this build").with_remedy(Remedy::EnableFeature("flex"))
        }),
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
                let problem = format!("not in this build, which has {}", built_names());
                let remedy = Remedy::EnableFeature(backend.name());
                return Err(missing(name, problem).with_remedy(remedy));
            }
            let mut devices = backend.devices();
            if index >= devices.len() {
                let problem = match devices.len() {
                    0 => format!("this machine has no {} device", backend.name()),
                    1 => format!("this machine has one {0} device, {0}:0", backend.name()),
                    n => format!("this machine has {0}:0 to {0}:{1}", backend.name(), n - 1),
                };
                return Err(missing(name, problem));
            }
            Ok(devices.swap_remove(index))
        }
    }
}

/// Returns every device of every backend in the build.
///
/// ```
/// for device in fastburn::device::list() {
///     println!("{}: {} ({})", device.name, device.adapter, device.kind);
/// }
/// ```
pub fn list() -> Vec<DeviceInfo> {
    Backend::ALL.into_iter().flat_map(Backend::devices).collect()
}

/// Returns whether the device computes in host memory.
pub(crate) fn is_host(device: &Device) -> bool {
    let mut hosts = [Backend::Flex, Backend::NdArray].into_iter().flat_map(Backend::devices);
    hosts.any(|host| host.open().is_ok_and(|host| host == *device))
}

/// Returns whether Burn's default device, which its features choose, is available.
pub(crate) fn has_default() -> bool {
    is_host(&Device::default()) || first(|device| device.kind != DeviceKind::Cpu).is_some()
}

fn first(wanted: impl Fn(&DeviceInfo) -> bool) -> Option<DeviceInfo> {
    Backend::ALL.into_iter().flat_map(Backend::devices).find(wanted)
}

fn cpu_info() -> Option<DeviceInfo> {
    first(|device| device.kind == DeviceKind::Cpu)
}

fn missing(name: &str, problem: impl Into<String>) -> Error {
    Error::device(name, problem)
}

fn unknown(name: &str) -> Error {
    missing(name, format!("no such device; expected auto, cpu, {}", built_names()))
}
