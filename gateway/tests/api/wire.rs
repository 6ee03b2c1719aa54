//! The wire to Postgres, which a test can cut, and on which it can take the
//! application's own filter out of what is asked.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, copy_bidirectional};
use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;

const SOCKET: &str = ".s.PGSQL.5432";
/// What only sessions for queries set when they begin.
const READING: &[u8] = b"statement_timeout";
/// A wish for TLS.
const TLS: [u8; 4] = 80_877_103_u32.to_be_bytes();
/// A statement to prepare (PostgreSQL's protocol, section 55.7).
const PARSE: u8 = b'P';

/// Forwards connections of one app to the shared cluster.
pub(crate) struct Wire {
    url: String,
    cut: CancellationToken,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    unfiltered: AtomicBool,
    /// Ends the connections that there are.
    open: Mutex<CancellationToken>,
}

impl Wire {
    /// Listens in `folder` for what goes to the database at `url`.
    pub(crate) fn lay(url: &str, folder: &Path) -> Self {
        let (before, host) = url
            .split_once("?host=")
            .expect("the test cluster is on a socket");
        let target = PathBuf::from(host).join(SOCKET);
        let listener = UnixListener::bind(folder.join(SOCKET)).unwrap();
        let (cut, state) = (CancellationToken::new(), Arc::<State>::default());
        tokio::spawn(forward(listener, target, cut.clone(), state.clone()));
        Self {
            url: format!("{before}?host={}", folder.display()),
            cut,
            state,
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Ends all connections and takes no new ones.
    pub(crate) fn cut(&self) {
        self.cut.cancel();
    }

    /// From now on no query has a condition on tenant or project. Statements that were
    /// prepared with one end with their connections.
    pub(crate) fn take_filters_out(&self) {
        self.state.unfiltered.store(true, Ordering::SeqCst);
        let mut open = self.state.open.lock().unwrap();
        std::mem::take(&mut *open).cancel();
    }
}

async fn forward(
    listener: UnixListener,
    target: PathBuf,
    cut: CancellationToken,
    state: Arc<State>,
) {
    while let Some(Ok((near, _))) = cut.run_until_cancelled(listener.accept()).await {
        let (target, cut, state) = (target.clone(), cut.clone(), state.clone());
        tokio::spawn(async move {
            let far = UnixStream::connect(target).await.unwrap();
            let open = state.open.lock().unwrap().clone();
            let unfiltered = state.unfiltered.load(Ordering::SeqCst);
            let carried = open.run_until_cancelled(carry(near, far, unfiltered));
            cut.run_until_cancelled(carried).await
        });
    }
}

async fn carry(mut near: UnixStream, mut far: UnixStream, unfiltered: bool) -> std::io::Result<()> {
    if !unfiltered {
        return copy_bidirectional(&mut near, &mut far).await.map(drop);
    }
    let (mut asked, mut answered) = near.into_split();
    let (mut answering, mut asking) = far.into_split();
    let questions = async {
        // The first messages have no kind; one may ask for TLS, which is not to be had.
        let beginning = loop {
            let length = asked.read_u32().await?;
            let mut message = vec![0; length as usize - 4];
            asked.read_exact(&mut message).await?;
            asking.write_u32(length).await?;
            asking.write_all(&message).await?;
            if message != TLS {
                break message;
            }
        };
        if !beginning.windows(READING.len()).any(|part| part == READING) {
            return copy(&mut asked, &mut asking).await.map(drop);
        }
        loop {
            let kind = asked.read_u8().await?;
            let mut body = vec![0; asked.read_u32().await? as usize - 4];
            asked.read_exact(&mut body).await?;
            if kind == PARSE {
                body = without_filter(&body);
            }
            asking.write_u8(kind).await?;
            asking.write_u32(body.len() as u32 + 4).await?;
            asking.write_all(&body).await?;
        }
    };
    let answers = copy(&mut answering, &mut answered);
    tokio::select! {
        ended = questions => ended,
        ended = answers => ended.map(drop),
    }
}

/// `tenant_id = $1` becomes `$1 IS NOT NULL`, so that the parameter stays.
fn without_filter(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut at = 0;
    while at < body.len() {
        let rest = &body[at..];
        let filters = [&b"tenant_id = $"[..], b"project_id = $"];
        let Some(filter) = filters.into_iter().find(|filter| rest.starts_with(filter)) else {
            out.push(body[at]);
            at += 1;
            continue;
        };
        // `incidents.tenant_id` goes with its table.
        let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.".contains(byte);
        while out.last().is_some_and(is_name) {
            out.pop();
        }
        at += filter.len();
        let digits = body[at..].iter().take_while(|byte| byte.is_ascii_digit());
        let number = &body[at..at + digits.count()];
        out.extend([b"$", number, b" IS NOT NULL"].concat());
        at += number.len();
    }
    out
}

#[test]
fn filters_are_taken_out_and_nothing_else() {
    let out = |text: &str| String::from_utf8(without_filter(text.as_bytes())).unwrap();
    let asked = "SELECT tenant_id FROM x WHERE x.tenant_id = $12 AND (project_id IS NULL OR project_id = $2) AND id = $3";
    let left = "SELECT tenant_id FROM x WHERE $12 IS NOT NULL AND (project_id IS NULL OR $2 IS NOT NULL) AND id = $3";
    assert_eq!(out(asked), left);
    assert_eq!(
        out("ON a.tenant_id = b.tenant_id"),
        "ON a.tenant_id = b.tenant_id"
    );
}
