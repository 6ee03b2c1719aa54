//! What the process takes of its machine, as Prometheus' client libraries tell it. Read from
//! `/proc` when somebody asks; where there is none, nothing is told.

use std::fs;

/// Ticks of a second in `/proc`, whatever the kernel's own are.
const TICKS: f64 = 100.0;

/// Sets the gauges anew.
pub fn measure() {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let status = read("/proc/self/status");
    if let Some(bytes) = kilobytes(&status, "VmRSS:") {
        metrics::gauge!("process_resident_memory_bytes").set(bytes);
    }
    if let Some(bytes) = kilobytes(&status, "VmSize:") {
        metrics::gauge!("process_virtual_memory_bytes").set(bytes);
    }
    let stat = read("/proc/self/stat");
    if let Some(ticks) = sum(field(&stat, USER), field(&stat, SYSTEM)) {
        metrics::gauge!("process_cpu_seconds_total").set(ticks / TICKS);
    }
    if let Some(seconds) = sum(booted(&read("/proc/stat")), started(&stat)) {
        metrics::gauge!("process_start_time_seconds").set(seconds);
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        // One is for looking.
        let open = open.count().saturating_sub(1);
        metrics::gauge!("process_open_fds").set(open as f64);
    }
    if let Some(most) = most_files(&read("/proc/self/limits")) {
        metrics::gauge!("process_max_fds").set(most);
    }
}

fn sum(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    Some(one? + other?)
}

/// A line such as `VmRSS:  123 kB`, in bytes.
fn kilobytes(status: &str, name: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes * 1024.0)
}

/// Places of `/proc/self/stat` behind the name, which may have spaces of its own.
const USER: usize = 11;
const SYSTEM: usize = 12;
const STARTED: usize = 19;

fn field(stat: &str, place: usize) -> Option<f64> {
    let (_, behind_name) = stat.rsplit_once(')')?;
    behind_name.split_whitespace().nth(place)?.parse().ok()
}

/// Seconds since the machine was started.
fn started(stat: &str) -> Option<f64> {
    field(stat, STARTED).map(|ticks| ticks / TICKS)
}

/// When the machine was started.
fn booted(stat: &str) -> Option<f64> {
    let mut lines = stat.lines();
    let time = lines.find_map(|line| line.strip_prefix("btime "))?;
    time.trim().parse().ok()
}

/// The limit in force; none where it is `unlimited`.
fn most_files(limits: &str) -> Option<f64> {
    let mut lines = limits.lines();
    let line = lines.find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_brackets_moves_nothing() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 9 0 1200 9 9\n";
        assert_eq!(sum(field(stat, USER), field(stat, SYSTEM)), Some(300.0));
        assert_eq!(started(stat), Some(12.0));
        assert_eq!(field("", USER), None);
    }

    #[test]
    fn the_kernel_tells_kilobytes_and_limits() {
        let status = "VmSize:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        assert_eq!(kilobytes(status, "VmRSS:"), Some(1_048_576.0));
        assert_eq!(kilobytes(status, "VmSwap:"), None);
        let limits = "Limit  Soft Limit  Hard Limit  Units\nMax open files            1024                 4096                 files\n";
        assert_eq!(most_files(limits), Some(1024.0));
        assert_eq!(booted("cpu 1 2\nbtime 1700000000\n"), Some(1_700_000_000.0));
    }
}
