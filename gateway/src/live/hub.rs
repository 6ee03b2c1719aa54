//! The sockets of this gateway and who may see what.

use std::collections::HashMap;

use access::ended::End;
use axum::extract::ws::Utf8Bytes;
use schemas::change::Change;
use schemas::ids::{ProjectId, TenantId, UserId};
use schemas::time::Timestamp;
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

use super::Resume;
use super::frames;
use super::readable::{self, Readable};
use super::ring::{Audience, Ring};

/// How many frames are kept for clients that come back.
const RING: usize = 8_192;
/// How many frames a client may be behind before it is closed. An announcement comes all
/// at once and has a frame for each alert of its batch, some 1,600 of a large group: who
/// could not hold as many would be closed in every storm, however fast it reads. The
/// room is taken as it is needed.
const QUEUE: usize = 2_048;

/// Why a socket is closed from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    SessionOver,
    TooSlow,
    Restart,
}

/// A socket as the hub knows it.
pub struct Client {
    /// Whose end is its own.
    carries: Vec<End>,
    may: Readable,
    frames: mpsc::Sender<Utf8Bytes>,
    ending: watch::Sender<Option<Ending>>,
}

/// Who joins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Joining {
    pub(super) tenant: TenantId,
    pub(super) project: ProjectId,
    pub(super) user: Option<UserId>,
    pub(super) session: Option<Uuid>,
    pub(super) may: Readable,
}

impl Joining {
    fn carries(self) -> Vec<End> {
        let session = self.session.map(End::session);
        let member = self.user.map(|user| End::member(self.tenant, user));
        let project = Some(End::project(self.project));
        let tenant = Some(End::tenant(self.tenant));
        let all = [session, member, project, tenant];
        all.into_iter().flatten().collect()
    }
}

/// What a socket has of the hub.
pub(super) struct Joined {
    pub(super) id: u64,
    /// To be sent before anything else.
    pub(super) first: Vec<Utf8Bytes>,
    pub(super) frames: mpsc::Receiver<Utf8Bytes>,
    pub(super) ending: watch::Receiver<Option<Ending>>,
}

type Clients = HashMap<u64, Client>;

/// Sockets by tenant and project, and the ring they all read from.
pub(super) struct Hub {
    epoch: String,
    ring: Ring,
    joined: u64,
    /// Since when read models do not follow the log; None while they do.
    behind: Option<Timestamp>,
    clients: HashMap<TenantId, HashMap<ProjectId, Clients>>,
}

impl Hub {
    pub(super) fn new(epoch: String) -> Self {
        Self {
            epoch,
            ring: Ring::new(RING),
            joined: 0,
            behind: None,
            clients: HashMap::new(),
        }
    }

    /// Adds a socket. It begins with `hello` and what it missed since `resume`, or a
    /// `resync` where that is not to be had any more.
    pub(super) fn join(&mut self, who: Joining, resume: Option<&Resume>) -> Joined {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let (ending, ended) = watch::channel(None);
        self.joined += 1;
        let client = Client {
            carries: who.carries(),
            may: who.may,
            frames: sender,
            ending,
        };
        let projects = self.clients.entry(who.tenant).or_default();
        let clients = projects.entry(who.project).or_default();
        clients.insert(self.joined, client);
        metrics::gauge!("gateway_live_sockets").increment(1.0);
        Joined {
            id: self.joined,
            first: self.greeting(who, resume),
            frames: receiver,
            ending: ended,
        }
    }

    /// Removes a socket that has ended by itself.
    pub(super) fn leave(&mut self, who: Joining, id: u64) {
        if let Some(projects) = self.clients.get_mut(&who.tenant) {
            if let Some(clients) = projects.get_mut(&who.project) {
                clients.remove(&id);
                if clients.is_empty() {
                    projects.remove(&who.project);
                }
            }
            if projects.is_empty() {
                self.clients.remove(&who.tenant);
            }
        }
        metrics::gauge!("gateway_live_sockets").decrement(1.0);
    }

    pub(super) fn publish(&mut self, changes: &[Change]) {
        for change in changes {
            let audience = Audience {
                tenant: Some(change.tenant),
                project: change.project,
                needs: Some(readable::needed(change.kind)),
            };
            let frame = self.ring.push(audience, |seq| frames::changed(change, seq));
            self.deliver(audience, &frame);
        }
    }

