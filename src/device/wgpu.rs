//! The adapters behind wgpu: asked for their names and limits without opening a device.

use std::sync::{Mutex, PoisonError};

use burn::tensor::DeviceKind as BurnKind;
use burn::tensor::wgpu::{WgpuBackend, wgpu};

use super::info::{DeviceInfo, DeviceKind, Selector, WgpuSelector};

/// The adapters of one graphics API, real GPUs before software; `backend` names them.
pub(super) fn devices(backend: &str, api: WgpuBackend) -> Vec<DeviceInfo> {
    let mut found = adapters(api);
    found.sort_by_key(|adapter| rank(adapter.kind));
    let devices = found.into_iter().enumerate().map(|(index, adapter)| DeviceInfo {
        name: format!("{backend}:{index}"),
        adapter: adapter.name,
        kind: adapter.kind,
        driver: adapter.driver,
        largest_buffer: Some(adapter.largest_buffer),
        selector: Selector::Wgpu(WgpuSelector { kind: adapter.selector, api }),
    });
    devices.collect()
}

struct Adapter {
    name: String,
    kind: DeviceKind,
    driver: String,
    largest_buffer: u64,
    selector: BurnKind,
}

/// The adapters of a graphics API; for `Auto`, those of the first API that has a GPU, or else
/// of the first that has anything, which is how Burn resolves it.
fn adapters(api: WgpuBackend) -> Vec<Adapter> {
    let chain: &[wgpu::Backends] = match api {
        WgpuBackend::Vulkan => &[wgpu::Backends::VULKAN],
        WgpuBackend::Metal => &[wgpu::Backends::METAL],
        WgpuBackend::WebGpu => &[wgpu::Backends::BROWSER_WEBGPU],
        _ if cfg!(target_os = "macos") => &[wgpu::Backends::METAL],
        _ => &[wgpu::Backends::VULKAN, wgpu::Backends::DX12, wgpu::Backends::GL],
    };
    let mut fallback = Vec::new();
    for &backends in chain {
        let found = probe(backends);
        if found.iter().any(|adapter| adapter.kind != DeviceKind::Software) {
            return found;
        }
        if fallback.is_empty() {
            fallback = found;
        }
    }
    fallback
}

/// Asks one graphics API for its adapters.
fn probe(backends: wgpu::Backends) -> Vec<Adapter> {
    // Vulkan's loader crashes when instances are made and dropped on several threads at once.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);

    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends,
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    let found = block_on(instance.enumerate_adapters(backends));

    // Burn counts the adapters of each kind on their own, and software ones not at all.
    let (mut discrete, mut integrated, mut virtual_) = (0, 0, 0);
    let next = |counter: &mut usize| std::mem::replace(counter, *counter + 1);
    found
        .iter()
        .filter_map(|adapter| {
            let info = adapter.get_info();
            let (kind, selector) = match info.device_type {
                wgpu::DeviceType::DiscreteGpu => {
                    (DeviceKind::DiscreteGpu, BurnKind::DiscreteGpu(next(&mut discrete)))
                }
                wgpu::DeviceType::IntegratedGpu => {
                    (DeviceKind::IntegratedGpu, BurnKind::IntegratedGpu(next(&mut integrated)))
                }
                wgpu::DeviceType::VirtualGpu => {
                    (DeviceKind::VirtualGpu, BurnKind::VirtualGpu(next(&mut virtual_)))
                }
                wgpu::DeviceType::Cpu => (DeviceKind::Software, BurnKind::Cpu),
                // Burn's public selector has no name for these but its default.
                wgpu::DeviceType::Other if found.len() == 1 => {
                    (DeviceKind::Other, BurnKind::DefaultDevice)
                }
                wgpu::DeviceType::Other => return None,
            };
            let limits = adapter.limits();
            Some(Adapter {
                name: info.name,
                kind,
                driver: format!("{} {}", info.driver, info.driver_info).trim().to_owned(),
                largest_buffer: limits.max_buffer_size.min(limits.max_storage_buffer_binding_size),
                selector,
            })
        })
        .collect()
}

fn rank(kind: DeviceKind) -> u8 {
    match kind {
        DeviceKind::DiscreteGpu => 0,
        DeviceKind::IntegratedGpu => 1,
        DeviceKind::VirtualGpu => 2,
        DeviceKind::Other => 3,
        DeviceKind::Cpu | DeviceKind::Software => 4,
    }
}

/// Waits for a future of wgpu's, which off the web is ready at once.
fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    loop {
        if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        std::thread::yield_now();
    }
}
