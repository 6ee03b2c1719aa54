//! Clients that only read: they connect, say `connected`, take in frames, and say
//! `received` when each has all of them. One thread, so that the sender keeps the
//! other cores.
//!
//! Usage: `fanout-clients ADDRESS CLIENTS MESSAGES [KEY]`; with a key they open
//! the gateway's WebSocket first.

use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

type Socket = BufReader<TcpStream>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, clients, messages, key @ ..] = arguments.as_slice() else {
        bail!("usage: fanout-clients ADDRESS CLIENTS MESSAGES [KEY]");
    };
    let messages: usize = messages.parse().context("MESSAGES")?;
    let mut sockets = Vec::new();
    for _ in 0..clients.parse().context("CLIENTS")? {
        sockets.push(connect(address, key.first()).await?);
    }
    println!("connected");
    let mut readers = JoinSet::new();
    for socket in sockets {
        readers.spawn(receive(socket, messages));
    }
    while let Some(ended) = readers.join_next().await {
        ended??;
    }
    println!("received");
    Ok(())
}

async fn connect(address: &str, key: Option<&String>) -> anyhow::Result<Socket> {
    let mut socket = BufReader::with_capacity(4096, TcpStream::connect(address).await?);
    if let Some(key) = key {
        upgrade(&mut socket, address, key)
            .await
            .context("cannot open the WebSocket")?;
        // `hello` comes first and is no message.
        frame(&mut socket).await?;
    }
    Ok(socket)
}

/// The opening handshake (RFC 6455, section 4.1).
async fn upgrade(socket: &mut Socket, address: &str, key: &str) -> anyhow::Result<()> {
    let request = format!(
        "GET /ws HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {key}\r\n\
         Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    socket.write_all(request.as_bytes()).await?;
    let mut status = String::new();
    socket.read_line(&mut status).await?;
    ensure!(
        status.starts_with("HTTP/1.1 101"),
        "the answer was {}",
        status.trim()
    );
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        ensure!(
            socket.read_line(&mut line).await? > 0,
            "the connection ended"
        );
    }
    Ok(())
}

async fn receive(mut socket: Socket, messages: usize) -> anyhow::Result<()> {
    for _ in 0..messages {
        frame(&mut socket).await?;
    }
    Ok(())
}

/// Takes in one text frame; pings come too seldom to need an answer.
async fn frame(socket: &mut Socket) -> anyhow::Result<()> {
    loop {
        let opcode = socket.read_u8().await? & 0x0F;
        let length = match socket.read_u8().await? {
            126 => u64::from(socket.read_u16().await?),
            127 => socket.read_u64().await?,
            short => u64::from(short),
        };
        let payload = &mut (&mut *socket).take(length);
        tokio::io::copy(payload, &mut tokio::io::sink()).await?;
        match opcode {
            0x1 => return Ok(()),
            0x8 => bail!("the server closed the socket"),
            _ => {}
        }
    }
}
