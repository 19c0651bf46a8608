//! `cap fmt` as scripts use it: exit codes, what is printed, what is written.

use std::os::unix::fs::PermissionsExt as _;

use super::Place;

const UGLY: &str = "zone \"a\" {\napex=\"example.com\" # c\n}\n";
const NEAT: &str = "zone \"a\" {\n  apex = \"example.com\" # c\n}\n";

fn place() -> Place {
    let place = Place::new();
    place.write("a.cap.hcl", UGLY);
    place.write("b.cap.hcl", NEAT);
    place.write("notes.txt", UGLY);
    place.write("below/c.capvars", "a=1\n");
    place.write(".hidden/d.cap.hcl", UGLY);
    place
}

#[test]
fn files_are_written_and_named() {
    let place = place();
    std::fs::set_permissions(place.path().join("a.cap.hcl"), std::fs::Permissions::from_mode(0o604)).expect("a mode");
    assert_eq!(place.expect("fmt", 0).out, "a.cap.hcl\n");
    assert_eq!(place.read("a.cap.hcl"), NEAT);
    let mode = std::fs::metadata(place.path().join("a.cap.hcl")).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o604, "the permissions stay");
    assert_eq!((place.read("notes.txt"), place.read("below/c.capvars")), (UGLY.to_owned(), "a=1\n".to_owned()));
    assert_eq!(place.expect("fmt -recursive", 0).out, "below/c.capvars\n");
    assert_eq!(place.read(".hidden/d.cap.hcl"), UGLY);
    assert_eq!(place.expect("fmt -recursive -check", 0).out, "");
}

#[test]
fn a_check_writes_nothing_and_exits_with_three() {
    let place = place();
    assert_eq!(place.expect("fmt -check", 3).out, "a.cap.hcl\n");
    assert_eq!(place.expect("fmt -check -list=false", 3).out, "");
    assert_eq!(place.expect("fmt -check b.cap.hcl", 0).out, "");
    let ran = place.expect("fmt -write=false -diff -list=false a.cap.hcl", 0);
    assert_eq!(
        ran.out,
        "--- old/a.cap.hcl\n+++ new/a.cap.hcl\n@@ -1,3 +1,3 @@\n zone \"a\" {\n-apex=\"example.com\" # c\n+  apex = \
         \"example.com\" # c\n }\n"
    );
    assert_eq!(place.read("a.cap.hcl"), UGLY);
}

#[test]
fn a_file_that_does_not_parse_is_left_alone() {
    let place = place();
    place.write("broken.cap.hcl", "zone \"a\" {\n");
    let ran = place.expect("fmt", 2);
    assert!(ran.err.contains("broken.cap.hcl:"), "{}", ran.err);
    assert_eq!((ran.out.as_str(), place.read("broken.cap.hcl").as_str()), ("a.cap.hcl\n", "zone \"a\" {\n"));
    assert!(place.expect("fmt none.cap.hcl", 2).err.contains("none.cap.hcl"));
}

#[test]
fn standard_input_goes_to_standard_output() {
    let pipe = |line: &str, text: &str| Place::new().piped(line, text);
    let ran = pipe("fmt -", UGLY);
    assert_eq!((ran.code, ran.out.as_str()), (0, NEAT));
    let ran = pipe("fmt -check -", UGLY);
    assert_eq!((ran.code, ran.out.as_str()), (3, ""));
    let ran = pipe("fmt -", "a = [");
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains("<stdin>:1"), "{}", ran.err);
}
