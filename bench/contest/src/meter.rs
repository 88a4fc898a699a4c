//! What the work between start and end cost the whole process, all its threads included.

use std::{
    fs,
    time::{Duration, Instant},
};

use nix::time::{ClockId, clock_gettime};

use crate::Outcome;

#[cfg(feature = "allocations")]
#[global_allocator]
static ALLOCATOR: &stats_alloc::StatsAlloc<std::alloc::System> = &stats_alloc::INSTRUMENTED_SYSTEM;

/// Where the meters stood when the work began.
pub(crate) struct Meter {
    cpu: Duration,
    wall: Instant,
    allocations: Option<usize>,
}

impl Meter {
    pub(crate) fn start() -> Outcome<Self> {
        Ok(Self { cpu: process_cpu()?, wall: Instant::now(), allocations: allocations() })
    }

    /// Prints one line of JSON. Peak memory is that of the whole process, from its start.
    pub(crate) fn print(&self) -> Outcome {
        let (wall, cpu) =
            (self.wall.elapsed().as_nanos(), process_cpu()?.saturating_sub(self.cpu).as_nanos());
        let allocations = match (self.allocations, allocations()) {
            (Some(before), Some(now)) => now.saturating_sub(before).to_string(),
            _ => "null".to_owned(),
        };
        println!(
            r#"{{"cpu_ns":{cpu},"wall_ns":{wall},"allocations":{allocations},"peak_kib":{}}}"#,
            peak_kib()?
        );
        Ok(())
    }
}

/// CPU time of the process.
///
/// # Errors
///
/// When the system has no such clock.
pub fn process_cpu() -> Outcome<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID)?.into())
}

/// CPU time of the thread that asks.
///
/// # Errors
///
/// When the system has no such clock.
pub fn thread_cpu() -> Outcome<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?.into())
}

/// Calls of the allocator that gave memory: new blocks, and blocks that were made larger or smaller.
fn allocations() -> Option<usize> {
    #[cfg(feature = "allocations")]
    {
        let stats = ALLOCATOR.stats();
        Some(stats.allocations.saturating_add(stats.reallocations))
    }
    #[cfg(not(feature = "allocations"))]
    None
}

/// The most memory that the process has had resident.
fn peak_kib() -> Outcome<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("/proc has no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
