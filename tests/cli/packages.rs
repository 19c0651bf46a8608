//! Modules from elsewhere: got from git and from archives, locked, verified whenever they are read, and never got by any
//! other command than `cap get`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use cap::digest::Digest;

use super::{Place, Ran};

fn git(directory: &Path, line: &str) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"])
        .args(line.split_whitespace())
        .current_dir(directory)
        .env("HOME", directory)
        .output()
        .expect("git runs");
    assert!(output.status.success(), "git {line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
}

const MEMBER: &str = concat!(
    "variable \"name\" {}\nmodule \"inner\" {\n  source = \"../inner\"\n  name   = var.name\n}\n",
    "output \"email\" {\n  value = module.inner.email\n}\n",
);

fn inner(domain: &str) -> String {
    format!(
        "variable \"name\" {{}}\nmember \"m\" {{\n  email = \"${{var.name}}@{domain}\"\n}}\noutput \"email\" {{\n  value = member.m.email\n}}\n"
    )
}

/// A place with a repository that holds two modules, tagged `v1`.
fn with_repository() -> (Place, String) {
    let place = Place::new();
    place.write("repo/modules/member/main.cap.hcl", MEMBER);
    place.write("repo/modules/inner/main.cap.hcl", inner("one.example"));
    let repository = place.path().join("repo");
    for line in ["init -q", "add .", "commit -q -m one", "tag v1"] {
        git(&repository, line);
    }
    let source = format!("git::file://{}", repository.display());
    (place, source)
}

fn estate(place: &Place, source: &str) {
    place.write("estate/main.cap.hcl", format!("module \"a\" {{\n  source = \"{source}\"\n  name   = \"a\"\n}}\n"));
}

fn cap(place: &Place, line: &str, code: i32) -> Ran {
    let ran = Ran::of(place.command(line).current_dir(place.path().join("estate")).output().expect("cap runs"));
    assert_eq!(ran.code, code, "cap {line}\n{}{}", ran.out, ran.err);
    ran
}

#[test]
fn a_repository_is_got_locked_and_verified() {
    let (place, source) = with_repository();
    estate(&place, &format!("{source}//modules/member?ref=v1"));
    cap(&place, "plan", 1).reports("was not got yet").reports("Run `cap get`").reports("main.cap.hcl:2:12");
    cap(&place, "get", 0).says("Downloading git::file://").says(".cap/modules/repo-");
    let lock = place.read("estate/.cap.lock.hcl");
    assert!(lock.contains(&format!("module \"{source}?ref=v1\" {{")), "{lock}");
    let commit = git(&place.path().join("repo"), "rev-parse HEAD");
    assert!(lock.contains(&format!("commit = \"{commit}\"")) && lock.contains("hash   = \"h1:"), "{lock}");
    cap(&place, "plan", 0).says("# module.a.module.inner.member.m will be created").says("a@one.example");

    // What is there is not got again, and git is not asked.
    std::fs::rename(place.path().join("repo"), place.path().join("away")).expect("renamed");
    cap(&place, "get", 0).says("is in .cap/modules/repo-");
    cap(&place, "plan", 0);
    std::fs::rename(place.path().join("away"), place.path().join("repo")).expect("renamed");

    let package = std::fs::read_dir(place.path().join("estate/.cap/modules")).expect("packages").flatten().next();
    let package = package.expect("a package").path();
    assert!(!package.join(".git").exists());
    std::fs::write(package.join("modules/inner/main.cap.hcl"), inner("evil.example")).expect("edited");
    cap(&place, "plan", 1).reports("is not what .cap.lock.hcl names");
    cap(&place, "get", 0).says("Downloading");
    cap(&place, "plan", 0).says("a@one.example");
    std::fs::remove_file(place.path().join("estate/.cap.lock.hcl")).expect("removed");
    cap(&place, "plan", 1).reports(".cap.lock.hcl does not name").reports("Run `cap get`");
}

#[test]
fn the_lock_holds_against_a_tag_that_moves() {
    let (place, source) = with_repository();
    estate(&place, &format!("{source}//modules/member?ref=v1"));
    cap(&place, "get", 0);
    let repository = place.path().join("repo");
    place.write("repo/modules/inner/main.cap.hcl", inner("two.example"));
    for line in ["commit -q -a -m two", "tag -f v1"] {
        git(&repository, line);
    }
    // A fresh checkout gets the commit that is locked.
    std::fs::remove_dir_all(place.path().join("estate/.cap")).expect("removed");
    cap(&place, "get", 0);
    cap(&place, "plan", 0).says("a@one.example");
    cap(&place, "get -update", 0).says("Downloading");
    cap(&place, "plan", 0).says("a@two.example");
    // A lock whose hash is another one is not overruled silently.
    let lock = place.read("estate/.cap.lock.hcl");
    let start = lock.find("h1:").expect("a hash") + 3;
    place.write("estate/.cap.lock.hcl", format!("{}AAAA{}", &lock[..start], &lock[start + 4..]));
    cap(&place, "get", 1)
        .reports("is not what .cap.lock.hcl names")
        .reports("`cap get -update` takes what is there now");
}

