//! What the outbox's thread has: the connection, the streams, and what this process holds.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use async_nats::{
    Client, Event,
    jetstream::{
        self, Context,
        kv::Store,
        stream::{Config, DiscardPolicy, RetentionPolicy, StorageType, Stream},
    },
};
use tokio::sync::Notify;

use super::{address::Address, fault, lanes::Lanes};
use crate::{
    Lane, LaneSet,
    outbox::{Fault, OutboxError},
    remote::Intake,
};

/// How long dead letters are kept: the stream itself removes them.
const KEEP_DEAD_LETTERS: Duration = Duration::from_secs(30 * 86_400);
/// For how long the server knows a message that is published again.
const DUPLICATES: Duration = Duration::from_secs(120);
/// How often it is looked whether this process has its share.
const JOINING: Duration = Duration::from_millis(100);
/// From that version on a server can be told to sync each message to the disk.
const SYNCS: (i64, i64, i64) = (2, 10, 23);
/// A server before that one may find more messages after a kill than the stream may hold, since it brings back some that were removed; it
/// removes the oldest then, whatever the stream discards.
const KEEPS_OLDEST: (i64, i64, i64) = (2, 10, 12);

/// How the streams are to be.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) stream: String,
    pub(super) replicas: usize,
    pub(super) lease: Duration,
    pub(super) deadline: Duration,
}

pub(super) struct Engine {
    pub(super) settings: Settings,
    pub(super) place: String,
    pub(super) intake: Intake,
    pub(super) client: Client,
    pub(super) context: Context,
    pub(super) pending: Stream,
    pub(super) dead: Stream,
    /// Who holds which lane, and who is there: keys that vanish when nobody renews them.
    pub(super) holders: Store,
    /// The owner, and what is to be forgotten: keys that stay.
    pub(super) notes: Store,
    /// The name of this process among the holders.
    pub(super) id: String,
    lanes: Mutex<Lanes>,
    /// Lanes that this process wants beyond its share, to forget a user.
    wishes: Mutex<LaneSet>,
    /// There is a wish.
    pub(super) wished: Notify,
    /// Something was read, settled or lost.
    pub(super) changed: Notify,
    /// This process carries; and has its share of the lanes. One that only reports holds none.
    pub(super) carries: AtomicBool,
    pub(super) joined: AtomicBool,
    /// A lane is to be read again.
    pub(super) again: Notify,
    /// How often the connection was lost.
    epoch: Arc<AtomicU64>,
    pub(super) reconnected: Arc<Notify>,
}

impl Engine {
    /// Connects, and makes what is missing.
    pub(super) async fn connect(
        address: &Address,
        settings: Settings,
        intake: Intake,
    ) -> Result<Self, OutboxError> {
        let place = address.place(&settings.stream);
        let (epoch, reconnected) = (Arc::new(AtomicU64::new(0)), Arc::new(Notify::new()));
        let (counts, tells) = (epoch.clone(), reconnected.clone());
        // What holds lanes must hear of it in time.
        let patience = settings.deadline.min(settings.lease / 2).max(Duration::from_millis(500));
        let delay = |attempts: usize| Duration::from_millis(50 * attempts.min(20) as u64);
        let options = address
            .options()
            .await?
            .reconnect_delay_callback(delay)
            .request_timeout(Some(patience))
            .event_callback(move |event| {
                let (counts, tells) = (counts.clone(), tells.clone());
                async move {
                    if matches!(event, Event::Connected | Event::Disconnected) {
                        counts.fetch_add(1, Ordering::AcqRel);
                        tells.notify_waiters();
                    }
                }
            });
        let connecting =
            tokio::time::timeout(settings.deadline, options.connect(address.servers().to_vec())).await;
        let client = match connecting {
            Ok(Ok(client)) => client,
            Ok(Err(error)) => return Err(fault::unusable(&place, &error)),
            Err(_) => return Err(fault::late(&place)),
        };
        let info = client.server_info();
        if !is_at_least(&info.version, SYNCS) {
            tracing::warn!(
                outbox = place,
                version = info.version,
                "a power cut can lose what this server has acknowledged in the last minutes: 2.10.23 or newer with \
                 `sync_interval: always`, or three replicas, do not"
            );
        }
        let mut context = jetstream::new(client.clone());
        context.set_timeout(patience);
        let name = &settings.stream;
        // No work queue, which removes by acknowledgements: what was settled is removed by its number.
        let pending = Config {
            name: name.clone(),
            subjects: vec![format!("{name}.*")],
            retention: RetentionPolicy::Limits,
            // Of a stream that nobody has bounded it means nothing; of one that an operator has, the newest is refused.
            discard: DiscardPolicy::New,
            storage: StorageType::File,
            num_replicas: settings.replicas,
            duplicate_window: DUPLICATES,
            ..Config::default()
        };
        let dead = Config {
            name: format!("{name}-dead"),
            subjects: vec![format!("{name}-dead.*")],
            max_age: KEEP_DEAD_LETTERS,
            storage: StorageType::File,
            num_replicas: settings.replicas,
            duplicate_window: DUPLICATES,
            ..Config::default()
        };
        let (pending, dead) =
            (stream(&context, &place, pending).await?, stream(&context, &place, dead).await?);
        let of_pending = &pending.cached_info().config;
        let is_bounded = of_pending.max_messages > 0 || of_pending.max_bytes > 0;
        if is_bounded && !is_at_least(&info.version, KEEPS_OLDEST) {
            tracing::warn!(
                outbox = place,
                version = info.version,
                "a killed server before 2.10.12 can lose the oldest messages of a stream that has bounds: take them off this one"
            );
        }
        let holders =
            keys(&context, &place, format!("{name}-holders"), settings.lease, settings.replicas).await?;
        let notes =
            keys(&context, &place, format!("{name}-notes"), Duration::ZERO, settings.replicas).await?;
        let id = format!("{:x}-{:x}", std::process::id(), fastrand::u64(..));
        Ok(Self {
            settings,
            place,
            intake,
            client,
            context,
            pending,
            dead,
            holders,
            notes,
            id,
            lanes: Mutex::default(),
            wishes: Mutex::default(),
            wished: Notify::new(),
            changed: Notify::new(),
            again: Notify::new(),
            carries: AtomicBool::new(false),
            joined: AtomicBool::new(false),
            epoch,
            reconnected,
        })
    }

