//! How much memory is free.

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

/// How many bytes this process may still take: those that the machine has left, or fewer where a
/// container or another control group gives it fewer.
pub(super) fn free() -> u64 {
    let mut system = System::new();
    system.refresh_memory();
    let pid = Pid::from_u32(std::process::id());
    let nothing_else = ProcessRefreshKind::nothing();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, nothing_else);
    let own = system.process(pid).and_then(|process| process.cgroup_limits());
    // What a group has read from files counts as its own until somebody else needs the room.
    let of_group = own.or_else(|| system.cgroup_limits());
    let of_group = of_group.map(|limits| limits.total_memory.saturating_sub(limits.rss));
    match (system.available_memory(), of_group) {
        // A system that does not say.
        (0, None) => u64::MAX,
        (0, Some(group)) => group,
        (machine, Some(group)) => machine.min(group),
        (machine, None) => machine,
    }
}
