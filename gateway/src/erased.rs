//! The list of erased people: ids, one a line, beside the backups and not in them. A
//! backup that is older than an erasure still holds the person's key; `restore` takes
//! it away again with this list.

use std::path::Path;

use schemas::ids::SubjectId;
use tokio::fs::OpenOptions;
use tokio::io::AsyncWriteExt;

/// Adds one, durably: the erasure is not done before it is on the disk.
pub(crate) async fn note(list: &Path, subject: SubjectId) -> std::io::Result<()> {
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(list)
        .await?;
    file.write_all(format!("{subject}\n").as_bytes()).await?;
    file.sync_all().await
}

/// Everybody on the list; none where there is no list.
pub fn read(list: &Path) -> std::io::Result<Vec<SubjectId>> {
    let text = match std::fs::read_to_string(list) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        text => text?,
    };
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let ids = lines.map(|line| {
        line.trim().parse::<SubjectId>().map_err(|_| {
            std::io::Error::other(format!("`{line}` in {} is not an id", list.display()))
        })
    });
    ids.collect()
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
        let people = [7, 8].map(|n| SubjectId(Uuid::from_u128(n)));
        for person in people {
            note(&list, person).await.unwrap();
        }
        assert_eq!(read(&list).unwrap(), people);
        std::fs::write(&list, "nobody\n").unwrap();
        assert!(read(&list).unwrap_err().to_string().contains("`nobody`"));
    }
}
