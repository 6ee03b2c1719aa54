//! A log, a runner on it, and somebody who sends commands and awaits answers.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use commands::Limits;
use eventlog::embedded::{EmbeddedLog, Options};
use eventlog::{EventLog, Log, NewRecord, Position, Record, Subscription, Visibility};
use schemas::context::{Clock, Context};
use schemas::envelope::Envelope;
use schemas::ids::{CommandId, ProjectId, TenantId, UserId};
use schemas::messages::MessageSet;
use schemas::outcome::{CommandSettled, Outcome};
use schemas::scope::{Actor, Scope};
use schemas::topic::Topic;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::history::LogHistory;

/// How long anything may take before a test gives up.
const DEADLINE: Duration = Duration::from_secs(60);

pub(crate) struct World {
    dir: tempfile::TempDir,
    log: Arc<EmbeddedLog>,
    pub(crate) history: Arc<LogHistory>,
    pub(crate) limits: Limits,
    runner: Option<Running>,
    outcomes: Outcomes,
}

struct Running {
    task: JoinHandle<anyhow::Result<()>>,
    shutdown: CancellationToken,
}

/// Everything that topic `command.outcomes` has said so far.
struct Outcomes {
    subscription: Box<dyn Subscription>,
    seen: HashMap<CommandId, Vec<CommandSettled>>,
}

impl World {
    /// A fresh log with a runner on it.
    pub(crate) async fn new() -> Self {
        let mut world = Self::without_runner().await;
        world.start();
        world
    }

    pub(crate) async fn without_runner() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let log = open(&dir);
        let history = Arc::new(LogHistory::over(log.clone()));
        let outcomes = Outcomes::of(&log).await;
        let limits = Limits {
            retry_longest: Duration::from_millis(20),
            ..Limits::default()
        };
        Self {
            dir,
            log,
            history,
            limits,
            runner: None,
            outcomes,
        }
    }

    pub(crate) fn start(&mut self) {
        self.start_on(self.log.clone());
    }

    pub(crate) fn log(&self) -> Log {
        self.log.clone()
    }

    /// Begins the runner on a log that is this world's in the end.
    pub(crate) fn start_on(&mut self, log: Log) {
        let shutdown = CancellationToken::new();
        let history = self.history.clone();
        let run = commands::run(log, history, self.limits.clone(), shutdown.clone());
        let task = tokio::spawn(run);
        self.runner = Some(Running { task, shutdown });
    }

    /// Ends the runner wherever it is, and the log with it; both begin anew.
    pub(crate) async fn crash(&mut self) {
        if let Some(runner) = self.runner.take() {
            runner.task.abort();
            assert!(runner.task.await.is_err_and(|ended| ended.is_cancelled()));
        }
        self.log.close().await.unwrap();
        self.log = open(&self.dir);
        self.history.reopen(self.log.clone());
        self.outcomes = Outcomes::of(&self.log).await;
    }

    /// Ends the runner in order.
    pub(crate) async fn stop(&mut self) {
        let runner = self.runner.take().expect("the runner runs");
        runner.shutdown.cancel();
        runner.task.await.unwrap().unwrap();
    }

    pub(crate) async fn send<M: MessageSet>(
        &self,
        topic: Topic,
        asked: &Asked,
        message: &M,
    ) -> CommandId {
        let record = NewRecord::of(topic, &asked.envelope(message.kind()), message).unwrap();
        self.append(record).await;
        asked.id
    }

    pub(crate) async fn append(&self, record: NewRecord) -> Position {
        self.log.append(vec![record]).await.unwrap().remove(0)
    }

    /// The first outcome of a command.
    pub(crate) async fn outcome(&mut self, id: CommandId) -> CommandSettled {
        self.outcomes(id, 1).await.remove(0)
    }

    /// The first `count` outcomes of a command.
    pub(crate) async fn outcomes(&mut self, id: CommandId, count: usize) -> Vec<CommandSettled> {
        let awaited = async {
            while self.outcomes.of_command(id).len() < count {
                self.outcomes.read().await;
            }
        };
        let in_time = tokio::time::timeout(DEADLINE, awaited).await;
        in_time.unwrap_or_else(|_| panic!("no outcome of {id}"));
        self.outcomes.of_command(id).to_vec()
    }

    /// Whether an outcome of the command has been seen up to now.
    pub(crate) fn is_settled(&self, id: CommandId) -> bool {
        !self.outcomes.of_command(id).is_empty()
    }

    /// Every record of a topic, by partition and offset.
    pub(crate) async fn records(&self, topic: Topic) -> Vec<Record> {
        let log: Log = self.log.clone();
        let mut all = Vec::new();
        for partition in 0..topic.partitions() {
            all.extend(crate::history::read_all(&log, topic, partition).await);
        }
        all
    }

    /// The events of one aggregate, in order, with their envelopes.
    pub(crate) async fn events(&self, topic: Topic, subject: Uuid) -> Vec<(Envelope, Record)> {
        let subject = subject.to_string();
        let records = self.records(topic).await.into_iter();
        let all = records.map(|record| (record.envelope().unwrap(), record));
        all.filter(|(envelope, _)| envelope.subject == subject)
            .collect()
    }
}

