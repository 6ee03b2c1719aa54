//! When each server is asked next, and what of an answer is new. Pure: time comes in.

use std::collections::HashMap;
use std::time::Duration;

use projections::monitoring_integrations::{Known, Target};
use schemas::ids::MonitoringIntegrationId;
use schemas::integration_health::RecordProbe;
use schemas::time::Timestamp;

use super::ask::Asked;

/// Nothing new is sampled so often; the aggregate decides.
const SAMPLE_EVERY_MS: i64 = 15 * 60_000;
/// A server that was well is asked again so soon, before it is called down.
const SECOND_LOOK: Duration = Duration::from_secs(5);
/// One that stays down is asked less and less often, down to so many times less.
const LONGEST: u32 = 10;

/// How often a server is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    pub every: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            every: Duration::from_secs(30),
        }
    }
}

/// The servers that are this instance's to ask.
pub(super) struct Plans {
    pace: Pace,
    plans: HashMap<MonitoringIntegrationId, Plan>,
}

struct Plan {
    target: Target,
    due: Timestamp,
    asking: bool,
    /// Answers in a row that were none of somebody well.
    failures: u32,
    rounds: u32,
}

impl Plans {
    pub(super) fn new(pace: Pace) -> Self {
        Self {
            pace,
            plans: HashMap::new(),
        }
    }

    /// What there is now. Who is new or was changed is asked at once; who was asked
    /// before a restart, some time within the first round.
    pub(super) fn know(&mut self, targets: impl Iterator<Item = Target>, now: Timestamp) {
        let mut before = std::mem::take(&mut self.plans);
        for target in targets {
            let id = target.id;
            let plan = match before.remove(&id) {
                Some(plan) if plan.target.version == target.version => plan.knowing(target),
                Some(_) => Plan::of(target, now),
                None if target.known.status.is_none() => Plan::of(target, now),
                None => Plan::of(target, now.plus_millis(spread(id, 0, self.pace.every))),
            };
            self.plans.insert(id, plan);
        }
    }

    /// Whom to ask now; they are not due again before their answer is taken.
    pub(super) fn due(&mut self, now: Timestamp) -> Vec<Target> {
        let due = self
            .plans
            .values_mut()
            .filter(|plan| !plan.asking && plan.due <= now);
        due.map(|plan| {
            plan.asking = true;
            plan.target.clone()
        })
        .collect()
    }

    /// A call ended without an answer: nobody waits for one any more.
    pub(super) fn release_all(&mut self) {
        self.plans.values_mut().for_each(|plan| plan.asking = false);
    }

    /// What was new could not be recorded, so it is new again next time.
    pub(super) fn unrecorded(&mut self, id: MonitoringIntegrationId) {
        if let Some(plan) = self.plans.get_mut(&id) {
            plan.target.known.noted_at = None;
        }
    }

    /// Plans the next time; returns what is to be recorded, if anything is. An answer
    /// about what is somebody else's by now, or was changed meanwhile, is none.
    pub(super) fn take(
        &mut self,
        asked: &Asked,
        owned: bool,
        now: Timestamp,
    ) -> Option<RecordProbe> {
        let plan = self.plans.get_mut(&asked.target.id)?;
        if !owned || plan.target.version != asked.target.version {
            return None;
        }
        plan.asking = false;
        plan.rounds = plan.rounds.wrapping_add(1);
        let probe = asked.probe(now);
        plan.failures = match probe.error {
            None => 0,
            Some(_) => plan.failures.saturating_add(1),
        };
        let was_well = plan.target.known.status.as_deref() == Some("up");
        if was_well && plan.failures == 1 {
            plan.due = now.plus_millis(millis(SECOND_LOOK.min(self.pace.every)));
            return None;
        }
        plan.due = now.plus_millis(plan.pause(self.pace));
        plan.news(probe, now)
    }
}

impl Plan {
    fn of(target: Target, due: Timestamp) -> Self {
        Self {
            target,
            due,
            asking: false,
            failures: 0,
            rounds: 0,
        }
    }

    /// The read model may lag behind what this instance has had recorded.
    fn knowing(mut self, target: Target) -> Self {
        if target.known.noted_at >= self.target.known.noted_at {
            self.target = target;
        }
        self
    }

    /// The pace, longer while it is down, moved a little so that not all are asked at
    /// the same moment.
    fn pause(&self, pace: Pace) -> i64 {
        let times = 1_u32 << self.failures.saturating_sub(2).min(16);
        let pause = pace.every * times.min(LONGEST);
        let jitter = spread(self.target.id, self.rounds, pause / 5);
        millis(pause) - millis(pause / 10) + jitter
    }

    /// The probe, if it tells something that is not known; then it is known.
    fn news(&mut self, probe: RecordProbe, now: Timestamp) -> Option<RecordProbe> {
        let known = &mut self.target.known;
        let since = known.noted_at.map(|at| now.millis_since(at.into()));
        let version = probe.version.clone().or_else(|| known.version.clone());
        let found = Known {
            status: Some(probe.status.clone()),
            error: probe.error.clone(),
            version,
            noted_at: known.noted_at,
        };
        if *known == found && since.is_some_and(|since| since < SAMPLE_EVERY_MS) {
            return None;
        }
        *known = Known {
            noted_at: Some(now.datetime()),
            ..found
        };
        Some(probe)
    }
}