#[test]
fn references_are_branches_tags_and_commits() {
    let (place, source) = with_repository();
    let repository = place.path().join("repo");
    let first = git(&repository, "rev-parse HEAD");
    git(&repository, "checkout -q -b feature/x");
    place.write("repo/modules/inner/main.cap.hcl", inner("branch.example"));
    git(&repository, "commit -q -a -m branch");
    git(&repository, "checkout -q main");
    for (reference, domain) in
        [(String::new(), "one"), ("?ref=feature/x".to_owned(), "branch"), (format!("?ref={first}"), "one")]
    {
        estate(&place, &format!("{source}//modules/member{reference}"));
        cap(&place, "get", 0);
        cap(&place, "plan", 0).says(&format!("a@{domain}.example"));
    }
    // A commit is itself, whatever a tag is called.
    git(&repository, &format!("tag {first} feature/x"));
    estate(&place, &format!("{source}//modules/member?ref={first}"));
    cap(&place, "get -update", 0);
    cap(&place, "plan", 0).says("a@one.example");
    estate(&place, &format!("{source}//modules/member?ref=nothing"));
    cap(&place, "get", 1).reports("no branch, tag or commit \"nothing\"").reports("main.cap.hcl:2:12");
    estate(&place, &format!("{source}//absent?ref=v1"));
    cap(&place, "get", 1).reports("absent");
    // What is not called any more is not locked any more.
    estate(&place, &format!("{source}//modules/member?ref=v1"));
    cap(&place, "get", 0);
    assert_eq!(place.read("estate/.cap.lock.hcl").matches("module ").count(), 1);
}

#[test]
fn packages_call_packages_and_stay_within_themselves() {
    let (place, source) = with_repository();
    let outer = |inner: &str| {
        let text = format!("module \"b\" {{\n  source = \"{inner}\"\n  name   = \"b\"\n}}\n");
        place.write("outer/main.cap.hcl", text);
        let repository = place.path().join("outer");
        let first = !repository.join(".git").exists();
        for line in if first { &["init -q", "add .", "commit -q -m x"][..] } else { &["commit -q -a -m y"][..] } {
            git(&repository, line);
        }
    };
    outer(&format!("{source}//modules/member?ref=v1"));
    let text = format!("module \"a\" {{\n  source = \"git::file://{}\"\n}}\n", place.path().join("outer").display());
    place.write("estate/main.cap.hcl", text);
    cap(&place, "get", 0);
    assert_eq!(place.read("estate/.cap.lock.hcl").matches("module ").count(), 2);
    cap(&place, "plan", 0).says("# module.a.module.b.module.inner.member.m will be created");
    outer("../../..");
    cap(&place, "get -update", 0);
    cap(&place, "plan", 1).reports("leads out of the package");
}

#[test]
fn a_link_in_a_repository_is_refused() {
    let (place, source) = with_repository();
    std::os::unix::fs::symlink("/etc/passwd", place.path().join("repo/link")).expect("a link");
    git(&place.path().join("repo"), "add .");
    git(&place.path().join("repo"), "commit -q -m link");
    estate(&place, &format!("{source}//modules/member"));
    cap(&place, "get", 1).reports("link is neither a file nor a directory");
    assert!(!place.path().join("estate/.cap.lock.hcl").exists());
    assert_eq!(std::fs::read_dir(place.path().join("estate/.cap/modules")).expect("a directory").count(), 0);
}

/// Serves one answer after the other, and returns the address.
fn serving(answers: Vec<Vec<u8>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().expect("a client");
            let mut lines = BufReader::new(stream.try_clone().expect("a stream")).lines();
            while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            // A client that is content with less may be gone.
            let _ = stream.write_all(&answer);
        }
    });
    address
}

#[test]
fn archives_are_held_to_their_checksum() {
    let place = Place::new();
    place.write("modules/inner/main.cap.hcl", inner("archive.example"));
    let made = Command::new("tar").args(["-czf", "m.tar.gz", "modules"]).current_dir(place.path()).status();
    assert!(made.expect("tar runs").success());
    let bytes = std::fs::read(place.path().join("m.tar.gz")).expect("an archive");
    let sum = Digest::of(&bytes);
    estate(&place, &format!("file://{}/m.tar.gz//modules/inner?checksum=sha256:{sum}", place.path().display()));
    cap(&place, "get", 0);
    cap(&place, "plan", 0).says("a@archive.example");

    // As Info-ZIP makes them.
    let zipped = include_bytes!("../../fixtures/packages/infozip.zip");
    std::fs::write(place.path().join("m.zip"), zipped).expect("written");
    let sum_of_zip = Digest::of(zipped);
    estate(&place, &format!("file://{}/m.zip//modules/inner?checksum=sha256:{sum_of_zip}", place.path().display()));
    cap(&place, "get", 0);
    cap(&place, "plan", 0).says("a@archive.example");

    let answer = |head: &str, body: &[u8]| {
        let mut answer =
            format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len()).into_bytes();
        answer.extend_from_slice(body);
        answer
    };
    let address = serving(vec![answer("302 Found\r\nLocation: /other.tar.gz", b""), answer("200 OK", &bytes)]);
    estate(&place, &format!("http://{address}/m.tar.gz//modules/inner?checksum=sha256:{sum}"));
    cap(&place, "get", 0);
    cap(&place, "plan", 0).says("a@archive.example");
    let address = serving(vec![answer("200 OK", b"something else"), answer("404 Not Found", b"")]);
    estate(&place, &format!("http://{address}/m.tar.gz//modules/inner?checksum=sha256:{sum}"));
    cap(&place, "get", 1).reports("its checksum is sha256:");
    cap(&place, "get", 1).reports("answers 404 Not Found");
    estate(&place, "https://x.example/m.tar.gz");
    cap(&place, "validate", 1).reports("An archive needs its checksum").reports("main.cap.hcl:2:12");
}
