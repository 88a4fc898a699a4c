//! `copilot-cx sync apply`: sends the import, and goes on where it was interrupted.

use std::{
    fmt::Display,
    path::{self, Path, PathBuf},
    pin::pin,
    time::Duration,
};

use copilot_api::{Client, EventTimestamp, RetryPolicy};
use futures_util::{Stream, StreamExt as _, stream};
use tokio::time::{Instant, sleep_until};

use super::{
    arguments::{Apply, Sources},
    batches::{Answered, Batches, MOST},
    check::Checker,
    kind::Kind,
    mapping::Mapping,
    marker::{self, Which},
    progress::Progress,
    rejects::Rejects,
    state::{Marker, State, StateFile},
    summary,
    survey::{Survey, survey},
};
use crate::{
    exit::{Exit, Failure},
    out,
    settings::Settings,
    signals::Interrupt,
};

/// How many requests are on their way at a time.
const IN_FLIGHT: usize = 4;

/// How long a request is tried again for, so that a short outage does not end the import.
const PATIENCE: Duration = Duration::from_secs(600);

/// How long to wait for what is on its way, once interrupted.
const GRACE: Duration = Duration::from_secs(10);

/// How the rows of a kind, or all, have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Done,
    Interrupted,
}

pub(super) fn run(apply: &Apply, settings: &Settings) -> Result<Exit, Failure> {
    let sources = apply.import.sources()?;
    let client = apply
        .connection
        .client_builder(settings)?
        .deadline(PATIENCE)
        .retry(RetryPolicy::default().max_attempts(u32::MAX))
        .max_batch_events(MOST)
        .build()
        .map_err(|error| Failure::of_client(&error))?;
    let path = apply.state_path();
    let file = StateFile::open(&path)?;
    // One of which nothing was sent holds nobody to its endpoint.
    let known = match file.read()?.filter(|state| !state.is_untouched()) {
        Some(mut state) => {
            apply.fits(&state, &client)?;
            marker::settle(&file, &mut state, apply.sent, apply.send_again)?;
            Some(state)
        }
        None if apply.sent || apply.send_again => {
            return Err(Failure::usage(format!("{}: there is no import to go on with", path.display())));
        }
        None => None,
    };
    let survey = survey(&sources, EventTimestamp::now().as_millis(), |_, _, _| Ok(()))?;
    let (state, rejects) = match known {
        Some(state) => {
            apply.unchanged(&state, &survey)?;
            let done: u64 = state.positions().iter().map(|(_, position)| position.rows).sum();
            let rejects = Rejects::resume(&state.rejects, state.rejects_bytes, done < survey.rows())?;
            (state, rejects)
        }
        None => apply.begin(&client, &sources, &survey, &file)?,
    };
    let done: u64 = state.positions().iter().map(|(_, position)| position.rows).sum();
    let progress = Progress::new(survey.rows().saturating_sub(done));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::given_up(error.to_string()))?;
    let outcome = runtime.block_on(async {
        let interrupt = Interrupt::listen().map_err(|error| Failure::given_up(error.to_string()))?;
        let rate = apply.import.rate.get();
        let mut run = Run {
            client,
            sources: &sources,
            survey: &survey,
            file,
            state,
            rejects,
            interrupt,
            progress,
            rate,
        };
        let end = run.all(apply.complete).await;
        run.progress.clear();
        summary::print(&run.state, &path, settings);
        Ok((end, run.state))
    });
    let (end, state) = outcome?;
    match end? {
        End::Interrupted => {
            out::note("the same command goes on from here");
            Ok(Exit::Interrupted)
        }
        End::Done if state.completed != Marker::Sent => {
            out::note(
                "preexisting_sync_completed is held back: mend the events in the file of what was rejected, send it by `copilot-cx collect`, and \
                 say this command again with --complete",
            );
            Ok(Exit::Rejected)
        }
        End::Done if state.rejected() > 0 && !apply.complete => Ok(Exit::Rejected),
        End::Done => Ok(Exit::Done),
    }
}

