//! The socket through which the command line speaks to a running server, which
//! alone may open the embedded log. It lies in the data folder with mode 0600:
//! who may open it may read the folder anyway.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, bail};
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::routing::post;
use futures::StreamExt;
use serde::{Deserialize, Serialize};
use tokio::net::UnixListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::tools::{Tool, Workbench};

/// One line of a tool's output, or what ended it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    Text(String),
    Error(String),
}

/// Lines wait for a slow reader up to this many.
const LINES: usize = 256;

/// Serves tools until `shutdown`.
pub async fn serve(
    socket: &Path,
    workbench: Workbench,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    // We hold the log's lock, so a socket that is still there is a dead server's.
    match std::fs::remove_file(socket) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            return Err(e).with_context(|| format!("cannot replace {}", socket.display()));
        }
        _ => {}
    }
    let listener = UnixListener::bind(socket)
        .with_context(|| format!("cannot listen on {}", socket.display()))?;
    std::fs::set_permissions(socket, std::fs::Permissions::from_mode(0o600))?;
    let router = axum::Router::new()
        .route("/tool", post(run))
        .with_state(workbench);
    let served = axum::serve(listener, router).with_graceful_shutdown(shutdown.cancelled_owned());
    served.await.context("admin socket")
}

async fn run(State(workbench): State<Workbench>, Json(tool): Json<Tool>) -> Body {
    let (lines, output) = mpsc::channel(LINES);
    tokio::spawn(async move {
        let result = tool.run(&workbench, &lines).await;
        if let Err(e) = result {
            // A reader that went away has no use for the error either.
            lines.send(Line::Error(format!("{e:#}"))).await.ok();
        }
    });
    let frames = futures::stream::unfold(output, |mut output| async move {
        let line = output.recv().await?;
        Some((frame(&line), output))
    });
    Body::from_stream(frames)
}

fn frame(line: &Line) -> Result<Bytes, serde_json::Error> {
    let mut bytes = serde_json::to_vec(line)?;
    bytes.push(b'\n');
    Ok(bytes.into())
}

/// Runs `tool` in the server behind `socket`, printing its lines; false where no
/// server listens.
pub async fn ask(socket: &Path, tool: &Tool, print: impl Fn(&str)) -> anyhow::Result<bool> {
    if tokio::net::UnixStream::connect(socket).await.is_err() {
        return Ok(false);
    }
    let client = reqwest::Client::builder().unix_socket(socket).build()?;
    let answer = client
        .post("http://admin/tool")
        .json(tool)
        .send()
        .await?
        .error_for_status()?;
    let mut chunks = answer.bytes_stream();
    let mut pending = Vec::new();
    while let Some(chunk) = chunks.next().await {
        pending.extend_from_slice(&chunk.context("the server went away")?);
        while let Some(end) = pending.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = pending.drain(..=end).collect();
            match serde_json::from_slice(&line)? {
                Line::Text(text) => print(&text),
                Line::Error(error) => bail!(error),
            }
        }
    }
    Ok(true)
}
