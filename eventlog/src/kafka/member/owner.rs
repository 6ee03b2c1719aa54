//! The member's thread: answers requests, polls, and begins anew after trouble.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use rdkafka::TopicPartitionList;
use schemas::topic::Topic;
use tokio::sync::mpsc;

use super::joining::Joining;
use super::session::{Arrived, Session, fetched};
use super::{Committed, Request, Setup};
use crate::kafka::callbacks::Rebalance;
use crate::kafka::error::unavailable;
use crate::kafka::wire;
use crate::record::{Fetched, Partition};
use crate::{CommitError, Delivery, LogError, Transaction};

/// How long the caller may be busy before the flow is paused so that polling
/// can go on serving rebalances.
const BUSY: Duration = Duration::from_millis(500);
/// How often a paused member polls.
const PAUSED_POLL: Duration = Duration::from_millis(100);
/// librdkafka wakes us; this is how long a lost wake-up could go unnoticed.
const LOST_WAKE: Duration = Duration::from_secs(1);
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
const LONGEST_BACKOFF: Duration = Duration::from_secs(5);
/// Being fenced twice within this time is a quarrel, not an aftermath.
const SAME_QUARREL: Duration = Duration::from_secs(60);
/// Records polled while nobody asked; a paused flow brings hardly any.
const HELD_BYTES: usize = 4 * 1024 * 1024;

pub(super) struct Owner {
    setup: Setup,
    wake: Sender<Request>,
    inbox: Receiver<Request>,
    outbox: mpsc::Sender<Result<Delivery, LogError>>,
    session: Option<Session>,
    /// Not before then, and how long to wait the next time.
    retry: (Instant, Duration),
    /// Changes of ownership that the caller has not been told.
    notices: VecDeque<Delivery>,
    /// What the caller owns once it has heard all notices.
    announced: Vec<(Topic, Partition)>,
    held: Vec<Fetched>,
    wanted: Option<usize>,
    idle_since: Instant,
    joining: Joining,
    /// When a broker last said that another runs under this name.
    fenced: Option<Instant>,
    /// Nothing will get better: every question is answered with this.
    failure: Option<LogError>,
}

impl Owner {
    pub(super) fn new(
        setup: Setup,
        wake: Sender<Request>,
        inbox: Receiver<Request>,
        outbox: mpsc::Sender<Result<Delivery, LogError>>,
    ) -> Self {
        Self {
            setup,
            wake,
            inbox,
            outbox,
            session: None,
            retry: (Instant::now(), FIRST_BACKOFF),
            notices: VecDeque::new(),
            announced: Vec::new(),
            held: Vec::new(),
            wanted: None,
            idle_since: Instant::now(),
            joining: Joining::default(),
            fenced: None,
            failure: None,
        }
    }