impl Apply {
    fn state_path(&self) -> PathBuf {
        self.state.clone().unwrap_or_else(|| self.import.users.with_file_name("copilot-sync.state"))
    }

    fn rejects_path(&self, state: &Path) -> Result<PathBuf, Failure> {
        let default = || {
            let mut name = state.as_os_str().to_owned();
            name.push(".rejects.ndjson");
            name.into()
        };
        let path: PathBuf = self.import.rejects.clone().unwrap_or_else(default);
        path::absolute(&path).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
    }

    /// A new import, of which nothing is sent yet.
    fn begin(
        &self,
        client: &Client,
        sources: &Sources,
        survey: &Survey,
        file: &StateFile,
    ) -> Result<(State, Rejects), Failure> {
        let path = self.rejects_path(&self.state_path())?;
        let own = ["", ".new", ".lock"].map(|ending| {
            let mut name = self.state_path().into_os_string();
            name.push(ending);
            path::absolute(PathBuf::from(name)).ok()
        });
        if own.contains(&Some(path.clone())) {
            return Err(Failure::usage("--rejects is a file of --state: name another one"));
        }
        let rejects = Rejects::create(&path)?;
        let state = State::new(endpoint(client), sources.mapping.texts(), survey.contents.clone(), path);
        file.write(&state)?;
        Ok((state, rejects))
    }

    /// Fails where the state is that of another import.
    fn fits(&self, state: &State, client: &Client) -> Result<(), Failure> {
        let path = self.state_path();
        let other = |what: &str, was: &dyn Display| {
            Err(Failure::usage(format!(
                "{}: this import began with another {what}: {was}. Go on with that, or say another --state to begin a new one",
                path.display()
            )))
        };
        if state.endpoint != endpoint(client) {
            return other("endpoint", &state.endpoint);
        }
        if state.map != Mapping::new(&self.import.map).texts() {
            return other("--map", &state.map.join(" "));
        }
        if self.import.rejects.is_some() && self.rejects_path(&path)? != state.rejects {
            return other("--rejects", &state.rejects.display());
        }
        Ok(())
    }

    /// Fails where an input holds something else than when the import began.
    fn unchanged(&self, state: &State, survey: &Survey) -> Result<(), Failure> {
        let paths = [&self.import.users, &self.import.things, &self.import.associations];
        for (kind, path) in Kind::ALL.into_iter().zip(paths) {
            if state.inputs.get(kind.name()) != survey.contents.get(kind.name()) {
                return Err(Failure::usage(format!(
                    "{} was changed since the import began: bring back what it held. Rows that changed are reported by events of their own \
                     (user_updated, thing_updated) once the import is complete",
                    path.display()
                )));
            }
        }
        let totals = survey.counts.iter().map(|(_, count)| count.rows);
        if state.positions().iter().zip(totals).any(|((_, position), total)| position.rows > total) {
            return Err(Failure::usage(format!(
                "{}: is further than the inputs are long: bring back a copy of it",
                self.state_path().display()
            )));
        }
        Ok(())
    }
}

/// Where events are sent, without what a URL may hold besides.
fn endpoint(client: &Client) -> String {
    let url = client.endpoints().collect_url();
    format!("{}{}", url.origin().ascii_serialization(), url.path())
}

/// Sends the batches at that many events a second, and gives what became of each, in order. Ends early once interrupted: with what is on its
/// way by then.
///
/// No more are on their way, or answered and not given yet, than may have to be repeated: a position says what is before it, and nothing of
/// what is behind.
fn answers<'a>(
    batches: Batches<'a>,
    client: Client,
    rate: u32,
    mut interrupt: Interrupt,
) -> impl Stream<Item = Result<Answered, Failure>> + use<'a> {
    let mut due = Instant::now();
    let each = Duration::from_secs(1) / rate;
    stream::iter(batches)
        .then(move |batch| {
            let begin = due.max(Instant::now());
            let events = batch.as_ref().map_or(0, |batch| batch.events.len());
            due = begin + each * u32::try_from(events).unwrap_or(u32::MAX);
            async move {
                sleep_until(begin).await;
                batch
            }
        })
        .take_until(Box::pin(async move { interrupt.wait().await }))
        .map(move |batch| {
            let client = client.clone();
            async move { batch?.send(&client).await }
        })
        .buffered(IN_FLIGHT)
}

