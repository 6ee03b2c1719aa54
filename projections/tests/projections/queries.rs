//! What the read models answer, and to whom.

use chrono::{DateTime, TimeDelta, Utc};
use projections::incidents::Order;
use projections::{
    alerts, api_keys, audit, history, incidents, members, outcomes, projects, timeline,
};
use schemas::alert_group::{AlertFired, AlertGroupEvent, AlertResolved};
use schemas::codec::Example;
use schemas::envelope::Envelope;
use schemas::ids::{AlertId, ApiKeyId, CommandId, IncidentId};
use schemas::incident::{
    IncidentAcknowledged, IncidentMerged, IncidentOpened, IncidentResolved, IncidentStatus,
};
use schemas::time::Timestamp;
use schemas::topic::Topic;
use uuid::Uuid;

use crate::fixture::Bench;
use crate::story::{self, Tenant};

async fn told() -> Option<Bench> {
    let bench = Bench::new().await?;
    let positions = bench.append(story::two_tenants(&bench.vault).await).await;
    bench.project(&positions).await;
    Some(bench)
}

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_793_500_000, 0).expect("in range")
}

#[tokio::test]
async fn lists_page_through_everything_once_and_show_nothing_foreign() {
    let Some(bench) = told().await else { return };
    let (tenant, db) = (Tenant(1), &bench.db);
    let scope = tenant.scope();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let (filter, order) = (incidents::Filter::default(), Order::NewestFirst);
        let page = incidents::list(db, &scope, &filter, order, after, 4)
            .await
            .expect("answers");
        seen.extend(page.items.into_iter().map(|incident| incident.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let mut expected: Vec<_> = (0..6).map(|n| tenant.incident(n).0).collect();
    expected.reverse();
    assert_eq!(seen, expected, "newest first; equal times by id");
    let foreign = Tenant(2).incident(0);
    assert_eq!(
        incidents::get(db, &scope, foreign).await.expect("answers"),
        None
    );
    let lines = timeline::list(db, &scope, foreign, None, 50)
        .await
        .expect("answers");
    assert!(lines.items.is_empty());
}

#[tokio::test]
async fn members_page_through_everybody_once() {
    let Some(bench) = told().await else { return };
    let (tenant, db) = (Tenant(1), &bench.db);
    let (scope, people) = (tenant.scope(), bench.vault.subject_keys());
    // Two joined in each minute, and one of them has left.
    let more = "INSERT INTO read.members
            (tenant_id, user_id, version, email, name, role, joined_at, removed_at)
        SELECT tenant_id, gen_random_uuid(), version, email, name, role,
            joined_at + n / 2 * interval '1 minute', CASE n WHEN 4 THEN joined_at END
        FROM read.members, generate_series(1, 6) AS n WHERE tenant_id = $1";
    let mut connection = bench.superuser().await;
    let more = sqlx::query(more).bind(scope.tenant().0);
    more.execute(&mut connection).await.expect("inserts");
    let all = members::list(db, &people, &scope, None, 50).await;
    let all: Vec<_> = all.expect("answers").items;
    assert_eq!(all.len(), 6);
    let order = all.iter().map(|member| (member.joined_at, member.user_id));
    assert!(order.is_sorted(), "longest first");
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = members::list(db, &people, &scope, after, 2).await;
        let page = page.expect("answers");
        seen.extend(page.items);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, all);
}

#[tokio::test]
async fn filters_narrow() {
    let Some(bench) = told().await else { return };
    let tenant = Tenant(1);
    let acknowledged = IncidentAcknowledged { note: None };
    let positions = bench
        .append(vec![tenant.incident_event(
            tenant.incident(3),
            4,
            acknowledged,
        )])
        .await;
    bench.project(&positions).await;
    let count = async |filter: incidents::Filter| {
        let (scope, order) = (tenant.scope(), Order::default());
        let page = incidents::list(&bench.db, &scope, &filter, order, None, 50).await;
        page.expect("answers").items.len()
    };
    let all = incidents::Filter::default;
    assert_eq!(count(all()).await, 6);
    assert_eq!(
        count(incidents::Filter {
            status: vec![IncidentStatus::Acknowledged],
            ..all()
        })
        .await,
        1
    );
    assert_eq!(
        count(incidents::Filter {
            q: Some("INCIDENT 3".to_owned()),
            ..all()
        })
        .await,
        1
    );
    assert_eq!(
        count(incidents::Filter {
            q: Some("100% _".to_owned()),
            ..all()
        })
        .await,
        0
    );
    assert_eq!(
        count(incidents::Filter {
            from: Some(start() + TimeDelta::days(1)),
            ..all()
        })
        .await,
        0
    );
    assert_eq!(
        count(incidents::Filter {
            to: Some(start() + TimeDelta::days(1)),
            ..all()
        })
        .await,
        6
    );
}

#[tokio::test]
async fn an_incident_shows_names_numbers_and_what_comes_next() {
    let Some(bench) = told().await else { return };
    let tenant = Tenant(1);
    let found = incidents::get(&bench.db, &tenant.scope(), tenant.incident(0)).await;
    let incident = found.expect("answers").expect("exists");
    assert_eq!(incident.assignee.expect("assigned").name, "Ada");
    assert_eq!(incident.opened_by.expect("a person").name, "Ada");
    assert_eq!(incident.version, 3);
    assert_eq!(incident.allowed_next[0], "acknowledge");
    let lines = timeline::list(&bench.db, &tenant.scope(), tenant.incident(0), None, 50).await;
    let kinds: Vec<_> = lines
        .expect("answers")
        .items
        .into_iter()
        .map(|line| line.kind)
        .collect();
    assert_eq!(kinds, ["opened", "assigned", "comment"]);

    let example = incidents::get(
        &bench.db,
        &Tenant(0).scope(),
        IncidentId(Uuid::from_u128(0xB2)),
    )
    .await;
    let example = example.expect("answers").expect("exists");
    assert_eq!(example.key.as_deref(), Some("INC-12"));
    assert_eq!((example.alerts_open, example.alerts_total), (0, 1));
}

#[tokio::test]
async fn a_merged_incident_hands_over_its_alerts() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let (tenant, source) = (Tenant(0), IncidentId(Uuid::from_u128(0xB2)));
    let mut records = story::every_example();
    let target = tenant.incident(1);
    records.extend(tenant.manual_incident(1));
    records.push(tenant.incident_event(source, 99, IncidentMerged { into: target }));
    let positions = bench.append(records).await;
    bench.project(&positions).await;
    let alert = alerts::get(&bench.db, &tenant.scope(), AlertId(Uuid::from_u128(0xE5))).await;
    assert_eq!(
        alert.expect("answers").expect("exists").incident_id,
        Some(target.0)
    );
    let filter = alerts::Filter {
        incident: Some(target),
        ..alerts::Filter::default()
    };
    let listed = alerts::list(&bench.db, &tenant.scope(), &filter, None, 50).await;
    assert_eq!(listed.expect("answers").items.len(), 1);
    let found = incidents::get(&bench.db, &tenant.scope(), target).await;
    assert_eq!(found.expect("answers").expect("exists").alerts_total, 1);
    let (db, scope) = (&bench.db, tenant.scope());
    let story = timeline::list(db, &scope, target, None, 50).await;
    let story = story.expect("answers").items;
    for kind in ["opened", "alert_fired"] {
        assert!(story.iter().any(|line| line.kind == kind), "{kind}");
    }
    let (mut oldest, mut newest) = ((Vec::new(), None), (Vec::new(), None));
    loop {
        let page = timeline::list(db, &scope, target, oldest.1, 2).await;
        let page = page.expect("answers");
        oldest = ([oldest.0, page.items].concat(), page.next);
        let page = timeline::list_newest(db, &scope, target, newest.1, 2).await;
        let page = page.expect("answers");
        newest = ([newest.0, page.items].concat(), page.next);
        assert_eq!(oldest.1.is_some(), newest.1.is_some());
        if oldest.1.is_none() {
            break;
        }
    }
    newest.0.reverse();
    assert_eq!((&oldest.0, &newest.0), (&story, &story));
}

