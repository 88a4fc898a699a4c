//! Opening an outbox by its URL, and saying why it cannot be.

use std::{path::Path, sync::Arc};

use clap::Args;
use copilot_delivery::{Outbox, OutboxError, open_outbox, outbox::Fault};

use crate::{
    exit::{Exit, Failure, with_causes},
    settings::{Settings, has_password},
};

/// Which outbox.
#[derive(Args, Clone, Debug)]
pub(crate) struct Opening {
    /// The outbox: sqlite:PATH, postgres://USER@HOST/DATABASE, or nats://HOST:PORT; otherwise COPILOT_OUTBOX, where a password may
    /// be in it
    #[arg(long, value_name = "URL")]
    outbox: Option<String>,
}

impl Opening {
    /// Whether the command line names one.
    pub(super) fn is_named(&self) -> bool {
        self.outbox.is_some()
    }

    /// Its URL, where the command line says it.
    pub(crate) fn named(&self, settings: &Settings) -> Result<Option<String>, Failure> {
        if self.is_named() { self.url(settings) } else { Ok(None) }
    }

    /// Its URL, from wherever that is said.
    pub(crate) fn url(&self, settings: &Settings) -> Result<Option<String>, Failure> {
        if self.outbox.as_deref().is_some_and(has_password) {
            return Err(Failure::usage(
                "a password in --outbox is refused: every user of this machine can read a command line. Set COPILOT_OUTBOX, or write \
                 `outbox` into copilot-cx.toml",
            ));
        }
        Ok(settings.outbox(self.outbox.clone()))
    }
}

/// Opens it.
pub(crate) async fn open(url: &str) -> Result<Arc<dyn Outbox>, Failure> {
    open_outbox(url).await.map_err(|error| {
        let mut failure = failure(&error);
        if error.fault() == Fault::InUse
            && let Some(path) = url.strip_prefix("sqlite:")
            && let Some(holder) = holder(Path::new(path.strip_prefix("//").unwrap_or(path)))
        {
            // What the library says adds nothing to that.
            failure.words = format!("{error}: {holder} has it");
        }
        failure
    })
}

/// Makes the tables of a PostgreSQL database.
pub(crate) async fn migrate(url: &str) -> Result<(), Failure> {
    if !url.starts_with("postgres") {
        return Err(Failure::usage("--migrate is for an outbox in PostgreSQL: others make what they need"));
    }
    copilot_delivery::PostgresOutbox::migrate(url).await.map_err(|error| failure(&error))
}

/// What the outbox says. Its errors hold no secret and no personal data.
pub(crate) fn failure(error: &OutboxError) -> Failure {
    let exit = match error.fault() {
        Fault::BoundElsewhere | Fault::Foreign | Fault::Newer | Fault::Unsafe | Fault::Unsupported => {
            Exit::Usage
        }
        _ => Exit::GivenUp,
    };
    Failure { exit, words: with_causes(error) }
}

/// The process that has a lock on that file, as far as the system tells.
#[cfg(target_os = "linux")]
fn holder(path: &Path) -> Option<String> {
    use std::{fs, os::unix::fs::MetadataExt as _};

    let file = fs::metadata(path).ok()?.ino().to_string();
    let locks = fs::read_to_string("/proc/locks").ok()?;
    // `1: POSIX  ADVISORY  WRITE 3815 fe:01:134721 0 EOF`; the number of the device is written in another way than anywhere else.
    let process = locks.lines().find_map(|line| {
        let mut words = line.split_ascii_whitespace().skip(4);
        let (process, place) = (words.next()?, words.next()?);
        (place.rsplit(':').next() == Some(&file) && process.parse::<u32>().is_ok_and(|id| id > 0))
            .then_some(process)
    })?;
    let name = fs::read_to_string(format!("/proc/{process}/comm")).unwrap_or_default();
    Some(format!("process {process} {}", name.trim()).trim_end().to_owned())
}

#[cfg(not(target_os = "linux"))]
fn holder(_: &Path) -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use crate::settings::has_password;

    #[test]
    fn a_password_is_found_wherever_a_url_may_have_it() {
        for url in [
            "postgres://app:secret@db/shop",
            "postgres://db/shop?sslmode=require&password=secret",
            "nats://token@host:4222",
            "tls://user:secret@host",
        ] {
            assert!(has_password(url), "{url}");
        }
        for url in ["sqlite:/var/lib/a:b@c", "postgres://app@db:5432/shop", "nats://host:4222", "memory:"] {
            assert!(!has_password(url), "{url}");
        }
    }
}
