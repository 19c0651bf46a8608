//! What `cap timeline` says of a store that somebody has written by hand, and of objects without a timeline.

use rusqlite::Connection;

use super::Place;

/// The quickstart, applied, with a checkpoint of it in `kept`; and its store as whoever can write the file sees it.
fn applied() -> (Place, Connection) {
    let place = Place::quickstart();
    place.expect("apply -auto-approve", 0);
    place.expect("timeline verify -checkpoint=kept", 0);
    let store = Connection::open(place.path().join(".cap/state.db")).expect("a database");
    (place, store)
}

fn execute(store: &Connection, statement: &str) {
    assert!(store.execute(statement, []).expect(statement) > 0, "{statement}");
}

/// Every look at the timeline of the certificate fails with that sentence.
fn is_found(place: &Place, sentence: &str) {
    for line in ["timeline verify", "timeline verify -against=kept", "timeline certificate.www"] {
        place.expect(line, 1).reports("CAP0713").reports("certificate.www").reports(sentence);
    }
}

#[test]
fn what_nobody_has_touched_is_whole() {
    let (place, _) = applied();
    place.expect("timeline verify", 0).says("are whole");
    place.expect("timeline verify -against=kept", 0).says("They go on from where the checkpoint");
    place.expect("timeline certificate.www", 0);
}

#[test]
fn an_entry_that_was_edited_is_found() {
    let (place, store) = applied();
    let edit =
        "UPDATE links SET entry = replace(entry, 'www', 'xxx') WHERE chain LIKE 'certificate.www#%' AND sequence = 2";
    execute(&store, edit);
    is_found(&place, "entry 2: it was edited");
}

#[test]
fn an_entry_that_was_cut_out_is_found() {
    let (place, store) = applied();
    execute(&store, "DELETE FROM links WHERE chain LIKE 'certificate.www#%' AND sequence = 2");
    is_found(&place, "entry 2: it is missing, and later entries are there");
}

#[test]
fn the_last_entry_that_was_cut_off_is_found() {
    let (place, store) = applied();
    let last = "(SELECT max(sequence) FROM links WHERE chain LIKE 'certificate.www#%')";
    execute(&store, &format!("DELETE FROM links WHERE chain LIKE 'certificate.www#%' AND sequence = {last}"));
    is_found(&place, "it and what follows was cut off");
}

/// The store alone does not tell a shorter life from an earlier one; what is kept elsewhere does.
#[test]
fn a_chain_that_was_put_back_as_it_was_before_is_found_by_the_checkpoint() {
    let (place, store) = applied();
    store
        .execute_batch("CREATE TABLE l AS SELECT * FROM links; CREATE TABLE h AS SELECT * FROM heads")
        .expect("a copy");
    place.expect("apply -auto-approve -replace=certificate.www", 0);
    place.expect("timeline verify -checkpoint=later", 0);
    store
        .execute_batch(
            "DELETE FROM links; INSERT INTO links SELECT * FROM l; DELETE FROM heads; INSERT INTO heads SELECT * FROM h; \
             DROP TABLE l; DROP TABLE h",
        )
        .expect("it is put back");
    place.expect("timeline verify", 0);
    place.expect("timeline verify -against=kept", 0);
    place.expect("timeline verify -against=later", 1).reports("CAP0713").reports("certificate.www");
}

#[test]
fn what_has_no_timeline_is_told_from_what_is_not_there() {
    let (place, _) = applied();
    let without = place.expect("timeline private_ca.house", 1);
    without.reports("private_ca.house has no timeline: certificates have one, and so have their deployments.");
    assert!(!without.err.contains("Did you mean"), "{}", without.err);
    place.expect("timeline private_ca.hause", 1).reports("no record").reports("Did you mean private_ca.house?");
    place.expect("timeline certificate.www@file_target.local", 0);
}
