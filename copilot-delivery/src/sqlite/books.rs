//! What the file holds, kept in memory as well: the sums are written with every change, the rest is counted when it is opened.

use rusqlite::{Connection, OptionalExtension, params};

use super::column;
use crate::{
    Kind, Lane, LaneSet, Outcome,
    outbox::{Counts, Tally},
    room::Sum,
};

/// The counts of the file. A transaction changes a copy, which takes their place once it is committed.
#[derive(Clone, Debug)]
pub(super) struct Books {
    tally: Tally,
    /// The place of the item that was taken last.
    last: u64,
    last_dead: u64,
    lanes: [LaneBook; Lane::COUNT as usize],
    pub(super) dead: Sum,
}

#[derive(Clone, Copy, Debug, Default)]
struct LaneBook {
    sum: Sum,
    /// The first item of the lane. None: look it up, where there are any.
    head: Option<Head>,
}

/// The item that is next in its lane.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) seq: u64,
    pub(super) kind: Kind,
    pub(super) reported_at: i64,
}

impl Books {
    /// Counts what the file holds.
    pub(super) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let mut books = connection.query_row(
            "SELECT taken, accepted, rejected, unattributed, expired, undelivered, forgotten, last, last_dead FROM tally",
            [],
            |row| {
                let number = |column| row.get(column).map(|number: i64| number as u64);
                Ok(Self {
                    tally: Tally {
                        taken: number(0)?,
                        accepted: number(1)?,
                        rejected: number(2)?,
                        unattributed: number(3)?,
                        expired: number(4)?,
                        undelivered: number(5)?,
                        forgotten: number(6)?,
                    },
                    last: number(7)?,
                    last_dead: number(8)?,
                    lanes: Default::default(),
                    dead: Sum::default(),
                })
            },
        )?;
        let sum = |row: &rusqlite::Row<'_>, first: usize| {
            Ok(Sum { items: row.get::<_, i64>(first)? as u64, bytes: row.get::<_, i64>(first + 1)? as u64 })
        };
        books.dead = connection.query_row(
            "SELECT count(*), ifnull(sum(octet_length(json)), 0) FROM dead",
            [],
            |row| sum(row, 0),
        )?;
        let mut lanes = connection
            .prepare("SELECT lane, count(*), sum(octet_length(json)) FROM pending GROUP BY lane")?;
        let mut rows = lanes.query([])?;
        while let Some(row) = rows.next()? {
            let counted = sum(row, 1)?;
            if let Some(lane) = books.lane(column::lane(row, 0)?) {
                lane.sum = counted;
            }
        }
        Ok(books)
    }

    /// Writes the sums, as part of the transaction that changes what they count.
    pub(super) fn write(&self, connection: &Connection) -> rusqlite::Result<()> {
        let Tally { taken, accepted, rejected, unattributed, expired, undelivered, forgotten } = self.tally;
        connection
            .prepare_cached(
                "UPDATE tally SET taken = ?1, accepted = ?2, rejected = ?3, unattributed = ?4, expired = ?5, \
                 undelivered = ?6, forgotten = ?7, last = ?8, last_dead = ?9",
            )?
            .execute(params![
                taken as i64,
                accepted as i64,
                rejected as i64,
                unattributed as i64,
                expired as i64,
                undelivered as i64,
                forgotten as i64,
                self.last as i64,
                self.last_dead as i64,
            ])?;
        Ok(())
    }

    /// Counts an item that is taken, at the end of its lane. Its place in the order of taking.
    pub(super) fn take(&mut self, lane: Lane, kind: Kind, reported_at: i64, bytes: usize) -> u64 {
        self.tally.taken += 1;
        self.last += 1;
        let seq = self.last;
        if let Some(lane) = self.lane(lane) {
            if lane.sum.items == 0 {
                lane.head = Some(Head { seq, kind, reported_at });
            }
            lane.sum = lane.sum.with(bytes);
        }
        seq
    }

    /// Counts an item that ended so, and is no longer pending.
    pub(super) fn end(&mut self, lane: Lane, bytes: usize, outcome: &Outcome) {
        self.tally.end(outcome);
        if let Some(lane) = self.lane(lane) {
            lane.sum = lane.sum.less(bytes);
            lane.head = None;
        }
    }

    /// The number of the next dead letter.
    pub(super) fn next_dead(&self) -> u64 {
        self.last_dead + 1
    }

    /// Counts that dead letter.
    pub(super) fn bury(&mut self, bytes: usize) {
        self.last_dead = self.next_dead();
        self.dead = self.dead.with(bytes);
    }

    /// All that is pending.
    pub(super) fn pending(&self) -> Sum {
        self.lanes.iter().fold(Sum::default(), |sum, lane| sum.and(lane.sum))
    }

    pub(super) fn of_lane(&self, lane: Lane) -> Sum {
        self.lanes.get(usize::from(lane.number())).map(|lane| lane.sum).unwrap_or_default()
    }

    /// The first item of each lane that has any, in the order of taking.
    pub(super) fn heads(&mut self, connection: &Connection) -> rusqlite::Result<Vec<(Head, Lane)>> {
        let mut heads = Vec::with_capacity(Lane::COUNT.into());
        for lane in Lane::all() {
            let Some(book) = self.lane(lane) else { continue };
            if book.sum.items > 0 && book.head.is_none() {
                book.head = connection
                    .prepare_cached(
                        "SELECT seq, kind, reported_at FROM pending WHERE lane = ?1 ORDER BY seq LIMIT 1",
                    )?
                    .query_row([lane.number()], |row| {
                        Ok(Head {
                            seq: column::number(row, 0)?,
                            kind: column::kind(row, 1)?,
                            reported_at: row.get(2)?,
                        })
                    })
                    .optional()?;
            }
            heads.extend(book.head.map(|head| (head, lane)));
        }
        heads.sort_unstable_by_key(|(head, _)| head.seq);
        Ok(heads)
    }

    pub(super) fn counts(&mut self, connection: &Connection) -> rusqlite::Result<Counts> {
        let heads = self.heads(connection)?;
        let pending = self.pending();
        Ok(Counts {
            tally: self.tally,
            pending: pending.items,
            pending_bytes: pending.bytes,
            lanes: heads.iter().map(|(_, lane)| *lane).collect::<LaneSet>().len(),
            oldest: heads.iter().map(|(head, _)| head.reported_at).min(),
            first: heads.first().map(|(head, _)| head.seq),
            last: self.last,
            dead_letters: self.dead.items,
        })
    }

    fn lane(&mut self, lane: Lane) -> Option<&mut LaneBook> {
        self.lanes.get_mut(usize::from(lane.number()))
    }
}
