use super::*;
use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use schemas::alert_group::{
    AlertFired, AlertResolved, AlertsTruncated, CloseEpisode, EpisodeBegan, EpisodeEnded,
    EpisodeWorsened, ReopenEpisode, UnseenAlertResolved,
};
use schemas::codec::Example;
use schemas::ids::{CommandId, IncidentId};
use schemas::labels::Label;
use uuid::Uuid;

const GROUP: GroupId = GroupId(Uuid::from_u128(0xA1));

/// When what is given was told, and when it goes on.
const NOW: i64 = 60;

fn given(events: Vec<AlertGroupEvent>) -> AggregateTestExecutor<AlertGroup> {
    given_at(NOW, events)
}

fn given_at(minute: i64, events: Vec<AlertGroupEvent>) -> AggregateTestExecutor<AlertGroup> {
    let context = Context::decision(at(minute), CommandId(Uuid::nil()));
    TestFramework::with(context.about(GROUP.0)).given(events)
}

fn at(minute: i64) -> Timestamp {
    Timestamp::from_micros(1_793_500_860_000_000 + minute * 60_000_000)
}

fn report(fingerprint: &str, since: i64, until: Option<i64>) -> AlertReport {
    AlertReport {
        fingerprint: fingerprint.to_owned(),
        firing: until.is_none(),
        starts_at: at(since),
        ends_at: until.map(at),
        ..ReceiveAlerts::example().alerts.remove(0)
    }
}

fn receive(alerts: Vec<AlertReport>) -> AlertGroupCommand {
    ReceiveAlerts {
        alerts,
        ..ReceiveAlerts::example()
    }
    .into()
}

fn began(episode: i64) -> AlertGroupEvent {
    EpisodeBegan {
        episode,
        incident: IncidentId::of_episode(GROUP, episode),
        ..EpisodeBegan::example()
    }
    .into()
}

fn fired(fingerprint: &str, since: i64, episode: i64) -> AlertGroupEvent {
    AlertFired {
        alert: AlertId::of(GROUP, fingerprint, at(since)),
        episode,
        incident: IncidentId::of_episode(GROUP, episode),
        fingerprint: fingerprint.to_owned(),
        starts_at: at(since),
        ..AlertFired::example()
    }
    .into()
}

fn resolved(fingerprint: &str, since: i64, until: i64, episode: i64) -> AlertGroupEvent {
    AlertResolved {
        alert: AlertId::of(GROUP, fingerprint, at(since)),
        episode,
        incident: IncidentId::of_episode(GROUP, episode),
        fingerprint: fingerprint.to_owned(),
        starts_at: at(since),
        ends_at: at(until),
        told_at: Some(at(NOW)),
        ..AlertResolved::example()
    }
    .into()
}

fn unseen(fingerprint: &str, since: i64, until: i64) -> AlertGroupEvent {
    UnseenAlertResolved {
        fingerprint: fingerprint.to_owned(),
        starts_at: at(since),
        ends_at: at(until),
        told_at: Some(at(NOW)),
    }
    .into()
}

fn ended(episode: i64, minute: i64) -> AlertGroupEvent {
    EpisodeEnded {
        episode,
        incident: IncidentId::of_episode(GROUP, episode),
        ended_at: at(minute),
    }
    .into()
}

fn closed(episode: i64) -> AlertGroupEvent {
    EpisodeClosed { episode }.into()
}

#[test]
fn the_first_firing_begins_an_episode_that_the_others_join() {
    given(vec![])
        .when(receive(vec![report("a", 0, None), report("b", 1, None)]))
        .then_expect_events(vec![began(1), fired("a", 0, 1), fired("b", 1, 1)]);
    given(vec![began(1), fired("a", 0, 1)])
        .when(receive(vec![report("a", 0, None), report("b", 1, None)]))
        .then_expect_events(vec![fired("b", 1, 1)]);
}

#[test]
fn the_episode_ends_with_its_last_alert() {
    let two = || vec![began(1), fired("a", 0, 1), fired("b", 1, 1)];
    given(two())
        .when(receive(vec![report("a", 0, Some(5))]))
        .then_expect_events(vec![resolved("a", 0, 5, 1)]);
    given(two())
        .when(receive(vec![
            report("a", 0, Some(5)),
            report("b", 1, Some(4)),
        ]))
        .then_expect_events(vec![
            resolved("a", 0, 5, 1),
            resolved("b", 1, 4, 1),
            ended(1, 5),
        ]);
}

