//! A model of delivery, held against memory and against a file: after whatever is reported, flushed, forgotten, sent again,
//! while the server fails in every way, and over restarts and crashes, the counts add up after every step, and in the end
//! every item that was taken has arrived, or is where the model knows it to be.
//!
//! A crash of memory is that the program lets go of its reporter: what was there is gone, and the tickets say so. A crash of
//! a file is SIGKILL to the process that has it, once between two steps and once while it reports: so the reporter and its
//! outbox live in a child, which is this program again and takes commands by its standard input.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod program;
#[cfg(all(unix, feature = "sqlite"))]
mod remote;
#[path = "../support/mod.rs"]
mod support;
mod system;

use std::marker::PhantomData;

use program::Program;
use proptest::{prelude::*, strategy::BoxedStrategy, test_runner::Config};
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest};
#[cfg(all(unix, feature = "sqlite"))]
use remote::Remote;
use system::{Engine, System};

/// What happens.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// So many events of a user.
    Report {
        user: usize,
        events: usize,
    },
    TryReport {
        user: usize,
    },
    Consent {
        user: usize,
        value: bool,
    },
    Fault(Trouble),
    /// With a deadline in milliseconds.
    Flush(u64),
    Forget {
        user: usize,
    },
    SendAgain,
    DropDeadLetter,
    /// With a deadline in milliseconds.
    Restart(u64),
    Crash,
    CrashWhileReporting {
        user: usize,
        events: usize,
    },
}

/// What the server does to the next requests.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Trouble {
    Unavailable,
    ClosesAfter,
    ClosesBefore,
    Unauthorized,
    RejectsSome,
    RefusesWhole,
    Unreadable,
    Slow,
    None,
}

/// All that is to be known for choosing steps: nothing. What the system is held against, it keeps itself.
struct Steps;

impl ReferenceStateMachine for Steps {
    type State = ();
    type Transition = Step;

    fn init_state() -> BoxedStrategy<()> {
        Just(()).boxed()
    }

    fn transitions((): &()) -> BoxedStrategy<Step> {
        use Trouble::{
            ClosesAfter, ClosesBefore, RefusesWhole, RejectsSome, Slow, Unauthorized, Unavailable, Unreadable,
        };

        let user = 0..5_usize;
        let troubles = vec![
            Unavailable,
            ClosesAfter,
            ClosesBefore,
            Unauthorized,
            RejectsSome,
            RefusesWhole,
            Unreadable,
            Slow,
            Trouble::None,
        ];
        prop_oneof![
            6 => (user.clone(), 1..12_usize).prop_map(|(user, events)| Step::Report { user, events }),
            2 => user.clone().prop_map(|user| Step::TryReport { user }),
            3 => (user.clone(), any::<bool>()).prop_map(|(user, value)| Step::Consent { user, value }),
            5 => prop::sample::select(troubles).prop_map(Step::Fault),
            3 => prop::sample::select(vec![0, 20, 200]).prop_map(Step::Flush),
            1 => user.clone().prop_map(|user| Step::Forget { user }),
            2 => Just(Step::SendAgain),
            1 => Just(Step::DropDeadLetter),
            1 => prop::sample::select(vec![0, 20, 200]).prop_map(Step::Restart),
            1 => Just(Step::Crash),
            1 => (user, 1..40_usize).prop_map(|(user, events)| Step::CrashWhileReporting { user, events }),
        ]
        .boxed()
    }

    fn apply((): (), _: &Step) {}
}

struct Model<E>(PhantomData<E>);

impl<E: Engine> StateMachineTest for Model<E> {
    type SystemUnderTest = System<E>;
    type Reference = Steps;

    fn init_test((): &()) -> System<E> {
        System::new()
    }

    fn apply(mut system: System<E>, (): &(), step: Step) -> System<E> {
        system.apply(&step);
        system
    }

    fn check_invariants(_: &System<E>, (): &()) {
        // `apply` does, which may ask the system.
    }

    fn teardown(system: System<E>, (): ()) {
        system.end();
    }
}

fn config(cases: u32) -> Config {
    Config { cases, failure_persistence: None, max_shrink_iters: 200, ..Config::default() }
}

proptest_state_machine::prop_state_machine! {
    #![proptest_config(config(24))]
    #[test]
    fn memory_keeps_to_the_model(sequential 1..25 => Model<Program>);
}

#[cfg(all(unix, feature = "sqlite"))]
proptest_state_machine::prop_state_machine! {
    #![proptest_config(config(8))]
    #[test]
    fn a_file_keeps_to_the_model(sequential 1..25 => Model<Remote>);
}
