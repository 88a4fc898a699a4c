//! Which lanes this process holds: shared fairly among those that live, renewed, lost and taken over; and reading those that it holds.

use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use async_nats::jetstream::{
    consumer::{AckPolicy, DeliverPolicy, PullConsumer, pull},
    kv::{CreateErrorKind, UpdateErrorKind},
};
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, future::join_all};
use tokio::{
    task::JoinHandle,
    time::{self, Instant},
};

use super::{engine::Engine, fault, lanes::Message, marks, message, streams, tallies};
use crate::{
    Item, Lane, LaneSet,
    outbox::{OutboxError, Tally},
    room::Sum,
};

/// How many messages are asked for at a time, of each lane.
const AT_ONCE: usize = 100;
/// How long a question for messages stays open, and how often the server says that it is.
const OPEN: Duration = Duration::from_secs(30);
const HEARTBEAT: Duration = Duration::from_secs(5);
/// After so long without a question the server removes a consumer.
const FORGOTTEN: Duration = Duration::from_secs(60);
const RETRY: Duration = Duration::from_millis(200);

/// The lanes that this process holds, and the tasks that read them.
pub(super) struct Holding {
    engine: Arc<Engine>,
    readers: HashMap<u8, JoinHandle<()>>,
    /// What was written down of each.
    saved: HashMap<u8, Tally>,
    /// Lanes that were not renewed in time: whose they are is to be asked.
    doubted: LaneSet,
    /// The first pending message, when it was last looked.
    first: Option<u64>,
    /// When the keys were renewed last.
    renewed: Instant,
}

impl Holding {
    /// Looks who is there; takes its share of the lanes if this process carries.
    pub(super) async fn begin(engine: Arc<Engine>) -> Result<Self, OutboxError> {
        let mut holding = Self {
            engine,
            readers: HashMap::new(),
            saved: HashMap::new(),
            doubted: LaneSet::NONE,
            first: None,
            renewed: Instant::now(),
        };
        holding.turn().await?;
        Ok(holding)
    }

    /// Renews what it holds and looks after its share, for as long as it is polled.
    pub(super) async fn run(&mut self) {
        loop {
            let _ = time::timeout(self.engine.settings.lease / 4, self.engine.wished.notified()).await;
            match self.turn().await {
                Ok(()) => {}
                Err(error) => tracing::debug!(%error, "lanes were not renewed"),
            }
            if self.renewed.elapsed() >= self.engine.settings.lease {
                // Others may have them by now.
                let held = self.engine.lanes().held();
                self.lose(held);
                self.doubted = self.doubted.and(held);
            }
        }
    }

