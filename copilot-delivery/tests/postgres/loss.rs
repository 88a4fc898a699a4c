//! Connections that are lost, servers that crash or do not answer: nothing is lost, nothing comes twice, and nobody waits for ever.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use copilot_delivery::{Item, Outbox, PostgresOutbox, outbox::End};

use super::{
    connect, drain,
    items::{event, user},
    lease, migrated,
    proxy::{Mode, Proxy},
    put, quick, server, try_put,
};

/// The statement as it is sent; `COMMITTED` stands in others.
const COMMIT: &str = "COMMIT\0";

/// The URL by way of a proxy.
fn through(url: &str, from: u16, proxy: &Proxy) -> String {
    url.replace(&from.to_string(), &proxy.port.to_string())
}

#[tokio::test]
async fn a_commit_that_was_not_answered_is_asked_for_and_not_done_twice() {
    let Some(server) = server().await else { return };
    let url = migrated(&server).await;
    let proxy = Proxy::start(server.port()).await;
    let outbox = quick(&through(&url, server.port(), &proxy)).open().await.unwrap();
    let mut expected = Vec::new();
    let cuts =
        [Mode::CutBefore("BEGIN"), Mode::CutAfter("BEGIN"), Mode::CutBefore(COMMIT), Mode::CutAfter(COMMIT)];
    for (key, mode) in (0..).zip(cuts.into_iter().cycle().take(12)) {
        proxy.set(mode);
        put(&outbox, event(key, &user(3, 0))).await;
        assert!(proxy.has_cut(), "{mode:?}");
        expected.push(key);
    }
    assert_eq!(drain(&quick(&url).open().await.unwrap()).await, expected);
}

#[tokio::test]
async fn what_cannot_be_stored_in_time_comes_back_and_the_error_says_whether_it_may_be_stored() {
    let Some(server) = server().await else { return };
    let url = migrated(&server).await;
    let proxy = Proxy::start(server.port()).await;
    let deadline = Duration::from_millis(400);
    let outbox = quick(&through(&url, server.port(), &proxy)).deadline(deadline).open().await.unwrap();
    for (mode, may_be_stored) in [(Mode::Stall, false), (Mode::StallAfter(COMMIT), true)] {
        put(&outbox, event(0, &user(3, 0))).await;
        proxy.set(mode);
        let begun = Instant::now();
        let refused = try_put(&outbox, event(1, &user(3, 0))).await.expect_err("it is not answered");
        let (took, said) = (begun.elapsed(), refused.error.to_string());
        assert!(took >= deadline && took < deadline * 3, "{took:?}");
        assert_eq!(said.contains("may be delivered"), may_be_stored, "{said}");
        assert_eq!(refused.item.may_have_been_taken(), may_be_stored);
        proxy.set(Mode::Forward);
        // It goes on as if nothing had been.
        put(&outbox, event(2, &user(3, 0))).await;
        let stored = if may_be_stored { vec![0, 1, 2] } else { vec![0, 2] };
        assert_eq!(drain(&quick(&url).open().await.unwrap()).await, stored);
    }
}

#[tokio::test]
async fn a_server_that_is_slow_is_waited_for() {
    let Some(server) = server().await else { return };
    let url = migrated(&server).await;
    let proxy = Proxy::start(server.port()).await;
    let outbox = quick(&through(&url, server.port(), &proxy)).open().await.unwrap();
    proxy.set(Mode::Stall);
    let (stored, ()) = tokio::join!(try_put(&outbox, event(1, &user(3, 0))), async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        proxy.set(Mode::Forward);
    });
    stored.expect("stored in the end");
    assert_eq!(drain(&outbox).await, [1]);
}