#[tokio::test]
async fn members_projects_keys_audit_and_outcomes_answer() {
    let Some(bench) = told().await else { return };
    let (tenant, db) = (Tenant(1), &bench.db);
    let scope = tenant.scope();
    let people = members::list(db, &bench.vault.subject_keys(), &scope, None, 50)
        .await
        .expect("answers")
        .items;
    assert_eq!(people[0].email, "ada@tenant1.example");
    let shops = projects::list(db, &scope, None, 50)
        .await
        .expect("answers")
        .items;
    assert_eq!(shops[0].slug, "shop");
    assert_eq!(
        projects::tenant(db, &scope)
            .await
            .expect("answers")
            .expect("exists")
            .name,
        "Tenant 1"
    );
    let operations = audit::list(db, &scope, &audit::Filter::default(), None, 50).await;
    let operations = operations.expect("answers").items;
    assert_eq!(operations.len(), 6);
    assert_eq!(
        (
            operations[0].result.as_str(),
            operations[0].actor.name.as_str()
        ),
        ("refused", "Ada")
    );
    let settled = outcomes::get(db, &scope, CommandId(tenant.id(503)))
        .await
        .expect("answers");
    assert_eq!(settled.expect("settled").version, 3);
    let foreign = outcomes::get(db, &scope, CommandId(Tenant(2).id(503)))
        .await
        .expect("answers");
    assert_eq!(foreign, None);
    let key = api_keys::get(db, &key_scope(), ApiKeyId(Uuid::from_u128(0xA7)))
        .await
        .expect("answers");
    let key = key.expect("exists");
    assert!(key.last_used_at.is_some() && key.revoked_at.is_some());
}

