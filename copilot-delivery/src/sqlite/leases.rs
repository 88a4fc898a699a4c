//! The leases of the lanes.

use std::collections::HashSet;

use crate::{LaneSet, outbox::Lease};

/// The leases that are not settled. They are known in memory only: after a crash, what was on its way waits again.
#[derive(Debug, Default)]
pub(super) struct Leases {
    lanes: LaneSet,
    fences: HashSet<u64>,
    last_fence: u64,
}

impl Leases {
    /// The lanes of them all.
    pub(super) fn lanes(&self) -> LaneSet {
        self.lanes
    }

    /// Whether the lease of that fence is among them.
    pub(super) fn hold(&self, fence: u64) -> bool {
        self.fences.contains(&fence)
    }

    /// A fence for a lease of these lanes.
    pub(super) fn begin(&mut self, lanes: LaneSet) -> u64 {
        self.lanes = self.lanes.and(lanes);
        self.last_fence += 1;
        self.fences.insert(self.last_fence);
        self.last_fence
    }

    pub(super) fn end(&mut self, lease: &Lease) {
        if self.fences.remove(&lease.fence) {
            self.lanes = self.lanes.without(lease.lanes);
        }
    }
}
