//! Clients that ask the same over and over: they connect, say `connected`, wait for a
//! line, ask until each has all its answers, and say `answered`. One thread, so that
//! the server keeps the other cores.
//!
//! Usage: `http-clients ADDRESS PATH CONNECTIONS REQUESTS [TOKEN]`

use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, path, connections, requests, token @ ..] = arguments.as_slice() else {
        bail!("usage: http-clients ADDRESS PATH CONNECTIONS REQUESTS [TOKEN]");
    };
    let requests: usize = requests.parse().context("REQUESTS")?;
    let question = question(address, path, token.first());
    let mut sockets = Vec::new();
    for _ in 0..connections.parse().context("CONNECTIONS")? {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        sockets.push(socket);
    }
    println!("connected");
    std::io::stdin().read_line(&mut String::new())?;
    let mut clients = JoinSet::new();
    for socket in sockets {
        clients.spawn(ask(socket, question.clone(), requests));
    }
    while let Some(ended) = clients.join_next().await {
        ended??;
    }
    println!("answered");
    Ok(())
}

fn question(address: &str, path: &str, token: Option<&String>) -> Vec<u8> {
    let token = token.map(|token| format!("Authorization: Bearer {token}\r\n"));
    let token = token.unwrap_or_default();
    format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{token}\r\n").into_bytes()
}

/// Each answer is read to its last byte before the next question.
async fn ask(mut socket: TcpStream, question: Vec<u8>, requests: usize) -> anyhow::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    for _ in 0..requests {
        socket.write_all(&question).await?;
        let mut filled = 0;
        loop {
            let read = socket.read(&mut buffer[filled..]).await?;
            ensure!(read > 0, "the server ended the connection");
            filled += read;
            if is_whole(&buffer[..filled])? {
                break;
            }
        }
    }
    Ok(())
}

/// Whether the bytes are an answer with 200 and all of its `Content-Length`.
fn is_whole(bytes: &[u8]) -> anyhow::Result<bool> {
    let Some(head) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(false);
    };
    let text = std::str::from_utf8(&bytes[..head])?.to_ascii_lowercase();
    ensure!(text.starts_with("http/1.1 200"), "the answer was {text}");
    let length = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.context("no Content-Length")?.trim().parse()?;
    Ok(bytes.len() >= head + 4 + length)
}
