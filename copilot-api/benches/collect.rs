//! What the thin layer costs on top of the generated client, on loopback: `cargo bench -p copilot-api --bench collect`.
//!
//! Rounds of both alternate in one process, so that a slow moment of the machine meets both. The client has a thread of
//! its own, whose CPU time is what is counted.

#![allow(missing_docs, clippy::unwrap_used)]

use std::{
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use axum::{Json, Router, routing::post};
use copilot_api::{
    Client, Credentials, Endpoints, NewEvent,
    raw::operations,
    types::{CollectRequest, Event, ThingConnectedPayload, UserCreatedPayload},
};
use nix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use tokio::{net::TcpListener, runtime::Builder};

const BATCH: usize = 1000;
const BATCHES: usize = 50;
const ROUNDS: usize = 15;

/// The least share of the raw client's throughput, and the most CPU time per event on top of it.
const LEAST_THROUGHPUT: f64 = 0.9;
const MOST_MICROSECONDS: f64 = 0.8;

fn main() {
    // cargo test --benches runs this too; there is nothing to measure in an unoptimized build.
    if cfg!(debug_assertions) {
        println!("not measured: run `cargo bench -p copilot-api --bench collect`");
        return;
    }
    let client = client(serve());
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let events = (BATCH * BATCHES) as f64;

    let mut throughput = Vec::new();
    let mut extra = Vec::new();
    for round in 0..=ROUNDS {
        let bodies: Vec<CollectRequest> = (0..BATCHES)
            .map(|batch| CollectRequest { events: (0..BATCH).map(|at| event(batch * BATCH + at)).collect() })
            .collect();
        let raw = measure(|| {
            runtime.block_on(async {
                for body in bodies {
                    client.raw().collect(&body).await.unwrap();
                }
            });
        });
        let prebuilt: Vec<Event> = (0..BATCH * BATCHES).map(event).collect();
        let thin = measure(|| {
            let report = runtime.block_on(client.collect(prebuilt)).unwrap();
            assert!(report.is_complete());
        });
        let whole = measure(|| {
            let report = runtime.block_on(client.collect((0..BATCH * BATCHES).map(event))).unwrap();
            assert!(report.is_complete());
        });
        // The first round only warms up.
        if round > 0 {
            throughput.push(raw.wall.as_secs_f64() / thin.wall.as_secs_f64());
            extra.push((whole.cpu.as_secs_f64() - raw.cpu.as_secs_f64()) / events * 1e6);
            println!(
                "round {round:>2}: raw {:>7.0} events/s, {:.3} µs CPU/event; collect {:>7.0} events/s, {:.3} µs; built and collected {:.3} µs",
                events / raw.wall.as_secs_f64(),
                raw.cpu.as_secs_f64() / events * 1e6,
                events / thin.wall.as_secs_f64(),
                thin.cpu.as_secs_f64() / events * 1e6,
                whole.cpu.as_secs_f64() / events * 1e6,
            );
        }
    }
    let throughput = median(throughput);
    let extra = median(extra);
    let verdict = |good| if good { "ok" } else { "MISSED" };
    println!(
        "collect of prebuilt events, batches of {BATCH}: {throughput:.2} of the raw client's throughput (at least {LEAST_THROUGHPUT}: {})",
        verdict(throughput >= LEAST_THROUGHPUT)
    );
    println!(
        "building, validating, sending and reading: {extra:.2} µs of CPU per event more than the raw call (at most {MOST_MICROSECONDS}: {})",
        verdict(extra <= MOST_MICROSECONDS)
    );
    if throughput < LEAST_THROUGHPUT || extra > MOST_MICROSECONDS {
        std::process::exit(1);
    }
}

/// Two kinds of events, as one would build them.
fn event(number: usize) -> Event {
    if number.is_multiple_of(2) {
        ThingConnectedPayload::builder()
            .thing_id("A4:CF:12:00:9B:3E")
            .user_id("user-7")
            .build()
            .unwrap()
            .event()
    } else {
        UserCreatedPayload::builder()
            .user_id("7d1f0c8e-55b2-4b8c-9a53-0f6f2f1f7a10")
            .first_name("Zoë")
            .email("zoe@example.com")
            .build()
            .unwrap()
            .event()
    }
}

struct Cost {
    wall: Duration,
    cpu: Duration,
}

fn measure(work: impl FnOnce()) -> Cost {
    let cpu = || Duration::from(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap());
    let (wall_before, cpu_before) = (Instant::now(), cpu());
    work();
    Cost { wall: wall_before.elapsed(), cpu: cpu() - cpu_before }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap()
}

fn client(address: SocketAddr) -> Client {
    let credentials = Credentials::new("bench", "bench").unwrap();
    let endpoints = Endpoints::base(&format!("http://{address}")).unwrap();
    Client::builder(credentials, endpoints).max_batch_events(BATCH).max_batch_bytes(16 << 20).build().unwrap()
}

/// A server on a thread of its own that reads each body as JSON, as every server must, and takes every event.
fn serve() -> SocketAddr {
    let (send, receive) = std::sync::mpsc::channel();
    thread::spawn(move || {
        Builder::new_current_thread().enable_all().build().unwrap().block_on(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            send.send(listener.local_addr().unwrap()).unwrap();
            let take = |_: Json<Value>| async { Json(json!({ "invalid_events": [] })) };
            let limit = axum::extract::DefaultBodyLimit::disable();
            axum::serve(listener, Router::new().route(operations::COLLECT.path, post(take)).layer(limit))
                .await
                .unwrap();
        });
    });
    receive.recv().unwrap()
}
