//! Through the relay: what a client was told is taken arrives, though Copilot.cx is away and the relay is killed.

use std::{
    collections::BTreeSet,
    env, fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};

use super::{
    client::environment,
    example::Example,
    server,
    shell::{Shell, end},
    testee::Testee,
    vectors::{EXAMPLE, Vectors},
};
use crate::{failure::Failure, sandbox::Sandbox};

/// Holds for how many seconds Copilot.cx is away, where that is to be longer.
const OUTAGE_VARIABLE: &str = "RELAY_OUTAGE";
const OUTAGE: u64 = 3;
/// While Copilot.cx is away, at random moments.
const KILLS: u64 = 2;
/// How long all is well, before and after that.
const CALM: Duration = Duration::from_millis(500);
/// Between two events, and after one that nobody answered for.
const PAUSE: Duration = Duration::from_millis(4);
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(20);
/// Fewer events taken in a second of the outage prove little.
const ENOUGH_A_SECOND: u64 = 10;
/// How long the relay may take to deliver what it has. It waits for 30 s at most before it tries again.
const DRAIN: Duration = Duration::from_secs(90);
/// Milliseconds that the timestamp of every second event is ahead, as those of some clients are.
const AHEAD: i64 = 100;
/// Milliseconds before now that no event may have happened.
const LONG_AGO: i64 = 10 * 365 * 24 * 3_600_000;

/// What is wrong. `folder` is where the client was made.
pub(super) fn problem(
    example: &Example,
    vectors: &Vectors,
    program: &Path,
    folder: &Path,
) -> Result<Option<String>, Failure> {
    let outage = outage()?;
    let sandbox = Sandbox::start(program, &[])?;
    let mut relay = Relay::start(program, &sandbox, &folder.join(format!("{}.relay", example.name)))?;
    let log = folder.join(format!("{}.relay.log", example.name));
    let mut shell = Shell::new(&example.place(folder), &log, DRAIN)?;
    shell.env = environment(&sandbox, &relay.url);
    let mut client = Client {
        testee: Testee::start(&shell, &example.testee)?,
        events: examples(example, vectors),
        asked: 0,
        taken: BTreeSet::new(),
    };
    client.must_be_told_of_a_bad_event()?;
    let consent = vectors.cases.iter().find(|case| {
        case.text("name") == EXAMPLE && case.question.get("change").is_some_and(Value::is_string)
    });
    let consent = consent.map(|case| case.question.clone()).unwrap_or_default();

    let (is_away, mut consent_taken) = (AtomicBool::new(false), false);
    thread::scope(|scope| {
        let trouble = scope.spawn(|| trouble(&mut relay, &sandbox, outage, &is_away));
        while !trouble.is_finished() {
            client.send()?;
            if is_away.load(Ordering::SeqCst) && !consent_taken {
                consent_taken = is_taken(&client.testee.ask(&consent)?)?;
            }
        }
        trouble.join().unwrap_or_else(|_| Err(Failure::Unexpected("the trouble ended early".to_owned())))
    })?;

    let begin = Instant::now();
    let (lost, consents) = loop {
        let arrived = arrived(&sandbox)?;
        let lost = client.taken.difference(&arrived).count();
        let consents = sandbox.control("statistics")?;
        let consents = consents.pointer("/requests/set_consent/204").and_then(Value::as_u64);
        if (lost == 0 && consents.is_some()) || begin.elapsed() > DRAIN {
            break (lost, consents.unwrap_or_default());
        }
        thread::sleep(Duration::from_millis(200));
    };
    let (taken, away) = (client.taken.len(), outage.as_secs());
    println!(
        "{} through the relay: {taken} taken, {KILLS} kills, down for {away} s, lost {lost}",
        example.name
    );
    Ok(if lost > 0 {
        Some(format!("{lost} of {taken} events that the relay took did not arrive"))
    } else if consents == 0 {
        Some("the change of consent did not arrive".to_owned())
    } else if (taken as u64) < ENOUGH_A_SECOND * away {
        Some(format!("only {taken} events were taken, which proves little"))
    } else {
        None
    })
}

fn outage() -> Result<Duration, Failure> {
    let seconds = match env::var(OUTAGE_VARIABLE) {
        Ok(text) => text
            .parse()
            .map_err(|_| Failure::Usage(format!("{OUTAGE_VARIABLE}={text} is no number of seconds")))?,
        Err(_) => OUTAGE,
    };
    Ok(Duration::from_secs(seconds))
}