    pub(super) fn run(mut self) {
        loop {
            if let Err(error) = self.turn() {
                self.begin_anew(error);
            }
            if let Some(why) = self.joining.news(Instant::now()) {
                let group = &self.setup.group.name;
                tracing::warn!(why, group, "still without partitions; going on to join");
            }
            self.deliver();
            match self.inbox.recv_timeout(self.patience()) {
                Ok(Request::Next(max_bytes)) => self.wanted = Some(max_bytes),
                Ok(Request::Commit(transaction, reply)) => {
                    let outcome = self.commit(transaction);
                    if reply.send(outcome).is_err() {
                        tracing::debug!("a commit ended after its caller had gone");
                    }
                }
                Ok(Request::Arrived) | Err(RecvTimeoutError::Timeout) => {}
                Ok(Request::Close) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// How long to wait for a request.
    fn patience(&self) -> Duration {
        if self.session.is_none() {
            self.retry
                .0
                .saturating_duration_since(Instant::now())
                .max(Duration::from_millis(1))
        } else if self.wanted.is_some() {
            LOST_WAKE
        } else {
            PAUSED_POLL
        }
    }

    /// Polls as far as the caller has asked for more, or to serve rebalances.
    fn turn(&mut self) -> Result<(), LogError> {
        if self.failure.is_some() {
            return Ok(());
        }
        if self.session.is_none() {
            return self.join();
        }
        let wants_records = self.wanted.is_some() && self.notices.is_empty();
        if wants_records && self.held.is_empty() {
            let max_bytes = self.wanted.unwrap_or_default();
            self.with_session(|session, _| session.resume())?;
            self.poll(max_bytes)
        } else if self.wanted.is_none() && self.idle_since.elapsed() > BUSY {
            self.with_session(|session, _| session.pause())?;
            self.poll(HELD_BYTES)
        } else {
            Ok(())
        }
    }

    fn join(&mut self) -> Result<(), LogError> {
        if Instant::now() < self.retry.0 {
            return Ok(());
        }
        self.session = Some(Session::open(&self.setup, &self.wake).map_err(unavailable)?);
        Ok(())
    }

    fn poll(&mut self, max_bytes: usize) -> Result<(), LogError> {
        loop {
            let Arrived { changes, batch } =
                self.with_session(|session, setup| session.arrived(setup, max_bytes))?;
            self.held.extend(fetched(batch));
            if changes.is_empty() {
                return Ok(());
            }
            for change in changes {
                match change {
                    Rebalance::Granted(partitions) => self.take(&partitions)?,
                    Rebalance::Revoked => self.revoked(),
                }
            }
        }
    }

    fn take(&mut self, granted: &TopicPartitionList) -> Result<(), LogError> {
        let partitions = self.with_session(|session, setup| session.take(setup, granted))?;
        self.retry.1 = FIRST_BACKOFF;
        self.joining.over();
        if !partitions.is_empty() {
            self.announced.clone_from(&partitions);
            self.notices.push_back(Delivery::Assigned(partitions));
        }
        Ok(())
    }

    /// What was announced and never told is not told at all.
    fn revoked(&mut self) {
        self.held.clear();
        if let Some(session) = &mut self.session {
            session.give_up();
        }
        let lost = std::mem::take(&mut self.announced);
        if matches!(self.notices.back(), Some(Delivery::Assigned(_))) {
            self.notices.pop_back();
        } else if !lost.is_empty() {
            self.notices.push_back(Delivery::Revoked(lost));
        }
    }

    /// A caller whose commit failed reads again from what is committed: all
    /// ownership ends, and the next session takes it up from there.
    fn begin_anew(&mut self, error: LogError) {
        metrics::counter!("eventlog_kafka_rejoins_total", "group" => self.setup.group.name.clone())
            .increment(1);
        self.revoked();
        self.session = None;
        let (_, wait) = self.retry;
        self.retry = (Instant::now() + wait, (wait * 2).min(LONGEST_BACKOFF));
        let lasting = match error {
            LogError::Failed(_) => self.fenced_again(),
            LogError::BeforeStart { .. } | LogError::PastEnd(..) => true,
            _ => false,
        };
        self.tell(&error, lasting);
        match lasting {
            true => {
                self.joining.over();
                self.failure = Some(error);
            }
            false => self.joining.failed(error.to_string(), Instant::now()),
        }
    }

    fn tell(&self, error: &LogError, lasting: bool) {
        let (group, instance) = (&self.setup.group.name, &self.setup.options.instance);
        match (error, lasting) {
            (LogError::Failed(_), false) => tracing::warn!(
                group,
                "the brokers take this member for another named `{instance}`, as they may after a \
                 pause; joining anew"
            ),
            (LogError::Failed(_), true) => tracing::error!(
                group,
                "another process runs as `{instance}`: stop one of the two, or give one another \
                 SRE_COPILOT_INSTANCE"
            ),
            // So ends every rebalance; what lasts is told by itself.
            (LogError::Unavailable(why), _) => tracing::info!(why, group, "joining anew"),
            (_, false) => tracing::warn!(%error, group, "joining anew"),
            (_, true) => tracing::error!(%error, group, "cannot go on"),
        }
    }

    /// Brokers that come back may take this member's own past for another of its
    /// name, once. Two processes of one name fence each other again and again:
    /// whoever is fenced a second time gives up.
    fn fenced_again(&mut self) -> bool {
        let last = self.fenced.replace(Instant::now());
        last.is_some_and(|last| last.elapsed() < SAME_QUARREL)
    }

    /// Answers an open question if there is an answer.
    fn deliver(&mut self) {
        if self.wanted.is_none() {
            return;
        }
        let answer = if let Some(notice) = self.notices.pop_front() {
            Ok(notice)
        } else if !self.held.is_empty() {
            Ok(Delivery::Records(std::mem::take(&mut self.held)))
        } else if let Some(failure) = &self.failure {
            Err(failure.clone())
        } else {
            return;
        };
        self.wanted = None;
        self.idle_since = Instant::now();
        if self.outbox.try_send(answer).is_err() {
            tracing::debug!("nobody waits for the member's delivery any more");
        }
    }

    fn commit(&mut self, transaction: Transaction) -> Committed {
        wire::check(&transaction.records, self.setup.options.max_record_bytes)?;
        // The caller does not know yet what it has lost.
        if !self.notices.is_empty() {
            return Err(CommitError::Fenced);
        }
        let Some(session) = &mut self.session else {
            return Err(CommitError::Fenced);
        };
        let outcome = session.commit(&self.setup, transaction);
        self.idle_since = Instant::now();
        match &outcome {
            // Refused for what it was: the membership is as good as before.
            Ok(_)
            | Err(CommitError::Log(LogError::TooLarge { .. } | LogError::SpansJournals(..))) => {}
            Err(CommitError::Fenced) => {
                let why = "what of the last commit happened shows in the offsets";
                self.begin_anew(LogError::Unavailable(why.to_owned()));
            }
            Err(CommitError::Log(LogError::Unavailable(why))) => {
                self.begin_anew(LogError::Unavailable(why.clone()));
            }
            Err(error) => self.begin_anew(LogError::Unavailable(error.to_string())),
        }
        outcome
    }

    fn with_session<T>(
        &mut self,
        call: impl FnOnce(&mut Session, &Setup) -> Result<T, LogError>,
    ) -> Result<T, LogError> {
        match &mut self.session {
            Some(session) => call(session, &self.setup),
            None => Err(LogError::Unavailable("not a member yet".to_owned())),
        }
    }
}