#[test]
fn the_same_notification_again_changes_nothing() {
    let over = vec![
        began(1),
        fired("a", 0, 1),
        resolved("a", 0, 5, 1),
        ended(1, 5),
    ];
    given(over.clone())
        .when(receive(vec![report("a", 0, Some(5))]))
        .then_expect_events(vec![]);
    given(over)
        .when(receive(vec![report("a", 0, None)]))
        .then_expect_events(vec![]);
}

#[test]
fn a_resolve_before_its_fire_opens_nothing() {
    given(vec![])
        .when(receive(vec![report("a", 0, Some(5))]))
        .then_expect_events(vec![unseen("a", 0, 5)]);
    given(vec![unseen("a", 0, 5)])
        .when(receive(vec![report("a", 0, None)]))
        .then_expect_events(vec![]);
    given(vec![unseen("a", 0, 5)])
        .when(receive(vec![report("a", 6, None)]))
        .then_expect_events(vec![began(1), fired("a", 6, 1)]);
}

/// An Alertmanager that hears nothing ends its alerts, and has them fire with the
/// start that they had when it hears of them again.
#[test]
fn what_is_told_to_fire_long_after_its_end_was_told_fires_again() {
    let over = || {
        vec![
            began(1),
            fired("a", 0, 1),
            resolved("a", 0, 5, 1),
            ended(1, 5),
        ]
    };
    let fires = || receive(vec![report("a", 0, None)]);
    given_at(NOW + 1, over())
        .when(fires())
        .then_expect_events(vec![]);
    let news = || vec![began(2), fired("a", 5, 2)];
    given_at(NOW + 3, over())
        .when(fires())
        .then_expect_events(news());
    let again = || given_at(NOW + 3, over()).and(news());
    again().when(fires()).then_expect_events(vec![]);
    again()
        .when(receive(vec![report("a", 0, Some(5))]))
        .then_expect_events(vec![]);
    let resolved_now = AlertResolved {
        alert: AlertId::of(GROUP, "a", at(5)),
        episode: 2,
        incident: IncidentId::of_episode(GROUP, 2),
        fingerprint: "a".to_owned(),
        starts_at: at(5),
        ends_at: at(NOW),
        told_at: Some(at(NOW + 3)),
        ..AlertResolved::example()
    };
    again()
        .when(receive(vec![report("a", 0, Some(NOW))]))
        .then_expect_events(vec![resolved_now.into(), ended(2, NOW)]);
    given_at(NOW + 3, vec![unseen("a", 0, 5)])
        .when(fires())
        .then_expect_events(vec![began(1), fired("a", 5, 1)]);
}

fn joining(fingerprint: &str, severity: &str) -> AlertReport {
    AlertReport {
        labels: vec![Label {
            name: "severity".to_owned(),
            value: severity.to_owned(),
        }],
        ..report(fingerprint, 3, None)
    }
}

#[test]
fn what_people_closed_does_not_make_the_next_episode_worse() {
    let events = given(vec![began(1), fired("a", 0, 1), closed(1)])
        .when(receive(vec![report("a", 0, None), joining("b", "warning")]))
        .inspect_result();
    let began: Vec<_> = events
        .unwrap()
        .into_iter()
        .filter_map(|event| match event {
            AlertGroupEvent::EpisodeBegan(began) => Some((began.episode, began.severity)),
            _ => None,
        })
        .collect();
    assert_eq!(began, [(2, Severity::Sev3)]);
}

#[test]
fn an_episode_is_as_bad_as_the_worst_that_has_joined_it() {
    let mild = EpisodeBegan {
        severity: Severity::Sev3,
        ..EpisodeBegan::example()
    };
    let worsened = |alerts| {
        let group = given(vec![mild.clone().into(), fired("a", 0, 1)]);
        let events = group.when(receive(alerts)).inspect_result().unwrap();
        let worse = events.into_iter().filter_map(|event| match event {
            AlertGroupEvent::EpisodeWorsened(worse) => Some(worse),
            _ => None,
        });
        worse.collect::<Vec<_>>()
    };
    let to = |severity| EpisodeWorsened {
        episode: 1,
        incident: IncidentId::of_episode(GROUP, 1),
        severity,
    };
    assert_eq!(
        worsened(vec![joining("b", "info"), joining("c", "warning")]),
        vec![]
    );
    let both = vec![
        joining("b", "error"),
        joining("c", "critical"),
        joining("d", "critical"),
    ];
    let expected = vec![to(Severity::Sev2), to(Severity::Sev1)];
    assert_eq!(worsened(both), expected);
}