impl Outcomes {
    async fn of(log: &Arc<EmbeddedLog>) -> Self {
        let topic = Topic::CommandOutcomes;
        let from = (0..topic.partitions()).map(|partition| Position {
            topic,
            partition,
            offset: 0,
        });
        let subscription = log.subscribe(from.collect(), Visibility::Durable).await;
        Self {
            subscription: subscription.unwrap(),
            seen: HashMap::new(),
        }
    }

    async fn read(&mut self) {
        let fetched = self.subscription.next(1 << 20).await.unwrap();
        for record in fetched.into_iter().flat_map(|fetched| fetched.records) {
            let id = record.envelope().unwrap().command_id();
            let Outcome::CommandSettled(settled) = record.decode().unwrap();
            self.seen.entry(id).or_default().push(settled);
        }
    }

    fn of_command(&self, id: CommandId) -> &[CommandSettled] {
        self.seen.get(&id).map_or(&[], Vec::as_slice)
    }
}

/// Who asks for what: the envelope of a command.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(crate) id: CommandId,
    pub(crate) scope: Scope,
    pub(crate) subject: Uuid,
    pub(crate) request_hash: Option<String>,
    pub(crate) expected_version: Option<i64>,
}

impl Asked {
    /// A request about `subject` under an idempotency key.
    pub(crate) fn with_key(subject: Uuid, key: &str) -> Self {
        let id = CommandId::of_request(tenant(1), "user:ada", "POST /x", key);
        Self {
            request_hash: Some("h1".to_owned()),
            id,
            ..Self::of(subject)
        }
    }

    /// A request about `subject` that is never repeated.
    pub(crate) fn of(subject: Uuid) -> Self {
        Self {
            id: CommandId(fresh_id()),
            scope: scope(1, 1),
            subject,
            request_hash: None,
            expected_version: None,
        }
    }

    pub(crate) fn envelope(&self, kind: &str) -> Envelope {
        let subject = self.subject.to_string();
        Envelope {
            time: Clock::System.now(),
            request_hash: self.request_hash.clone(),
            expected_version: self.expected_version,
            ..Envelope::of(&self.scope, self.id.0, kind, "/gateway", subject)
        }
    }
}

pub(crate) fn fresh_id() -> Uuid {
    Context::ambient(&Clock::System).id()
}

pub(crate) fn tenant(n: u128) -> TenantId {
    TenantId(Uuid::from_u128(n))
}

pub(crate) fn scope(tenant_number: u128, project: u128) -> Scope {
    let project = ProjectId(Uuid::from_u128(project));
    let actor = Actor::User(UserId(Uuid::from_u128(0xADA)));
    Scope::granted(tenant(tenant_number), project, actor)
}

fn open(dir: &tempfile::TempDir) -> Arc<EmbeddedLog> {
    let mut options = Options::new(dir.path());
    options.segment_bytes = 4 << 20;
    EmbeddedLog::open(options).unwrap()
}
