//! What a killed process and a power cut leave behind. The oracle is what the
//! appending process wrote to another filesystem after each acknowledgement; each
//! proof has a control that must lose records, or the proof would show nothing.

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

/// A count that `make prove` raises through the environment.
#[expect(
    clippy::disallowed_methods,
    reason = "a proof's count and a child's orders come from its parent's environment"
)]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn count(name: &str, short: usize) -> usize {
    let wanted = environment(name).and_then(|text| text.parse().ok());
    wanted.unwrap_or(short)
}
