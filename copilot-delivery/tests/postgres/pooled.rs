//! PgBouncer in transaction mode, with one connection for everybody.

use std::{sync::Arc, time::Duration};

use copilot_delivery::{Outbox, PostgresOutbox, Reported};
use copilot_servers::pgbouncer::Pool;

use super::{
    connect, drain,
    items::{event, user},
    look, put, put_by, quick, server,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_outboxes_share_a_pool_of_one_connection() {
    let Some(server) = server().await else { return };
    let Some(pool) = Pool::start(&server) else { return };
    let name = server.database();
    let url = pool.url(&name);
    PostgresOutbox::migrate(&url).await.unwrap();
    let outboxes = [Arc::new(quick(&url).open().await.unwrap()), Arc::new(quick(&url).open().await.unwrap())];

    // A transaction that is open elsewhere, and one that goes by the pool.
    let (writer, id) = (connect(&server.url(&name)).await, user(3, 0));
    put(&*outboxes[0], event(1, &id)).await;
    writer.batch_execute("BEGIN").await.unwrap();
    put_by(&writer, event(2, &id)).await.unwrap();
    put(&*outboxes[1], event(3, &id)).await;
    assert_eq!(look(&*outboxes[1]).await, [1]);
    assert!(outboxes[1].held_up().is_some());
    tokio::time::sleep(if super::is_long() { Duration::from_secs(30) } else { Duration::from_millis(300) })
        .await;
    assert_eq!(look(&*outboxes[0]).await, [1]);
    writer.batch_execute("COMMIT").await.unwrap();
    assert_eq!(drain(&*outboxes[1]).await, [1, 2, 3]);

    // Nothing is prepared by what goes into a program's transaction either.
    let session = connect(&url).await;
    for _ in 0..3 {
        session.batch_execute("BEGIN").await.unwrap();
        let Reported::Event(reported) = event(0, &id).into_reported() else { unreachable!() };
        outboxes[0].report_in(&session, &reported).await.unwrap();
        session.batch_execute("COMMIT").await.unwrap();
    }
    assert_eq!(drain(&*outboxes[1]).await.len(), 3);

    let producers = (0..4_u64).map(|producer| {
        let outbox = outboxes[producer as usize % 2].clone();
        tokio::spawn(async move {
            for number in 0..50 {
                put(&*outbox, event(producer * 50 + number, &user(producer as u8, 0))).await;
            }
        })
    });
    let producers: Vec<_> = producers.collect();
    let couriers = outboxes.clone().map(|outbox| {
        tokio::spawn(async move {
            let mut came = Vec::new();
            loop {
                let drained = drain(&*outbox).await;
                if drained.is_empty() && outbox.counts().await.unwrap().tally.accepted == 206 {
                    return came;
                }
                came.extend(drained);
            }
        })
    });
    for producer in producers {
        producer.await.unwrap();
    }
    let mut came = Vec::new();
    for courier in couriers {
        came.extend(courier.await.unwrap());
    }
    came.sort_unstable();
    assert_eq!(came, (0..200).collect::<Vec<_>>());
}
