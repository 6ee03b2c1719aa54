//! The least that reaching all clients can cost: one `send` to each socket.

use std::io::Write as _;
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::readers::Readers;
use super::{CLIENTS, change, cpu_per_message};

const ACCEPT_LIMIT: Duration = Duration::from_secs(60);

pub(super) async fn measure(program: &Path) -> anyhow::Result<f64> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let readers = Readers::start(program, listener.local_addr()?, None)?;
    let accepted = timeout(ACCEPT_LIMIT, accept(&listener)).await;
    let mut sockets = accepted.context("the clients did not connect")??;
    let readers = readers.connected().await?;
    cpu_per_message(readers, async |message| {
        let frame = frame(message)?;
        for socket in &mut sockets {
            socket.write_all(&frame)?;
        }
        Ok(())
    })
    .await
}

/// Sockets that block, so that a send is one system call.
async fn accept(listener: &TcpListener) -> std::io::Result<Vec<TcpStream>> {
    let mut sockets = Vec::with_capacity(CLIENTS);
    for _ in 0..CLIENTS {
        let (socket, _) = listener.accept().await?;
        let socket = socket.into_std()?;
        socket.set_nonblocking(false)?;
        socket.set_nodelay(true)?;
        sockets.push(socket);
    }
    Ok(sockets)
}

/// The text frame (RFC 6455, section 5.2) that the gateway sends for the change.
fn frame(message: usize) -> anyhow::Result<Vec<u8>> {
    let change = change(message);
    let text = json!({
        "type": change.kind,
        "project_id": change.project,
        "key": change.key,
        "seq": message,
    });
    let payload = text.to_string().into_bytes();
    let length = u16::try_from(payload.len()).context("the payload needs a longer frame")?;
    ensure!(length > 125, "the payload needs a shorter header");
    let mut frame = vec![0x81, 126];
    frame.extend(length.to_be_bytes());
    frame.extend(payload);
    Ok(frame)
}
