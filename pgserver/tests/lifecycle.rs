//! Starts a real Postgres, adopts it, stops it. Skipped by name without binaries.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use pgserver::{Options, Server};

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
    third.stop().await.unwrap();
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
