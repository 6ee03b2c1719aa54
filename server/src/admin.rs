//! The socket through which the command line speaks to a running server, which
//! alone may open the embedded log. It lies in the data folder with mode 0600:
//! who may open it may read the folder anyway.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, anyhow, bail, ensure};
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::post;
use futures::StreamExt;
use serde::{Deserialize, Serialize};
use tokio::net::UnixListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::tools::{Tool, Workbench};

/// One line of a tool's output, or how it ended. One that says neither did not end, and
/// what it was to do is not done.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    Text(String),
    Error(String),
    Done,
}

/// Says in an answer that its last line is how the tool ended. Servers before it did not
/// tell.
const TELLS_ITS_END: &str = "x-tool-end";
/// How long a reader has to take its last lines once the server stops. One that stands still,
/// as a pager does, must not keep it from that.
const GOODBYE: Duration = Duration::from_secs(1);
/// Lines wait for a slow reader up to this many.
const LINES: usize = 256;

/// What tools work on, and until when.
#[derive(Clone)]
struct Bench {
    workbench: Workbench,
    shutdown: CancellationToken,
}

/// Serves tools until `shutdown`, which ends those that are at work: each of them can be
/// begun again.
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
        .with_state(Bench {
            workbench,
            shutdown: shutdown.clone(),
        });
    let stop = shutdown.clone().cancelled_owned();
    let served = axum::serve(listener, router).with_graceful_shutdown(stop);
    let too_late = async {
        shutdown.cancelled().await;
        tokio::time::sleep(GOODBYE).await;
    };
    tokio::select! {
        served = served.into_future() => served.context("admin socket"),
        () = too_late => Ok(()),
    }
}

async fn run(State(bench): State<Bench>, Json(tool): Json<Tool>) -> impl IntoResponse {
    let (lines, output) = mpsc::channel(LINES);
    tokio::spawn(async move {
        let running = tool.run(&bench.workbench, &lines);
        let ended = bench.shutdown.run_until_cancelled(running).await;
        let stopped = || Err(anyhow!("the server stops; begin again when it is there"));
        let last = match ended.unwrap_or_else(stopped) {
            Ok(()) => Line::Done,
            Err(e) => Line::Error(format!("{e:#}")),
        };
        // A reader that went away has no use for it either.
        lines.send(last).await.ok();
    });
    let frames = futures::stream::unfold(output, |mut output| async move {
        let line = output.recv().await?;
        Some((frame(&line), output))
    });
    ([(TELLS_ITS_END, "1")], Body::from_stream(frames))
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
    let tells_its_end = answer.headers().contains_key(TELLS_ITS_END);
    let mut chunks = answer.bytes_stream();
    let mut pending = Vec::new();
    while let Some(chunk) = chunks.next().await {
        pending.extend_from_slice(&chunk.context("the server went away")?);
        while let Some(end) = pending.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = pending.drain(..=end).collect();
            match serde_json::from_slice(&line)? {
                Line::Text(text) => print(&text),
                Line::Error(error) => bail!(error),
                Line::Done => return Ok(true),
            }
        }
    }
    ensure!(
        !tells_its_end,
        "the server has not come to its end; its log may say why"
    );
    Ok(true)
}

#[cfg(test)]
mod tests {
    use eventlog::embedded::{EmbeddedLog, Options};
    use testkit::eventually;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UnixStream;

    use super::*;

    /// What is made of a server whose tool says these lines and no more.
    async fn made_of(lines: &[Line]) -> anyhow::Result<bool> {
        // As the program does; a neighbour may have been first.
        rustls::crypto::ring::default_provider()
            .install_default()
            .ok();
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("admin.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let frames = lines.iter().map(|line| frame(line).unwrap());
        let body: Vec<u8> = frames.flatten().collect();
        let answer = ([(TELLS_ITS_END, "1")], body);
        let router = axum::Router::new().route("/tool", post(move || async move { answer }));
        let server = tokio::spawn(async move { axum::serve(listener, router).await });
        let answer = ask(&socket, &Tool::LogStat, |_| ()).await;
        server.abort();
        answer
    }

    #[tokio::test]
    async fn a_tool_that_does_not_say_so_is_not_done() {
        let text = || Line::Text("half of it".to_owned());
        assert!(made_of(&[text(), Line::Done]).await.unwrap());
        let failed = made_of(&[Line::Error("no room".to_owned())]).await;
        assert_eq!(failed.unwrap_err().to_string(), "no room");
        // As after a panic.
        let broken = made_of(&[text()]).await.unwrap_err().to_string();
        assert!(broken.contains("not come to its end"), "{broken}");
    }

    #[tokio::test]
    async fn a_client_that_stands_still_does_not_keep_the_server_from_stopping() {
        let folder = tempfile::tempdir().unwrap();
        let workbench = Workbench {
            log: EmbeddedLog::open(Options::new(folder.path().join("log"))).unwrap(),
            embedded: None,
            data: None,
        };
        let (socket, shutdown) = (folder.path().join("admin.sock"), CancellationToken::new());
        let (path, stop) = (socket.clone(), shutdown.clone());
        let server = tokio::spawn(async move { serve(&path, workbench, stop).await });
        let mut client = eventually("the socket is there", || async {
            UnixStream::connect(&socket).await.ok()
        })
        .await;
        let head = "POST /tool HTTP/1.1\r\nhost: admin\r\ncontent-type: application/json\r\n\
            content-length: 100\r\nexpect: 100-continue\r\n\r\n";
        client.write_all(head.as_bytes()).await.unwrap();
        // It waits for the rest, which does not come.
        let mut answer = [0; 12];
        client.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 100");
        shutdown.cancel();
        server.await.unwrap().unwrap();
    }
}
