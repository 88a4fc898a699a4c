//! What every client must do to be safe, proved by what its program to start from does beside servers that misbehave.
//!
//! All runs find a proxy in their environment, which must stay alone: it would see the credentials.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    example::Example,
    server::{self, Answer, Request, Server},
    shell::Shell,
    tally::markdown,
};
use crate::{
    failure::Failure,
    workspace::{Workspace, cargo, shown, succeeds},
};

const CLIENT_ID: &str = "safety";
const CLIENT_SECRET: &str = "hushQb7x9pLk2";
/// base64 of the two with their colon.
const PAIR: &str = "c2FmZXR5Omh1c2hRYjd4OXBMazI=";

/// The variables that name a proxy, in all the ways that clients know.
const PROXIES: [&str; 6] =
    ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
/// What would take loopback out of it.
const NO_PROXIES: &[&str] = &["NO_PROXY", "no_proxy"];

/// How long a client in another language may hang on to a server that never ends its answer.
const HANGING: Duration = Duration::from_secs(30);
/// The Rust client tries again, until the deadline of its batch.
const HANGING_WITH_RETRIES: Duration = Duration::from_secs(75);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rule {
    Proxy,
    Redirect,
    PlainHttp,
    Timeouts,
    Secrets,
}

impl Rule {
    pub(super) const ALL: [Self; 5] =
        [Self::Proxy, Self::Redirect, Self::PlainHttp, Self::Timeouts, Self::Secrets];

    /// As the head of its column.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Proxy => "loopback past the proxy",
            Self::Redirect => "no redirect followed",
            Self::PlainHttp => "plain http on loopback only",
            Self::Timeouts => "ends when the server does not",
            Self::Secrets => "no secret printed",
        }
    }
}

/// How the servers behave in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    Direct,
    Redirect(u16),
    PlainHttp,
    Silence,
    Drip,
    Refused,
    Unauthorized,
    Unreadable,
    Echo,
    EchoWithoutHttp,
}

/// Those that end soon, one after the other, beside each of those that show what a client does after a while.
pub(super) const SIDE_BY_SIDE: [&[Case]; 3] = [
    &[
        Case::Direct,
        Case::Redirect(307),
        Case::Redirect(302),
        Case::PlainHttp,
        Case::Refused,
        Case::Unauthorized,
        Case::Unreadable,
        Case::Echo,
        Case::EchoWithoutHttp,
    ],
    &[Case::Silence],
    &[Case::Drip],
];

/// A program that sends one event and one consent, by the four variables.
pub(super) struct Subject {
    pub(super) name: String,
    place: PathBuf,
    command: String,
    logs: PathBuf,
    hanging: Duration,
}

impl Subject {
    /// The client of an example, which has been made below `folder`.
    pub(super) fn of(example: &Example, folder: &Path) -> Option<Self> {
        Some(Self {
            name: example.name.clone(),
            place: example.place(folder),
            command: example.first_event.clone()?,
            logs: folder.to_owned(),
            hanging: HANGING,
        })
    }

    /// The Rust client, by its quickstart, which is built first.
    pub(super) fn rust(workspace: &Workspace, folder: &Path) -> Result<Self, Failure> {
        let arguments = ["build", "--locked", "-p", "copilot-api", "--example", "quickstart"];
        let mut build = cargo(&workspace.root, arguments);
        if !succeeds(&mut build)? {
            return Err(Failure::Exit { command: shown(&build), said: None });
        }
        Ok(Self {
            name: "rust".to_owned(),
            place: workspace.target.join("debug/examples"),
            command: "./quickstart".to_owned(),
            logs: folder.to_owned(),
            hanging: HANGING_WITH_RETRIES,
        })
    }

    /// What is wrong in that run.
    pub(super) fn judged(&self, case: Case) -> Vec<(Rule, String)> {
        let problems = match self.run(case) {
            Ok(found) => found.problems(case),
            Err(failure) => vec![(case.rule(), failure.chain())],
        };
        problems.into_iter().map(|(rule, words)| (rule, format!("{case:?}: {words}"))).collect()
    }