/// Milliseconds in `[0, within)`, another number for each server and round.
fn spread(id: MonitoringIntegrationId, round: u32, within: Duration) -> i64 {
    let seed = id.0.as_u128() ^ u128::from(round);
    let mixed = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
    let number = i64::try_from(mixed >> 66).unwrap_or(0);
    number % millis(within).max(1)
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use outbound::probe::{Health, Trouble};
    use schemas::ids::{ProjectId, TenantId};
    use uuid::Uuid;

    const PACE: Pace = Pace {
        every: Duration::from_secs(30),
    };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros((1_793_500_000 + seconds) * 1_000_000)
    }

    fn target(n: u128, status: Option<&str>) -> Target {
        Target {
            id: MonitoringIntegrationId(Uuid::from_u128(n << 64 | n)),
            tenant: TenantId(Uuid::nil()),
            project: ProjectId(Uuid::nil()),
            version: 1,
            kind: "prometheus".to_owned(),
            url: "http://a".to_owned(),
            ca_certificate: None,
            credential: None,
            known: Known {
                status: status.map(str::to_owned),
                noted_at: status.map(|_| at(0).datetime()),
                ..Known::default()
            },
        }
    }

    fn asked(target: &Target, well: bool) -> Asked {
        let trouble = Trouble::new("not_connected", "refused");
        let mut health = Health::unasked(trouble);
        if well {
            health.trouble = None;
        }
        Asked {
            target: target.clone(),
            health,
        }
    }

    fn plans(target: &Target, now: Timestamp) -> Plans {
        let mut plans = Plans::new(PACE);
        plans.know([target.clone()].into_iter(), now);
        plans
    }

    /// Asks when it is due; what is recorded, and how long it then waits.
    fn round(plans: &mut Plans, target: &Target, well: bool) -> (Option<RecordProbe>, i64) {
        let now = plans.plans[&target.id].due;
        assert_eq!(plans.due(now).len(), 1);
        assert!(plans.due(now).is_empty(), "asked twice at once");
        let recorded = plans.take(&asked(target, well), true, now);
        (recorded, plans.plans[&target.id].due.millis_since(now))
    }

    #[test]
    fn who_is_new_or_changed_is_asked_at_once() {
        let unknown = target(1, None);
        let mut plans = plans(&unknown, at(0));
        assert_eq!(plans.due(at(0)), vec![unknown.clone()]);
        let changed = Target {
            version: 2,
            ..unknown.clone()
        };
        plans.know([changed.clone()].into_iter(), at(1));
        assert_eq!(plans.due(at(1)), vec![changed.clone()]);
        // The answer from before the change says nothing of what is there now.
        assert_eq!(plans.take(&asked(&unknown, true), true, at(2)), None);
        assert!(plans.take(&asked(&changed, true), true, at(2)).is_some());
        plans.know([].into_iter(), at(3));
        assert_eq!(plans.take(&asked(&changed, false), true, at(4)), None);
    }

    #[test]
    fn after_a_restart_not_all_are_asked_at_once() {
        let mut plans = Plans::new(PACE);
        let known = (1..=100).map(|n| target(n, Some("up")));
        plans.know(known, at(0));
        let (first, all) = (plans.due(at(3)).len(), plans.due(at(30)).len());
        assert!((1..30).contains(&first), "{first} within 3 s");
        assert_eq!(first + all, 100);
    }

    #[test]
    fn only_what_is_new_is_recorded_and_the_pace_is_kept() {
        let one = target(1, None);
        let mut plans = plans(&one, at(0));
        let (recorded, wait) = round(&mut plans, &one, true);
        assert_eq!(recorded.unwrap().status, "up");
        assert!((27_000..33_000).contains(&wait), "{wait}");
        for _ in 0..25 {
            assert_eq!(round(&mut plans, &one, true).0, None);
        }
        let sampled = (0..10).filter_map(|_| round(&mut plans, &one, true).0);
        assert_eq!(sampled.count(), 1, "a sample in a quarter of an hour");
    }

    #[test]
    fn one_missed_answer_is_no_outage_and_a_long_one_is_asked_less() {
        let one = target(1, Some("up"));
        let mut plans = plans(&one, at(0));
        let (recorded, wait) = round(&mut plans, &one, false);
        assert_eq!((recorded, wait), (None, 5_000));
        assert_eq!(round(&mut plans, &one, true).0, None);
        round(&mut plans, &one, false);
        let (recorded, _) = round(&mut plans, &one, false);
        assert_eq!(recorded.unwrap().error.as_deref(), Some("not_connected"));
        let waits: Vec<_> = (0..8).map(|_| round(&mut plans, &one, false).1).collect();
        assert!(waits[0] > 50_000, "{waits:?}");
        assert!((270_000..330_000).contains(&waits[7]), "{waits:?}");
        let (recorded, wait) = round(&mut plans, &one, true);
        assert_eq!(recorded.unwrap().status, "up");
        assert!(wait < 33_000);
    }

    #[test]
    fn what_is_somebody_elses_by_now_is_not_recorded() {
        let one = target(1, None);
        let mut plans = plans(&one, at(0));
        assert_eq!(plans.due(at(0)).len(), 1);
        assert_eq!(plans.take(&asked(&one, true), false, at(1)), None);
    }
}
