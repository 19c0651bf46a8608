//! Codes of apply: jobs, issuers, DNS, targets: CAP06xx.

use super::codes;

codes! {
    601 JOB_FAILED "Job failed": "A step of the plan could not be carried out.";
}