    /// A thread that panicked held the lock for plain changes only.
    pub(super) fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that this process needs a lane that another holds.
    pub(super) fn wish(&self, lane: Lane) {
        let mut wishes = self.wishes.lock().unwrap_or_else(PoisonError::into_inner);
        if !wishes.contains(lane) {
            *wishes = wishes.with(lane);
            self.wished.notify_one();
        }
    }

    /// The lanes that this process wants, once.
    pub(super) fn wishes(&self) -> LaneSet {
        std::mem::take(&mut *self.wishes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A number that changes whenever the connection is lost or comes back: what the server sent at that moment may be gone.
    pub(super) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// The subject of a lane's pending items.
    pub(super) fn subject(&self, lane: Lane) -> String {
        super::message::subject(&self.settings.stream, lane)
    }

    /// The subject of a lane's dead letters.
    pub(super) fn dead_subject(&self, lane: Lane) -> String {
        super::message::subject(&format!("{}-dead", self.settings.stream), lane)
    }

    /// Says that this process carries from now on, and waits until it has its share of the lanes.
    pub(super) async fn join(&self) {
        if self.joined.load(Ordering::Acquire) {
            return;
        }
        self.carries.store(true, Ordering::Release);
        self.wished.notify_one();
        let until = Instant::now() + self.settings.deadline;
        while !self.joined.load(Ordering::Acquire) && Instant::now() < until {
            let _ = tokio::time::timeout(JOINING, self.changed.notified()).await;
        }
    }

    /// The lane may be of interest to a courier again.
    pub(super) fn wake(&self) {
        self.changed.notify_waiters();
        self.intake.signals.filled.notify_one();
    }
}

/// The stream of that configuration, which is made where it is missing.
async fn stream(context: &Context, place: &str, wanted: Config) -> Result<Stream, OutboxError> {
    let found =
        context.get_or_create_stream(wanted.clone()).await.map_err(|error| fault::unusable(place, &error))?;
    let is = &found.cached_info().config;
    let differs = [
        ("retention", is.retention != wanted.retention),
        ("storage", is.storage != wanted.storage),
        ("subjects", is.subjects != wanted.subjects),
        ("discard", is.discard != wanted.discard),
        ("duplicate window", is.duplicate_window != wanted.duplicate_window),
        ("maximal age", is.max_age != wanted.max_age),
    ];
    if let Some((what, _)) = differs.iter().find(|(_, differs)| *differs) {
        let words = format!("the stream {} of the outbox {place} exists with another {what}", wanted.name);
        return Err(OutboxError::new(Fault::Foreign, words));
    }
    // Bounds and replicas are an operator's to change.
    Ok(found)
}

/// The bucket of that name, which is made where it is missing: as the library makes one, which asks first what servers before 2.10 do not say.
async fn keys(
    context: &Context,
    place: &str,
    bucket: String,
    max_age: Duration,
    replicas: usize,
) -> Result<Store, OutboxError> {
    let wanted = Config {
        name: format!("KV_{bucket}"),
        subjects: vec![format!("$KV.{bucket}.>")],
        max_messages_per_subject: 1,
        max_age,
        discard: DiscardPolicy::New,
        storage: StorageType::File,
        num_replicas: replicas,
        allow_rollup: true,
        deny_delete: true,
        allow_direct: true,
        ..Config::default()
    };
    let made = context.get_or_create_stream(wanted).await.map_err(|error| fault::unusable(place, &error))?;
    if made.cached_info().config.max_age != max_age {
        let words = format!(
            "the outbox {place} was begun with another length of leases: say the same `lease_ms`, or remove the bucket {bucket} while nothing runs"
        );
        return Err(OutboxError::new(Fault::Foreign, words));
    }
    context.get_key_value(bucket).await.map_err(|error| fault::unusable(place, &error))
}

fn is_at_least(version: &str, (major, minor, patch): (i64, i64, i64)) -> bool {
    let mut numbers = version.split(['.', '-']).map(|part| part.parse::<i64>().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0);
    (next(), next(), next()) >= (major, minor, patch)
}

#[cfg(test)]
mod tests {
    use super::{SYNCS, is_at_least};

    #[test]
    fn versions_are_compared_as_numbers() {
        for (version, syncs) in
            [("2.9.10", false), ("2.10.22", false), ("2.10.23", true), ("2.12.0-RC.1", true), ("3.0", true)]
        {
            assert_eq!(is_at_least(version, SYNCS), syncs, "{version}");
        }
    }
}
