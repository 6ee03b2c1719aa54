//! Starts a real Postgres, adopts it, stops it. Skipped by name without binaries.

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