    async fn turn(&mut self) -> Result<(), OutboxError> {
        let engine = self.engine.clone();
        let failed = |error: &dyn std::error::Error| fault::unusable(&engine.place, error);
        let begun = Instant::now();
        let me = Bytes::from(engine.id.clone());
        let carries = engine.carries.load(Ordering::Acquire);
        if carries {
            let member = format!("member.{}", engine.id);
            engine.holders.put(member, me.clone()).await.map_err(|error| failed(&error))?;
        }
        self.renew(begun).await;

        let keys = engine.holders.keys().await.map_err(|error| failed(&error))?;
        let keys: Vec<String> = keys.try_collect().await.map_err(|error| failed(&error))?;
        let members = keys.iter().filter(|key| key.starts_with("member.")).count().max(1);
        let share = if carries { usize::from(Lane::COUNT).div_ceil(members) } else { 0 };
        let lanes_of = |prefix: &str| -> LaneSet {
            keys.iter()
                .filter(|key| key.starts_with(prefix))
                .filter_map(|key| message::lane_of(key))
                .collect()
        };
        let (taken, wanted) = (lanes_of("lane."), lanes_of("wanted."));

        let doubted = std::mem::replace(&mut self.doubted, LaneSet::NONE);
        for lane in doubted.iter().filter(|lane| taken.contains(*lane)) {
            let entry = engine.holders.entry(key(lane)).await.map_err(|error| failed(&error))?;
            let Some(entry) = entry.filter(|entry| entry.value == engine.id.as_bytes()) else { continue };
            if let Ok(revision) = engine.holders.update(key(lane), me.clone(), entry.revision).await {
                self.begin_to_read(lane, revision).await?;
            }
        }

        let held = engine.lanes().held();
        let surplus = (held.len() as usize).saturating_sub(share);
        let may_leave = |lane: &Lane| engine.lanes().may_leave(*lane);
        let mut leaving: LaneSet =
            held.iter().filter(|lane| wanted.contains(*lane)).filter(may_leave).collect();
        leaving = leaving.and(held.without(leaving).iter().filter(may_leave).take(surplus).collect());
        self.release(leaving).await;

        let held = engine.lanes().held();
        let wishes = engine.wishes().without(held);
        for lane in wishes.iter().filter(|lane| taken.contains(*lane)) {
            // Its holder lets it go when it is idle. The key vanishes by itself.
            let wanted = message::subject("wanted", lane);
            engine.holders.put(wanted, me.clone()).await.map_err(|error| failed(&error))?;
        }
        let free = LaneSet::ALL.without(taken).without(held);
        let mut share_of: Vec<Lane> = free.without(wanted).without(wishes).iter().collect();
        // Those that come at the same time begin elsewhere.
        fastrand::shuffle(&mut share_of);
        share_of.truncate(share.saturating_sub(held.len() as usize));
        let free: Vec<Lane> =
            share_of.into_iter().chain(wishes.iter().filter(|lane| free.contains(*lane))).collect();
        if !free.is_empty() {
            self.take(free).await?;
            let held = engine.lanes().held();
            for lane in wishes.iter().filter(|lane| held.contains(*lane)) {
                // Or it would be let go again for this wish.
                let _ = engine.holders.delete(message::subject("wanted", lane)).await;
            }
        }

        if carries && !engine.joined.swap(true, Ordering::AcqRel) {
            engine.wake();
        }
        let held = engine.lanes().held();
        for lane in held.iter() {
            self.save(lane).await;
        }
        let info = engine.pending.get_info().await.map_err(|error| failed(&error))?;
        engine.intake.counted(Sum { items: info.state.messages, bytes: info.state.bytes });
        // What a server passes over that was killed: it tells consumers by what it remembers, and the rest it has all the same.
        // Not what is just on its way: it was the first before as well.
        let first = streams::first(&engine, &info).await?;
        let before = std::mem::replace(&mut self.first, first.as_ref().map(|first| first.sequence));
        if let Some(first) = first.filter(|first| before == Some(first.sequence))
            && let Some(lane) = message::lane_of(&first.subject)
            && engine.lanes().is_without(lane)
            && let Some(record) = message::record(&first.headers, &first.payload, &first.subject)
        {
            let forget = marks::marks(&engine, lane).await?.contains(&first.sequence);
            let message = Message { sequence: first.sequence, forget, item: Item::from_record(record) };
            if engine.lanes().is_without(lane) {
                let reading = engine.lanes().reading(lane);
                engine.lanes().push(lane, reading, message, 0);
                engine.wake();
            }
        }
        Ok(())
    }

