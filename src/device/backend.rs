//! Compute backends by name, and their devices on this machine.

#[cfg(feature = "wgpu")]
use burn::tensor::wgpu::WgpuBackend;

use super::info::DeviceInfo;
#[cfg(any(feature = "flex", feature = "ndarray", feature = "cuda", feature = "rocm"))]
use super::info::{DeviceKind, Selector};
#[cfg(feature = "wgpu")]
use super::wgpu;

/// A compute backend, in the order in which `auto` tries them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Backend {
    Cuda,
    Rocm,
    Metal,
    Vulkan,
    Wgpu,
    WebGpu,
    Flex,
    NdArray,
}

impl Backend {
    pub(super) const ALL: [Self; 8] = [
        Self::Cuda,
        Self::Rocm,
        Self::Metal,
        Self::Vulkan,
        Self::Wgpu,
        Self::WebGpu,
        Self::Flex,
        Self::NdArray,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Cuda => "cuda",
            Self::Rocm => "rocm",
            Self::Metal => "metal",
            Self::Vulkan => "vulkan",
            Self::Wgpu => "wgpu",
            Self::WebGpu => "webgpu",
            Self::Flex => "flex",
            Self::NdArray => "ndarray",
        }
    }

    pub(super) fn is_built(self) -> bool {
        match self {
            Self::Cuda => cfg!(feature = "cuda"),
            Self::Rocm => cfg!(feature = "rocm"),
            Self::Metal => cfg!(feature = "metal"),
            Self::Vulkan => cfg!(feature = "vulkan"),
            Self::Wgpu => cfg!(feature = "wgpu"),
            Self::WebGpu => cfg!(feature = "webgpu"),
            Self::Flex => cfg!(feature = "flex"),
            Self::NdArray => cfg!(feature = "ndarray"),
        }
    }

    #[cfg(feature = "wgpu")]
    fn graphics_api(self) -> WgpuBackend {
        match self {
            Self::Vulkan => WgpuBackend::Vulkan,
            Self::Metal => WgpuBackend::Metal,
            Self::WebGpu => WgpuBackend::WebGpu,
            _ => WgpuBackend::Auto,
        }
    }

    /// Returns the backend's devices on this machine, the best first; none if it is not built.
    pub(super) fn devices(self) -> Vec<DeviceInfo> {
        match self {
            #[cfg(feature = "flex")]
            Self::Flex => vec![host(self, Selector::Flex, "burn-flex")],
            #[cfg(feature = "ndarray")]
            Self::NdArray => vec![host(self, Selector::NdArray, "burn-ndarray")],
            #[cfg(feature = "wgpu")]
            Self::Wgpu | Self::Vulkan | Self::Metal | Self::WebGpu if self.is_built() => {
                wgpu::devices(self.name(), self.graphics_api())
            }
            #[cfg(feature = "cuda")]
            Self::Cuda => enumerate(self, burn::tensor::DeviceType::Cuda),
            #[cfg(feature = "rocm")]
            Self::Rocm => enumerate(self, burn::tensor::DeviceType::Rocm),
            _ => Vec::new(),
        }
    }
}

#[cfg(any(feature = "flex", feature = "ndarray"))]
fn host(backend: Backend, selector: Selector, library: &str) -> DeviceInfo {
    let threads = rayon::current_num_threads();
    DeviceInfo {
        name: backend.name().to_owned(),
        adapter: format!("this processor, {threads} threads"),
        kind: DeviceKind::Cpu,
        driver: library.to_owned(),
        largest_buffer: None,
        selector,
    }
}

#[cfg(any(feature = "cuda", feature = "rocm"))]
fn enumerate(backend: Backend, kind: burn::tensor::DeviceType) -> Vec<DeviceInfo> {
    let devices = burn::tensor::Device::enumerate(kind).into_vec().into_iter().enumerate();
    devices
        .map(|(index, device)| DeviceInfo {
            name: format!("{}:{index}", backend.name()),
            adapter: device.identity().map_or_else(String::new, |identity| identity.name),
            kind: DeviceKind::DiscreteGpu,
            driver: backend.name().to_owned(),
            largest_buffer: None,
            selector: Selector::Listed(device),
        })
        .collect()
}

/// Returns the names of the backends in the build.
pub(super) fn built_names() -> String {
    let names: Vec<_> =
        Backend::ALL.into_iter().filter(|b| b.is_built()).map(Backend::name).collect();
    names.join(", ")
}
