//! What `copilot-cx doctor` finds, of a sandbox and of servers that are wrong on purpose.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Output},
    thread,
    time::{Duration, SystemTime},
};

use copilot_sandbox::Sandbox;
use serde_json::Value;

const SECRET: &str = "correct-horse-battery";

/// The program with these settings in its environment, and none of those that this machine has.
fn doctor(settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_copilot-cx"));
    let home = env!("CARGO_TARGET_TMPDIR");
    command.arg("doctor").env_clear().envs([("HOME", home), ("XDG_CONFIG_HOME", home)]).current_dir(home);
    command.envs(settings.iter().copied());
    command
}

/// How it ended, and what it printed. No secret is in it.
fn outcome(command: &mut Command) -> (i32, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let printed = format!("{}{}", String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    assert!(!printed.contains(SECRET), "{printed}");
    (status.code().unwrap(), printed)
}

fn sandbox() -> Sandbox {
    Sandbox::builder().credentials("me", SECRET).start().unwrap()
}

/// Whether it printed a line with that beginning.
fn says(printed: &str, beginning: &str) -> bool {
    printed.lines().any(|line| line.starts_with(beginning))
}

#[test]
fn all_is_green_against_a_sandbox_and_nothing_is_reported() {
    let sandbox = sandbox();
    let url = sandbox.url();
    let settings =
        [("COPILOT_CLIENT_ID", "me"), ("COPILOT_CLIENT_SECRET", SECRET), ("COPILOT_ENDPOINT", &url)];
    let (exit, printed) = outcome(&mut doctor(&settings));
    assert_eq!(exit, 0, "{printed}");
    for line in
        ["client_secret: from the environment", "credentials: ", "endpoints: ", "proxy: ", "tcp: ", "http: "]
    {
        assert!(says(&printed, &format!("ok   {line}")), "{line} in {printed}");
    }
    assert!(says(&printed, "ok   clock: ") && printed.ends_with(", 0 to look at, 0 failed\n"), "{printed}");
    assert!(sandbox.events().is_empty() && sandbox.users().is_empty());
}

#[test]
fn with_json_each_line_is_a_value_and_the_last_one_the_summary() {
    let sandbox = sandbox();
    let settings = [("COPILOT_CLIENT_ID", "me"), ("COPILOT_CLIENT_SECRET", SECRET)];
    let mut command = doctor(&settings);
    command.args(["--json", "--endpoint", &sandbox.url()]);
    let (exit, printed) = outcome(&mut command);
    assert_eq!(exit, 0, "{printed}");
    let mut values: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let summary = values.pop().unwrap();
    assert!(values.iter().all(|value| value["result"] == "ok" && value["check"].is_string()), "{printed}");
    assert_eq!(summary, serde_json::json!({ "summary": { "ok": values.len(), "warn": 0, "fail": 0 } }));
}

#[test]
fn a_test_event_is_sent_where_it_is_asked_for_and_shows_whether_the_credentials_are_accepted() {
    let sandbox = sandbox();
    let url = sandbox.url();
    let send = |secret: &str| {
        let settings =
            [("COPILOT_CLIENT_ID", "me"), ("COPILOT_CLIENT_SECRET", secret), ("COPILOT_ENDPOINT", &url)];
        outcome(doctor(&settings).args(["--send-test-event", "--user-id", "user-7"]))
    };
    let (exit, printed) = send("another");
    assert_eq!(exit, 3, "{printed}");
    assert!(says(&printed, "fail test event: "), "{printed}");
    assert!(sandbox.events().is_empty());
    let (exit, printed) = send(SECRET);
    assert_eq!(exit, 0, "{printed}");
    let accepted = sandbox.accepted();
    let event_id = accepted.first().unwrap().event_id.clone().unwrap();
    assert!(
        says(&printed, &format!("ok   test event: the custom_event {event_id} was accepted")),
        "{printed}"
    );
    assert_eq!((accepted.len(), sandbox.users().len()), (1, 1));
}

#[test]
fn without_a_user_no_test_event_is_sent() {
    let (exit, printed) = outcome(doctor(&[]).arg("--send-test-event"));
    assert!(exit == 1 && printed.contains("--user-id"), "{exit}: {printed}");
}

#[test]
fn without_settings_it_says_which_are_missing() {
    let (exit, printed) = outcome(&mut doctor(&[]));
    assert_eq!(exit, 1, "{printed}");
    assert!(says(&printed, "fail credentials: no client id: say --client-id"), "{printed}");
    assert!(says(&printed, "fail endpoints: no endpoint: say --environment"), "{printed}");
}

#[test]
fn events_and_consent_are_each_checked_where_they_go() {
    let (sandbox, closed) = (sandbox(), closed());
    let (collect, consent) = (sandbox.collect_url(), format!("{closed}/consent?key={SECRET}"));
    let settings = [
        ("COPILOT_CLIENT_ID", "me"),
        ("COPILOT_CLIENT_SECRET", SECRET),
        ("COPILOT_CLIENT_COLLECT_ENDPOINT", &collect),
        ("COPILOT_CLIENT_CONSENT_ENDPOINT", &consent),
    ];
    let (exit, printed) = outcome(&mut doctor(&settings));
    assert_eq!(exit, 4, "{printed}");
    assert!(says(&printed, "ok   http: ") && says(&printed, "fail tcp: "), "{printed}");
}

/// An address at which nobody listens.
fn closed() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[test]
fn a_server_that_takes_no_connection_is_unreachable() {
    let url = closed();
    let settings =
        [("COPILOT_CLIENT_ID", "me"), ("COPILOT_CLIENT_SECRET", SECRET), ("COPILOT_ENDPOINT", &url)];
    let (exit, printed) = outcome(&mut doctor(&settings));
    assert_eq!(exit, 4, "{printed}");
    assert!(says(&printed, "fail tcp: ") && !printed.contains("clock: "), "{printed}");
}

#[test]
fn a_server_without_tls_is_unreachable_by_https() {
    let sandbox = sandbox();
    let url = sandbox.url().replace("http://", "https://");
    let settings =
        [("COPILOT_CLIENT_ID", "me"), ("COPILOT_CLIENT_SECRET", SECRET), ("COPILOT_ENDPOINT", &url)];
    let (exit, printed) = outcome(&mut doctor(&settings));
    assert_eq!(exit, 4, "{printed}");
    assert!(says(&printed, "ok   tcp: ") && says(&printed, "fail tls: "), "{printed}");
}

#[cfg(unix)]
#[test]
fn a_secret_that_others_can_read_is_refused_and_the_rest_is_checked_all_the_same() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    let sandbox = sandbox();
    let url = sandbox.url();
    let file = file("readable-secret", SECRET);
    let with_mode = |mode: u32| {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let settings = [("COPILOT_CLIENT_ID", "me"), ("COPILOT_ENDPOINT", url.as_str())];
        outcome(doctor(&settings).arg("--client-secret-file").arg(&file))
    };
    for mode in [0o644, 0o620, 0o601] {
        let (exit, printed) = with_mode(mode);
        assert_eq!(exit, 1, "{mode:o}: {printed}");
        assert!(says(&printed, "fail credentials: ") && printed.contains("chmod 600"), "{mode:o}: {printed}");
        assert!(says(&printed, "ok   http: "), "{mode:o}: {printed}");
    }
    // As Kubernetes and systemd give secrets, which are root's, to a user.
    let is_roots = fs::metadata(&file).unwrap().uid() == 0;
    assert_eq!(with_mode(0o440).0, if is_roots { 0 } else { 1 });
    let (exit, printed) = with_mode(0o400);
    assert_eq!(exit, 0, "{printed}");
    let origin = format!("ok   client_secret: from {}, which the command line says", file.display());
    assert!(says(&printed, &origin), "{printed}");
}