    /// Says of each lane that this process still holds it.
    async fn renew(&mut self, begun: Instant) {
        let engine = self.engine.clone();
        let held: Vec<(Lane, u64)> = {
            let lanes = engine.lanes();
            lanes.held().iter().filter_map(|lane| Some((lane, lanes.revision(lane)?))).collect()
        };
        let renewals = held.into_iter().map(|(lane, revision)| {
            let (engine, value) = (&engine, Bytes::from(engine.id.clone()));
            async move { (lane, engine.holders.update(key(lane), value, revision).await) }
        });
        let (mut lost, mut unknown) = (LaneSet::NONE, false);
        for (lane, renewed) in join_all(renewals).await {
            match renewed {
                Ok(revision) => engine.lanes().hold(lane, revision),
                Err(error) if error.kind() == UpdateErrorKind::WrongLastRevision => {
                    // Unless it was this process whose renewal was not answered.
                    match engine.holders.entry(key(lane)).await {
                        Ok(Some(entry)) if entry.value == engine.id.as_bytes() => {
                            engine.lanes().hold(lane, entry.revision);
                        }
                        Ok(_) => lost = lost.with(lane),
                        Err(_) => unknown = true,
                    }
                }
                Err(_) => unknown = true,
            }
        }
        self.lose(lost);
        if !unknown {
            self.renewed = begun;
            self.engine.lanes().valid_until((begun + self.engine.settings.lease).into_std());
        }
    }

    /// Takes lanes that nobody holds, and begins to read them.
    async fn take(&mut self, lanes: Vec<Lane>) -> Result<(), OutboxError> {
        let engine = self.engine.clone();
        let takings = lanes.into_iter().map(|lane| {
            let (engine, value) = (&engine, Bytes::from(engine.id.clone()));
            async move { (lane, engine.holders.create(key(lane), value).await) }
        });
        for (lane, taken) in join_all(takings).await {
            match taken {
                Ok(revision) => self.begin_to_read(lane, revision).await?,
                Err(error) if error.kind() == CreateErrorKind::AlreadyExists => {}
                Err(error) => return Err(fault::unusable(&engine.place, &error)),
            }
        }
        Ok(())
    }

    /// Reads a lane from now on, whose key has that revision.
    async fn begin_to_read(&mut self, lane: Lane, revision: u64) -> Result<(), OutboxError> {
        let engine = self.engine.clone();
        let tally = tallies::read(&engine, lane).await?;
        {
            let mut lanes = engine.lanes();
            lanes.count(lane, |of_lane| *of_lane = tally);
            lanes.hold(lane, revision);
        }
        let reader = tokio::spawn(read(engine, lane));
        if let Some(before) = self.readers.insert(lane.number(), reader) {
            before.abort();
        }
        Ok(())
    }

    fn lose(&mut self, lanes: LaneSet) {
        for lane in lanes.iter() {
            if let Some(reader) = self.readers.remove(&lane.number()) {
                reader.abort();
            }
            self.engine.lanes().lose(lane);
        }
        if !lanes.is_empty() {
            self.engine.wake();
        }
    }

    /// Writes down what became of a lane's items, if that has changed.
    async fn save(&mut self, lane: Lane) {
        let tally = self.engine.lanes().tally(lane);
        if self.saved.get(&lane.number()) != Some(&tally)
            && tallies::write(&self.engine, lane, tally).await.is_ok()
        {
            self.saved.insert(lane.number(), tally);
        }
    }

    /// Gives lanes to the others.
    async fn release(&mut self, lanes: LaneSet) {
        let engine = self.engine.clone();
        let revisions: Vec<(Lane, u64)> = {
            let of = engine.lanes();
            lanes.iter().filter_map(|lane| Some((lane, of.revision(lane)?))).collect()
        };
        for (lane, _) in &revisions {
            self.save(*lane).await;
        }
        self.lose(lanes);
        let releases = revisions.into_iter().map(|(lane, revision)| {
            let engine = &engine;
            async move {
                let _ = engine.holders.delete_expect_revision(key(lane), Some(revision)).await;
            }
        });
        join_all(releases).await;
    }

    /// Leaves the others.
    pub(super) async fn end(mut self) {
        let held = self.engine.lanes().held();
        self.release(held).await;
        let _ = self.engine.holders.delete(format!("member.{}", self.engine.id)).await;
    }
}

pub(super) fn key(lane: Lane) -> String {
    message::subject("lane", lane)
}

