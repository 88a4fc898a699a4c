//! What would lose, disorder or delay something, or keep it against somebody's will.

use std::time::{Duration, Instant};

use async_nats::jetstream;
use copilot_delivery::{
    Kind, Outbox, Outcome,
    outbox::{End, LeaseRequest, Leased},
};
use tokio::time::timeout;

use super::{
    ANY, LEASE, Nats, PATIENCE, drain,
    items::{at, consent, event, user},
    keys, lease, lease_in_time,
    proxy::{Mode, Proxy},
    put, quick,
};

#[tokio::test]
async fn a_settling_whose_answer_is_lost_does_not_block_its_lane() {
    let Some(nats) = Nats::start() else { return };
    let proxy = Proxy::start(nats.port()).await;
    let outbox = quick(&format!("nats://127.0.0.1:{}", proxy.port), "S").open().await.unwrap();
    for key in 1..=3 {
        put(&outbox, event(key, &user(3, 0))).await;
    }
    let mut lease = lease_in_time(&outbox).await;
    let mut ends = vec![End::Accepted, End::Accepted, End::Released];
    proxy.set(Mode::CutAfter("STREAM.MSG.DELETE"));
    let begun = Instant::now();
    while let Err(unsettled) = outbox.settle(lease, ends).await {
        assert!(!unsettled.error.is_fenced());
        assert!(begun.elapsed() < PATIENCE, "{}", unsettled.error);
        (lease, ends) = (unsettled.lease, unsettled.ends);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(proxy.has_cut());
    put(&outbox, event(4, &user(3, 0))).await;
    assert_eq!(drain(&outbox, 2).await, [3, 4]);
}

#[tokio::test]
async fn what_was_read_ahead_of_a_user_that_is_forgotten_is_not_sent() {
    const MANY: u64 = 400;
    let Some(nats) = Nats::start() else { return };
    let outbox = quick(&nats.url(), "S").open().await.unwrap();
    for key in 1..=MANY {
        put(&outbox, event(key, &user(3, 0))).await;
    }
    put(&outbox, event(MANY + 1, &user(3, 1))).await;
    // So that all is read that there is room for.
    let lease = lease_in_time(&outbox).await;
    let ends = lease.released();
    outbox.settle(lease, ends).await.unwrap();
    let forgotten = outbox.forget(&user(3, 0)).await.unwrap();
    assert_eq!(forgotten.pending.len() as u64, MANY);
    assert_eq!(drain(&outbox, 1).await, [MANY + 1]);
}

#[tokio::test]
async fn closing_does_not_wait_for_a_server_that_is_away() {
    let Some(nats) = Nats::start() else { return };
    let outbox = quick(&nats.url(), "S").deadline(Duration::from_secs(1)).open().await.unwrap();
    for lane in 0..32 {
        put(&outbox, event(lane.into(), &user(lane, 0))).await;
    }
    drain(&outbox, 32).await;
    nats.kill();
    timeout(LEASE * 4, outbox.close()).await.expect("closed");
}

#[tokio::test]
async fn forgetting_does_not_wait_for_an_outbox_that_is_closed() {
    let Some(nats) = Nats::start() else { return };
    let outbox = quick(&nats.url(), "S").open().await.unwrap();
    outbox.close().await;
    let error = timeout(LEASE * 2, outbox.forget(&user(3, 0))).await.expect("an answer").unwrap_err();
    assert_eq!(error.fault(), copilot_delivery::outbox::Fault::Closed);
}

#[tokio::test]
async fn lanes_that_may_be_anothers_by_now_are_not_leased() {
    let Some(nats) = Nats::start() else { return };
    let proxy = Proxy::start(nats.port()).await;
    let stalled = quick(&format!("nats://127.0.0.1:{}", proxy.port), "S").open().await.unwrap();
    put(&stalled, event(1, &user(3, 0))).await;
    let lease = lease_in_time(&stalled).await;
    let ends = lease.released();
    stalled.settle(lease, ends).await.unwrap();
    proxy.set(Mode::Stall);
    let other = quick(&nats.url(), "S").open().await.unwrap();
    let _theirs = lease_in_time(&other).await;
    assert!(super::lease(&stalled).await.is_none(), "two have it");
}

#[tokio::test]
async fn of_a_lane_the_first_is_settled_first() {
    let Some(nats) = Nats::start() else { return };
    let outbox = quick(&nats.url(), "S").open().await.unwrap();
    for key in 1..=2 {
        put(&outbox, event(key, &user(3, 0))).await;
    }
    let lease = lease_in_time(&outbox).await;
    let client = async_nats::connect(nats.url()).await.unwrap();
    jetstream::new(client).delete_stream("S-dead").await.unwrap();
    let unsettled = outbox.settle(lease, vec![End::Dead(Outcome::Expired), End::Accepted]).await;
    assert!(!unsettled.expect_err("there is no dead letter").error.is_fenced());
    assert_eq!(outbox.places().await.unwrap(), (Some(1), 2));
    let left = jetstream::new(async_nats::connect(nats.url()).await.unwrap());
    let mut left = left.get_stream("S").await.unwrap();
    assert_eq!(left.info().await.unwrap().state.messages, 2, "the first would come after the second");
}

#[tokio::test]
async fn a_stream_that_keeps_what_is_to_be_forgotten_says_so() {
    let Some(nats) = Nats::start() else { return };
    drop(quick(&nats.url(), "S").open().await.unwrap());
    let context = jetstream::new(async_nats::connect(nats.url()).await.unwrap());
    let mut config = context.get_stream("S").await.unwrap().cached_info().config.clone();
    context.delete_stream("S").await.unwrap();
    config.deny_delete = true;
    context.create_stream(config).await.unwrap();
    let Ok(outbox) = quick(&nats.url(), "S").open().await else { return };
    put(&outbox, event(1, &user(3, 0))).await;
    let forgotten = timeout(PATIENCE, outbox.forget(&user(3, 0))).await.expect("an answer");
    assert!(forgotten.is_err(), "{forgotten:?}");
}

#[tokio::test]
async fn a_deadline_may_be_as_long_as_one_likes() {
    let Some(nats) = Nats::start() else { return };
    let outbox = quick(&nats.url(), "S").deadline(Duration::MAX).open().await.unwrap();
    put(&outbox, event(1, &user(3, 0))).await;
    outbox.close().await;
    let outbox = copilot_delivery::JetStreamOutbox::builder(&nats.url())
        .stream("T")
        .lease(Duration::MAX)
        .open()
        .await
        .unwrap();
    put(&outbox, event(1, &user(3, 0))).await;
    assert_eq!(keys(&lease_in_time(&outbox).await), [1]);
}

#[tokio::test]
async fn what_another_has_settled_is_not_waited_for() {
    let Some(nats) = Nats::start() else { return };
    let one = quick(&nats.url(), "S").open().await.unwrap();
    let other = quick(&nats.url(), "S").open().await.unwrap();
    tokio::time::sleep(LEASE).await;
    for lane in 0..32 {
        put(&one, event(lane.into(), &user(lane, 0))).await;
    }
    let (begun, mut came) = (Instant::now(), 0);
    while came < 32 {
        for outbox in [&one, &other] {
            if let Some(lease) = lease(outbox).await {
                came += lease.items.len();
                let ends = vec![End::Accepted; lease.items.len()];
                outbox.settle(lease, ends).await.unwrap();
            }
        }
        assert!(begun.elapsed() < PATIENCE);
    }
    other.close().await;
    tokio::time::sleep(LEASE).await;
    let begun = Instant::now();
    let request = LeaseRequest { kind: Kind::Event, ..ANY };
    assert!(matches!(one.lease(&request).await, Ok(Leased::Nothing)));
    assert!(begun.elapsed() < Duration::from_millis(500), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_lane_that_was_wished_for_is_read_on() {
    let Some(nats) = Nats::start() else { return };
    let lasts = Duration::from_secs(6);
    let outbox = quick(&nats.url(), "S").lease(lasts).open().await.unwrap();
    let other = quick(&nats.url(), "S").lease(lasts).open().await.unwrap();
    let begun = Instant::now();
    other.forget(&user(3, 0)).await.unwrap();
    outbox.forget(&user(3, 0)).await.unwrap();
    other.forget(&user(3, 0)).await.unwrap();
    put(&other, event(1, &user(3, 1))).await;
    tokio::time::sleep(lasts / 3).await;
    let forgot = begun.elapsed();
    let begun = Instant::now();
    loop {
        if super::lease(&other).await.is_some() || super::lease(&outbox).await.is_some() {
            break;
        }
    }
    assert!(begun.elapsed() < lasts / 2, "{:?} after {forgot:?}", begun.elapsed());
}

#[tokio::test]
async fn consents_of_any_time_come() {
    let Some(nats) = Nats::start() else { return };
    let outbox = quick(&nats.url(), "S").open().await.unwrap();
    for time in [i64::MIN, 0, i64::MAX] {
        put(&outbox, at(time, consent(1, &user(3, 0), true))).await;
    }
    let request = LeaseRequest { kind: Kind::Consent, linger: Duration::from_secs(1), ..ANY };
    let Leased::Batch(lease) = outbox.lease(&request).await.unwrap() else { panic!("nothing") };
    assert_eq!(lease.items.len(), 3);
}

#[tokio::test]
async fn what_was_not_read_is_not_removed_with_what_came_after_it() {
    let Some(nats) = Nats::start() else { return };
    let outbox = quick(&nats.url(), "S").open().await.unwrap();
    let context = jetstream::new(async_nats::connect(nats.url()).await.unwrap());
    let mut headers = async_nats::HeaderMap::new();
    headers.insert("Copilot-Item", r#"{"key":1,"kind":"later","reported_at":1,"contract":"9"}"#);
    context.publish_with_headers("S.03", headers, "{}".into()).await.unwrap().await.unwrap();
    for key in 2..=3 {
        put(&outbox, event(key, &user(3, 0))).await;
    }
    assert_eq!(drain(&outbox, 2).await, [2, 3]);
    assert!(context.get_stream("S").await.unwrap().get_raw_message(1).await.is_ok(), "gone unsent");
}

#[tokio::test]
async fn ids_that_differ_by_a_space_are_two() {
    let Some(nats) = Nats::start() else { return };
    let outbox = quick(&nats.url(), "S").open().await.unwrap();
    for (key, id) in [(1, "a"), (2, " a")] {
        let mut record = event(key, &user(3, 0)).into_record();
        record.event_id = Some(id.to_owned());
        put(&outbox, copilot_delivery::Item::from_record(record)).await;
    }
    assert_eq!(drain(&outbox, 2).await, [1, 2]);
}
