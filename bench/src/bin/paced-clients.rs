//! Clients that ask so many times a second, whatever becomes of it: they connect, say
//! `connected`, wait for a line, ask for some seconds, and say how long answers took as
//! one line of JSON. A time runs from when a question was due, so that one that waits for
//! the last answer counts its waiting. One thread, so that the server keeps the other cores.
//!
//! Usage: `paced-clients ADDRESS PATH CONNECTIONS RATE SECONDS CLASS [TOKEN]`; the class is
//! how statuses begin, and ten `#` in a row in the token are another number each time.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use bench::latencies::Latencies;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::Instant;

const NUMBER: &str = "##########";

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, path, connections, rate, seconds, class, token @ ..] = arguments.as_slice()
    else {
        bail!("usage: paced-clients ADDRESS PATH CONNECTIONS RATE SECONDS CLASS [TOKEN]");
    };
    let connections: u32 = connections.parse().context("CONNECTIONS")?;
    let rate: f64 = rate.parse().context("RATE")?;
    let seconds: f64 = seconds.parse().context("SECONDS")?;
    let each = Duration::from_secs_f64(f64::from(connections) / rate);
    let mut sockets = Vec::new();
    for _ in 0..connections {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        sockets.push(socket);
    }
    println!("connected");
    std::io::stdin().read_line(&mut String::new())?;
    let begun = Instant::now();
    let mut clients = JoinSet::new();
    for (n, socket) in (0u32..).zip(sockets) {
        let client = Client {
            socket,
            question: question(address, path, token.first()),
            class: format!("http/1.1 {class}"),
            // Evenly, not all at once.
            due: begun + each * n / connections,
            each,
            until: begun + Duration::from_secs_f64(seconds),
            number: u64::from(n) * 100_000_000,
        };
        clients.spawn(client.ask());
    }
    let mut times = Vec::new();
    while let Some(asked) = clients.join_next().await {
        times.extend(asked??);
    }
    let took = begun.elapsed().as_secs_f64();
    let times = Latencies::of(times);
    let told = serde_json::json!({
        "answers": times.count(), "seconds": took,
        "p50_ms": times.percentile_ms(50), "p99_ms": times.percentile_ms(99),
    });
    println!("{told}");
    Ok(())
}

fn question(address: &str, path: &str, token: Option<&String>) -> String {
    let token = token.map(|token| format!("Authorization: Bearer {token}\r\n"));
    let token = token.unwrap_or_default();
    format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{token}\r\n")
}

struct Client {
    socket: TcpStream,
    question: String,
    /// How an answer begins.
    class: String,
    due: Instant,
    each: Duration,
    until: Instant,
    number: u64,
}

impl Client {
    async fn ask(mut self) -> anyhow::Result<Vec<Duration>> {
        let mut times = Vec::new();
        let mut buffer = vec![0; 16 * 1024];
        while self.due < self.until {
            tokio::time::sleep_until(self.due).await;
            self.number += 1;
            let question = self
                .question
                .replace(NUMBER, &format!("{:010}", self.number));
            self.socket.write_all(question.as_bytes()).await?;
            let mut filled = 0;
            loop {
                let read = self.socket.read(&mut buffer[filled..]).await?;
                ensure!(read > 0, "the server ended the connection");
                filled += read;
                if is_whole(&buffer[..filled], &self.class)? {
                    break;
                }
            }
            times.push(self.due.elapsed());
            self.due += self.each;
        }
        Ok(times)
    }
}

/// Whether the bytes are an answer of the expected kind and all of its `Content-Length`.
fn is_whole(bytes: &[u8], class: &str) -> anyhow::Result<bool> {
    let Some(head) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(false);
    };
    let text = std::str::from_utf8(&bytes[..head])?.to_ascii_lowercase();
    ensure!(text.starts_with(class), "the answer was {text}");
    let length = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.context("no Content-Length")?.trim().parse()?;
    Ok(bytes.len() >= head + 4 + length)
}