struct Run<'a> {
    client: Client,
    sources: &'a Sources,
    survey: &'a Survey,
    file: StateFile,
    state: State,
    rejects: Rejects,
    interrupt: Interrupt,
    progress: Progress,
    /// Events a second.
    rate: u32,
}

impl Run<'_> {
    async fn all(&mut self, complete_anyway: bool) -> Result<End, Failure> {
        if self.state.completed == Marker::Sent {
            return Ok(End::Done);
        }
        self.mark(Which::Started).await?;
        let mut checker = Checker::new(self.state.timestamp());
        let survey = self.survey;
        for (kind, count) in &survey.counts {
            if self.phase(*kind, count.rows, &mut checker).await? == End::Interrupted {
                return Ok(End::Interrupted);
            }
        }
        if self.state.rejected() == 0 || complete_anyway {
            self.mark(Which::Completed).await?;
        }
        Ok(End::Done)
    }

    async fn mark(&mut self, which: Which) -> Result<(), Failure> {
        let Self { client, file, state, interrupt, .. } = self;
        marker::send(client, file, state, interrupt, which).await
    }

    /// Sends the rows of a kind that are left.
    async fn phase(&mut self, kind: Kind, total: u64, checker: &mut Checker) -> Result<End, Failure> {
        let skip = self.state.position(kind).rows;
        let left = total.saturating_sub(skip);
        self.state.repeated_at_most += std::mem::take(&mut self.state.under_way).min(left);
        let survey = self.survey;
        let Some(content) = survey.contents.get(kind.name()) else { return Ok(End::Done) };
        let batches = Batches::new(self.sources.rows(kind)?, kind, checker, skip, content);
        if left > 0 {
            self.state.under_way = (IN_FLIGHT * MOST) as u64;
            self.file.write(&self.state)?;
        }
        let answers = answers(batches, self.client.clone(), self.rate, self.interrupt.clone());
        let mut answers = pin!(answers);
        let mut interrupt = self.interrupt.clone();
        let mut end_by = None;
        loop {
            let answer = tokio::select! {
                answer = answers.next() => answer,
                _ = interrupt.wait(), if end_by.is_none() => {
                    self.progress.clear();
                    out::note("interrupted: waits up to 10 s for what is on its way. Interrupt it again to stop at once");
                    end_by = Some(Instant::now() + GRACE);
                    continue;
                }
                () = sleep_until(end_by.unwrap_or_else(Instant::now)), if end_by.is_some() => {
                    return Ok(End::Interrupted);
                }
            };
            match answer {
                Some(Ok(answered)) => self.take(kind, total, answered)?,
                Some(Err(failure)) => {
                    let words = format!("{}. The same command goes on from here", failure.words);
                    return Err(Failure { words, ..failure });
                }
                None => break,
            }
        }
        let end = if self.state.position(kind).rows < total { End::Interrupted } else { End::Done };
        if left > 0 {
            self.state.under_way = 0;
            self.file.write(&self.state)?;
        }
        Ok(end)
    }

    /// Notes what became of a batch: first what was rejected, then how far the import is.
    fn take(&mut self, kind: Kind, total: u64, answered: Answered) -> Result<(), Failure> {
        let Answered { rows, accepted, rejected } = answered;
        if !rejected.is_empty() {
            for rejected in &rejected {
                self.rejects.write(rejected)?;
            }
            self.state.rejects_bytes = self.rejects.save()?;
        }
        let position = self.state.position(kind);
        position.rows += rows;
        position.accepted += accepted;
        position.rejected += rejected.len() as u64;
        let done = position.rows;
        self.file.write(&self.state)?;
        self.progress.add(rows, kind.name(), (done, total));
        Ok(())
    }
}
