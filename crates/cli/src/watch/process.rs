//! What the system says of our process. Linux only; elsewhere these metrics are left out.

use std::fs;

use chathakase_metrics::{CPU_SECONDS, RESIDENT_MEMORY};

/// Ticks of CPU time in a second, on every Linux of today.
const TICKS: u64 = 100;

/// Sets memory and CPU time.
pub(super) fn measure() {
    if let Some(kib) = fs::read_to_string("/proc/self/status").ok().as_deref().and_then(resident_kib) {
        RESIDENT_MEMORY.is(kib * 1024, []);
    }
    if let Some(ticks) = fs::read_to_string("/proc/self/stat").ok().as_deref().and_then(cpu_ticks) {
        CPU_SECONDS.is(ticks / TICKS, []);
    }
}

fn resident_kib(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

fn cpu_ticks(stat: &str) -> Option<u64> {
    // The name before the last parenthesis may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let times: Option<Vec<u64>> = fields.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse().ok()).collect();
    Some(times?.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_and_cpu_time_are_read_as_linux_writes_them() {
        assert_eq!(resident_kib("Name:\tx\nVmRSS:\t   12345 kB\nThreads:\t3\n"), Some(12345));
        assert_eq!(resident_kib("Name:\tx\n"), None);
        let stat = "7 (odd) name) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 3 0 100 1000 20";
        assert_eq!(cpu_ticks(stat), Some(300));
        assert_eq!(cpu_ticks("7 (x"), None);
    }
}