/// The example key belongs to the project that it names.
fn key_scope() -> schemas::scope::Scope {
    let scope = Tenant(0).scope();
    let project = schemas::ids::ProjectId(Uuid::from_u128(0xF6));
    schemas::scope::Scope::granted(scope.tenant(), project, scope.actor().clone())
}

#[tokio::test]
async fn stats_count_and_average() {
    let Some(bench) = told().await else { return };
    let (from, to) = (start() - TimeDelta::days(1), start() + TimeDelta::days(1));
    let stats = incidents::stats(&bench.db, &Tenant(1).scope(), from, to)
        .await
        .expect("answers");
    assert_eq!((stats.open.total, stats.open.by_severity["SEV1"]), (6, 6));
    let opened: Vec<_> = stats
        .per_day
        .iter()
        .map(|day| (day.day, day.opened))
        .collect();
    let days = [-1, 0, 1].map(|days| (start() + TimeDelta::days(days)).date_naive());
    assert_eq!(opened, [(days[0], 0), (days[1], 6), (days[2], 0)]);
    assert_eq!((stats.mtta_seconds, stats.resolved_in_range), (None, 0));
}

#[tokio::test]
async fn as_many_are_listed_as_resolved_in_a_range_as_are_counted() {
    let Some(bench) = told().await else { return };
    let tenant = Tenant(1);
    let resolved = IncidentResolved {
        note: None,
        automatic: false,
        episodes: Vec::new(),
    };
    let fourth = tenant.incident_event(tenant.incident(3), 4, resolved);
    let positions = bench.append(vec![fourth]).await;
    bench.project(&positions).await;
    // It was opened before.
    let (from, to) = (
        start() + TimeDelta::seconds(4),
        start() + TimeDelta::days(1),
    );
    let stats = incidents::stats(&bench.db, &tenant.scope(), from, to).await;
    let stats = stats.expect("answers");
    assert_eq!(stats.resolved_in_range, 1);
    let resolved = stats
        .per_day
        .iter()
        .map(|day| day.resolved)
        .collect::<Vec<_>>();
    assert_eq!(resolved, [1, 0]);
    let listed = async |filter: incidents::Filter| {
        let (scope, order) = (tenant.scope(), Order::default());
        let page = incidents::list(&bench.db, &scope, &filter, order, None, 50).await;
        let items = page.expect("answers").items.into_iter();
        items.map(|incident| incident.id).collect::<Vec<_>>()
    };
    let within = incidents::Filter {
        resolved_from: Some(from),
        resolved_to: Some(to),
        ..incidents::Filter::default()
    };
    assert_eq!(listed(within.clone()).await, [tenant.incident(3).0]);
    let before = incidents::Filter {
        resolved_to: Some(from),
        ..incidents::Filter::default()
    };
    assert!(listed(before).await.is_empty());
    let opened = incidents::Filter {
        from: Some(from),
        ..within
    };
    assert!(listed(opened).await.is_empty());
}

