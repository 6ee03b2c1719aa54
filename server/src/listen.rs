//! Listening addresses: bound before anything starts, written where tools look.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, anyhow};
use tokio::net::TcpListener;

/// Binds `addr` or says in one line why not. `what` is the setting's name.
pub(crate) async fn bind(what: &str, addr: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(addr).await.map_err(|e| match e.kind() {
        ErrorKind::AddrInUse => anyhow!(
            "{what}: port {} is in use; stop the other program or choose another address",
            addr.port()
        ),
        ErrorKind::PermissionDenied => anyhow!("{what}: no permission to listen on {addr}"),
        _ => anyhow!("{what}: cannot listen on {addr}: {e}"),
    })
}

/// Writes the ports that were really bound, so that many servers fit one machine.
pub(crate) fn write_ports(file: &Path, ports: &[(&str, SocketAddr)]) -> anyhow::Result<()> {
    let map: serde_json::Map<String, serde_json::Value> = ports
        .iter()
        .map(|(name, addr)| ((*name).to_owned(), addr.port().into()))
        .collect();
    let draft = file.with_extension("json.new");
    std::fs::write(&draft, serde_json::to_vec(&map)?)
        .and_then(|()| std::fs::rename(&draft, file))
        .with_context(|| format!("cannot write {}", file.display()))
}
