//! What all contestants share: the same event, the same command line, and the same way to be measured.
//!
//! A contestant is a program of its own. It makes its client, sends some events to warm up, and is then measured while it
//! sends the others. It prints one line of JSON: what that cost its process. Whether the events arrived is for the sink to
//! say, and for `cargo xtask bench` to compare.

mod meter;
mod reading;
mod task;

use std::{error::Error, ops::Range};

use futures_util::future::try_join_all;
use meter::Meter;
pub use meter::{process_cpu, thread_cpu};
pub use reading::read_lines;
pub use task::Task;

/// The event that every contestant sends, anew each time: something that happened, with five properties. The fifth,
/// [`NUMBER`], is the event's own number.
pub mod event {
    /// What happened. A peer calls it the event's name.
    pub const SUBTYPE: &str = "recipe_started";
    /// Whose event it is.
    pub const USER_ID: &str = "7d1f0c8e-55b2-4b8c-9a53-0f6f2f1f7a10";
    /// With which thing.
    pub const THING_ID: &str = "A4:CF:12:00:9B:3E";
    /// The name of a text.
    pub const TEXT: &str = "recipe";
    /// The text. The sink counts events by it: it stands in each exactly once, and nowhere else.
    pub const TEXT_VALUE: &str = "Oolong, second infusion";
    /// The name of a number.
    pub const NUMBER: &str = "target_celsius";
}

/// What a contestant's code comes to. Any error ends its process, and so the run.
pub type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

/// A client that is asynchronous.
pub trait Contestant: Sized {
    /// What is made before the clock starts. `Range<i64>` where nothing is: the numbers of the events.
    type Load;

    /// Makes the client.
    fn new(task: &Task) -> impl Future<Output = Outcome<Self>>;

    /// Makes what the client is to send.
    ///
    /// # Errors
    ///
    /// When an event cannot be made.
    fn load(&self, numbers: Range<i64>) -> Outcome<Self::Load>;

    /// Sends it, and comes back when all of it was answered.
    fn send(&self, load: Self::Load) -> impl Future<Output = Outcome>;
}

/// Runs a contestant on a runtime of one thread, and prints what it cost.
///
/// # Errors
///
/// When the command line is wrong, or the client fails.
pub fn run<C: Contestant>() -> Outcome {
    let task = Task::read()?;
    run_task::<C>(&task)
}

/// As [`run`], where the command line was read to choose the contestant.
///
/// # Errors
///
/// When the client fails.
pub fn run_task<C: Contestant>(task: &Task) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let client = runtime.block_on(C::new(task))?;
    let loads = |numbers| task.shares(numbers).map(|share| client.load(share)).collect::<Outcome<Vec<_>>>();
    let send = |loads: Vec<C::Load>| {
        runtime.block_on(try_join_all(loads.into_iter().map(|load| client.send(load)))).map(|_| ())
    };
    send(loads(task.warm_up())?)?;
    let loads = loads(task.measured())?;
    let meter = Meter::start()?;
    send(loads)?;
    meter.print()
}

/// Runs a client that blocks, with a thread for each connection, and prints what it cost.
///
/// # Errors
///
/// When the command line is wrong, or the client fails.
pub fn run_blocking<C: Sync>(
    make: impl FnOnce(&Task) -> Outcome<C>,
    send: impl Fn(&C, &Task, Range<i64>) -> Outcome + Sync,
) -> Outcome {
    let task = Task::read()?;
    let client = make(&task)?;
    let send_all = |numbers| {
        std::thread::scope(|scope| {
            let (client, task, send) = (&client, &task, &send);
            let threads: Vec<_> =
                task.shares(numbers).map(|share| scope.spawn(move || send(client, task, share))).collect();
            threads
                .into_iter()
                .try_for_each(|thread| thread.join().map_err(|_| "a thread of the client panicked")?)
        })
    };
    send_all(task.warm_up())?;
    let meter = Meter::start()?;
    send_all(task.measured())?;
    meter.print()
}

/// The numbers of the events of each request.
pub fn batches(numbers: Range<i64>, size: usize) -> impl Iterator<Item = Range<i64>> {
    let Range { start, end } = numbers;
    (start..end).step_by(size).map(move |from| from..end.min(from.saturating_add_unsigned(size as u64)))
}
