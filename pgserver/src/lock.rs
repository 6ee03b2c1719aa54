//! Whom the lock files of a cluster name. A postmaster that was killed leaves them behind
//! with its number, and after a restart of the machine or the container anybody may have
//! that number.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;

use crate::alive;

/// Who a lock file names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holder {
    /// No process.
    Nobody,
    /// A postmaster that serves the folder.
    Postmaster(Pid),
    /// Certainly no postmaster of the folder: another program, or one that has ended and
    /// that nobody has reaped, for which Postgres would wait.
    Stranger(Pid),
    /// A process of which too little can be seen.
    Unknown,
}

/// Who `file` names, which locks the cluster in `data` or its socket.
pub(crate) fn holder(file: &Path, data: &Path) -> Holder {
    let Some(pid) = named(file).filter(|pid| kill(*pid, None) != Err(Errno::ESRCH)) else {
        return Holder::Nobody;
    };
    let serves = match alive(pid) {
        true => serves(pid, data),
        false => Some(false),
    };
    match serves {
        Some(true) => Holder::Postmaster(pid),
        Some(false) => Holder::Stranger(pid),
        None => Holder::Unknown,
    }
}

/// The first line of a lock file. A number below 0 is of a server of one user, which
/// Postgres is left to judge.
fn named(file: &Path) -> Option<Pid> {
    let text = std::fs::read_to_string(file).ok()?;
    let pid: i32 = text.lines().next()?.trim().parse().ok()?;
    (pid > 0).then(|| Pid::from_raw(pid))
}

/// Whether the process is a postmaster of `data`; None where that cannot be told.
///
/// A postmaster stands in its data folder. Where that cannot be looked at (root of a
/// container may not for other users), its command line tells the folder.
fn serves(pid: Pid, data: &Path) -> Option<bool> {
    let command = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let arguments = arguments(&command);
    let stands_in = is_same(Path::new(&format!("/proc/{pid}/cwd")), data);
    match (is_postmaster(&arguments), stands_in) {
        (_, Some(false)) | (false, None) => Some(false),
        (true, Some(true)) => Some(true),
        // A postmaster that was started by an unusual name, or somebody who looks around.
        (false, Some(true)) => None,
        (true, None) => told(&arguments, data),
    }
}

/// Whether the process was started as a postmaster of `data`, where it stands only a moment later.
pub(crate) fn was_started_for(pid: Pid, data: &Path) -> bool {
    let Ok(command) = std::fs::read(format!("/proc/{pid}/cmdline")) else {
        return false;
    };
    let arguments = arguments(&command);
    is_postmaster(&arguments) && told(&arguments, data) == Some(true)
}

fn arguments(command: &[u8]) -> Vec<&OsStr> {
    let arguments = command.split(|byte| *byte == 0);
    arguments.map(OsStr::from_bytes).collect()
}

/// Backends write what they do in the place of their first argument.
fn is_postmaster(arguments: &[&OsStr]) -> bool {
    let program = arguments
        .first()
        .and_then(|name| Path::new(name).file_name());
    program.is_some_and(|name| name == "postgres" || name == "postmaster")
}

/// Whether the folder that a command line names is `data`.
fn told(arguments: &[&OsStr], data: &Path) -> Option<bool> {
    let at = arguments.iter().position(|argument| *argument == "-D")?;
    let folder = Path::new(*arguments.get(at + 1)?);
    // From where another process stands, it may be anything.
    match folder.is_absolute() {
        true => is_same(folder, data),
        false => None,
    }
}