/// One notification begins and ends all of it at its own time; the group counts its
/// events, the incident its own.
#[tokio::test]
async fn of_one_instant_alerts_come_before_what_follows_from_them() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let (tenant, incident) = (Tenant(1), Tenant(1).incident(0));
    let (fired, ended) = (AlertFired::example(), AlertResolved::example());
    let of_group = [
        AlertGroupEvent::from(AlertFired { incident, ..fired }),
        AlertResolved { incident, ..ended }.into(),
    ];
    let topic = Topic::IncidentEvents;
    let mut records = vec![
        tenant.incident_event(incident, 1, IncidentOpened::example()),
        tenant.incident_event(incident, 2, IncidentResolved::example()),
    ];
    for (sequence, event) in (57..).zip(&of_group) {
        let group = tenant.id(50);
        records.push(tenant.event(topic, "alert_group", group, sequence, event));
    }
    for record in &mut records {
        let mut envelope = Envelope::from_headers(&record.headers).expect("an envelope");
        envelope.time = Timestamp::from_micros(1_793_500_860_000_000);
        record.headers = envelope.to_headers();
    }
    let positions = bench.append(records).await;
    bench.project(&positions).await;
    let (mut kinds, mut after) = (Vec::new(), None);
    loop {
        let page = timeline::list(&bench.db, &tenant.scope(), incident, after, 1).await;
        let page = page.expect("answers");
        kinds.extend(page.items.into_iter().map(|line| line.kind));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let expected = ["opened", "alert_fired", "alert_resolved", "resolved"];
    assert_eq!(kinds, expected);
    let newest = timeline::list_newest(&bench.db, &tenant.scope(), incident, None, 50).await;
    let mut kinds: Vec<_> = newest
        .expect("answers")
        .items
        .into_iter()
        .map(|line| line.kind)
        .collect();
    kinds.reverse();
    assert_eq!(kinds, expected);
}

#[tokio::test]
async fn the_history_gives_back_the_bytes() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let tenant = Tenant(1);
    let records = tenant.manual_incident(0);
    let positions = bench.append(records.clone()).await;
    bench.project(&positions).await;
    let (key, partition) = (tenant.incident(0).to_string(), positions[0].partition);
    let loaded = history::load(
        &bench.db,
        Topic::IncidentEvents,
        partition,
        "incident",
        &key,
        tenant.scope().tenant(),
    )
    .await;
    let loaded = loaded.expect("answers");
    let events: Vec<_> = loaded
        .events
        .iter()
        .map(|e| (e.headers.clone(), e.body.clone()))
        .collect();
    let sent: Vec<_> = records
        .iter()
        .map(|r| (r.headers.clone(), r.body.to_vec()))
        .collect();
    assert_eq!(events, sent);
    assert!(loaded.checkpoint > positions[2].offset);
    let command = Uuid::new_v5(&tenant.incident(0).0, b"command 2");
    let settled = history::find_command(&bench.db, "incident", &key, CommandId(command)).await;
    assert_eq!(settled.expect("answers").expect("found").version, 2);
    let foreign = history::find_command(&bench.db, "tenant", &key, CommandId(command)).await;
    assert_eq!(foreign.expect("answers"), None);
}