/// Whether the lane is still this process's: says so anew, and errs as fenced where it is another's.
pub(super) async fn still_held(engine: &Engine, lane: Lane) -> Result<(), OutboxError> {
    let fenced = || fault::new(&engine.place, crate::outbox::Fault::Fenced);
    let Some(revision) = engine.lanes().revision(lane) else { return Err(fenced()) };
    let renewed = engine.holders.update(key(lane), Bytes::from(engine.id.clone()), revision).await;
    let revision = match renewed {
        Ok(revision) => revision,
        Err(error) if error.kind() == UpdateErrorKind::WrongLastRevision => {
            // It may have been renewed beside this.
            let entry = engine.holders.entry(key(lane)).await;
            let entry = entry.map_err(|error| fault::unusable(&engine.place, &error))?;
            entry.filter(|entry| entry.value == engine.id.as_bytes()).ok_or_else(fenced)?.revision
        }
        Err(error) => return Err(fault::unusable(&engine.place, &error)),
    };
    engine.lanes().hold(lane, revision);
    Ok(())
}

/// Reads a lane, in order, for as long as this process holds it.
async fn read(engine: Arc<Engine>, lane: Lane) {
    loop {
        let epoch = engine.epoch();
        if let Err(error) = read_once(&engine, lane, epoch).await {
            tracing::debug!(%error, lane = lane.number(), "a lane is read again from its first message");
        }
        if engine.epoch() == epoch {
            time::sleep(RETRY).await;
        }
    }
}

/// Reads by a consumer of its own, which begins with the first message that is left: what was read and not settled, by whomever, comes
/// again, and in order. Until the connection is lost.
async fn read_once(engine: &Arc<Engine>, lane: Lane, epoch: u64) -> Result<(), OutboxError> {
    let failed = |error: &dyn std::error::Error| fault::unusable(&engine.place, error);
    let reading = engine.lanes().read_again(lane);
    let configuration = pull::Config {
        deliver_policy: DeliverPolicy::All,
        ack_policy: AckPolicy::None,
        max_deliver: -1,
        filter_subject: engine.subject(lane),
        inactive_threshold: FORGOTTEN,
        memory_storage: true,
        ..pull::Config::default()
    };
    let consumer: PullConsumer =
        engine.pending.create_consumer(configuration).await.map_err(|error| failed(&error))?;
    let marked = marks::marks(engine, lane).await?;
    engine.lanes().begin(lane, reading, consumer.cached_info().num_pending);
    // Whoever waits for what is there, where nothing is.
    engine.changed.notify_waiters();
    let messages = consumer.stream().max_messages_per_batch(AT_ONCE).expires(OPEN).heartbeat(HEARTBEAT);
    let mut messages = messages.messages().await.map_err(|error| failed(&error))?;
    loop {
        // Before the look, so that no news falls between.
        let (lost, changed) = (engine.reconnected.notified(), engine.changed.notified());
        let again = engine.again.notified();
        tokio::pin!(lost, changed, again);
        lost.as_mut().enable();
        changed.as_mut().enable();
        again.as_mut().enable();
        if engine.epoch() != epoch || engine.lanes().reading(lane) != reading {
            return Ok(());
        }
        if !engine.lanes().has_room(lane) {
            tokio::select! {
                () = lost => {}
                () = again => {}
                () = changed => {}
            }
            continue;
        }
        let message = tokio::select! {
            () = lost => continue,
            () = again => continue,
            message = messages.next() => message,
        };
        let Some(message) = message else { return Ok(()) };
        let message = message.map_err(|error| failed(&error))?;
        let Ok((sequence, left)) = message.info().map(|info| (info.stream_sequence, info.pending)) else {
            continue;
        };
        let headers = message.headers.clone().unwrap_or_default();
        let Some(record) = message::record(&headers, &message.payload, &message.subject) else {
            tracing::error!(
                outbox = engine.place,
                sequence,
                "a message that no version of this program has put in stands in the way, and stays"
            );
            continue;
        };
        let forget = marked.contains(&sequence);
        let item = Item::from_record(record);
        engine.lanes().push(lane, reading, Message { sequence, forget, item }, left);
        engine.wake();
    }
}
