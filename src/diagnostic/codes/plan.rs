//! Codes of plans: cycles, saved plans, staleness: CAP04xx.

use super::codes;

codes! {
    401 CYCLE "Cycle": "Resources depend on each other in a circle, so no order exists in which they can be made.";
    402 PROTECTED "Instance cannot be destroyed": "Its block sets prevent_destroy, or did so when it was last applied: the protection is kept with the record, so that it outlives the block. What is protected stays, and the rest of the plan is shown beside it.";
    403 BUSY "A job is still working on it": "The record is claimed by a job that has not come to its end. Finish the job with `cap jobs resume`, or withdraw it with `cap jobs cancel`; then plan again.";
    404 UNREADABLE_SLOT "Target cannot be read": "Refresh could not see what a target holds. That is not taken for absence: nothing is planned because of it.";
    405 NO_MATCH "No such address": "A pattern of -target, -exclude or -replace matches nothing that is configured or recorded.";
    406 PLAN_DAMAGED "Plan file cannot be read": "The file is no plan, or its content is not what was written: its digest does not match. Make the plan again.";
    407 PLAN_VERSION "Plan file of another version": "The file was written by a version of cap whose plans this one does not read. Make the plan again with the version that applies it.";
    408 STALE "Saved plan is stale": "The given plan file can no longer be applied because a resource in it was changed by another operation after the plan was created. Resources that are not in the plan may have changed.";
    410 UNMOVED "Unresolved resource instance address changes": "A moved block gives an object an address that another one has. The object stays where it was.";
    409 APPROVAL_NEEDED "Approval is needed": "An approval policy of the project makes this operation wait for an approval, and this version cannot take one. It refuses rather than go on without.";
}