#[test]
fn firing_again_resolves_the_older_firing_within_the_episode() {
    given(vec![began(1), fired("a", 0, 1)])
        .when(receive(vec![report("a", 7, None)]))
        .then_expect_events(vec![resolved("a", 0, 7, 1), fired("a", 7, 1)]);
}

#[test]
fn a_resolve_of_an_earlier_firing_leaves_the_present_one() {
    given(vec![began(1), fired("a", 7, 1)])
        .when(receive(vec![report("a", 0, Some(5))]))
        .then_expect_events(vec![]);
}

#[test]
fn a_resolve_that_covers_the_present_firing_resolves_it() {
    // Of a pair of Prometheus servers, Alertmanager keeps the earlier start.
    given(vec![began(1), fired("a", 7, 1)])
        .when(receive(vec![report("a", 0, Some(9))]))
        .then_expect_events(vec![resolved("a", 7, 9, 1), ended(1, 9)]);
}

#[test]
fn a_resolve_of_a_later_firing_resolves_the_present_one_too() {
    given(vec![began(1), fired("a", 0, 1)])
        .when(receive(vec![report("a", 7, Some(9))]))
        .then_expect_events(vec![resolved("a", 0, 7, 1), unseen("a", 7, 9), ended(1, 7)]);
}

#[test]
fn an_alert_that_fires_after_the_end_begins_the_next_episode() {
    given(vec![
        began(1),
        fired("a", 0, 1),
        resolved("a", 0, 5, 1),
        ended(1, 5),
    ])
    .when(receive(vec![report("a", 6, None)]))
    .then_expect_events(vec![began(2), fired("a", 6, 2)]);
}

#[test]
fn a_closed_episode_is_not_reopened_by_what_fires_already() {
    let close = || AlertGroupCommand::from(CloseEpisode { episode: 1 });
    let open = vec![began(1), fired("a", 0, 1)];
    given(open.clone())
        .when(close())
        .then_expect_events(vec![closed(1)]);
    let shut = || given(open.clone()).and(vec![closed(1)]);
    shut().when(close()).then_expect_events(vec![]);
    shut()
        .when(receive(vec![report("a", 0, None)]))
        .then_expect_events(vec![]);
    shut()
        .when(receive(vec![report("b", 3, None)]))
        .then_expect_events(vec![began(2), fired("b", 3, 2)]);
    shut()
        .when(receive(vec![report("a", 0, Some(4))]))
        .then_expect_events(vec![resolved("a", 0, 4, 1), ended(1, 4)]);
}

#[test]
fn a_closed_episode_ends_without_the_newer_one() {
    let both = || {
        let newer = vec![began(2), fired("b", 3, 2)];
        given(vec![began(1), fired("a", 0, 1), closed(1)]).and(newer)
    };
    let over = || vec![resolved("a", 0, 4, 1), ended(1, 4)];
    both()
        .when(receive(vec![report("a", 0, Some(4))]))
        .then_expect_events(over());
    both()
        .and(over())
        .when(receive(vec![report("b", 3, Some(5))]))
        .then_expect_events(vec![resolved("b", 3, 5, 2), ended(2, 5)]);
}

#[test]
fn a_closed_episode_reopens_while_alerts_fire_in_it() {
    let reopen = || AlertGroupCommand::from(ReopenEpisode { episode: 1 });
    let reopened = AlertGroupEvent::from(EpisodeReopened { episode: 1 });
    let shut = || given(vec![began(1), fired("a", 0, 1), closed(1)]);
    shut()
        .when(reopen())
        .then_expect_events(vec![reopened.clone()]);
    shut()
        .and(vec![reopened])
        .when(receive(vec![report("a", 0, Some(4))]))
        .then_expect_events(vec![resolved("a", 0, 4, 1), ended(1, 4)]);
    shut()
        .and(vec![resolved("a", 0, 4, 1), ended(1, 4)])
        .when(reopen())
        .then_expect_events(vec![]);
    shut()
        .and(vec![began(2), fired("b", 3, 2)])
        .when(reopen())
        .then_expect_events(vec![]);
}

#[test]
fn an_episode_that_never_was_is_not_found() {
    given(vec![])
        .when(CloseEpisode { episode: 1 }.into())
        .then_expect_error(AlertGroupRefusal::UnknownEpisode(1));
}