#[test]
fn the_credential_of_systemd_is_named_as_such() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("credentials");
    fs::create_dir_all(&folder).unwrap();
    private(&folder.join("copilot-client-secret"), SECRET);
    let settings = [
        ("COPILOT_CLIENT_ID", "me"),
        ("COPILOT_ENDPOINT", "http://127.0.0.1:1"),
        ("CREDENTIALS_DIRECTORY", folder.to_str().unwrap()),
    ];
    let (exit, printed) = outcome(&mut doctor(&settings));
    assert_eq!(exit, 4, "{printed}");
    assert!(says(&printed, "ok   client_secret: from systemd's credential"), "{printed}");
    assert!(says(&printed, "ok   credentials: "), "{printed}");
}

#[test]
fn a_clock_that_is_off_is_seen_in_the_date_of_an_answer() {
    // How far the server is ahead in seconds, what else it says, and what is found of that.
    let table = [
        (0, "", 0, "ok   clock: ", ""),
        (3, "", 0, "warn clock: ", " s behind the server's"),
        (3600, "", 0, "warn clock: ", " s behind the server's"),
        (-60, "", 0, "warn clock: ", " s ahead of the server's"),
        (-60, "Age: 60\r\n", 0, "warn clock: not known", ""),
        // Events of now are too far ahead for it, or too old.
        (-400, "", 1, "fail clock: ", " s ahead of the server's"),
        (32 * 86_400, "", 1, "fail clock: ", " s behind the server's"),
    ];
    for (ahead, header, expected, line, direction) in table {
        let url = answering(ahead, header);
        let settings =
            [("COPILOT_CLIENT_ID", "me"), ("COPILOT_CLIENT_SECRET", SECRET), ("COPILOT_ENDPOINT", &url)];
        let (exit, printed) = outcome(&mut doctor(&settings));
        assert_eq!(exit, expected, "{ahead}, {header}: {printed}");
        assert!(says(&printed, line) && printed.contains(direction), "{ahead}, {header}: {printed}");
    }
}