    /// Tells everybody that something was missed.
    pub(super) fn resync(&mut self) {
        let epoch = &self.epoch;
        let frame = self
            .ring
            .push(Audience::ALL, |seq| frames::resync(epoch, seq));
        self.deliver(Audience::ALL, &frame);
    }

    /// Tells everybody when it is news.
    pub(super) fn set_behind(&mut self, since: Option<Timestamp>) {
        if self.behind != since {
            self.behind = since;
            self.deliver(Audience::ALL, &frames::behind(since));
        }
    }

    pub(super) fn end(&mut self, what: End) {
        for client in self
            .everybody()
            .filter(|client| client.carries.contains(&what))
        {
            client.ending.send_replace(Some(Ending::SessionOver));
        }
    }

    pub(super) fn end_all(&mut self, ending: Ending) {
        for client in self.everybody() {
            client.ending.send_replace(Some(ending));
        }
    }

    fn greeting(&self, who: Joining, resume: Option<&Resume>) -> Vec<Utf8Bytes> {
        let last = self.ring.last();
        let hello = |seq| frames::hello(&self.epoch, seq, who.project, self.behind);
        let Some(resume) = resume else {
            return vec![hello(last)];
        };
        let known = resume.epoch == self.epoch;
        let missed = known.then(|| {
            self.ring
                .since(resume.seq, who.tenant, who.project, who.may)
        });
        match missed.flatten() {
            // The client counts on from its own number, through what it missed.
            Some(missed) => {
                let hello = hello(resume.seq);
                std::iter::once(hello).chain(missed).collect()
            }
            None => vec![hello(last), frames::resync(&self.epoch, last)],
        }
    }

    fn deliver(&self, audience: Audience, frame: &Utf8Bytes) {
        let tenants: Vec<_> = match audience.tenant {
            Some(tenant) => self.clients.get(&tenant).into_iter().collect(),
            None => self.clients.values().collect(),
        };
        for projects in tenants {
            let wanted = |project: &ProjectId| audience.project.is_none_or(|own| own == *project);
            let clients = projects.iter().filter(|(project, _)| wanted(project));
            let clients = clients.flat_map(|(_, clients)| clients.values());
            for client in clients.filter(|client| client.may.includes(audience.needs)) {
                client.send(frame);
            }
        }
    }

    fn everybody(&self) -> impl Iterator<Item = &Client> {
        let projects = self.clients.values().flat_map(HashMap::values);
        projects.flat_map(HashMap::values)
    }
}

