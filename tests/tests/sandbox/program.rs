//! The sandbox as a program: what it prints, how it is stopped, and what it refuses to start with.

use std::{
    io::{BufRead, BufReader},
    net::{TcpListener, TcpStream},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use copilot_tests::{
    sandbox::{self, COLLECT, Caller, Process, connected, run},
    server::{client_id, client_secret},
};
use regex::Regex;
use reqwest::Method;
use serde_json::json;

/// The program with none of the user's own variables.
fn command(arguments: &[&str]) -> Command {
    let mut command = sandbox::command();
    command.args(arguments).env_remove("COPILOT_CLIENT_SECRET").env_remove("COPILOT_CLIENT_ID");
    command
}

#[tokio::test]
async fn it_prints_its_address_and_the_credentials_that_it_made_up() {
    let form = r"\Alistening on (http://127\.0\.0\.1:\d+)\nclient id     (\S+)\nclient secret (\S+)\n\z";
    let form = Regex::new(form).unwrap();
    let mut seen = Vec::new();
    for _ in 0..2 {
        let mut sandbox = Process::spawn(command(&[]));
        let output = sandbox
            .wait_for("the secret", |sandbox| Some(sandbox.output()).filter(|text| form.is_match(text)));
        let [url, id, secret] = form.captures(&output).unwrap().extract().1;
        Caller::new(url, id, secret).deliver(&[connected("e1")]).await;
        assert!(secret.len() >= 20, "a secret must be long");
        seen.push([id.to_owned(), secret.to_owned()]);
    }
    assert!(seen[0][0] != seen[1][0] && seen[0][1] != seen[1][1], "they are other ones each time");
}

#[tokio::test]
async fn a_signal_ends_it_once_what_runs_is_answered_whoever_is_connected() {
    for signal in ["INT", "TERM"] {
        let mut sandbox = Process::start(&[]);
        let (caller, address) = (sandbox.caller(), sandbox.url.trim_start_matches("http://").to_owned());
        let _silent = TcpStream::connect(&address).unwrap();
        let mut stream = caller.request(Method::GET, "/_sandbox/stream").send().await.unwrap();
        let fault = json!({ "fault": { "kind": "delay", "milliseconds": 600 } });
        let added = caller.request(Method::POST, "/_sandbox/faults").json(&fault).send().await.unwrap();
        assert_eq!(added.status(), 201);

        let begin = Instant::now();
        let stop = async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            sandbox.signal(signal);
        };
        let events = [connected("e1")];
        let (answer, ()) = tokio::join!(caller.collect(&events), stop);
        assert_eq!(answer.unwrap().status(), 200);
        assert_eq!(sandbox.ended().code(), Some(0), "{signal}");
        assert!(begin.elapsed() < Duration::from_secs(2), "{signal}: {:?}", begin.elapsed());
        while let Ok(Some(_)) = stream.chunk().await {}
        assert!(TcpStream::connect(&address).is_err(), "the port is free again");
    }
}

#[test]
fn what_it_cannot_start_with_is_told_in_its_first_line_and_in_its_status() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (arguments, told) in [
        (&["--port"][..], "--port"),
        (&["--clock", "1795509026"], "is in seconds: milliseconds since 1970 are expected"),
        (&["--bind", "localhost"], "--bind"),
        (&["--client-id", "kettle"], "--client-secret"),
        (&["--i-know-this-is-not-copilot=yes"], "--i-know-this-is-not-copilot"),
        (&["--prot", "80"], "--prot"),
        (&["--port", &port], "in use"),
        (&["--bind", "0.0.0.0"], "not Copilot"),
        (&["--client-id", "a:b", "--client-secret", "quillsecret"], "colon"),
    ] {
        let output = run(arguments);
        let words = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{arguments:?}: {words}");
        let first = words.lines().next().unwrap();
        assert!(first.contains(told), "{arguments:?}: {first}");
        assert!(!words.contains("quillsecret"), "{words}");
    }
}

#[test]
fn help_is_printed_and_nothing_is_started() {
    let help = run(&["--help"]);
    let words = String::from_utf8(help.stdout).unwrap();
    assert_eq!((help.status.code(), help.stderr.len()), (Some(0), 0));
    for option in ["port", "client-id", "client-secret", "keep", "body-limit", "seed", "bind"] {
        assert!(words.contains(&format!("--{option} ")), "{option}");
    }
}

#[tokio::test]
async fn options_do_what_they_say() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let sandbox = Process::start(&["--port", &free, "--keep", "2", "--seed", "9", "--body-limit", "700"]);
    assert_eq!(sandbox.url, format!("http://127.0.0.1:{free}"));
    let caller = sandbox.caller();
    let status = caller.get("/_sandbox/status").await;
    assert_eq!((&status["seed"], &status["keep"]), (&9.into(), &2.into()));
    for number in 0..3 {
        caller.deliver(&[connected(&format!("e{number}"))]).await;
    }
    assert_eq!(caller.get("/_sandbox/events").await["events"].as_array().unwrap().len(), 2);
    let many: Vec<_> = (0..10).map(|number| connected(&format!("m{number}"))).collect();
    assert_eq!(caller.collect(&many).await.unwrap().status(), 413);
}

#[tokio::test]
async fn it_goes_on_when_nobody_reads_what_it_prints() {
    let mut command = command(&["--client-id", client_id(), "--client-secret", client_secret()]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    drop(child.stderr.take());
    let caller = Caller::new(line.trim_start_matches("listening on ").trim(), client_id(), client_secret());
    let mut statuses = Vec::new();
    for _ in 0..3 {
        let answer = caller.request(Method::POST, COLLECT).send().await;
        statuses.push(answer.ok().map(|answer| answer.status().as_u16()));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(statuses, [Some(401); 3]);
}
