//! What the kernel says of a process (proc(5)).

use std::path::PathBuf;

use anyhow::Context;

/// Clock ticks a second in `/proc/PID/stat`; 100 on every Linux we run on.
const TICKS_PER_SECOND: f64 = 100.0;

/// User and system time of all threads that a process had so far, in seconds.
pub fn cpu_seconds(pid: u32) -> anyhow::Result<f64> {
    let fields = stat(pid)?;
    // utime and stime are fields 14 and 15; the name and the pid are cut off.
    Ok((ticks(&fields, 11)? + ticks(&fields, 12)?) / TICKS_PER_SECOND)
}

/// The same of a process, its children that live, and those that have ended.
pub fn cpu_seconds_of_family(pid: u32) -> anyhow::Result<f64> {
    let fields = stat(pid)?;
    // cutime and cstime are fields 16 and 17.
    let ended = (ticks(&fields, 13)? + ticks(&fields, 14)?) / TICKS_PER_SECOND;
    let mut all = cpu_seconds(pid)? + ended;
    let children = read(pid, &format!("task/{pid}/children"))?;
    for child in children.split_whitespace() {
        // One that has just ended is counted with its parent next time.
        all += cpu_seconds(child.parse()?).unwrap_or(0.0);
    }
    Ok(all)
}

fn stat(pid: u32) -> anyhow::Result<Vec<String>> {
    let stat = read(pid, "stat")?;
    let (_, fields) = stat.rsplit_once(')').context("stat without a name")?;
    Ok(fields.split_whitespace().map(str::to_owned).collect())
}

fn ticks(fields: &[String], at: usize) -> anyhow::Result<f64> {
    let field = fields.get(at).context("stat is too short")?;
    Ok(field.parse()?)
}

/// Resident memory in bytes.
pub fn resident_bytes(pid: u32) -> anyhow::Result<u64> {
    let status = read(pid, "status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line
        .and_then(|line| line.trim().strip_suffix(" kB"))
        .context("no VmRSS")?;
    Ok(kib.trim().parse::<u64>()? * 1024)
}

/// Memory in bytes, of what is shared with other processes only its share.
pub fn proportional_bytes(pid: u32) -> anyhow::Result<u64> {
    let rollup = read(pid, "smaps_rollup")?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kib = line
        .and_then(|line| line.trim().strip_suffix(" kB"))
        .context("no Pss")?;
    Ok(kib.trim().parse::<u64>()? * 1024)
}

/// The same of a process and its children that live.
pub fn proportional_bytes_of_family(pid: u32) -> anyhow::Result<u64> {
    let mut all = proportional_bytes(pid)?;
    let children = read(pid, &format!("task/{pid}/children"))?;
    for child in children.split_whitespace() {
        all += proportional_bytes(child.parse()?).unwrap_or(0);
    }
    Ok(all)
}

fn read(pid: u32, file: &str) -> anyhow::Result<String> {
    let path = PathBuf::from(format!("/proc/{pid}/{file}"));
    std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_used_time_and_memory() {
        let own = std::process::id();
        assert!(cpu_seconds(own).unwrap() >= 0.0);
        assert!(resident_bytes(own).unwrap() > 100_000);
        assert!(proportional_bytes_of_family(own).unwrap() > 50_000);
        assert!(cpu_seconds(u32::MAX).is_err());
    }
}
