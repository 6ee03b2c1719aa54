//! The wire to Postgres, which a test can cut.

use std::path::{Path, PathBuf};

use tokio::io::copy_bidirectional;
use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;

const SOCKET: &str = ".s.PGSQL.5432";

/// Forwards connections of one app to the shared cluster.
pub(crate) struct Wire {
    url: String,
    cut: CancellationToken,
}

impl Wire {
    /// Listens in `folder` for what goes to the database at `url`.
    pub(crate) fn lay(url: &str, folder: &Path) -> Self {
        let (before, host) = url
            .split_once("?host=")
            .expect("the test cluster is on a socket");
        let target = PathBuf::from(host).join(SOCKET);
        let listener = UnixListener::bind(folder.join(SOCKET)).unwrap();
        let cut = CancellationToken::new();
        tokio::spawn(forward(listener, target, cut.clone()));
        Self {
            url: format!("{before}?host={}", folder.display()),
            cut,
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Ends all connections and takes no new ones.
    pub(crate) fn cut(&self) {
        self.cut.cancel();
    }
}

async fn forward(listener: UnixListener, target: PathBuf, cut: CancellationToken) {
    while let Some(Ok((mut near, _))) = cut.run_until_cancelled(listener.accept()).await {
        let (target, cut) = (target.clone(), cut.clone());
        tokio::spawn(async move {
            let mut far = UnixStream::connect(target).await.unwrap();
            cut.run_until_cancelled(copy_bidirectional(&mut near, &mut far))
                .await
        });
    }
}
