//! What goes when: no kind and no lane starves, and a slot of a request comes back.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use copilot_api::{NewEvent, types::UserCreatedPayload};
use copilot_delivery::{Lane, Outcome, Pause, Reporter};
use copilot_sandbox::{Fault, Operation, Sandbox};

use crate::support::{SOON, client, client_of, event, in_time, named, quick, server, until_seen};

#[tokio::test]
async fn a_change_of_consent_that_was_refused_holds_no_others() {
    let url =
        server::start(|asked| if asked.body.contains("user-1\"") { server::BAD } else { server::TAKEN })
            .await;
    let reporter = quick(client_of(&url)).start().unwrap();
    let refused = reporter.set_consent("user-1", true).await.unwrap();
    assert_eq!(in_time(reporter.set_consent("user-2", true).await.unwrap()).await, Outcome::Accepted);
    assert!(matches!(in_time(refused).await, Outcome::Rejected(_)));
    for user in 3..10 {
        let ticket = reporter.set_consent(format!("user-{user}"), true).await.unwrap();
        assert_eq!(in_time(ticket).await, Outcome::Accepted);
    }
}

#[tokio::test]
async fn an_item_that_makes_its_request_be_refused_is_found_and_holds_no_other() {
    for users in [1, 40] {
        let taken = Arc::new(AtomicUsize::new(0));
        let counter = taken.clone();
        let url = server::start(move |asked| {
            if asked.body.contains("poison") {
                return server::BAD;
            }
            counter.fetch_add(asked.body.matches("event_id").count(), Relaxed);
            server::TAKEN
        })
        .await;
        let reporter = Reporter::builder(client_of(&url)).linger(Duration::from_millis(50)).start().unwrap();
        let mut tickets = Vec::new();
        for number in 0..300 {
            let name = if [60, 190].contains(&number) { "poison" } else { "fine" };
            tickets.push(reporter.report(named(number % users, name)).await.unwrap());
        }
        for (number, ticket) in tickets.into_iter().enumerate() {
            let outcome = in_time(ticket).await;
            let is_right = match outcome {
                Outcome::Accepted => ![60, 190].contains(&number),
                Outcome::Rejected(_) => [60, 190].contains(&number),
                _ => false,
            };
            assert!(is_right, "{number} of {users} users: {outcome:?}");
        }
        assert_eq!(taken.load(Relaxed), 298);
        assert_eq!(reporter.dead_letters().list(None, 10).await.unwrap().len(), 2);
    }
}

#[tokio::test]
async fn an_item_that_nobody_can_tell_from_an_endpoint_that_refuses_everything_waits_for_proof() {
    let url =
        server::start(|asked| if asked.body.contains("poison") { server::BAD } else { server::TAKEN }).await;
    let reporter = quick(client_of(&url)).start().unwrap();
    let poisoned = reporter.report(named(1, "poison")).await.unwrap();
    until_seen(&reporter, "paused", |snapshot| snapshot.events_paused == Some(Pause::RefusesEverything))
        .await;
    // Another user's event proves that the endpoint takes events.
    assert_eq!(in_time(reporter.report(named(2, "fine")).await.unwrap()).await, Outcome::Accepted);
    assert!(matches!(in_time(poisoned).await, Outcome::Rejected(_)));
}

