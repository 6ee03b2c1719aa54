//! Certificates for servers that tests start.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A certificate of `127.0.0.1` signed by itself, and its key, as files in `folder`.
/// None, after saying so for `test`, where there is no openssl.
pub fn certificate(test: &str, folder: &Path) -> Option<(PathBuf, PathBuf)> {
    let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec"])
        .args(["-pkeyopt", "ec_paramgen_curve:P-256"])
        .args(["-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output();
    if !made.is_ok_and(|made| made.status.success()) {
        crate::skipped(test, "no openssl");
        return None;
    }
    Some((certificate, key))
}
