//! A service whose handlers report by `collect_one`, while Copilot.cx is down.

use std::{collections::BTreeSet, time::Duration};

use copilot_api::{Client, Endpoints};
use copilot_sandbox::Sandbox;
use copilot_tests::server::{self, client_id, client_secret};
use futures_util::future::join_all;
use tokio::time::{Instant, sleep, sleep_until};

const OUTAGE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn after_an_outage_it_is_known_of_each_event_whether_it_was_accepted() {
    let start =
        |port| Sandbox::builder().credentials(client_id(), client_secret()).port(port).start().unwrap();
    let sandbox = start(0);
    let endpoints = Endpoints::base(&sandbox.url()).unwrap();
    let port = endpoints.collect_url().port().unwrap();
    let client = Client::new(server::credentials(), endpoints).unwrap();
    drop(sandbox);

    let begin = Instant::now();
    // A request a second, each handled while the others are.
    let handlers = (0..35_u64).map(|second| {
        let client = client.clone();
        async move {
            sleep_until(begin + Duration::from_secs(second)).await;
            client.collect_one(server::event(&format!("e-{second}"))).await
        }
    });
    let restart = async {
        sleep(OUTAGE).await;
        start(port)
    };
    let (outcomes, sandbox) = tokio::join!(join_all(handlers), restart);

    let arrived = |sandbox: &Sandbox| -> BTreeSet<String> {
        sandbox.accepted().into_iter().filter_map(|event| event.event_id.clone()).collect()
    };
    let (accepted, failed): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    println!("{} accepted, {} given back", accepted.len(), failed.len());
    assert_eq!(arrived(&sandbox).len(), accepted.len());
    assert!((5..35).contains(&accepted.len()) && (10..35).contains(&failed.len()));
    for failed in failed {
        let (error, event) = failed.unwrap_err().into_parts();
        // No attempt got through, so that sending it again cannot count it twice.
        assert!(error.is_connect() && error.is_retryable() && !error.may_have_been_taken(), "{error}");
        assert!(!arrived(&sandbox).contains(event.event_id().as_str()));
        client.collect_one(event).await.unwrap();
    }
    assert_eq!(arrived(&sandbox).len(), 35);
}
