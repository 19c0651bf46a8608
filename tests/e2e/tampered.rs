//! A store whose timeline somebody changed who holds no key: nothing is added to it, which would seal what they left.

use rusqlite::Connection;

use crate::cli::Place;

const CHAIN: &str = "chain LIKE 'certificate.www#%'";

/// The quickstart with a second certificate, applied.
fn applied() -> Place {
    let place = Place::quickstart();
    let other = "certificate \"other\" {\n  issuer = private_ca.house\n  common_name = \"other.test\"\n}\n";
    place.write("main.cap.hcl", place.read("main.cap.hcl") + other);
    place.expect("apply -auto-approve", 0);
    place
}

/// Both certificates are to have another name.
fn rename(place: &Place, from: &str, to: &str) {
    let text = place.read("main.cap.hcl");
    let text = text.replace(&format!("\"www.{from}\""), &format!("\"www.{to}\""));
    place.write("main.cap.hcl", text.replace(&format!("\"other.{from}\""), &format!("\"other.{to}\"")));
}

fn tamper(place: &Place, statements: &[String]) {
    let store = Connection::open(place.path().join(".cap/state.db")).expect("a database");
    for statement in statements {
        assert!(store.execute(statement, []).expect("it is changed") > 0, "{statement}");
    }
}

fn cut_and_forge(place: &Place) {
    let last = format!("(SELECT max(sequence) FROM links WHERE {CHAIN})");
    let before = format!("(SELECT mac FROM links WHERE {CHAIN} AND sequence = {last})");
    tamper(
        place,
        &[
            format!("DELETE FROM links WHERE {CHAIN} AND sequence = {last}"),
            format!("UPDATE heads SET sequence = {last}, mac = {before}, seal = 'none' WHERE {CHAIN}"),
        ],
    );
}

fn remove_all(place: &Place) {
    tamper(place, &[format!("DELETE FROM links WHERE {CHAIN}"), format!("DELETE FROM heads WHERE {CHAIN}")]);
}

/// The end of the certificate's timeline as it was two changes ago, and all entries as they are.
fn put_an_older_head_back(place: &Place) {
    let store = Connection::open(place.path().join(".cap/state.db")).expect("a database");
    let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, u64>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?));
    let head = store.query_row(&format!("SELECT sequence, mac, seal FROM heads WHERE {CHAIN}"), [], row);
    let (sequence, mac, seal) = head.expect("a head");
    for (from, to) in [("example.test", "later.test"), ("later.test", "example.test")] {
        rename(place, from, to);
        place.expect("apply -auto-approve", 0);
    }
    tamper(place, &[format!("UPDATE heads SET sequence = {sequence}, mac = '{mac}', seal = '{seal}' WHERE {CHAIN}")]);
}

#[test]
fn nothing_is_added_to_a_timeline_that_somebody_changed() {
    for (change, is_wrong) in [
        (cut_and_forge as fn(&Place), "head is forged"),
        (remove_all, "head is missing"),
        (put_an_older_head_back, "an older head was put back"),
    ] {
        let place = applied();
        change(&place);
        let found = place.expect("timeline verify", 1).err;
        // The job fails and those that need it are skipped; the others go on.
        rename(&place, "example.test", "changed.test");
        rename(&place, "test", "changed.test");
        let ran = place.expect("apply -auto-approve", 1);
        ran.reports(is_wrong).reports("cap timeline verify").reports("backup");
        ran.says("certificate.other: Modifications complete").says("1 failed, 1 skipped");
        assert_eq!(place.expect("timeline verify", 1).err, found, "it must not look better than before");
        // What only the store is told is refused as a whole.
        rename(&place, "changed.test", "example.test");
        let text = place.read("main.cap.hcl");
        let kept = text
            .replace("certificate \"www\" {", "certificate \"www\" {\n  lifecycle {\n    prevent_destroy = true\n  }");
        place.write("main.cap.hcl", kept);
        let ran = place.expect("apply -auto-approve -target=certificate.www", 1);
        ran.reports(is_wrong).reports("Nothing was written").reports("cap timeline verify");
        assert_eq!(place.expect("timeline verify", 1).err, found, "it must not look better than before");
    }
}
