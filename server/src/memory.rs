//! How much memory this process may have: of the machine, or less where it is told less.

use std::path::{Path, PathBuf};

use nix::sys::resource::{Resource, getrlimit};

/// What is usual where nothing can be learned.
const USUAL: u64 = 4 << 30;

/// What queries may hold together unless told: this part of what there is.
const SHARE: u64 = 4;

pub(crate) fn for_queries() -> u64 {
    available() / SHARE
}

/// The least of the machine's memory, the limits of its control groups and its own.
fn available() -> u64 {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let groups = of_groups(&read("/proc/self/cgroup"), Path::new("/sys/fs/cgroup"));
    let machine = of_machine(&read("/proc/meminfo"));
    let own = [Resource::RLIMIT_AS, Resource::RLIMIT_DATA].map(own);
    let known = machine
        .into_iter()
        .chain(groups)
        .chain(own.into_iter().flatten());
    known.min().unwrap_or(USUAL)
}

fn own(resource: Resource) -> Option<u64> {
    getrlimit(resource).ok().map(|(soft, _)| soft)
}

/// `MemTotal`.
fn of_machine(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find(|line| line.starts_with("MemTotal:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    kilobytes.checked_mul(1024)
}

/// The least limit of the groups of `/proc/self/cgroup` and of those that these are in.
/// Within a container the names may be those outside: then only the root is to be seen.
fn of_groups(groups: &str, root: &Path) -> Option<u64> {
    let limits = groups.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':');
        let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        let (root, file) = match controllers {
            "" => (root.to_owned(), "memory.max"),
            v1 if v1.split(',').any(|one| one == "memory") => {
                (root.join("memory"), "memory.limit_in_bytes")
            }
            _ => return None,
        };
        least(&root, path, file)
    });
    limits.min()
}

fn least(root: &Path, path: &str, file: &str) -> Option<u64> {
    let group: PathBuf = root.join(path.trim_start_matches('/'));
    let within = group
        .ancestors()
        .take_while(|group| group.starts_with(root));
    // `max` is no number.
    let limit = |group: &Path| -> Option<u64> {
        let text = std::fs::read_to_string(group.join(file)).ok()?;
        text.trim().parse().ok()
    };
    within.filter_map(limit).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_tells_kilobytes() {
        let meminfo = "MemTotal:        2048 kB\nMemFree:          12 kB\n";
        assert_eq!(of_machine(meminfo), Some(2048 * 1024));
        assert_eq!(of_machine("MemFree: 12 kB\n"), None);
    }

    #[test]
    fn the_least_limit_of_a_group_and_those_around_it_counts() {
        let root = tempfile::tempdir().unwrap();
        let put = |path: &str, text: &str| {
            let file = root.path().join(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        };
        let of = |groups: &str| of_groups(groups, root.path());
        assert_eq!(of("0::/system.slice/copilot.service\n"), None);
        put("system.slice/copilot.service/memory.max", "max\n");
        put("system.slice/memory.max", "600\n");
        assert_eq!(of("0::/system.slice/copilot.service\n"), Some(600));
        put("system.slice/copilot.service/memory.max", "400\n");
        assert_eq!(of("0::/system.slice/copilot.service\n"), Some(400));
        // Outside of its own names it sees the root alone.
        put("memory.max", "500\n");
        assert_eq!(of("0::/docker/abc\n"), Some(500));
        put("memory/docker/memory.limit_in_bytes", "300\n");
        assert_eq!(of("5:cpu:/docker\n4:memory:/docker\n"), Some(300));
    }

    #[test]
    fn queries_get_a_part_of_what_there_is() {
        let all = available();
        assert!(all > 0 && for_queries() == all / 4);
    }
}
