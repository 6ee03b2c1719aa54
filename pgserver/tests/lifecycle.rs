//! Starts a real Postgres, adopts it, stops it. Skipped by name without binaries.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use pgserver::{Options, Plan, Server};
use tokio::process::Command;

#[tokio::test]
async fn starts_adopts_and_stops() {
    if !Path::new("/usr/lib/postgresql").exists() {
        eprintln!("SKIPPED starts_adopts_and_stops: no Postgres on this machine");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    open_to_all(folder.path());
    let first = Server::start(folder.path(), &Options::default())
        .await
        .unwrap();
    first.create_database("one").await.unwrap();
    first.create_database("one").await.unwrap();
    let second = Server::start(folder.path(), &Options::default())
        .await
        .unwrap();
    assert_eq!(first.pid(), second.pid());
    second.stop().await.unwrap();
    let third = Server::start(folder.path(), &Options::default())
        .await
        .unwrap();
    assert_ne!(first.pid(), third.pid());
    // As one that is not waited for to its end.
    let plan = Plan::new(folder.path(), &Options::default()).unwrap();
    plan.give_up().await.unwrap();
    assert!(!third.is_running());
    plan.give_up().await.unwrap();
}

#[tokio::test]
async fn what_a_power_cut_leaves_behind_is_not_taken_for_a_server() {
    if !Path::new("/usr/lib/postgresql").exists() {
        eprintln!("SKIPPED what_a_power_cut_leaves_behind_is_not_taken_for_a_server: no Postgres");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    open_to_all(folder.path());
    let half_made = folder.path().join("postgres.making");
    std::fs::create_dir(&half_made).unwrap();
    std::fs::write(half_made.join("PG_VERSION"), "1\n").unwrap();
    let first = Server::start(folder.path(), &Options::default())
        .await
        .unwrap();
    assert!(!half_made.exists());

    let pid_file = folder.path().join("postgres/postmaster.pid");
    let left_behind = std::fs::read(&pid_file).unwrap();
    first.stop().await.unwrap();
    std::fs::write(&pid_file, left_behind).unwrap();
    let second = Server::start(folder.path(), &Options::default())
        .await
        .unwrap();
    second.create_database("one").await.unwrap();
    second.stop().await.unwrap();
}

/// What a killed Postgres leaves, with a number that somebody has who is none. Without help
/// Postgres does not start on it, or the test would show nothing.
#[tokio::test]
async fn a_number_that_another_program_has_by_now_stops_nothing() {
    if !Path::new("/usr/lib/postgresql").exists() {
        eprintln!("SKIPPED a_number_that_another_program_has_by_now_stops_nothing: no Postgres");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    open_to_all(folder.path());
    let data = folder.path().join("postgres");
    let first = Server::start(folder.path(), &Options::default())
        .await
        .unwrap();
    let sockets = first.url("one").split_once("host=").unwrap().1.to_owned();
    let locks = [
        data.join("postmaster.pid"),
        Path::new(&sockets).join(".s.PGSQL.5432.lock"),
    ];
    let left = locks.each_ref().map(|file| {
        let text = std::fs::read_to_string(file).unwrap();
        text.split_once('\n').unwrap().1.to_owned()
    });
    let program = program_of(first.pid());
    first.stop().await.unwrap();

    // Its command line names the folder, as that of whoever reads the log does.
    let log = data.join("postmaster.log");
    let mut stranger = as_owner_of(&data, "/bin/cat");
    stranger.arg("-").arg(&log).stdin(Stdio::piped());
    let mut stranger = stranger.stdout(Stdio::null()).spawn().unwrap();
    let number = stranger.id().unwrap();
    let leave = || {
        for (file, rest) in locks.iter().zip(&left) {
            std::fs::write(file, format!("{number}\n{rest}")).unwrap();
        }
    };

    leave();
    let mut alone = as_owner_of(&data, &program);
    alone.arg("-D").arg(&data).arg("-k").arg(&sockets);
    let refused = tokio::time::timeout(Duration::from_secs(60), alone.output());
    let refused = refused.await.expect("it ends").unwrap();
    let told = String::from_utf8_lossy(&refused.stderr);
    assert!(
        !refused.status.success() && told.contains("postmaster.pid"),
        "{told}"
    );

    let second = Server::start(folder.path(), &Options::default())
        .await
        .unwrap();
    assert_ne!(u32::try_from(second.pid()).unwrap(), number);
    second.create_database("one").await.unwrap();
    // Only the lock of the socket is left where somebody has removed the other one.
    second.stop().await.unwrap();
    leave();
    std::fs::remove_file(&locks[0]).unwrap();
    let third = Server::start(folder.path(), &Options::default())
        .await
        .unwrap();
    third.create_database("two").await.unwrap();
    // Who lives keeps its files, and is found by them.
    let kept = locks.each_ref().map(|file| std::fs::read(file).unwrap());
    let fourth = Server::start(folder.path(), &Options::default())
        .await
        .unwrap();
    assert_eq!(third.pid(), fourth.pid());
    assert_eq!(
        locks.each_ref().map(|file| std::fs::read(file).unwrap()),
        kept
    );
    fourth.stop().await.unwrap();
    assert!(stranger.try_wait().unwrap().is_none(), "it was ended");
    stranger.kill().await.unwrap();
}

#[tokio::test]
async fn a_folder_of_another_version_is_refused_with_the_remedy() {
    if !Path::new("/usr/lib/postgresql").exists() {
        eprintln!("SKIPPED a_folder_of_another_version_is_refused_with_the_remedy: no Postgres");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    open_to_all(folder.path());
    std::fs::create_dir(folder.path().join("postgres")).unwrap();
    std::fs::write(folder.path().join("postgres/PG_VERSION"), "9\n").unwrap();
    let refused = Server::start(folder.path(), &Options::default())
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("pg_dumpall"), "{refused}");
}

/// Root's temporary folders are private; the service account must pass them.
fn open_to_all(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// The program that a process was started by.
fn program_of(pid: i32) -> String {
    let command = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
    command.split('\0').next().unwrap().to_owned()
}

/// Postgres asks only about processes of its own account.
fn as_owner_of(folder: &Path, program: &str) -> Command {
    let owner = std::fs::metadata(folder).unwrap();
    let mut command = Command::new(program);
    command.uid(owner.uid()).gid(owner.gid());
    command.current_dir("/").kill_on_drop(true);
    command
}
