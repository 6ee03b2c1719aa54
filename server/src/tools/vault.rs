//! Exchanging the master key. The servers do it; the tool begins it and tells how it goes.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use projections::vault::rotation::{Phase, Status};
use schemas::context::random_bytes;

use super::{Lines, Workbench, tell};
use crate::master_key;
use crate::serve::{CLOCK, Data};

const LOOK_EVERY: Duration = Duration::from_millis(200);
/// So many looks in a row at which key files did not change: somebody has to do it.
const PATIENCE: u32 = 25;

pub(super) async fn rotate(
    bench: &Workbench,
    out: &Lines,
    new_key: Option<&Path>,
) -> anyhow::Result<()> {
    let data = data(bench)?;
    begin(data, new_key).await?;
    let (mut told, mut looks) = (None, 0);
    loop {
        data.rotation.round().await?;
        let Some(status) = data.rotation.status().await? else {
            tell(out, "done: the old master key opens nothing any more").await;
            tell(
                out,
                "backups from before need the old one: keep it apart, with them",
            )
            .await;
            return Ok(());
        };
        looks += 1;
        if told.as_ref() != Some(&status) {
            tell(out, text(&status)).await;
            (told, looks) = (Some(status.clone()), 0);
        }
        if status.phase == Phase::Rewrapped && !status.waiting_for.is_empty() && looks > PATIENCE {
            tell(
                out,
                "put the new key where these are started with it; then it ends by itself",
            )
            .await;
            return Ok(());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

pub(super) async fn status(bench: &Workbench, out: &Lines) -> anyhow::Result<()> {
    let data = data(bench)?;
    let line = match data.rotation.status().await? {
        Some(status) => text(&status),
        None => format!("master key {}; no exchange", hex::encode(data.master.id())),
    };
    tell(out, line).await;
    Ok(())
}

/// Announces the key that is given, or a new one; an exchange that is going on goes on.
async fn begin(data: &Data, new_key: Option<&Path>) -> anyhow::Result<()> {
    let next = match new_key {
        Some(file) => master_key::read(file)?,
        None if data.rotation.status().await?.is_some() => return Ok(()),
        None => {
            ensure!(
                data.key_file.is_ours(),
                "the master key {} is yours to exchange: name the new one with --new-key",
                data.key_file.path().display()
            );
            random_bytes::<32>().into()
        }
    };
    Ok(data.rotation.begin(*next, CLOCK.now()).await?)
}

fn data(bench: &Workbench) -> anyhow::Result<&Data> {
    bench.data.as_ref().context("this process has no Postgres")
}

fn text(status: &Status) -> String {
    let phase = status.phase.name();
    match status.waiting_for.is_empty() {
        true => phase.to_owned(),
        false => format!("{phase}; waiting for {}", status.waiting_for.join(", ")),
    }
}
