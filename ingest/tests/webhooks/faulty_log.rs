//! The embedded log, which fails on request when a body is appended.

#[path = "../../../eventlog/tests/faulty/mod.rs"]
mod faulty;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use eventlog::{Log, LogError, NewRecord, Position};
use schemas::topic::Topic;

use faulty::{Fault, Faulty};

pub(crate) type FaultyLog = Faulty<OnRequest>;

#[derive(Default)]
pub(crate) struct OnRequest {
    asked: Mutex<Option<Asked>>,
    refused: AtomicUsize,
}

#[derive(Clone)]
enum Asked {
    Refuse(LogError),
    /// The record is there, and the answer says that it is not.
    TakeAndRefuse(LogError),
    /// The record is there, and no answer comes.
    TakeAndHang,
    Hang,
    Panic,
}

impl FaultyLog {
    pub(crate) fn new(log: Log) -> Self {
        let fault = OnRequest::default();
        Self { log, fault }
    }

    pub(crate) fn fail(&self, error: LogError) {
        self.set(Some(Asked::Refuse(error)));
    }

    #[allow(
        dead_code,
        reason = "only one of the test programs that share this asks"
    )]
    pub(crate) fn take_and_fail(&self, error: LogError) {
        self.set(Some(Asked::TakeAndRefuse(error)));
    }

    #[allow(
        dead_code,
        reason = "only one of the test programs that share this asks"
    )]
    pub(crate) fn take_and_hang(&self) {
        self.set(Some(Asked::TakeAndHang));
    }

    /// Appends that were refused on request.
    #[allow(
        dead_code,
        reason = "only one of the test programs that share this asks"
    )]
    pub(crate) fn refused(&self) -> usize {
        self.fault.refused.load(Ordering::SeqCst)
    }

    pub(crate) fn hang(&self) {
        self.set(Some(Asked::Hang));
    }

    pub(crate) fn panic(&self) {
        self.set(Some(Asked::Panic));
    }

    pub(crate) fn mend(&self) {
        self.set(None);
    }

    fn set(&self, asked: Option<Asked>) {
        *self.fault.asked.lock().unwrap() = asked;
    }
}

#[async_trait]
impl Fault for OnRequest {
    async fn append(&self, log: &Log, records: Vec<NewRecord>) -> Result<Vec<Position>, LogError> {
        let ours = [Topic::IdentityKeys, Topic::AuditOperations];
        let body = records.iter().any(|record| !ours.contains(&record.topic));
        let asked = self.asked.lock().unwrap().clone().filter(|_| body);
        match asked {
            None => log.append(records).await,
            Some(Asked::Refuse(error)) => {
                self.refused.fetch_add(1, Ordering::SeqCst);
                Err(error)
            }
            Some(Asked::TakeAndRefuse(error)) => {
                log.append(records).await?;
                self.refused.fetch_add(1, Ordering::SeqCst);
                Err(error)
            }
            Some(Asked::TakeAndHang) => {
                log.append(records).await?;
                std::future::pending().await
            }
            Some(Asked::Hang) => std::future::pending().await,
            Some(Asked::Panic) => panic!("the test asked for it"),
        }
    }
}
