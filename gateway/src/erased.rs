//! The list of what was erased, beside the backups and not in them: ids, one thing a
//! line. A backup that is older than an erasure still holds what was erased; `restore`
//! takes it away again with this list.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use projections::{Db, erasure};
use schemas::ids::{SubjectId, TenantId, UserId};
use schemas::time::Timestamp;
use tokio::fs::OpenOptions;
use tokio::io::AsyncWriteExt;

use crate::auth::vault::{logins, recovery_codes, totp};
use crate::error::Error;

/// One thing that was erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// The key of a person, or of an invitation to one: `<id>`.
    Subject(SubjectId),
    /// A whole tenant: `tenant <id> <time>`.
    Tenant(TenantId, Timestamp),
    /// An account that was in an erased tenant, and where it went on:
    /// `account <id> <tenant> [<tenant>]`.
    Account {
        user: UserId,
        from: TenantId,
        to: Option<TenantId>,
    },
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Subject(subject) => write!(f, "{subject}"),
            Self::Tenant(tenant, at) => write!(f, "tenant {tenant} {at}"),
            Self::Account { user, from, to } => {
                write!(f, "account {user} {from}")?;
                to.map_or(Ok(()), |to| write!(f, " {to}"))
            }
        }
    }
}

/// The line is of no kind that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoLine;

impl FromStr for Line {
    type Err = NoLine;

    fn from_str(line: &str) -> Result<Self, NoLine> {
        fn id<T: FromStr>(text: &str) -> Result<T, NoLine> {
            text.parse().map_err(|_| NoLine)
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        Ok(match words[..] {
            [subject] => Self::Subject(id(subject)?),
            ["tenant", tenant, at] => {
                Self::Tenant(id(tenant)?, Timestamp::parse(at).map_err(|_| NoLine)?)
            }
            ["account", user, from] => Self::Account {
                user: id(user)?,
                from: id(from)?,
                to: None,
            },
            ["account", user, from, to] => Self::Account {
                user: id(user)?,
                from: id(from)?,
                to: Some(id(to)?),
            },
            _ => return Err(NoLine),
        })
    }
}

/// Adds some, durably: an erasure is not done before it is on the disk.
pub(crate) async fn note(list: &Path, lines: &[Line]) -> std::io::Result<()> {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(list)
        .await?;
    file.write_all(text.as_bytes()).await?;
    file.sync_all().await
}

/// Everything on the list; nothing where there is no list.
pub fn read(list: &Path) -> std::io::Result<Vec<Line>> {
    let text = match std::fs::read_to_string(list) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        text => text?,
    };
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let lines = lines.map(|line| {
        line.parse().map_err(|NoLine| {
            std::io::Error::other(format!("`{line}` in {} is not an id", list.display()))
        })
    });
    lines.collect()
}

/// Erases once more what is listed, in a database that was just restored. Where people
/// whose keys go here are members only the log tells, so that the gateway takes them out
/// when it starts on it (`person_erasure`); until then nobody without a key comes in.
pub async fn again(db: &Db, lines: &[Line]) -> Result<(), Error> {
    let mut subjects = Vec::new();
    for line in lines {
        match *line {
            Line::Subject(subject) => subjects.push(subject),
            Line::Account { user, from, to } => {
                logins::leave(db, from, user, to).await?;
                if to.is_none() {
                    totp::remove(db, user).await?;
                    recovery_codes::replace(db, user, &[]).await?;
                }
            }
            Line::Tenant(..) => {}
        }
    }
    erasure::forget_subjects(db, &subjects).await?;
    // Last: an account that went on elsewhere must not go with the rows of its tenant.
    for line in lines {
        if let Line::Tenant(tenant, at) = *line {
            let forgotten = erasure::forget(db, tenant, at).await;
            forgotten.map_err(|error| Error::Unavailable(error.to_string()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[tokio::test]
    async fn what_is_noted_is_read_and_nonsense_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("erased");
        assert_eq!(read(&list).unwrap(), []);
        let id = Uuid::from_u128;
        let (user, from) = (UserId(id(3)), TenantId(id(1)));
        let lines = [
            Line::Subject(SubjectId(id(7))),
            Line::Tenant(from, Timestamp::from_micros(1_790_000_000_000_000)),
            Line::Account {
                user,
                from,
                to: None,
            },
            Line::Account {
                user,
                from,
                to: Some(TenantId(id(2))),
            },
        ];
        note(&list, &lines[..1]).await.unwrap();
        note(&list, &lines[1..]).await.unwrap();
        assert_eq!(read(&list).unwrap(), lines);
        for nonsense in ["nobody", "tenant nowhere", "account a b c d"] {
            std::fs::write(&list, format!("{nonsense}\n")).unwrap();
            let told = read(&list).unwrap_err().to_string();
            assert!(told.contains(&format!("`{nonsense}`")), "{told}");
        }
    }
}