/// One lane learns by halves which of its items is at fault; then the endpoint refuses everything, and nothing is to blame.
#[tokio::test]
async fn an_endpoint_that_begins_to_refuse_everything_costs_no_item_that_it_would_take() {
    let taken = Arc::new(AtomicUsize::new(0));
    let counter = taken.clone();
    let url = server::start(move |asked| {
        if asked.body.contains("poison") {
            return server::BAD;
        }
        match counter.fetch_add(1, Relaxed) {
            0..3 => server::TAKEN,
            // Between the third and the twentieth request nobody is let in.
            3..20 => Some((403, "{}")),
            _ => server::TAKEN,
        }
    })
    .await;
    let reporter = Reporter::builder(client_of(&url)).linger(Duration::from_millis(100)).start().unwrap();
    let mut tickets = Vec::new();
    for number in 0..60 {
        let name = if number == 2 { "poison" } else { "fine" };
        tickets.push((number, reporter.report(named(number % 3, name)).await.unwrap()));
    }
    for (number, ticket) in tickets {
        // The probes come sooner than by themselves.
        reporter.set_credentials(copilot_api::Credentials::new("id", "secret").unwrap()).unwrap();
        let mut ticket = std::pin::pin!(ticket);
        let outcome = loop {
            match tokio::time::timeout(Duration::from_millis(20), &mut ticket).await {
                Ok(outcome) => break outcome,
                Err(_) => {
                    reporter.set_credentials(copilot_api::Credentials::new("id", "secret").unwrap()).unwrap();
                }
            }
        };
        assert_eq!(outcome == Outcome::Accepted, number != 2, "{number}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_flood_of_consent_does_not_starve_events_nor_they_it() {
    let order = Arc::new(Mutex::new(Vec::new()));
    let seen = order.clone();
    let url = server::start(move |asked| {
        std::thread::sleep(Duration::from_millis(1));
        seen.lock().unwrap().push(asked.is_consent());
        server::TAKEN
    })
    .await;
    for requests in [1, 4] {
        order.lock().unwrap().clear();
        let reporter = quick(client_of(&url)).max_in_flight(requests).start().unwrap();
        // Of lanes that have only the one or only the other.
        let user = |number: usize, low: bool| {
            let mut ids = (0..).map(|part| format!("user-{number}-{part}"));
            ids.find(|id| (Lane::of(id).number() < 16) == low).unwrap()
        };
        for number in 0..200 {
            reporter.set_consent(user(number, true), true).await.unwrap();
        }
        for number in 0..200 {
            let event = UserCreatedPayload::builder().user_id(user(number, false)).event().unwrap();
            reporter.report(event).await.unwrap();
        }
        reporter.flush(SOON).await.unwrap();
        let order = order.lock().unwrap();
        let first_event = order.iter().position(|is_consent| !is_consent).unwrap();
        assert!(first_event < 150, "events waited for all consent: {first_event} of {}", order.len());
    }
}

#[tokio::test]
async fn what_is_still_being_settled_is_no_proof_that_everything_is_refused() {
    let url = server::start(|asked| {
        std::thread::sleep(Duration::from_millis(60));
        if asked.body.contains("poison") { server::BAD } else { server::TAKEN }
    })
    .await;
    let reporter = Reporter::builder(client_of(&url)).linger(Duration::from_millis(30)).start().unwrap();
    let alone = reporter.report(named(1, "poison")).await.unwrap();
    until_seen(&reporter, "a request", |snapshot| snapshot.in_flight == 1).await;
    let first = reporter.report(named(2, "fine")).await.unwrap();
    let second = reporter.report(named(2, "poison")).await.unwrap();
    until_seen(&reporter, "all ended", |snapshot| {
        assert_eq!(snapshot.events_paused, None, "the first of two was not tried alone yet");
        snapshot.counts.pending == 0
    })
    .await;
    assert_eq!(first.await, Outcome::Accepted);
    assert!(matches!((alone.await, second.await), (Outcome::Rejected(_), Outcome::Rejected(_))));
}

#[tokio::test]
async fn every_slot_of_a_request_comes_back_whatever_ended_it() {
    let sandbox = Sandbox::start().unwrap();
    let reporter = quick(client(&sandbox)).max_in_flight(2).start().unwrap();
    for fault in [
        Fault::status(503),
        Fault::status(401),
        Fault::close_after(),
        Fault::close_before(),
        Fault::cut_json(),
        Fault::status(400),
    ] {
        sandbox.add_fault(fault.next(1)).unwrap();
        for number in 0..40 {
            reporter.report(event(number, number)).await.unwrap();
        }
        until_seen(&reporter, "all ended", |snapshot| snapshot.counts.pending == 0).await;
    }
    until_seen(&reporter, "idle", |snapshot| snapshot.in_flight == 0).await;
    let counts = reporter.snapshot().await.unwrap().counts;
    assert!(counts.adds_up() && counts.lanes == 0, "{counts:?}");
    // And both requests go again.
    sandbox.add_fault(Fault::delay(Duration::from_millis(200)).next(2)).unwrap();
    let (one, two) =
        (reporter.report(event(1, 1)).await.unwrap(), reporter.report(event(2, 1)).await.unwrap());
    until_seen(&reporter, "a request", |snapshot| snapshot.in_flight > 0).await;
    let all = in_time(async { (one.await, two.await) }).await;
    assert_eq!(all, (Outcome::Accepted, Outcome::Accepted));
}

#[tokio::test]
async fn a_flush_is_done_when_its_items_are_and_not_at_its_deadline() {
    let sandbox = Sandbox::start().unwrap();
    let reporter = Reporter::builder(client(&sandbox)).linger(Duration::from_secs(60)).start().unwrap();
    let began = Instant::now();
    for number in 0..50 {
        reporter.report(event(number, number)).await.unwrap();
        reporter.flush(SOON).await.unwrap();
    }
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(sandbox.accepted().len(), 50);
    // One that was given up no longer hurries the others.
    sandbox.add_fault(Fault::delay(Duration::from_millis(100)).next(1)).unwrap();
    reporter.report(event(1, 100)).await.unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(20), reporter.flush(SOON)).await.is_err());
    until_seen(&reporter, "sent", |snapshot| snapshot.counts.pending == 0).await;
    reporter.report(event(1, 101)).await.unwrap();
    server::a_moment().await;
    assert_eq!(sandbox.accepted().len(), 51, "it was to wait for others");
}