#[test]
fn a_proxy_is_named_without_its_password_and_reached_in_place_of_the_server() {
    let proxy = closed().replace("http://", "");
    let variable = format!("http://me:{SECRET}@{proxy}");
    let settings = [
        ("COPILOT_CLIENT_ID", "me"),
        ("COPILOT_CLIENT_SECRET", SECRET),
        ("COPILOT_ENDPOINT", "https://api.acme.invalid"),
        ("HTTPS_PROXY", &variable),
    ];
    let (exit, printed) = outcome(&mut doctor(&settings));
    assert_eq!(exit, 4, "{printed}");
    assert!(says(&printed, &format!("ok   proxy: {proxy} (set: HTTPS_PROXY)")), "{printed}");
    assert!(says(&printed, "fail tcp: 127.0.0.1 takes no connection"), "{printed}");
    assert!(!printed.contains("dns: "), "{printed}");
}

/// A server that answers one request by a clock that is that many seconds ahead, and with that header.
fn answering(ahead: i64, header: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        // The first connection is the one of `tcp`, and asks nothing.
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            if connection.read(&mut [0; 4096]).unwrap_or_default() == 0 {
                continue;
            }
            let seconds = Duration::from_secs(ahead.unsigned_abs());
            let now = SystemTime::now();
            let date = if ahead < 0 { now - seconds } else { now + seconds };
            let date = httpdate::fmt_http_date(date);
            let answer = format!(
                "HTTP/1.1 405 Method Not Allowed\r\nDate: {date}\r\n{header}Content-Length: 0\r\n\r\n"
            );
            connection.write_all(answer.as_bytes()).unwrap();
            return;
        }
    });
    url
}

fn file(name: &str, text: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    private(&path, text);
    path
}

/// Writes a file that only its owner can read.
fn private(path: &Path, text: &str) {
    let _ = fs::remove_file(path);
    fs::write(path, text).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }
}
