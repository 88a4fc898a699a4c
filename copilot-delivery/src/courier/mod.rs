//! The courier: a thread and runtime of its own, which takes items out of the outbox, sends them, and settles each.

mod carry;
mod doubt;
mod hold;
mod orders;
mod pace;
mod road;
mod settle;

use std::{cmp::Ordering, future::Future, pin::Pin, sync::Arc, time::Duration};

use copilot_api::{Client, attempt::EventBatch};
use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::{
    sync::{mpsc, watch},
    time::{self, Instant},
};

pub(crate) use orders::Order;
pub use orders::{Left, Undelivered, Unflushed};

use crate::{
    Kind, LaneSet, Pause,
    outbox::{LeaseRequest, Leased, Outbox},
    shared::Shared,
};
use carry::{Carried, Went, carry};
use hold::Hold;
use orders::Orders;
use pace::Allowed;
use road::Road;
use settle::{Settled, settle};

/// How many items and bytes a request has at most: neither limit of the API is published (`assumed`).
const MAX_ITEMS: usize = 100;
const MAX_BYTES: usize = 450_000;

/// How many lanes a probe tries at a time.
const PROBES: usize = 4;

/// How long after an error an outbox is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(250);

/// How often an outbox that other processes fill as well is looked into: after something was found, and in the end when nothing was.
const LOOK_SOON: Duration = Duration::from_millis(100);
const LOOK_LATE: Duration = Duration::from_millis(400);

/// How long after its deadline a shutdown waits for the outbox to be closed, before it answers all the same.
const GRACE: Duration = Duration::from_millis(50);

/// How often old items are removed.
const RETAIN: Duration = Duration::from_secs(60);

/// What a courier is set to.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) linger: Duration,
    pub(crate) max_in_flight: usize,
    pub(crate) retention: crate::outbox::Retention,
}

type Work = Pin<Box<dyn Future<Output = Done>>>;

/// A piece of work that is done.
enum Done {
    /// The request of that number.
    Carried(Kind, u64, Box<Carried>),
    Settled(Kind, Settled),
}

pub(crate) struct Courier {
    outbox: Arc<dyn Outbox>,
    shared: Arc<Shared>,
    client: Client,
    settings: Settings,
    orders: Orders,
    events: Road,
    consent: Road,
    work: FuturesUnordered<Work>,
    /// The lanes of leases that are not settled.
    busy: LaneSet,
    in_flight: usize,
    sent_last: Kind,
    spare: Vec<EventBatch>,
    cancel: watch::Sender<bool>,
    /// When the outbox may be asked again after an error.
    ask_again: Option<Instant>,
    retain_at: Instant,
    /// When an outbox that others fill is looked into next.
    look: Duration,
}

impl Courier {
    pub(crate) fn new(
        client: Client,
        shared: Arc<Shared>,
        settings: Settings,
        orders: mpsc::UnboundedReceiver<Order>,
    ) -> Self {
        Self {
            outbox: shared.outbox.clone(),
            client,
            orders: Orders::new(orders),
            events: Road::new(MAX_ITEMS, MAX_BYTES),
            consent: Road::new(1, MAX_BYTES),
            work: FuturesUnordered::new(),
            busy: LaneSet::NONE,
            in_flight: 0,
            sent_last: Kind::Event,
            spare: Vec::new(),
            cancel: watch::Sender::new(false),
            ask_again: None,
            // A program that never runs for a minute keeps nothing for ever either.
            retain_at: Instant::now(),
            look: LOOK_SOON,
            settings,
            shared,
        }
    }

    /// Works until it is told to stop.
    pub(crate) async fn run(mut self) {
        let (outbox, shared) = (self.outbox.clone(), self.shared.clone());
        let signals = outbox.signals();
        // An outbox that takes long to answer holds no shutdown: what is asked of it then is not waited for.
        let mut is_over = std::pin::pin!(shared.is_over());
        loop {
            let filled = signals.filled.notified();
            let wake = tokio::select! {
                biased;
                () = &mut is_over => break,
                turn = self.turn() => turn,
            };
            let Some(wake) = wake else { break };
            tokio::select! {
                biased;
                () = &mut is_over => break,
                Some(done) = self.work.next() => self.on(done),
                order = self.orders.receive() => self.obey(order),
                () = filled => {}
                () = time::sleep_until(wake) => {}
            }
        }
        self.end().await;
    }

    /// Does what there is to do. Gives when to look again at the latest; none, when all is done.
    async fn turn(&mut self) -> Option<Instant> {
        if self.orders.is_over() {
            return None;
        }
        self.on_time().await;
        let wake = self.launch().await;
        self.publish();
        let outbox = self.outbox.clone();
        if self.orders.tell_finished(&*outbox, self.in_flight).await {
            return None;
        }
        let look = outbox.abilities().shared.then(|| Instant::now() + self.look);
        self.look = (self.look * 2).min(LOOK_LATE);
        [wake, look, self.orders.next_deadline()].into_iter().flatten().chain([self.retain_at]).min()
    }

