use async_trait::async_trait;
use eventlog::embedded::{EmbeddedLog, Options};
use eventlog::{NewRecord, Offset, Partition};
use schemas::codec::Example;
use schemas::context::{Clock, Context};
use schemas::envelope::Envelope;
use schemas::ids::{ProjectId, UserId};
use schemas::incident::{CommentIncident, IncidentCommand};
use schemas::messages::MessageSet;
use schemas::scope::{Actor, Scope};
use uuid::Uuid;

use super::*;
use crate::history::{History, HistoryError};
use crate::runtime::Limits;
use crate::runtime::erased::Erased;

/// A history that is away.
struct Away;

impl Away {
    fn answer<T>(&self) -> Result<T, HistoryError> {
        Err(HistoryError::Unavailable("switched off".to_owned()))
    }
}

#[async_trait]
impl History for Away {
    async fn checkpoint(&self, _: Topic, _: Partition) -> Result<Offset, HistoryError> {
        self.answer()
    }

    async fn load(
        &self,
        _: Topic,
        _: Partition,
        _: &str,
        _: &str,
        _: TenantId,
    ) -> Result<Loaded, HistoryError> {
        self.answer()
    }

    async fn find_command(
        &self,
        _: &str,
        _: &str,
        _: CommandId,
    ) -> Result<Option<Settled>, HistoryError> {
        self.answer()
    }
}

/// A comment on an incident, as it was read.
fn command(id: Uuid) -> Arc<Command> {
    let topic = Topic::IncidentCommands;
    let actor = Actor::User(UserId(Uuid::from_u128(1)));
    let tenant = TenantId(Uuid::from_u128(2));
    let scope = Scope::granted(tenant, ProjectId(Uuid::from_u128(3)), actor);
    let message = IncidentCommand::from(CommentIncident::example());
    let subject = Uuid::from_u128(4).to_string();
    let envelope = Envelope {
        time: Clock::System.now(),
        ..Envelope::of(&scope, id, message.kind(), "/gateway", subject)
    };
    let NewRecord {
        key, headers, body, ..
    } = NewRecord::of(topic, &envelope, &message).unwrap();
    let record = Record {
        position: Position {
            topic,
            partition: topic.partition_of(&key),
            offset: 0,
        },
        appended_at: envelope.time,
        key,
        headers,
        body,
    };
    let Ok(command) = Command::read(&record) else {
        panic!("it is a command");
    };
    Arc::new(command)
}

/// On Kafka, after two rebalances: the question of the first time is answered at last.
#[tokio::test]
async fn what_became_of_one_command_is_not_taken_for_another() {
    let dir = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(Options::new(dir.path())).unwrap();
    let (history, limits) = (Arc::new(Away), Limits::default());
    let mut owner = Owner::new(log, history, Erased::default(), limits);
    let ids = Context::ambient(&Clock::System);
    let waiting = command(ids.id());
    let key = waiting.key;
    owner
        .queues
        .0
        .insert(key, VecDeque::from([waiting.clone()]));
    let settled = Settled {
        version: 7,
        positions: Vec::new(),
        request_hash: None,
    };
    let about = |command| Arrival {
        key,
        answer: Found::Settled {
            command,
            settled: Some(settled.clone()),
        },
    };

    owner.arrived(about(CommandId(ids.id())));
    assert_eq!(waiting.earlier.get(), None);
    assert!(owner.ready.is_empty() && owner.queues.0.contains_key(&key));

    owner.arrived(about(waiting.envelope.command_id()));
    assert_eq!(waiting.earlier.get(), Some(&Some(settled.clone())));
    assert!(owner.ready.len() == 1 && owner.queues.0.is_empty());
}
