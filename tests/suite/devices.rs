//! Device names.

use fastburn::Error;
use fastburn::device;

#[test]
fn auto_takes_a_real_gpu_and_never_a_software_one() {
    use device::DeviceKind::{Cpu, DiscreteGpu, IntegratedGpu, VirtualGpu};
    let auto = device::find("auto").unwrap();
    let gpus = [DiscreteGpu, IntegratedGpu, VirtualGpu];
    let has_gpu = device::list().iter().any(|device| gpus.contains(&device.kind));
    assert_eq!(gpus.contains(&auto.kind), has_gpu);
    assert!(has_gpu || auto.kind == Cpu, "{auto:?}");
}

#[test]
fn every_listed_device_can_be_named_and_opened_twice() {
    for info in device::list() {
        let first = device::open(&info.name).unwrap();
        assert_eq!(first, device::open(&info.name).unwrap());
    }
}

#[test]
fn a_device_that_cannot_be_had_says_what_can() {
    for (name, expected) in [
        ("abacus", "no such device; expected auto, cpu, "),
        ("flex:7", "this machine has one flex device"),
        ("flex:one", "no such device"),
        ("rocm", "not in this build"),
    ] {
        let error = device::open(name).unwrap_err();
        assert!(matches!(error, Error::Device { .. }) && error.is_usage());
        let message = error.to_string();
        assert!(message.contains(name) && message.contains(expected), "{message}");
    }
}
