//! Codes of plans: cycles, saved plans, staleness: CAP04xx.

use super::codes;

codes! {
    401 CYCLE "Cycle": "Resources depend on each other in a circle, so no order exists in which they can be made.";
}