    /// Begins as many requests as there is work and leave for. Gives when there may be more.
    async fn launch(&mut self) -> Option<Instant> {
        if let Some(moment) = self.ask_again.filter(|moment| *moment > Instant::now()) {
            return Some(moment);
        }
        // What has less on its way begins, so that neither kind takes every request of the other.
        let kinds = match self.consent.in_flight.cmp(&self.events.in_flight) {
            Ordering::Less => [Kind::Consent, Kind::Event],
            Ordering::Greater => [Kind::Event, Kind::Consent],
            Ordering::Equal if self.sent_last == Kind::Event => [Kind::Consent, Kind::Event],
            Ordering::Equal => [Kind::Event, Kind::Consent],
        };
        let mut wake = None;
        for kind in kinds {
            wake = wake.into_iter().chain(self.launch_of(kind).await).min();
        }
        wake
    }

    async fn launch_of(&mut self, kind: Kind) -> Option<Instant> {
        loop {
            if self.in_flight >= self.settings.max_in_flight {
                return None;
            }
            let (busy, unhurried) = (self.busy, self.linger());
            let road = self.road(kind);
            let (lanes, max_items, linger, is_narrow) = match road.pace.allowed(Instant::now()) {
                Allowed::Not(until) => return Some(until),
                Allowed::One if road.in_flight > 0 => return None,
                Allowed::Probe => {
                    return self.probe(kind).await;
                }
                Allowed::One | Allowed::Freely => {
                    let waiting = road.doubts.waiting();
                    let (narrow, limit) = road.doubts.narrow();
                    match narrow.without(busy).without(waiting) {
                        narrow if narrow.is_empty() => {
                            (LaneSet::ALL.without(waiting), road.max_items, unhurried, false)
                        }
                        narrow => (narrow, limit.min(road.max_items), Duration::ZERO, true),
                    }
                }
            };
            match self.lease(kind, lanes, max_items, linger).await {
                Some(Leased::Batch(lease)) => self.send(kind, lease),
                // Nothing under doubt waits: the other lanes may have something.
                Some(_) if is_narrow => match self.lease_of_others(kind).await {
                    Some(Leased::Batch(lease)) => self.send(kind, lease),
                    other => return self.later(kind, other),
                },
                other => return self.later(kind, other),
            }
        }
    }

    /// Of the lanes that are under no doubt.
    async fn lease_of_others(&mut self, kind: Kind) -> Option<Leased> {
        let road = self.road(kind);
        let lanes = LaneSet::ALL.without(road.doubts.waiting()).without(road.doubts.narrow().0);
        let (max_items, linger) = (road.max_items, self.linger());
        self.lease(kind, lanes, max_items, linger).await
    }

    /// When to look again. Where all that is left waits for proof, and nothing is on its way that could bring it, the
    /// endpoint refuses everything, as far as can be known.
    fn later(&mut self, kind: Kind, leased: Option<Leased>) -> Option<Instant> {
        let now = Instant::now();
        match leased {
            // The courier looks again once in that time anyway, and a sum of moments may be too large.
            Some(Leased::Later(after)) => Some(now + after.min(RETAIN)),
            Some(_) => {
                let road = self.road(kind);
                if road.in_flight == 0 && !road.doubts.waiting().is_empty() {
                    road.refuses_everything(now);
                    return self.later_of_pause(kind);
                }
                None
            }
            None => self.ask_again,
        }
    }

    fn later_of_pause(&mut self, kind: Kind) -> Option<Instant> {
        match self.road(kind).pace.allowed(Instant::now()) {
            Allowed::Not(until) => Some(until),
            _ => None,
        }
    }

    /// Sends one item of each of a few lanes, so that one item that is refused does not hold the others.
    async fn probe(&mut self, kind: Kind) -> Option<Instant> {
        if self.road(kind).in_flight > 0 {
            return None;
        }
        // What an answer that cannot be read was about is not sent again: such a probe costs its item.
        let is_unreadable = self.road(kind).pace.pause() == Some(&Pause::Unreadable);
        let probes = if is_unreadable { 1 } else { PROBES };
        let mut sent = 0;
        let most = probes.min(self.settings.max_in_flight.saturating_sub(self.in_flight)).max(1);
        for _ in 0..2 {
            while sent < most {
                let lanes = self.road(kind).doubts.to_probe();
                match self.lease(kind, lanes, 1, Duration::ZERO).await {
                    Some(Leased::Batch(lease)) => {
                        self.road(kind).doubts.probed(lease.lanes);
                        self.send(kind, lease);
                        sent += 1;
                    }
                    Some(_) => break,
                    None => return self.ask_again,
                }
            }
            if sent > 0 {
                return None;
            }
            self.road(kind).doubts.begin_again();
        }
        None
    }

