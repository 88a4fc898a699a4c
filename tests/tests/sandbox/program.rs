//! The sandbox as a program: what it prints, how it is stopped, and what it refuses to start with.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use copilot_tests::{
    sandbox::{COLLECT, Caller, PATIENCE, Process, connected, program, run},
    server::{client_id, client_secret},
};
use regex::Regex;
use reqwest::Method;

/// The program with none of the user's own variables.
fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
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
        seen.push((url.to_owned(), id.to_owned(), secret.to_owned()));
        sandbox.stop();
    }
    assert!(seen[0].1 != seen[1].1 && seen[0].2 != seen[1].2, "they are other ones each time");
}

#[tokio::test]
async fn a_secret_that_it_was_given_is_printed_nowhere() {
    let from_variable = || {
        let mut command = command(&["--client-id", client_id()]);
        command.env("COPILOT_CLIENT_SECRET", client_secret());
        command
    };
    let from_argument =
        command(&["--client-id", client_id(), "--client-secret", client_secret(), "--port", "0"]);
    for command in [from_variable(), from_argument] {
        let mut sandbox = Process::spawn(command);
        let caller = sandbox.caller();
        caller.deliver(&[connected("e1")]).await;
        let stranger = Caller::new(&sandbox.url, client_id(), "quillsecret");
        assert_eq!(stranger.collect(&[]).await.unwrap().status(), 401);
        for path in ["/_sandbox/status", "/_sandbox/openapi.json", "/"] {
            let answer = caller.request(Method::GET, path).send().await.unwrap().text().await.unwrap();
            assert!(!answer.contains(client_secret()) && !answer.contains(client_id()), "{path}");
        }
        sandbox.signal("TERM");
        assert_eq!(sandbox.ended().code(), Some(0));
        assert_eq!(sandbox.output(), format!("listening on {}\n", sandbox.url));
        let log = sandbox.log();
        assert!(
            !log.contains(client_secret()) && !log.contains("quillsecret") && log.contains(" 401 "),
            "{log}"
        );
    }
}