impl Client {
    fn send(&self, frame: &Utf8Bytes) {
        let full = self.frames.try_send(frame.clone()).is_err();
        if full && self.ending.borrow().is_none() {
            metrics::counter!("gateway_live_slow_closed_total").increment(1);
            self.ending.send_replace(Some(Ending::TooSlow));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use access::permissions::Action;
    use schemas::change::ChangeKind;

    fn who(tenant: u128, project: u128) -> Joining {
        Joining {
            tenant: TenantId(Uuid::from_u128(tenant)),
            project: ProjectId(Uuid::from_u128(project)),
            user: None,
            session: Some(Uuid::from_u128(tenant)),
            may: Readable::EVERYTHING,
        }
    }

    fn change(tenant: u128, project: Option<u128>) -> Change {
        Change {
            kind: ChangeKind::IncidentUpdated,
            tenant: TenantId(Uuid::from_u128(tenant)),
            project: project.map(|n| ProjectId(Uuid::from_u128(n))),
            key: "x".to_owned(),
        }
    }

    fn received(joined: &mut Joined) -> usize {
        std::iter::from_fn(|| joined.frames.try_recv().ok()).count()
    }

    #[test]
    fn a_frame_reaches_its_project_and_nobody_else() {
        let mut hub = Hub::new("e".to_owned());
        let mut own = hub.join(who(1, 1), None);
        let mut sibling = hub.join(who(1, 2), None);
        let mut foreign = hub.join(who(2, 1), None);
        hub.publish(&[change(1, Some(1))]);
        assert_eq!(
            [&mut own, &mut sibling, &mut foreign].map(received),
            [1, 0, 0]
        );
        hub.publish(&[change(1, None)]);
        assert_eq!(
            [&mut own, &mut sibling, &mut foreign].map(received),
            [1, 1, 0]
        );
    }

    #[test]
    fn a_frame_reaches_those_who_may_read_what_has_changed() {
        let mut hub = Hub::new("e".to_owned());
        let may = Readable::only(&[Action::ReadIncidents]);
        let mut viewer = hub.join(Joining { may, ..who(1, 1) }, None);
        let mut admin = hub.join(who(1, 1), None);
        let kind = ChangeKind::ApiKeyUpdated;
        let key = Change {
            kind,
            ..change(1, Some(1))
        };
        hub.publish(&[key, change(1, Some(1))]);
        assert_eq!([&mut viewer, &mut admin].map(received), [1, 2]);
        hub.resync();
        assert_eq!([&mut viewer, &mut admin].map(received), [1, 1]);
    }

    #[test]
    fn a_client_resumes_or_is_told_to_refetch() {
        let mut hub = Hub::new("e".to_owned());
        hub.publish(&[change(1, Some(1)), change(2, Some(1)), change(1, Some(1))]);
        let resume = |epoch: &str, seq| Resume {
            epoch: epoch.to_owned(),
            seq,
        };
        let first = |hub: &mut Hub, resume: Option<Resume>| {
            let joined = hub.join(who(1, 1), resume.as_ref());
            joined
                .first
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        };
        let hello = |seq: u64| {
            let project = Uuid::from_u128(1);
            format!(r#"{{"type":"hello","epoch":"e","seq":{seq},"project_id":"{project}"}}"#)
        };
        assert_eq!(first(&mut hub, None), [hello(3)]);
        let resumed = first(&mut hub, Some(resume("e", 1)));
        assert_eq!(resumed[0], hello(1));
        assert_eq!(resumed.len(), 2);
        assert!(resumed[1].contains("\"seq\":3"));
        let other = first(&mut hub, Some(resume("before", 1)));
        assert_eq!(other[1], r#"{"type":"resync","epoch":"e","seq":3}"#);
    }

    #[test]
    fn everybody_is_told_once_that_read_models_are_behind_and_that_they_follow_again() {
        let mut hub = Hub::new("e".to_owned());
        let mut here = hub.join(who(1, 1), None);
        let since = Timestamp::parse("2026-11-23T16:09:05Z").unwrap();
        hub.set_behind(Some(since));
        hub.set_behind(Some(since));
        let late = hub.join(who(2, 2), None);
        hub.set_behind(None);
        let told = std::iter::from_fn(|| here.frames.try_recv().ok());
        let told: Vec<_> = told.map(|frame| frame.to_string()).collect();
        let expected = [
            r#"{"type":"behind","since":"2026-11-23T16:09:05.000000Z"}"#,
            r#"{"type":"behind","since":null}"#,
        ];
        assert_eq!(told, expected);
        let hello = late.first[0].to_string();
        assert!(
            hello.contains(r#""behind_since":"2026-11-23T16:09:05"#),
            "{hello}"
        );
    }

    #[test]
    fn a_slow_client_is_ended_and_its_queue_bounded() {
        let mut hub = Hub::new("e".to_owned());
        let mut slow = hub.join(who(1, 1), None);
        for _ in 0..QUEUE + 1 {
            hub.publish(&[change(1, Some(1))]);
        }
        assert_eq!(*slow.ending.borrow(), Some(Ending::TooSlow));
        assert_eq!(received(&mut slow), QUEUE);
    }

    /// An alert's record has some 600 bytes, a batch one MiB.
    #[test]
    fn a_batch_of_alerts_closes_nobody() {
        let alert = |n: usize| Change {
            kind: ChangeKind::AlertFired,
            key: n.to_string(),
            ..change(1, Some(1))
        };
        let batch: Vec<Change> = (0..1_800).map(alert).collect();
        let mut hub = Hub::new("e".to_owned());
        let mut client = hub.join(who(1, 1), None);
        hub.publish(&batch);
        assert_eq!(*client.ending.borrow(), None);
        assert_eq!(received(&mut client), batch.len());
    }

    #[test]
    fn who_left_is_forgotten() {
        let mut hub = Hub::new("e".to_owned());
        let joined = hub.join(who(1, 1), None);
        hub.end(End::session(Uuid::from_u128(1)));
        assert_eq!(*joined.ending.borrow(), Some(Ending::SessionOver));
        hub.leave(who(1, 1), joined.id);
        assert!(hub.clients.is_empty());
    }
}