/// The contract's own example of each type of event that goes through the relay, and that the language can hold.
fn examples(example: &Example, vectors: &Vectors) -> Vec<Value> {
    let cases = vectors.cases.iter().filter(|case| case.is_example() && !example.lacks_for(case));
    let events = cases.filter_map(|case| case.expected.get("body").cloned());
    let is_sync = |event: &Value| {
        let types = ["preexisting_sync_started", "preexisting_sync_completed"];
        types.iter().any(|kind| event.get("type").and_then(Value::as_str) == Some(kind))
    };
    events.filter(|event| !is_sync(event)).collect()
}

/// Copilot.cx is away for that time, and the relay is killed meanwhile.
fn trouble(
    relay: &mut Relay,
    sandbox: &Sandbox,
    outage: Duration,
    is_away: &AtomicBool,
) -> Result<(), Failure> {
    thread::sleep(CALM);
    sandbox.ask("POST", "faults", &json!({ "fault": { "kind": "hang_up" } }).to_string())?;
    let begin = Instant::now();
    is_away.store(true, Ordering::SeqCst);
    let mut kills: Vec<Duration> = (0..KILLS).map(|_| outage.mul_f64(fastrand::f64())).collect();
    kills.sort();
    for moment in kills {
        thread::sleep(moment.saturating_sub(begin.elapsed()));
        relay.kill_and_start_again()?;
    }
    thread::sleep(outage.saturating_sub(begin.elapsed()));
    sandbox.ask("DELETE", "faults", "")?;
    thread::sleep(CALM);
    Ok(())
}

/// The client under test, and what it was told.
struct Client {
    testee: Testee,
    events: Vec<Value>,
    asked: usize,
    /// The ids of the events that it was told are taken.
    taken: BTreeSet<String>,
}

impl Client {
    /// Sends the next event in a request of its own.
    fn send(&mut self) -> Result<(), Failure> {
        let now = now();
        let ahead = if self.asked.is_multiple_of(2) { AHEAD } else { 0 };
        let (id, question) = self.question(now + ahead, now);
        let pause = if is_taken(&self.testee.ask(&question)?)? {
            self.taken.insert(id);
            PAUSE
        } else {
            PAUSE_AFTER_ERROR
        };
        thread::sleep(pause);
        Ok(())
    }

    /// The relay refuses an event as the server does, where the client lets it pass: of that it hears another clock.
    fn must_be_told_of_a_bad_event(&mut self) -> Result<(), Failure> {
        let long_ago = now() - LONG_AGO;
        let (id, question) = self.question(long_ago, long_ago);
        let said = self.testee.ask(&question)?;
        if is_told_of(&said, &id) {
            return Ok(());
        }
        Err(Failure::Unexpected(format!("an event of long ago must be told as invalid, and not: {said}")))
    }

    /// The next event, by an id of its own, and the question that sends it.
    fn question(&mut self, timestamp: i64, now: i64) -> (String, Value) {
        let id = format!("relay-{}", self.asked);
        let mut event = self.events.get(self.asked % self.events.len().max(1)).cloned().unwrap_or_default();
        self.asked += 1;
        if let Some(members) = event.as_object_mut() {
            members.insert("event_id".to_owned(), json!(id));
            members.insert("timestamp".to_owned(), json!(timestamp));
        }
        (id, json!({ "do": "collect", "events": [event.to_string()], "now": now }))
    }
}

/// Whether the client was told that all of it is taken. It may hear nothing, or that the relay cannot take it now; nothing else.
fn is_taken(said: &Value) -> Result<bool, Failure> {
    let invalid = said.get("invalid_events").and_then(Value::as_array);
    if said.get("taken") == Some(&json!(true)) && invalid.is_none_or(Vec::is_empty) {
        return Ok(true);
    }
    if said.get("error").is_some() || said.get("status") == Some(&json!(503)) {
        return Ok(false);
    }
    Err(Failure::Unexpected(format!("what is good came to {said}")))
}

/// Whether the client was told that this event alone is invalid, and for its time.
fn is_told_of(said: &Value, id: &str) -> bool {
    let Some([told]) = said.get("invalid_events").and_then(Value::as_array).map(Vec::as_slice) else {
        return false;
    };
    let why = told.get("error").and_then(Value::as_str).unwrap_or_default();
    told.get("event_id") == Some(&json!(id))
        && told.get("index") == Some(&json!(0))
        && why.contains("/timestamp")
}

