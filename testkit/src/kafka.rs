//! One Kafka broker a test process; each test uses topics of its own prefix.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Context;
use tokio::sync::OnceCell;

/// A place of its own on the shared broker.
#[derive(Debug, Clone)]
pub struct TestKafka {
    /// `host:port`.
    pub brokers: String,
    /// To put before every topic's name, unique to the caller.
    pub prefix: String,
    /// The broker, for tests that stop it.
    pub pid: i32,
}

struct Broker {
    brokers: String,
    pid: i32,
    _guard: Child,
}

static BROKER: OnceCell<Option<Broker>> = OnceCell::const_new();
static PREFIXES: AtomicU32 = AtomicU32::new(0);

/// A place on the broker, or None (after saying so) where Kafka cannot be had.
pub async fn kafka() -> Option<TestKafka> {
    let broker = BROKER.get_or_init(start).await.as_ref()?;
    Some(TestKafka {
        brokers: broker.brokers.clone(),
        prefix: format!("t{}.", PREFIXES.fetch_add(1, Ordering::SeqCst)),
        pid: broker.pid,
    })
}

async fn start() -> Option<Broker> {
    let started = tokio::task::spawn_blocking(try_start).await;
    match started.map_err(anyhow::Error::from).flatten() {
        Ok(broker) => Some(broker),
        Err(why) => {
            let test = std::thread::current().name().unwrap_or("kafka").to_owned();
            crate::skipped(&test, &format!("no Kafka: {why:#}"));
            None
        }
    }
}

fn try_start() -> anyhow::Result<Broker> {
    // From the crate's folder, where cargo runs tests: a path of the build would be that
    // of another clone where two of them share their target folder.
    let script = "../scripts/kafka";
    let folder = tempfile::Builder::new().prefix("srec-kafka-").tempdir()?;
    let mut child = Command::new(script)
        .arg(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("scripts/kafka does not start")?;
    let output = child.stdout.take().context("the script has an output")?;
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line)?;
    let (brokers, pid) = line
        .trim()
        .split_once(' ')
        .with_context(|| format!("scripts/kafka ended with {:?}", child.try_wait()))?;
    let pid = pid.parse()?;
    Ok(Broker {
        brokers: brokers.to_owned(),
        pid,
        _guard: guard(child.id(), pid, &folder.keep())?,
    })
}

/// Test processes have no exit hook: a shell that waits for the end of its input
/// stops the broker when this process is gone, however it went, and also one that
/// a test had stopped and not continued.
fn guard(script: u32, broker: i32, folder: &std::path::Path) -> anyhow::Result<Child> {
    let watch = r#"read -r pid; read -r broker; read -r folder; cat
        kill -TERM "$pid"; kill -CONT "$broker"
        while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done; rm -rf "$folder""#;
    let mut child = Command::new("sh")
        .args(["-c", watch])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let input = child.stdin.as_mut().context("the guard has an input")?;
    writeln!(input, "{script}\n{broker}\n{}", folder.display())?;
    Ok(child)
}
