//! How many files and sockets this process may have open.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// What is usual where nothing can be learned.
const USUAL: u64 = 1_024;

/// Raises the limit to the highest that the system lets this process have. Many systems
/// begin with one that is too low for a server, because of programs that use `select`.
pub(crate) fn raise() {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return;
    };
    if let Err(error) = setrlimit(Resource::RLIMIT_NOFILE, hard, hard) {
        tracing::warn!(%error, soft, hard, "the limit of open files stays as it is");
    }
}

pub(crate) fn limit() -> u64 {
    getrlimit(Resource::RLIMIT_NOFILE).map_or(USUAL, |(soft, _)| soft)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_much_may_be_open_as_the_system_lets() {
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("it can be asked for");
        raise();
        assert_eq!(limit(), hard);
    }
}