    async fn lease(
        &mut self,
        kind: Kind,
        lanes: LaneSet,
        max_items: usize,
        linger: Duration,
    ) -> Option<Leased> {
        let request = LeaseRequest {
            kind,
            lanes: lanes.without(self.busy),
            max_items,
            max_bytes: self.road(kind).max_bytes(),
            linger,
            now: crate::clock::now(),
        };
        match self.outbox.lease(&request).await {
            Ok(leased) => {
                fail_point!("courier.leased");
                self.ask_again = None;
                self.shared.outbox_works();
                Some(leased)
            }
            Err(error) => {
                self.ask_again = Some(Instant::now() + ASK_AGAIN);
                self.shared.outbox_fails(&error);
                None
            }
        }
    }

    fn send(&mut self, kind: Kind, lease: crate::outbox::Lease) {
        self.busy = self.busy.and(lease.lanes);
        self.look = LOOK_SOON;
        self.in_flight += 1;
        self.sent_last = kind;
        self.road(kind).in_flight += 1;
        let request = self.road(kind).doubts.begin();
        let (client, max_bytes) = (self.client.clone(), self.road(kind).max_bytes());
        let (batch, cancelled) = (self.spare.pop().unwrap_or_default(), self.cancel.subscribe());
        let hold = Hold::of(&lease, self.outbox.clone());
        self.work.push(Box::pin(async move {
            let carried = hold.during(carry(client, lease, kind, max_bytes, batch, cancelled)).await;
            Done::Carried(kind, request, Box::new(carried))
        }));
    }

    fn on(&mut self, done: Done) {
        match done {
            Done::Carried(kind, request, carried) => {
                fail_point!("courier.sent");
                let Carried { lease, mut ends, sent, bytes, went, batch } = *carried;
                self.spare.push(batch);
                if let Went::Taken(Some(offset)) = went {
                    self.shared.saw_clock(offset);
                }
                self.road(kind).learn(request, &lease, &mut ends, (sent, bytes), went);
                let (outbox, shared) = (self.outbox.clone(), self.shared.clone());
                let cancelled = self.cancel.subscribe();
                self.work.push(Box::pin(async move {
                    Done::Settled(kind, settle(&*outbox, &shared, lease, ends, cancelled).await)
                }));
            }
            Done::Settled(kind, Settled { lanes }) => {
                self.in_flight -= 1;
                self.road(kind).in_flight -= 1;
                self.busy = self.busy.without(lanes);
            }
        }
    }

    fn obey(&mut self, order: Option<Order>) {
        if let Some(client) = self.orders.take(order) {
            self.client = client;
            self.events.renew();
            self.consent.renew();
        }
        // Other credentials may be right, and whoever flushes or shuts down waits for the end.
        let now = Instant::now();
        self.events.pace.hurry(now);
        self.consent.pace.hurry(now);
    }

    /// What the clock asks for.
    async fn on_time(&mut self) {
        if Instant::now() >= self.retain_at {
            self.retain_at = Instant::now() + RETAIN;
            let retention = crate::outbox::Retention { now: crate::clock::now(), ..self.settings.retention };
            match self.outbox.retain(&retention).await {
                Ok(removed) => self.shared.removed(removed, &crate::Outcome::Expired),
                Err(error) => self.shared.outbox_fails(&error),
            }
        }
    }

    /// Ends what is on its way, and gives back what the outbox does not keep. Where it keeps all, whoever waits for the end is
    /// told in time, even if its disk takes longer.
    async fn end(mut self) {
        let orders = self.orders.take_all();
        let (outbox, shared) = (self.outbox.clone(), self.shared.clone());
        let mut finish = std::pin::pin!(self.finish());
        let deadline = shared.ends_at().filter(|_| outbox.abilities().durable);
        let finished = match deadline.map(|deadline| deadline + GRACE) {
            Some(moment) => time::timeout_at(moment, &mut finish).await.ok(),
            None => Some(finish.as_mut().await),
        };
        shared.stopped();
        match finished {
            Some((items, stay)) => orders.tell_left(&shared, items, stay),
            None => {
                orders.tell_left(&shared, Vec::new(), outbox.pending_now());
                finish.await;
            }
        }
    }

    /// Gives what the outbox does not keep, and how much was pending.
    async fn finish(mut self) -> (Vec<crate::Item>, u64) {
        self.cancel.send_replace(true);
        while let Some(done) = self.work.next().await {
            self.on(done);
        }
        fail_point!("courier.ending");
        // What somebody was handing over at that moment is counted as well.
        let items = self.outbox.close().await;
        let pending = self.outbox.pending_now() + items.len() as u64;
        (items, pending)
    }

    fn road(&mut self, kind: Kind) -> &mut Road {
        match kind {
            Kind::Event => &mut self.events,
            Kind::Consent => &mut self.consent,
        }
    }

    /// How long items wait for others: not at all while somebody waits for them.
    fn linger(&self) -> Duration {
        if self.orders.hurry() { Duration::ZERO } else { self.settings.linger }
    }

    fn publish(&self) {
        self.shared.saw_roads(
            self.in_flight,
            self.events.pace.pause().copied(),
            self.consent.pace.pause().copied(),
            self.events.slowed().or(self.consent.slowed()),
        );
    }
}
