//! What a killed process and a power cut leave behind. The oracle is what the
//! appending process wrote to another filesystem after each acknowledgement; each
//! proof has a control that must lose records, or the proof would show nothing.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "crash/child.rs"]
mod child;
#[path = "crash/kill.rs"]
mod kill;
#[path = "crash/lying_disks.rs"]
mod lying_disks;
#[path = "crash/oracle.rs"]
mod oracle;
#[path = "crash/power.rs"]
mod power;

#[expect(
    clippy::disallowed_methods,
    reason = "a proof's count and a child's orders come from its parent's environment"
)]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

/// The count that `name` sets, else the full one under `make prove`, else the short one.
fn count(name: &str, short: usize, full: usize) -> usize {
    let proves = environment("SRE_COPILOT_PROVE").is_some();
    let wanted = environment(name).and_then(|text| text.parse().ok());
    wanted.unwrap_or(if proves { full } else { short })
}
