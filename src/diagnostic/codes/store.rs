//! Codes of stores: opening, versions, keys, locks: CAP05xx.

use super::codes;

codes! {
    501 STORE_UNREACHABLE "Store cannot be opened": "The store named by -store, CAP_STORE or the cap block cannot be opened.";
}