#[tokio::test]
async fn a_batch_goes_when_it_is_full_or_has_waited() {
    let sandbox = Sandbox::start().unwrap();
    let reporter = Reporter::builder(client(&sandbox)).linger(Duration::from_millis(300)).start().unwrap();
    let began = Instant::now();
    let ticket = reporter.report(event(1, 1)).await.unwrap();
    assert_eq!(in_time(ticket).await, Outcome::Accepted);
    assert!(began.elapsed() >= Duration::from_millis(290), "{:?}", began.elapsed());
    let began = Instant::now();
    let mut last = None;
    for number in 0..100 {
        last = Some(reporter.report(event(1, number)).await.unwrap());
    }
    assert_eq!(in_time(last.unwrap()).await, Outcome::Accepted);
    assert!(began.elapsed() < Duration::from_millis(250), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_413_is_learned() {
    let sizes = Arc::new(Mutex::new(Vec::new()));
    let seen = sizes.clone();
    let url = server::start(move |asked| {
        let items = asked.body.matches("event_id").count();
        let fits = items <= 30;
        seen.lock().unwrap().push((items, fits));
        if fits { server::TAKEN } else { Some((413, "")) }
    })
    .await;
    let reporter = quick(client_of(&url)).max_in_flight(1).start().unwrap();
    for round in 0..2 {
        sizes.lock().unwrap().clear();
        for number in 0..1000 {
            reporter.report(event(number % 10, number)).await.unwrap();
        }
        reporter.flush(SOON).await.unwrap();
        let sizes = sizes.lock().unwrap();
        let refused = sizes.iter().filter(|(_, fits)| !fits).count();
        let taken: usize = sizes.iter().filter(|(_, fits)| *fits).map(|(items, _)| items).sum();
        assert_eq!(taken, 1000);
        // What it taught the first time it knows the second.
        // From time to time it tries whether more fits.
        assert!(if round == 0 { (1..8).contains(&refused) } else { refused <= 1 }, "{round}: {sizes:?}");
        assert!(sizes.len() < 150, "{round}: {sizes:?}");
    }
    assert_eq!(reporter.snapshot().await.unwrap().counts.tally.accepted, 2000);
}

#[tokio::test]
async fn an_unreadable_answer_of_success_is_unattributed_and_not_sent_again_and_many_pause() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let url = server::start(move |_| match counter.fetch_add(1, Relaxed) {
        // A success that the contract does not list is none that can be read.
        0 => Some((202, "{}")),
        _ => Some((200, "<html>welcome</html>")),
    })
    .await;
    let reporter = quick(client_of(&url)).start().unwrap();
    let ticket = reporter.report(event(1, 1)).await.unwrap();
    assert!(matches!(in_time(ticket).await, Outcome::Unattributed(_)));
    server::a_moment().await;
    assert_eq!(asked.load(Relaxed), 1);
    let dead = reporter.dead_letters().list(None, 10).await.unwrap();
    assert!(dead.len() == 1 && matches!(dead[0].outcome, Outcome::Unattributed(_)));
    // No more than a few are lost to a page that answers 200 to everything.
    for number in 0..40 {
        reporter.report(event(1, number)).await.unwrap();
        if reporter.snapshot().await.unwrap().events_paused.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    until_seen(&reporter, "paused", |snapshot| snapshot.events_paused == Some(Pause::Unreadable)).await;
}

#[tokio::test]
async fn a_change_of_consent_that_a_page_answers_is_sent_until_copilot_takes_it() {
    let sandbox = Sandbox::start().unwrap();
    let page = Fault::answer(200, "<html>welcome</html>").header("content-type", "text/html");
    sandbox.add_fault(page.on(Operation::SetConsent).next(2)).unwrap();
    let reporter = quick(client(&sandbox)).start().unwrap();
    assert_eq!(in_time(reporter.set_consent("user-7", true).await.unwrap()).await, Outcome::Accepted);
    assert!(sandbox.user("user-7").unwrap().consent.unwrap().value);
}
