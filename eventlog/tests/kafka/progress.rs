//! Offsets that the brokers have dropped.

use eventlog::Transaction;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;

use super::{COMMANDS, consumed, join, open, options, record, records, texts};

#[tokio::test(flavor = "multi_thread")]
async fn progress_records_stand_in_for_lost_offsets() {
    let Some(place) = testkit::kafka().await else {
        return;
    };
    let log = open(&place, "one").await;
    log.append(vec![record(COMMANDS, 3, "done")]).await.unwrap();
    let mut member = join(&log).await;
    let fetched = records(member.as_mut()).await;
    assert_eq!(texts(&fetched), ["done"]);
    let transaction = Transaction {
        consumed: consumed(&fetched),
        ..Transaction::default()
    };
    member.commit(transaction).await.unwrap();
    drop(member);
    log.append(vec![record(COMMANDS, 3, "new")]).await.unwrap();

    let options = options(&place, "admin");
    let admin: AdminClient<DefaultClientContext> = options.client().create().unwrap();
    let group = options.group_name("workers");
    // Until the session of the member is over the group cannot be deleted.
    testkit::eventually("the group is deleted", || async {
        let deleted = admin
            .delete_groups(&[&group], &AdminOptions::new())
            .await
            .unwrap();
        deleted[0].is_ok().then_some(())
    })
    .await;

    let mut member = join(&log).await;
    assert_eq!(texts(&records(member.as_mut()).await), ["new"]);
}
