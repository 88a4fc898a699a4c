//! Answers that are made to cost their reader memory or time.

use std::{
    fs,
    time::{Duration, Instant},
};

use copilot_api::raw::MAX_BODY_BYTES;
use copilot_tests::{
    child,
    server::{self, Answer, Server, authorization, in_time},
};

const MEBIBYTE: usize = 1024 * 1024;

/// The most memory that this process has used, in bytes.
fn peak_memory() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

#[tokio::test]
async fn a_hostile_body_costs_little_memory_and_time() {
    if !child::is_alone(a_hostile_body_costs_little_memory_and_time) {
        return;
    }
    let token = authorization().strip_prefix("Basic ").unwrap();
    let half = token.get(..8).unwrap().as_bytes().repeat(8192);
    let table = [
        ("200 with 375 MiB of spaces", 200, vec![b' '; MEBIBYTE], 375),
        ("401 with 375 MiB of spaces", 401, vec![b' '; MEBIBYTE], 375),
        ("200 with 2.5 MiB of half a secret", 200, half.clone(), 40),
        ("401 with 2.5 MiB of half a secret", 401, half, 40),
    ];
    for (name, status, piece, times) in table {
        let server = Server::always(Answer::status(status).body(piece).repeated(times));
        let client = server.client().timeout(Duration::from_secs(3)).build().unwrap();
        let (before, started) = (peak_memory(), Instant::now());
        let failed = in_time(client.collect_one(server::event("e-1"))).await.expect_err(name);
        let (grown, took) = (peak_memory() - before, started.elapsed());
        println!("{name}: {:.1} MiB more, {} ms: {failed}", grown as f64 / MEBIBYTE as f64, took.as_millis());
        assert!(grown < 6 * MAX_BODY_BYTES, "{name}: {grown} bytes");
        assert!(took < Duration::from_secs(3), "{name}: {took:?}");
    }
}