#[test]
fn alerts_that_were_left_out_are_reported_once() {
    let notice = |truncated| {
        AlertGroupCommand::from(ReceiveAlerts {
            alerts: vec![],
            truncated,
            ..ReceiveAlerts::example()
        })
    };
    let truncated = |count| AlertGroupEvent::from(AlertsTruncated { count });
    given(vec![])
        .when(notice(3))
        .then_expect_events(vec![truncated(3)]);
    given(vec![truncated(3)])
        .when(notice(3))
        .then_expect_events(vec![]);
    given(vec![truncated(3)])
        .when(notice(0))
        .then_expect_events(vec![truncated(0)]);
    given(vec![truncated(3), truncated(0)])
        .when(notice(0))
        .then_expect_events(vec![]);
}

#[test]
fn a_resolved_group_resolves_what_the_sender_left_out() {
    let resolved_group = |truncated| {
        AlertGroupCommand::from(ReceiveAlerts {
            alerts: vec![report("a", 0, Some(5))],
            truncated,
            group_resolved: true,
            ..ReceiveAlerts::example()
        })
    };
    let truncated = || AlertGroupEvent::from(AlertsTruncated { count: 1 });
    given(vec![began(1), fired("a", 0, 1), fired("b", 1, 1)])
        .when(resolved_group(1))
        .then_expect_events(vec![
            resolved("a", 0, 5, 1),
            resolved("b", 1, 5, 1),
            ended(1, 5),
            truncated(),
        ]);
    // What began since is not meant, and without omissions all is said.
    given(vec![began(1), fired("a", 0, 1), fired("c", 6, 1)])
        .when(resolved_group(1))
        .then_expect_events(vec![resolved("a", 0, 5, 1), truncated()]);
    given(vec![began(1), fired("a", 0, 1), fired("b", 1, 1)])
        .when(resolved_group(0))
        .then_expect_events(vec![resolved("a", 0, 5, 1)]);
}

/// Alertmanager forgets an alert once it was in a notification as resolved, left out
/// or not, and tells nothing of it any more.
#[test]
fn a_resolved_group_resolves_what_was_left_out_before() {
    let truncated = |count| AlertGroupEvent::from(AlertsTruncated { count });
    let resolved_group = |since, until| {
        AlertGroupCommand::from(ReceiveAlerts {
            alerts: vec![report("a", since, Some(until))],
            group_resolved: true,
            ..ReceiveAlerts::example()
        })
    };
    let two = vec![began(1), fired("a", 0, 1), fired("b", 1, 1)];
    let left_out = given(two.clone()).and(vec![truncated(1), truncated(0)]);
    left_out.when(resolved_group(0, 5)).then_expect_events(vec![
        resolved("a", 0, 5, 1),
        resolved("b", 1, 5, 1),
        ended(1, 5),
    ]);
    // Of the next episode all was said.
    let over = vec![
        truncated(1),
        truncated(0),
        resolved("a", 0, 5, 1),
        resolved("b", 1, 5, 1),
        ended(1, 5),
    ];
    let next = vec![began(2), fired("a", 6, 2), fired("b", 6, 2)];
    given(two)
        .and(over)
        .and(next)
        .when(resolved_group(6, 9))
        .then_expect_events(vec![resolved("a", 6, 9, 2)]);
}

/// The other Alertmanager of a pair tells the same a moment later.
#[test]
fn the_end_of_five_thousand_alerts_is_told_once() {
    let names: Vec<String> = (0..5_000).map(|n| format!("{n:04}")).collect();
    let mut history = vec![began(1)];
    history.extend(names.iter().map(|name| fired(name, 0, 1)));
    history.extend(names.iter().map(|name| resolved(name, 0, 5, 1)));
    history.push(ended(1, 5));
    for until in [None, Some(5)] {
        let again = names.iter().map(|name| report(name, 0, until)).collect();
        given(history.clone())
            .when(receive(again))
            .then_expect_events(vec![]);
    }
}

#[test]
fn an_episode_always_has_a_title_that_an_incident_takes() {
    for (given_title, expected) in [("  ", 31), (&*"x".repeat(999), 300)] {
        let command = ReceiveAlerts {
            title: given_title.to_owned(),
            alerts: vec![report("a", 0, None)],
            ..ReceiveAlerts::example()
        };
        let events = given(vec![]).when(command.into()).inspect_result().unwrap();
        let AlertGroupEvent::EpisodeBegan(began) = &events[0] else {
            panic!("the first event is {:?}", events[0]);
        };
        assert_eq!(began.title.chars().count(), expected);
    }
}
