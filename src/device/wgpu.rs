//! The adapters of wgpu: their names and limits, read without opening a device.

use std::sync::Mutex;

use burn::tensor::DeviceKind as BurnKind;
use burn::tensor::wgpu::{WgpuBackend, wgpu};

use super::info::{DeviceInfo, DeviceKind, Selector, WgpuSelector};
use crate::mutex::lock;

/// Returns the adapters of one graphics API, named after `backend`, hardware GPUs first.
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

/// Returns the adapters of a graphics API; for `Auto`, those of the first API with a GPU, else of
/// the first with any adapter, which is how Burn resolves it.
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

/// Queries one graphics API for its adapters.
fn probe(backends: wgpu::Backends) -> Vec<Adapter> {
    // Vulkan's loader crashes if several threads create and drop instances at the same time.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = lock(&ONE_AT_A_TIME);

    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends,
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    let found = block_on(instance.enumerate_adapters(backends));

    // Burn's index counts the adapters of one kind only, and software ones have none.
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
                // Burn's public selector reaches these only as its default device.
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

/// Waits for a future of wgpu, which is ready at once except on the web.
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