#[test]
fn a_signal_ends_it_at_once_whoever_is_connected() {
    for signal in ["INT", "TERM"] {
        let mut sandbox = Process::start(&[]);
        let address = sandbox.url.trim_start_matches("http://").to_owned();
        let connect = |request: &str| {
            let mut connection = TcpStream::connect(&address).unwrap();
            connection.set_read_timeout(Some(PATIENCE)).unwrap();
            connection.write_all(request.as_bytes()).unwrap();
            connection
        };
        let mut stream = BufReader::new(connect("GET /_sandbox/stream HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        let mut idle =
            BufReader::new(connect("GET /_sandbox/statistics HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        let mut half = connect("GET /_sandbox/statistics HTTP/1.1\r\nHo");
        let mut silent = connect("");
        let mut line = String::new();
        while !line.starts_with("data:") {
            line.clear();
            assert_ne!(stream.read_line(&mut line).unwrap(), 0);
        }
        line.clear();
        idle.read_line(&mut line).unwrap();
        assert!(line.starts_with("HTTP/1.1 200"), "{line}");

        let begin = Instant::now();
        sandbox.signal(signal);
        assert_eq!(sandbox.ended().code(), Some(0), "{signal}");
        assert!(begin.elapsed() < Duration::from_millis(1500), "{signal}: {:?}", begin.elapsed());
        let mut rest = Vec::new();
        for connection in [stream.get_mut(), idle.get_mut(), &mut half, &mut silent] {
            let _ = connection.read_to_end(&mut rest);
        }
        assert!(TcpStream::connect(&address).is_err(), "the port is free again");
    }
}

#[test]
fn a_request_that_is_running_is_answered_before_it_ends() {
    let mut sandbox = Process::start(&[]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let caller = sandbox.caller();
    let fault = serde_json::json!({ "fault": { "kind": "delay", "milliseconds": 600 } });
    let answer = runtime.block_on(async {
        let added = caller.request(Method::POST, "/_sandbox/faults").json(&fault).send().await.unwrap();
        assert_eq!(added.status(), 201);
        let stop = async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            sandbox.signal("TERM");
        };
        let events = [connected("e1")];
        tokio::join!(caller.collect(&events), stop).0
    });
    assert_eq!(answer.unwrap().status(), 200);
    assert_eq!(sandbox.ended().code(), Some(0));
}

#[test]
fn wrong_usage_ends_with_2_and_names_the_option() {
    let cases: &[(&[&str], &str)] = &[
        (&["--port"], "--port"),
        (&["--port", "x"], "--port"),
        (&["--port", "65536"], "--port"),
        (&["--port=-1"], "--port"),
        (&["--keep", "many"], "--keep"),
        (&["--body-limit", "1MB"], "--body-limit"),
        (
            &["--clock", "1795509026"],
            "--clock: is in seconds: milliseconds since 1970 are expected, so multiply it",
        ),
        (&["--clock", "1795509026125000"], "--clock: is in microseconds"),
        (&["--clock", "1795509026125000000"], "--clock: is in nanoseconds"),
        (&["--clock", "0"], "--clock"),
        (&["--seed", "-1"], "--seed"),
        (&["--bind", "localhost"], "--bind"),
        (&["--client-id", "kettle"], "--client-secret"),
        (&["--client-secret", "quillsecret"], "--client-id"),
        (&["--client-id"], "--client-id"),
        (&["--i-know-this-is-not-copilot=yes"], "--i-know-this-is-not-copilot"),
        (&["--prot", "80"], "--prot"),
        (&["-p", "80"], "-p"),
    ];
    for (arguments, option) in cases {
        let output = run(arguments);
        let words = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {words}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
        let first = words.lines().next().unwrap();
        assert!(first.starts_with("copilot-sandbox: ") && first.contains(option), "{arguments:?}: {first}");
        assert!(words.contains("Usage: copilot-sandbox [OPTIONS]"), "{arguments:?}");
        assert!(!words.contains("quillsecret"), "{words}");
    }
}

#[test]
fn help_and_version_are_printed_and_nothing_is_started() {
    let help = run(&["--help"]);
    let words = String::from_utf8(help.stdout).unwrap();
    assert_eq!((help.status.code(), help.stderr.len()), (Some(0), 0));
    for option in ["port", "client-id", "client-secret", "keep", "body-limit", "seed", "bind"] {
        assert!(words.contains(&format!("--{option} ")), "{option}");
    }
    assert_eq!(run(&["-h"]).stdout, words.as_bytes());
    let version = format!("copilot-sandbox {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(run(&["--version"]).stdout, version.as_bytes());
    assert_eq!(run(&["-V"]).stdout, version.as_bytes());
}

/// The words of a start that fails for a reason outside of the command line.
fn failure(arguments: &[&str]) -> String {
    let output = run(arguments);
    let words = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{arguments:?}: {words}");
    assert_eq!(words.lines().count(), 1, "{words}");
    words
}

#[test]
fn what_it_cannot_start_with_ends_with_1_and_one_line() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let words = failure(&["--port", &port]);
    assert!(
        words.contains(&format!("127.0.0.1:{port} cannot be listened on")) && words.contains("in use"),
        "{words}"
    );
    for address in ["0.0.0.0", "::", "192.0.2.1"] {
        let words = failure(&["--bind", address]);
        assert!(words.contains("not Copilot"), "{address}: {words}");
    }
    let words = failure(&["--client-id", "a:b", "--client-secret", "quillsecret"]);
    assert!(words.contains("colon") && !words.contains("quillsecret"), "{words}");
    failure(&["--client-id", "", "--client-secret", "quillsecret"]);
}

#[tokio::test]
async fn options_do_what_they_say() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let sandbox =
        Process::start(&["--port", &free.to_string(), "--keep", "2", "--seed", "9", "--body-limit", "700"]);
    assert_eq!(sandbox.port(), free);
    let caller = sandbox.caller();
    let status = caller.get("/_sandbox/status").await;
    assert_eq!((&status["seed"], &status["keep"]), (&9.into(), &2.into()));
    for number in 0..3 {
        caller.deliver(&[connected(&format!("e{number}"))]).await;
    }
    assert_eq!(caller.events().await.len(), 2);
    let many: Vec<_> = (0..10).map(|number| connected(&format!("m{number}"))).collect();
    assert_eq!(caller.collect(&many).await.unwrap().status(), 413);
}

#[tokio::test]
async fn it_goes_on_when_nobody_reads_what_it_prints() {
    let started = command(&["--client-id", client_id(), "--client-secret", client_secret()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Killed(child) = &mut Killed(started.unwrap());
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    drop(child.stderr.take());
    let caller = Caller::new(line.trim_start_matches("listening on ").trim(), client_id(), client_secret());
    for number in 0..3 {
        caller.deliver(&[connected(&format!("e{number}"))]).await;
    }
    let stranger = caller.request(Method::POST, COLLECT).send().await.unwrap();
    assert_eq!(stranger.status(), 401);
}

/// Ends with its test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
