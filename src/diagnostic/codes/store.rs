//! Codes of stores: opening, versions, keys, locks: CAP05xx.

use super::codes;

codes! {
    AREA "Stores";

    501 STORE_UNREACHABLE "Store cannot be opened": "The store named by -store, CAP_STORE or the cap block cannot be opened.";
        fails r#"
            $ cap state list -store=postgres://db/cap
        "# remedy "Name a store of a kind there is, sqlite:PATH or mongodb://…, and see that it can be reached." mended r#"
            member "alice" {
              email = "alice@example.com"
            }
            $ cap apply -auto-approve -store=sqlite:team.db
            $ cap state list -store=sqlite:team.db
        "#;
    502 STORE_FAILED "Store failed": "The store was opened but did not answer a request. What was written before is whole.";
        happens "The disk is full, or the connection to the database broke."
        remedy "Mend that and run the command again, which is safe.";
    503 NO_SUCH_RECORD "No such record": "The store holds nothing under this address or name.";
        fails r#"
            member "alice" {
              email = "alice@example.com"
            }
            $ cap apply -auto-approve
            $ cap state show member.alicia
        "# remedy "Check its spelling; `cap state list`, `cap output` and `cap jobs list` show what there is." mended r#"
            member "alice" {
              email = "alice@example.com"
            }
            $ cap apply -auto-approve
            $ cap state show member.alice
        "#;
    504 LOCKED "Error acquiring the state lock": "Another apply holds the store's lock. It is a lease: it ends by itself when its holder dies.";
        happens "Two people, or a person and a timer, apply at once."
        remedy "Wait, or let cap wait with -lock-timeout=5m. A lock that is known to be dead is broken with `cap force-unlock`.";
    505 KEY_REFUSED "Key-encryption key refused": "What the store keeps sealed can only be opened with the key-encryption key that it was made with. The key is missing, cannot be read, or is another one. Nothing was written.";
        fails r#"
            member "alice" {
              email = "alice@example.com"
            }
            $ cap apply -auto-approve
            -- .cap/encryption.v2.key --
            no key
            $ cap plan
        "# remedy "Give back the key that the store was made with: in CAP_ENCRYPTION_KEY_V1, or as encryption.v1.key beside the store." mended r#"
            member "alice" {
              email = "alice@example.com"
            }
            $ cap apply -auto-approve
            $ cap plan
        "#;
    506 LOCK_LOST "Lock lost": "The lock under which an apply was to begin is not its own any more, so it does not begin: another one may have.";
        happens "`cap force-unlock` broke it while the apply waited for an answer, or the machine slept meanwhile."
        remedy "Plan and apply again.";
}
