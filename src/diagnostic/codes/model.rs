//! Codes of the domain: kinds, references, zones, slots, policy: CAP03xx.

use super::codes;

codes! {
    301 UNKNOWN_KIND "Unsupported block type": "No kind of resource has this name.";
}
