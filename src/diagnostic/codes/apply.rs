//! Codes of apply: jobs, issuers, DNS, targets: CAP06xx.

use super::codes;

codes! {
    601 JOB_FAILED "Job failed": "A step of the plan could not be carried out.";
    602 JOB_WAITS "Job waits": "A job may not go on yet: a rate limit, or a validation that failed and is tried again later. It is recorded where it stands; `cap jobs resume` or the next apply takes it up.";
}