    fn run(&self, case: Case) -> Result<Found, Failure> {
        let taken = || Answer::Text(answer("200 OK", "", r#"{"invalid_events":[]}"#));
        let (proxy, elsewhere) = (Server::start(taken())?, Server::start(taken())?);
        let server = Server::start(case.answer(&elsewhere).unwrap_or_else(taken))?;
        let url = match case {
            Case::PlainHttp => "http://copilot.invalid".to_owned(),
            Case::Refused => server::closed_url()?,
            _ => server.url(),
        };

        let log =
            self.logs.join(format!("{}.{case:?}.log", self.name).to_lowercase().replace(['(', ')'], ""));
        let mut shell = Shell::new(&self.place, &log, self.hanging)?;
        shell.unset = NO_PROXIES;
        shell.env = vec![
            ("COPILOT_CLIENT_ID", CLIENT_ID.to_owned()),
            ("COPILOT_CLIENT_SECRET", CLIENT_SECRET.to_owned()),
            ("COPILOT_CLIENT_COLLECT_ENDPOINT", format!("{url}/v2/collect")),
            ("COPILOT_CLIENT_CONSENT_ENDPOINT", format!("{url}/v2/consent")),
            // Node.js looks at the others only if it is told so.
            ("NODE_USE_ENV_PROXY", "1".to_owned()),
        ];
        shell.env.extend(PROXIES.map(|name| (name, proxy.url())));
        let (passed, said) = shell.run(&self.command)?;
        Ok(Found {
            passed,
            said,
            proxied: proxy.connections(),
            redirected: elsewhere.connections(),
            requests: server.take(),
        })
    }
}

impl Case {
    /// What it proves, besides that no secret is printed.
    fn rule(self) -> Rule {
        match self {
            Self::Direct => Rule::Proxy,
            Self::Redirect(_) => Rule::Redirect,
            Self::PlainHttp => Rule::PlainHttp,
            Self::Silence | Self::Drip => Rule::Timeouts,
            Self::Refused | Self::Unauthorized | Self::Unreadable | Self::Echo | Self::EchoWithoutHttp => {
                Rule::Secrets
            }
        }
    }

    /// What the server sends. Nothing special where there is none.
    fn answer(self, elsewhere: &Server) -> Option<Answer> {
        let secrets = format!("Basic {PAIR} {CLIENT_SECRET}");
        let text = match self {
            Self::Direct | Self::PlainHttp | Self::Refused => return None,
            Self::Silence => return Some(Answer::Silence),
            Self::Drip => return Some(Answer::Drip),
            Self::Redirect(status) => answer(
                &format!("{status} Elsewhere"),
                &format!("Location: {}/v2/collect\r\n", elsewhere.url()),
                "",
            ),
            Self::Unauthorized => answer("401 Unauthorized", "", r#"{"reason":"AUTH.UNAUTHORIZED"}"#),
            Self::Unreadable => answer("200 OK", "", &format!("<html>{secrets}")),
            Self::Echo => {
                let fields = ["X-Echo", "Retry-After", "WWW-Authenticate", "Content-Location"];
                let fields = fields.map(|name| format!("{name}: {secrets}\r\n")).concat();
                let body = format!(r#"{{"reason":"{secrets}","error_message":"{secrets}"}}"#);
                answer(&format!("400 {secrets}"), &fields, &body)
            }
            Self::EchoWithoutHttp => format!("{secrets}\r\n\r\n"),
        };
        Some(Answer::Text(text))
    }
}

/// An answer in HTTP. `status` has its words with it, and each of `fields` its end of line.
fn answer(status: &str, fields: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\n{fields}Content-Type: application/json\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    )
}

/// What came of a run.
struct Found {
    passed: bool,
    said: String,
    /// Connections to the proxy.
    proxied: usize,
    /// Connections to where a redirect points.
    redirected: usize,
    requests: Vec<Request>,
}

impl Found {
    fn problems(&self, case: Case) -> Vec<(Rule, String)> {
        let has_event = |request: &Request| {
            String::from_utf8_lossy(&request.body).contains("\"events\"")
                && request.field("Authorization") == Some(&format!("Basic {PAIR}"))
        };
        let rule = case.rule();
        let must_fail = [Rule::Redirect, Rule::PlainHttp, Rule::Timeouts].contains(&rule);
        let checks = [
            (Rule::Proxy, case == Case::Direct && !self.passed, "it fails"),
            (
                Rule::Proxy,
                case == Case::Direct && !self.requests.iter().any(has_event),
                "the event does not arrive",
            ),
            (
                if rule == Rule::PlainHttp { rule } else { Rule::Proxy },
                self.proxied > 0,
                "it calls the proxy",
            ),
            (Rule::Redirect, self.redirected > 0, "it follows"),
            (rule, must_fail && self.passed, "it succeeds"),
            (
                rule,
                case == Case::PlainHttp
                    && !["plain http", "https"].iter().any(|words| self.said.contains(words)),
                "its words do not name the rule",
            ),
            (Rule::Secrets, self.said.contains(PAIR), "the header is printed"),
            (Rule::Secrets, self.said.contains(CLIENT_SECRET), "the secret is printed"),
        ];
        checks
            .into_iter()
            .filter(|(_, is_wrong, _)| *is_wrong)
            .map(|(rule, _, words)| (rule, words.to_owned()))
            .collect()
    }
}

/// What is wrong with each client, by its name.
pub(super) type Rows = BTreeMap<String, Vec<(Rule, String)>>;

/// One row for each client, one column for each rule, in Markdown.
pub(super) fn table(rows: &Rows) -> String {
    let head = ["client"].into_iter().chain(Rule::ALL.map(Rule::words)).map(str::to_owned).collect();
    let rows = rows.iter().map(|(name, problems)| {
        let is_broken = |rule| problems.iter().any(|(broken, _)| *broken == rule);
        let cells = Rule::ALL.map(|rule| if is_broken(rule) { "FAILED" } else { "yes" }.to_owned());
        [name.clone()].into_iter().chain(cells).collect()
    });
    markdown([head].into_iter().chain(rows))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// What a safe client is found to do.
    fn good(case: Case) -> Found {
        let head = format!("POST / HTTP/1.1\r\nAuthorization: Basic {PAIR}");
        let request = Request { head, body: br#"{"events":[]}"#.to_vec() };
        let said = if case == Case::PlainHttp { "use https" } else { "" }.to_owned();
        Found { passed: case == Case::Direct, said, proxied: 0, redirected: 0, requests: vec![request] }
    }

    fn broken(case: Case, change: impl FnOnce(&mut Found)) -> Vec<Rule> {
        let mut found = good(case);
        change(&mut found);
        found.problems(case).into_iter().map(|(rule, _)| rule).collect()
    }

    #[test]
    fn a_safe_client_breaks_no_rule() {
        for case in SIDE_BY_SIDE.concat() {
            assert_eq!(broken(case, |_| {}), [], "{case:?}");
        }
    }

    #[test]
    fn every_rule_can_be_broken() {
        assert_eq!(broken(Case::Direct, |found| found.passed = false), [Rule::Proxy]);
        assert_eq!(broken(Case::Direct, |found| found.requests.clear()), [Rule::Proxy]);
        assert_eq!(broken(Case::Unauthorized, |found| found.proxied = 1), [Rule::Proxy]);
        assert_eq!(broken(Case::Redirect(307), |found| found.redirected = 1), [Rule::Redirect]);
        assert_eq!(broken(Case::Redirect(302), |found| found.passed = true), [Rule::Redirect]);
        assert_eq!(broken(Case::PlainHttp, |found| found.proxied = 1), [Rule::PlainHttp]);
        assert_eq!(broken(Case::PlainHttp, |found| found.passed = true), [Rule::PlainHttp]);
        assert_eq!(broken(Case::PlainHttp, |found| found.said.clear()), [Rule::PlainHttp]);
        assert_eq!(broken(Case::Drip, |found| found.passed = true), [Rule::Timeouts]);
        assert_eq!(broken(Case::Echo, |found| found.said = PAIR.to_owned()), [Rule::Secrets]);
        assert_eq!(broken(Case::Refused, |found| found.said = CLIENT_SECRET.to_owned()), [Rule::Secrets]);
    }

    #[test]
    fn the_table_has_a_cell_for_each_rule() {
        let rows = Rows::from([("c".to_owned(), vec![(Rule::Redirect, "it follows".to_owned())])]);
        assert_eq!(table(&rows).lines().next_back(), Some("| c | yes | FAILED | yes | yes | yes |"));
    }

    #[test]
    fn a_client_that_hangs_is_found() {
        let logs = std::env::temp_dir().join(format!("xtask-safety-{}", std::process::id()));
        std::fs::create_dir_all(&logs).unwrap();
        let subject = |command: &str| Subject {
            name: "s".to_owned(),
            place: logs.clone(),
            command: command.to_owned(),
            logs: logs.clone(),
            hanging: Duration::from_millis(300),
        };
        assert_eq!(subject("sleep 20").judged(Case::Silence).first().unwrap().0, Rule::Timeouts);
        assert_eq!(subject("exit 1").judged(Case::Silence), []);
        std::fs::remove_dir_all(logs).unwrap();
    }
}