#[tokio::test]
async fn a_server_that_only_reads_for_a_while_is_waited_for() {
    let Some(server) = server().await else { return };
    let url = migrated(&server).await;
    let outbox = quick(&url).open().await.unwrap();
    put(&outbox, event(1, &user(3, 0))).await;
    let admin = connect(&server.url("postgres")).await;
    let only_reads = async |is: &str| {
        admin.batch_execute(&format!("ALTER SYSTEM SET default_transaction_read_only = {is}")).await.unwrap();
        admin.query_typed("SELECT pg_reload_conf()", &[]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
    };
    only_reads("on").await;
    let (stored, ()) = tokio::join!(try_put(&outbox, event(2, &user(3, 0))), async {
        assert_eq!(
            PostgresOutbox::open(&url).await.expect_err("it only reads").fault(),
            copilot_delivery::outbox::Fault::ReadOnly
        );
        admin.batch_execute("SET default_transaction_read_only = off").await.unwrap();
        only_reads("off").await;
    });
    stored.expect("stored in the end");
    assert_eq!(drain(&outbox).await, [1, 2]);
}

#[tokio::test]
async fn a_lease_that_was_settled_without_an_answer_is_settled() {
    let Some(server) = server().await else { return };
    let url = migrated(&server).await;
    let proxy = Proxy::start(server.port()).await;
    let outbox = quick(&through(&url, server.port(), &proxy)).open().await.unwrap();
    for (mode, key) in [(Mode::CutBefore("copilot.settle"), 1), (Mode::CutAfter("copilot.settle"), 2)] {
        put(&outbox, event(key, &user(3, 0))).await;
        let leased = lease(&outbox).await.expect("an item");
        proxy.set(mode);
        let unsettled = outbox.settle(leased, vec![End::Accepted]).await.expect_err("not answered");
        assert!(!unsettled.error.is_fenced(), "{}", unsettled.error);
        outbox.settle(unsettled.lease, unsettled.ends).await.expect("settled, be it before");
        let counts = outbox.counts().await.unwrap();
        assert_eq!((counts.tally.accepted, counts.pending), (key, 0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_crashes_and_starts_again_loses_nothing_that_was_stored() {
    const PRODUCERS: u64 = 4;
    let Some(server) = server().await else { return };
    let url = migrated(&server).await;
    let (crashes, each) = if super::is_long() { (20, 4000) } else { (2, 150) };
    let outbox = Arc::new(quick(&url).deadline(Duration::from_secs(30)).open().await.unwrap());
    let producers = (0..PRODUCERS).map(|producer| {
        let outbox = outbox.clone();
        tokio::spawn(async move {
            for number in 0..each {
                put(&*outbox, event(producer * each + number, &user(producer as u8, 0))).await;
                tokio::time::sleep(Duration::from_millis(3)).await;
            }
        })
    });
    let producers: Vec<_> = producers.collect();
    for _ in 0..crashes {
        tokio::time::sleep(Duration::from_millis(150)).await;
        server.crash();
        server.run();
    }
    for producer in producers {
        producer.await.unwrap();
    }
    let came = drain(&quick(&url).open().await.unwrap()).await;
    assert_eq!(came.len() as u64, PRODUCERS * each);
    assert_eq!(came.iter().collect::<BTreeSet<_>>().len(), came.len(), "none twice");
    for producer in 0..PRODUCERS {
        assert!(came.iter().filter(|key| **key / each == producer).is_sorted());
    }
}

/// A crash takes the transaction that was committing, and the server gives its number to another one, which commits.
#[tokio::test]
async fn what_a_crash_has_rolled_back_is_stored_though_the_number_of_its_transaction_was_committed() {
    let Some(server) = server().await else { return };
    let url = migrated(&server).await;
    let proxy = Proxy::start(server.port()).await;
    let long = Duration::from_secs(30);
    let outbox = quick(&through(&url, server.port(), &proxy)).deadline(long).open().await.unwrap();
    // Until the crash a commit takes long.
    let slow = "CREATE TABLE public.other(); CREATE TABLE public.run AS SELECT pg_postmaster_start_time() AS began; \
                CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                IF pg_postmaster_start_time() = (SELECT began FROM public.run) THEN PERFORM pg_sleep(60); END IF; RETURN NULL; END $$; \
                CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON copilot.pending DEFERRABLE INITIALLY DEFERRED \
                FOR EACH ROW EXECUTE FUNCTION public.slow()";
    connect(&url).await.batch_execute(slow).await.unwrap();
    let (stored, ()) = tokio::join!(try_put(&outbox, event(1, &user(3, 0))), async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        proxy.set(Mode::Stall);
        server.crash();
        server.run();
        let admin = connect(&url).await;
        for _ in 0..50 {
            admin.batch_execute("INSERT INTO public.other DEFAULT VALUES").await.unwrap();
        }
        proxy.set(Mode::Forward);
    });
    stored.expect("stored in the end");
    assert_eq!(drain(&quick(&url).open().await.unwrap()).await, [1]);
}

/// Items that wait together are stored together, and one that cannot be is to blame alone.
#[tokio::test]
async fn an_item_that_the_database_refuses_sinks_no_other() {
    let Some(server) = server().await else { return };
    let url = migrated(&server).await;
    let rule = "ALTER TABLE copilot.pending ADD CHECK (key <> 13)";
    connect(&url).await.batch_execute(rule).await.unwrap();
    let outbox = quick(&url).open().await.unwrap();
    let mut record = event(7, &user(3, 0)).into_record();
    record.event_id = Some("no text of PostgreSQL's: \0".to_owned());
    let mut items: Vec<_> = (0..20).map(|key| event(key, &user(3, 0))).collect();
    items[7] = Item::from_record(record);
    let stored = futures_util::future::join_all(items.into_iter().map(|item| try_put(&outbox, item))).await;
    for (key, stored) in stored.into_iter().enumerate() {
        assert_eq!(stored.is_err(), key == 7 || key == 13, "{key}");
    }
    let others: Vec<u64> = (0..20).filter(|key| *key != 7 && *key != 13).collect();
    assert_eq!(drain(&outbox).await, others);
}

#[tokio::test]
async fn a_deadline_and_a_lease_may_be_as_long_as_one_likes() {
    let Some(server) = server().await else { return };
    let url = migrated(&server).await;
    let outbox = quick(&url).deadline(Duration::MAX).lease(Duration::MAX).open().await.unwrap();
    tokio::time::timeout(Duration::from_secs(10), put(&outbox, event(1, &user(3, 0))))
        .await
        .expect("an answer");
    assert_eq!(drain(&outbox).await, [1]);
}