/// The ids of all events that the sandbox accepted.
fn arrived(sandbox: &Sandbox) -> Result<BTreeSet<String>, Failure> {
    let mut arrived = BTreeSet::new();
    let mut before = String::new();
    loop {
        let page = sandbox.control(&format!("events?verdict=accepted&limit=1000{before}"))?;
        let events = page.get("events").and_then(Value::as_array).into_iter().flatten();
        arrived.extend(
            events.filter_map(|event| event.get("event_id").and_then(Value::as_str).map(str::to_owned)),
        );
        match page.get("next_before").and_then(Value::as_u64) {
            Some(next) => before = format!("&before={next}"),
            None => return Ok(arrived),
        }
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or_default()
}

/// A relay that runs until this is dropped.
struct Relay {
    shell: Shell,
    url: String,
    process: Child,
}

impl Relay {
    /// Starts it before the sandbox, on a port that it keeps. `folder` is for its outbox and its log.
    fn start(program: &Path, sandbox: &Sandbox, folder: &Path) -> Result<Self, Failure> {
        if folder.exists() {
            fs::remove_dir_all(folder).map_err(Failure::writing(folder))?;
        }
        fs::create_dir_all(folder).map_err(Failure::writing(folder))?;
        let url = server::closed_url()?;
        let mut shell = Shell::new(folder, &folder.join("log"), DRAIN)?;
        shell.env = vec![
            ("COPILOT_CX", program.display().to_string()),
            ("COPILOT_LISTEN", url.trim_start_matches("http://").to_owned()),
            ("COPILOT_ENDPOINT", sandbox.url.clone()),
            ("COPILOT_CLIENT_ID", sandbox.client_id.clone()),
            ("COPILOT_CLIENT_SECRET", sandbox.client_secret.clone()),
        ];
        Ok(Self { process: listening(&shell)?, shell, url })
    }

    /// SIGKILL, and the next one on its outbox.
    fn kill_and_start_again(&mut self) -> Result<(), Failure> {
        end(&mut self.process);
        self.process = listening(&self.shell)?;
        Ok(())
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        end(&mut self.process);
    }
}

/// A process of the relay that answers.
fn listening(shell: &Shell) -> Result<Child, Failure> {
    let command = "exec \"$COPILOT_CX\" relay --outbox sqlite:relay.outbox";
    let mut process = shell
        .command(command)?
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|source| Failure::Start { command: command.to_owned(), source })?;
    let mut line = String::new();
    if let Some(output) = process.stdout.take() {
        // What cannot be read says nothing, which is found below.
        let _ = BufReader::new(output).read_line(&mut line);
    }
    if line.starts_with("listening on") {
        return Ok(process);
    }
    end(&mut process);
    Err(Failure::Unexpected(format!("the relay does not listen; {}/log says why", shell.place.display())))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn only_what_a_client_was_told_is_taken_counts() {
        for said in [json!({ "taken": true, "invalid_events": [] }), json!({ "taken": true })] {
            assert!(is_taken(&said).unwrap(), "{said}");
        }
        for said in [json!({ "error": "no answer" }), json!({ "status": 503, "reason": null })] {
            assert!(!is_taken(&said).unwrap(), "{said}");
        }
        for said in [
            json!({ "taken": true, "invalid_events": [{}] }),
            json!({ "status": 401 }),
            json!({ "refused": "types" }),
            json!({}),
        ] {
            is_taken(&said).unwrap_err();
        }
    }

    #[test]
    fn a_bad_event_is_told_by_its_id_its_place_and_its_rule() {
        let told = |id: &str, index: u64, error: &str| json!({ "taken": true, "invalid_events": [{ "event_id": id, "index": index, "error": error }] });
        assert!(is_told_of(&told("relay-0", 0, "/timestamp: too old"), "relay-0"));
        for said in [
            told("relay-1", 0, "/timestamp: too old"),
            told("relay-0", 1, "/timestamp: too old"),
            told("relay-0", 0, ""),
            json!({ "taken": true, "invalid_events": [] }),
            json!({ "refused": "types" }),
        ] {
            assert!(!is_told_of(&said, "relay-0"), "{said}");
        }
    }
}
