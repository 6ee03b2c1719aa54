//! Threads for work that nobody waits for.

use tokio::sync::oneshot;

/// A quarter of a core is left to such a thread where requests want all of it, so that
/// compaction falls behind in a rush and does not stand still.
#[cfg(target_os = "linux")]
const NICE: i32 = 5;

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotDone {
    #[error("no thread could be had: {0}")]
    NoThread(#[from] std::io::Error),
    #[error("the work panicked")]
    Panicked,
}

/// Does `work` on a thread of its own, behind everything that answers requests. It is
/// not interrupted where nobody wants the result any more.
pub(crate) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, NotDone> {
    let (done, result) = oneshot::channel();
    std::thread::Builder::new()
        .name("compaction".to_owned())
        .spawn(move || {
            step_back();
            // Who asked may have gone.
            done.send(work()).ok();
        })?;
    result.await.map_err(|_| NotDone::Panicked)
}

/// Elsewhere than on Linux a thread has no niceness of its own.
fn step_back() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(NICE) {
        tracing::debug!(%error, "compaction runs like everything else");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_told_and_stays_aside() {
        assert_eq!(aside(|| 7).await.unwrap(), 7);
        let panicked = aside(|| -> u8 { panic!("on purpose") }).await;
        assert!(matches!(panicked, Err(NotDone::Panicked)));
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn only_the_thread_aside_steps_back() {
        let of_thread = || rustix::process::getpriority_process(None).unwrap();
        let before = of_thread();
        let aside = aside(of_thread).await.unwrap();
        assert_eq!(aside, (before + NICE).min(19));
        assert_eq!(of_thread(), before);
    }
}
