//! Taking partitions over and letting them go.

use anyhow::Context as _;
use eventlog::{Log, LogError, Visibility};
use futures::future::try_join_all;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Owner, Part};
use crate::runtime::errand::{Messenger, within};
use crate::runtime::fact::Fact;
use crate::runtime::intake::Intake;
use crate::runtime::kind::AggregateKey;
use crate::runtime::registry;
use crate::runtime::tail::Tail;

/// How much of a tail is read at a time, in bytes.
const FILL_BYTES: usize = 1 << 20;

impl Owner {
    /// Takes partitions over as soon as the log tells what they hold.
    pub(super) async fn assigned(
        &mut self,
        parts: &[Part],
        shutdown: &CancellationToken,
    ) -> anyhow::Result<()> {
        while let Err(error) = self.take_over(parts).await {
            let log = error.downcast_ref::<LogError>();
            if !log.is_some_and(LogError::is_passing) {
                return Err(error);
            }
            tracing::warn!(%error, "partitions are taken over later");
            let pause = tokio::time::sleep(self.limits.retry_longest);
            if shutdown.run_until_cancelled(pause).await.is_none() {
                break;
            }
        }
        Ok(())
    }

    /// Each with the events that the history may lack.
    async fn take_over(&mut self, parts: &[Part]) -> anyhow::Result<()> {
        let events = parts.iter().flat_map(|(topic, partition)| {
            let topics = registry::events_of(*topic).into_iter();
            topics.map(|topic| (topic, *partition))
        });
        let fills = events.map(|part| fill(self.log.clone(), self.messenger.clone(), part));
        let tails = try_join_all(fills).await?;
        self.tails.extend(tails);
        for part in parts {
            self.intakes.insert(*part, Intake::default());
        }
        Ok(())
    }

    /// Drops everything that belongs to partitions which are somebody else's now.
    pub(super) fn revoked(&mut self, parts: &[Part]) {
        for (topic, partition) in parts {
            self.intakes.remove(&(*topic, *partition));
            for events in registry::events_of(*topic) {
                self.tails.remove(&(events, *partition));
            }
        }
        let lost = |commands, partition| parts.contains(&(commands, partition));
        let keeps = |key: &AggregateKey| !lost(key.kind.commands(), key.partition());
        self.cache.retain(keeps);
        self.queues.retain(keeps);
        self.ready.retain(|command| keeps(&command.key));
        self.answers.retain(|answer| {
            let input = answer.input();
            !lost(input.topic, input.partition)
        });
    }

    /// Another member owns the partitions: nothing in memory counts any more.
    pub(super) fn forget(&mut self) {
        let parts: Vec<_> = self.intakes.keys().copied().collect();
        tracing::warn!(partitions = parts.len(), "lost the partitions");
        self.revoked(&parts);
        self.errands = JoinSet::new();
    }
}

/// The tail from the history's checkpoint on. Without an answer it begins at the
/// end: then nothing can be loaded until the history has come that far.
async fn fill(log: Log, messenger: Messenger, part: Part) -> anyhow::Result<(Part, Tail)> {
    let (topic, partition) = part;
    let range = log.range(topic, partition, Visibility::Appended).await?;
    let asked = messenger.history.checkpoint(topic, partition);
    let checkpoint = within(messenger.limits.history_timeout, asked).await;
    let checkpoint = checkpoint.unwrap_or(range.end);
    anyhow::ensure!(
        checkpoint <= range.end,
        "the history of {}/{partition} has come to {checkpoint}, past the log's end {}: \
         it belongs to another log; drop schema `history` to have it rebuilt",
        topic.name(),
        range.end
    );
    let start = checkpoint.max(range.start);
    let mut tail = Tail::new(start, messenger.limits.tail_bytes);
    let mut next = start;
    while next < range.end {
        let fetched = log
            .read(topic, partition, next, FILL_BYTES, Visibility::Appended)
            .await
            .context("reading the newest events")?;
        if fetched.next_offset <= next {
            // Without what lies there an aggregate would be decided on as it was before.
            let why = format!("{}/{partition} does not go on at {next}", topic.name());
            return Err(LogError::Unavailable(why).into());
        }
        next = fetched.next_offset;
        for record in fetched.records {
            let event = Fact::of_log(record).context("reading the newest events")?;
            if let Some((key, fact)) = event {
                tail.push(key, fact);
            }
        }
    }
    Ok((part, tail))
}
