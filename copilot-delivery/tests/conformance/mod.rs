//! What every outbox promises, held against any engine by the trait alone.
//!
//! An engine is demanded what its [`Abilities`] declare. Add a promise to [`PROMISES`]; add an engine by the trait [`Engine`].

mod ending;
mod held;
mod items;
mod leasing;
mod letters;
mod order;
mod removing;
mod room;

use std::{pin::Pin, sync::Arc, time::Duration};

use copilot_delivery::{
    Outbox,
    outbox::{Abilities, Owner},
};

/// How long a promise may take. What hangs is broken.
const PATIENCE: Duration = Duration::from_secs(60);

/// A kind of outbox.
#[async_trait::async_trait]
pub(crate) trait Engine: Send + Sync + 'static {
    /// A new, empty one, with room for so many items and so many bytes.
    async fn fresh(&self, items: u64, bytes: u64) -> Arc<dyn Outbox>;

    /// That one again, as the next process finds it. Only durable engines are asked.
    async fn reopen(&self, outbox: Arc<dyn Outbox>) -> Arc<dyn Outbox>;
}

type Promise = fn(Arc<dyn Engine>) -> Pin<Box<dyn Future<Output = ()> + Send>>;

/// A promise, and of which engines it is demanded.
struct Row {
    name: &'static str,
    demanded: fn(Abilities) -> bool,
    promise: Promise,
}

macro_rules! promises {
    ($($module:ident::$name:ident if $demanded:expr;)*) => {
        &[$(Row {
            name: stringify!($name),
            demanded: $demanded,
            promise: |engine| Box::pin($module::$name(engine)),
        }),*]
    };
}

const PROMISES: &[Row] = promises! {
    order::what_comes_out_is_what_was_put_in if |_| true;
    order::items_of_a_lane_come_out_in_their_order if |_| true;
    order::the_lane_that_waits_longest_comes_first if |of| !of.shared;
    order::released_items_keep_their_place if |_| true;
    order::a_lease_holds_one_kind_and_never_overtakes_the_other if |_| true;
    order::many_at_once_each_item_comes_out_once_and_in_order if |_| true;
    leasing::a_leased_lane_is_nobody_elses if |_| true;
    leasing::only_the_lanes_that_were_asked_for_are_leased if |_| true;
    leasing::a_lease_is_settled_once if |_| true;
    leasing::a_later_lease_of_a_lane_has_a_greater_fence if |_| true;
    leasing::few_items_linger if |_| true;
    leasing::many_items_or_bytes_do_not_linger if |_| true;
    leasing::a_lease_holds_at_most_so_many_items if |_| true;
    leasing::a_lease_holds_at_most_so_many_bytes if |_| true;
    leasing::a_lease_that_runs_out_is_lost if |of| of.shared;
    room::a_full_outbox_gives_the_item_back if |of| of.counts_all;
    room::settling_makes_room_and_says_so if |of| of.counts_all;
    room::bytes_bound_it_and_one_large_item_is_taken if |of| of.counts_all;
    room::who_found_too_little_is_told_when_there_is_enough if |_| true;
    ending::every_item_is_pending_or_has_ended if |of| of.counts_all;
    ending::first_last_and_oldest_tell_what_waits if |of| of.counts_all;
    ending::bound_to_one_owner if |of| of.durable;
    ending::closed_it_takes_nothing_and_gives_back_what_it_does_not_keep if |_| true;
    ending::reopened_it_has_everything if |of| of.durable;
    letters::what_was_refused_is_listed_with_its_reason if |of| of.dead_letters;
    letters::a_dead_letter_goes_back_to_the_end_of_its_lane if |of| of.dead_letters;
    letters::a_dead_letter_can_be_mended if |of| of.dead_letters;
    letters::a_dead_letter_stays_when_there_is_no_room if |of| of.dead_letters;
    letters::dropped_dead_letters_are_gone if |of| of.dead_letters;
    removing::forgetting_removes_a_user_and_nobody_else if |of| of.forgets;
    removing::forgetting_keeps_the_deletion_and_the_newest_consent if |of| of.forgets;
    removing::what_is_forgotten_never_becomes_a_dead_letter if |of| of.forgets && of.dead_letters;
    removing::forgetting_waits_for_what_is_on_its_way if |of| of.forgets;
    removing::what_is_too_old_goes_and_consent_stays if |of| of.retains;
    removing::what_is_too_much_goes_dead_letters_first if |of| of.retains;
    removing::nothing_is_removed_that_is_on_its_way if |of| of.retains;
};

/// Holds an engine against all that it declares. Panics with the names of the promises that it breaks.
pub(crate) fn hold(engine: impl Engine) {
    let engine: Arc<dyn Engine> = Arc::new(engine);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let abilities = runtime.block_on(async {
        let outbox = engine.fresh(1, 1).await;
        outbox.close().await;
        outbox.abilities()
    });
    let mut broken = Vec::new();
    for Row { name, demanded, promise } in PROMISES {
        if !demanded(abilities) {
            continue;
        }
        let kept = runtime.block_on(async {
            let promise = tokio::spawn(promise(Arc::clone(&engine)));
            tokio::time::timeout(PATIENCE, promise).await
        });
        match kept {
            Ok(Ok(())) => (),
            Ok(Err(_)) => broken.push((*name).to_owned()),
            Err(_) => broken.push(format!("{name}, which hangs")),
        }
    }
    assert!(broken.is_empty(), "broken promises: {broken:#?}");
}

/// Whose the outboxes of this suite are.
fn owner(client_id: &str) -> Owner {
    Owner { client_id: client_id.to_owned(), endpoint: "https://localhost/v2/collect".to_owned() }
}