/// Whether both are one folder, however they are named.
fn is_same(one: &Path, other: &Path) -> Option<bool> {
    let (one, other) = (std::fs::metadata(one).ok()?, std::fs::metadata(other).ok()?);
    Some((one.dev(), one.ino()) == (other.dev(), other.ino()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;
    use std::path::PathBuf;
    use std::process::{Child, Command, Stdio};

    use super::*;

    /// A program that waits until it is dropped.
    struct Waiting(Child);

    impl Waiting {
        /// `name` as it calls itself, with `arguments`, standing in `folder`.
        fn named(name: &str, arguments: &[&OsStr], folder: &Path) -> Self {
            let child = Command::new("/bin/cat")
                .arg0(name)
                .arg("--")
                .arg("-")
                .args(arguments)
                .current_dir(folder)
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn();
            let process = Self(child.unwrap());
            // `spawn` returns once the child has left our memory, and for a moment its new
            // one tells no command line yet.
            let command = format!("/proc/{}/cmdline", process.0.id());
            while std::fs::read(&command).unwrap().is_empty() {
                std::thread::yield_now();
            }
            process
        }

        fn pid(&self) -> Pid {
            Pid::from_raw(self.0.id().try_into().unwrap())
        }
    }

    impl Drop for Waiting {
        fn drop(&mut self) {
            self.0.kill().ok();
            self.0.wait().ok();
        }
    }

    fn lock_file(folder: &Path, first_line: &str) -> PathBuf {
        let file = folder.join("postmaster.pid");
        std::fs::write(&file, format!("{first_line}\n/somewhere\n")).unwrap();
        file
    }

    #[test]
    fn a_postmaster_is_told_from_who_has_its_number_now() {
        type Judged = fn(Pid) -> Holder;
        let (data, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (data, elsewhere) = (data.path(), elsewhere.path());
        let log = data.join("postmaster.log");
        let named_data = [OsStr::new("-D"), data.as_os_str()];
        let postgres = "/usr/lib/postgresql/15/bin/postgres";
        let cases: [(&str, &[&OsStr], &Path, Judged); 6] = [
            (postgres, &named_data, data, Holder::Postmaster),
            // Started with `PGDATA`, or by another name of the folder.
            ("postmaster", &[], data, Holder::Postmaster),
            (postgres, &[], elsewhere, Holder::Stranger),
            ("tail", &[log.as_os_str()], elsewhere, Holder::Stranger),
            ("postgres: checkpointer ", &[], elsewhere, Holder::Stranger),
            ("bash", &[], data, |_| Holder::Unknown),
        ];
        for (name, arguments, folder, judged) in cases {
            let process = Waiting::named(name, arguments, folder);
            let file = lock_file(data, &process.pid().to_string());
            assert_eq!(holder(&file, data), judged(process.pid()), "{name}");
        }
    }

    #[test]
    fn who_is_gone_holds_nothing() {
        let data = tempfile::tempdir().unwrap();
        let mut process = Waiting::named("postgres", &[], data.path());
        let (pid, file) = (process.pid(), lock_file(data.path(), "none"));
        assert_eq!(holder(&file, data.path()), Holder::Nobody);
        lock_file(data.path(), &format!("-{pid}"));
        assert_eq!(holder(&file, data.path()), Holder::Nobody);
        lock_file(data.path(), &pid.to_string());
        assert_eq!(holder(&file, data.path()), Holder::Postmaster(pid));
        process.0.kill().unwrap();
        while alive(pid) {
            std::thread::yield_now();
        }
        let unreaped = Holder::Stranger(pid);
        assert_eq!(holder(&file, data.path()), unreaped);
        drop(process);
        assert_eq!(holder(&file, data.path()), Holder::Nobody);
        std::fs::remove_file(&file).unwrap();
        assert_eq!(holder(&file, data.path()), Holder::Nobody);
    }

    #[test]
    fn a_postmaster_that_has_not_gone_to_its_folder_yet_is_known() {
        let (data, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let named_data = [OsStr::new("-D"), data.path().as_os_str()];
        for (name, expected) in [("postgres", true), ("tail", false)] {
            let process = Waiting::named(name, &named_data, elsewhere.path());
            assert_eq!(was_started_for(process.pid(), data.path()), expected);
            assert!(!was_started_for(process.pid(), elsewhere.path()));
        }
        // None was started.
        assert!(!was_started_for(Pid::from_raw(0), data.path()));
    }

    #[test]
    fn a_command_line_tells_the_folder_where_it_can() {
        let (data, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let data = data.path();
        let other_name = elsewhere.path().join("link");
        std::os::unix::fs::symlink(data, &other_name).unwrap();
        for (named, expected) in [
            (data, Some(true)),
            (other_name.as_path(), Some(true)),
            (elsewhere.path(), Some(false)),
            // It may have been moved since.
            (Path::new("/no/such/folder"), None),
            (Path::new("data"), None),
        ] {
            let arguments = [OsStr::new("postgres"), OsStr::new("-D"), named.as_os_str()];
            assert_eq!(told(&arguments, data), expected, "{}", named.display());
        }
        assert_eq!(told(&[OsStr::new("postgres")], data), None);
    }
}
