//! Codes of stores: opening, versions, keys, locks: CAP05xx.

use super::codes;

codes! {
    501 STORE_UNREACHABLE "Store cannot be opened": "The store named by -store, CAP_STORE or the cap block cannot be opened.";
    502 STORE_FAILED "Store failed": "The store was opened but did not answer a request. What was written before is whole; running the command again is safe.";
    503 NO_SUCH_RECORD "No such record": "The store holds nothing under this address or name.";
    504 LOCKED "Error acquiring the state lock": "Another apply holds the store's lock. It is a lease: it ends by itself when its holder dies.";
    505 KEY_REFUSED "Key-encryption key refused": "What the store keeps sealed can only be opened with the key-encryption key that it was made with. The key is missing, cannot be read, or is another one. Nothing was written.";
}
