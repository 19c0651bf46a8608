//! The suite of the port `Store`: each case runs over memory, SQLite (files of earlier versions too) and MongoDB, on a fresh store of its own.

mod applies;
mod concurrency;
mod crash;
mod earlier;
mod fixtures;
mod jobs;
mod memory;
pub mod mongodb;
mod proxy;
mod sqlite;
mod timeline;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use cap::ports::store::Store;

/// What opens one more handle on the store.
type Open = dyn Fn() -> Pin<Box<dyn Future<Output = Arc<dyn Store>> + Send>> + Send + Sync;

/// One store under test, which can be opened again and again.
pub struct Subject {
    open: Box<Open>,
    /// Whatever has to outlive the store.
    _keep: Box<dyn Send + Sync>,
}

impl Subject {
    fn new<F>(keep: impl Send + Sync + 'static, open: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Arc<dyn Store>> + Send + 'static,
    {
        Self { open: Box::new(move || Box::pin(open())), _keep: Box::new(keep) }
    }

    /// One more handle, as another process would have it.
    pub async fn open(&self) -> Arc<dyn Store> {
        (self.open)().await
    }
}

fn run(work: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(work);
}

/// Makes a test of each case over each store.
macro_rules! suite {
    ($($module:ident: $($case:ident)*;)*) => {
        macro_rules! over {
            ($store:ident) => {$($(
                #[test]
                fn $case() {
                    if let Some(subject) = super::$store::subject(stringify!($case)) {
                        super::run(super::$module::$case(subject));
                    }
                }
            )*)*};
        }
        mod over_memory { over!(memory); }
        mod over_sqlite { over!(sqlite); }
        mod over_sqlite_of_earlier_versions { over!(earlier); }
        mod over_mongodb { over!(mongodb); }
    };
}

suite! {
    applies:
        a_submission_is_seen_by_whoever_opens_the_store
        a_submission_repeated_changes_nothing
        a_stale_submission_names_what_changed_and_writes_nothing
        a_claimed_record_is_left_to_its_job
        a_record_moves_and_is_removed
        an_apply_changes_the_outputs_that_it_names
        an_apply_begins_only_under_its_lock
        thousands_of_records_go_in_one_submission
        a_submission_is_not_bounded_by_one_document;
    jobs:
        jobs_come_in_the_order_they_were_submitted
        a_lease_excludes_others_until_it_runs_out
        a_renewed_lease_lasts_and_a_lost_one_cannot_be_renewed
        a_move_writes_all_that_follows_from_it
        a_move_repeated_changes_nothing
        a_move_like_one_of_an_earlier_lease_is_another
        a_stale_move_writes_nothing
        a_worker_that_lost_its_lease_cannot_write
        the_next_job_is_leased_with_the_last_move_of_the_one_before
        a_final_job_is_over
        leases_of_a_dead_worker_are_void_at_once
        a_withdrawn_job_gives_up_its_claims
        a_job_that_is_not_there_is_named;
    timeline:
        an_identity_is_given_once
        a_key_check_is_set_by_whoever_knows_the_one_before
        events_are_paged_and_filtered_in_order
        an_event_is_recorded_once
        chains_grow_only_at_their_end
        a_chain_that_goes_on_behind_its_end_does_not_grow
        a_chain_with_a_gap_behind_its_end_does_not_grow
        sealed_secrets_are_kept_unless_replaced
        a_lock_is_held_by_one
        a_lock_goes_from_hand_to_hand
        a_lock_runs_out;
    concurrency:
        two_handles_see_each_other
        eight_workers_take_each_job_once
        of_rival_submissions_one_wins
        submissions_side_by_side_all_arrive;
}
