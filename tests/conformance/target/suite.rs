//! What every target that puts files on a machine must do, besides what every target must.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use cap::job::ErrorClass;
use cap::observed::SlotContent;
use cap::ports::target::{Bundle, Cleared, Holder, Target};
use serde_json::json;

use super::contract::{Subject, contract};
use super::fixtures::{Layout, Place, bundle, fault, holder, in_place, layouts, snapshot};
use crate::peers::{Outcome, Scratch, report};

/// The whole suite, over the layouts of these numbers.
pub async fn suite(place: &Place, numbers: &[usize]) {
    let scratch = Scratch::new("target");
    let all = layouts(&scratch);
    for layout in numbers.iter().map(|number| &all[*number]) {
        contract(&Files { place, layout }).await;
        no_more_is_kept_than_it_takes_to_go_back(place, layout).await;
        faults_are_seen_and_repaired(place, layout).await;
        modes_are_as_asked(place, layout).await;
        a_failing_test_stops_and_goes_back(place, layout, &scratch).await;
        a_certificate_may_come_without_its_key(place, layout).await;
        what_others_put_there_stays(place, layout).await;
        what_bears_no_name_is_known_by_its_leaf(place, layout).await;
    }
    links_are_not_written_through(place, &scratch).await;
    a_version_put_in_force_by_others_stays(place, &scratch).await;
    only_files_are_given_away(place, &all[0]).await;
    a_command_that_will_not_end_is_killed(place, &all[0], &scratch).await;
}

/// A slot of files.
struct Files<'a> {
    place: &'a Place,
    layout: &'a Layout,
}

#[async_trait]
impl Subject for Files<'_> {
    async fn target(&self) -> Arc<dyn Target> {
        self.place.target(self.layout.block.clone(), json!({})).await
    }

    async fn refusing(&self) -> Arc<dyn Target> {
        self.place.target(self.layout.block.clone(), json!({"reload": ["false"]})).await
    }

    fn holds(&self, bundle: &Bundle) -> bool {
        holds(self.layout, bundle)
    }

    fn trace(&self) -> String {
        format!("{:?}", snapshot(folder(self.layout)))
    }

    fn is_clear(&self) -> bool {
        files_below(folder(self.layout)).is_empty()
    }
}

/// The user that files are given to.
pub const NOBODY: u32 = 65534;

/// Who owned a directory could put links in place of the files that root is about to work on.
async fn only_files_are_given_away(place: &Place, layout: &Layout) {
    let me = folder(layout).metadata().expect("a folder").uid();
    if me != 0 {
        let why = "the tests do not run as root, so files cannot be given away".to_owned();
        report("root", &Outcome::NotRun { why });
        return;
    }
    let mut block = layout.block.clone();
    block["owner"] = json!(NOBODY.to_string());
    block["mode"] = json!("0600");
    block["cert_mode"] = json!("0600");
    let target = place.target(block, json!({})).await;
    let one = bundle(&["one.test"]);
    target.install(&one).await.expect("installed");
    assert_eq!(target.inspect().await, in_place(&one));
    assert_eq!(layout.privkey.metadata().expect("a file").uid(), NOBODY);
    let all = snapshot(folder(layout)).into_keys().filter(|path| path.is_dir() && !path.is_symlink());
    for directory in all {
        let meta = directory.metadata().expect("a directory");
        assert_eq!((meta.uid(), meta.mode() & 0o022), (me, 0), "{} can be written to", directory.display());
        assert_eq!(meta.mode() & 0o011, 0o011, "{} keeps the files' owner out", directory.display());
    }
    target.remove(&holder()).await.expect("removed");
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

fn folder(layout: &Layout) -> &Path {
    layout.fullchain.ancestors().find(|path| path.ends_with("slot")).expect("the folder of all slots")
}

/// What a reader of the slot finds, compared with a bundle.
fn holds(layout: &Layout, bundle: &Bundle) -> bool {
    let key = bundle.key.as_ref().map(|key| key.as_str()).unwrap_or_default();
    read(&layout.fullchain) == format!("{}{}", bundle.leaf, bundle.chain) && read(&layout.privkey) == key
}

fn files_below(folder: &Path) -> Vec<String> {
    let files = snapshot(folder).into_keys().filter(|path| !path.is_dir());
    files.map(|path| path.to_string_lossy().into_owned()).collect()
}

async fn no_more_is_kept_than_it_takes_to_go_back(place: &Place, layout: &Layout) {
    let target = place.target(layout.block.clone(), json!({})).await;
    for name in ["one.test", "two.test", "three.test"] {
        target.install(&bundle(&[name])).await.expect("installed");
    }
    let keys = files_below(folder(layout)).iter().filter(|path| read(Path::new(path)).contains("PRIVATE KEY")).count();
    assert!(keys <= 2, "{keys} private keys lie there");
    target.remove(&holder()).await.expect("removed");
    assert_eq!(files_below(folder(layout)), Vec::<String>::new());
}

async fn faults_are_seen_and_repaired(place: &Place, layout: &Layout) {
    let target = place.target(layout.block.clone(), json!({})).await;
    let (one, two) = (bundle(&["one.test"]), bundle(&["two.test"]));
    let stranger = two.key.as_ref().map(|key| key.to_string()).unwrap_or_default();
    let chmod = |mode| std::fs::set_permissions(&layout.privkey, std::fs::Permissions::from_mode(mode)).expect("chmod");
    let write = |path: &Path, text: &str| std::fs::write(path, text).expect("written");
    let faults: [(&dyn Fn(), &str); 6] = [
        (&|| chmod(0o666), "has mode 0666 instead of 0640"),
        (&|| write(&layout.privkey, &stranger), "is not what was installed"),
        (&|| std::fs::remove_file(&layout.privkey).expect("removed"), "is missing"),
        (&|| write(&layout.fullchain, "garbage"), "does not hold a certificate"),
        (&|| write(&layout.fullchain, ""), "does not hold a certificate"),
        (&|| write(&layout.fullchain, &two.leaf), "is not what was installed"),
    ];
    for (damage, expected) in faults {
        target.install(&one).await.expect("installed");
        damage();
        let found = fault(&*target).await;
        assert!(found.contains(expected), "{found}");
        target.install(&one).await.expect("repaired");
        assert_eq!(target.inspect().await, in_place(&one));
        assert!(holds(layout, &one));
    }
    a_pair_that_somebody_else_made(&*target, layout, &one, &stranger).await;
    target.remove(&holder()).await.expect("removed");
}

/// Without a manifest key and leaf are compared by their public keys.
async fn a_pair_that_somebody_else_made(target: &dyn Target, layout: &Layout, one: &Bundle, stranger: &str) {
    let folders = [layout.fullchain.parent(), layout.privkey.parent()].into_iter().flatten();
    for entry in folders.flat_map(|folder| std::fs::read_dir(folder).expect("a folder")).flatten() {
        if entry.file_name().to_string_lossy().ends_with("manifest") {
            std::fs::remove_file(entry.path()).expect("removed");
        }
    }
    assert_eq!(target.inspect().await, in_place(one));
    std::fs::write(&layout.privkey, stranger).expect("written");
    let found = fault(target).await;
    assert!(found.contains("does not belong to the certificate"), "{found}");
    target.install(one).await.expect("repaired");
}

async fn modes_are_as_asked(place: &Place, layout: &Layout) {
    let one = bundle(&["one.test"]);
    let mut block = layout.block.clone();
    block["mode"] = json!("0600");
    block["cert_mode"] = json!("0604");
    let target = place.target(block, json!({})).await;
    target.install(&one).await.expect("installed");
    let mode = |path: &Path| path.metadata().expect("a file").mode() & 0o7777;
    assert_eq!((mode(&layout.privkey), mode(&layout.fullchain)), (0o600, 0o604));
    for path in files_below(folder(layout)) {
        let path = Path::new(&path);
        assert!(!read(path).contains("PRIVATE KEY") || mode(path) == 0o600, "{} is wider", path.display());
    }
    // The same slot with other modes is at fault until it is installed again.
    let wider = place.target(layout.block.clone(), json!({})).await;
    assert!(fault(&*wider).await.contains("has mode"));
    wider.install(&one).await.expect("installed");
    assert_eq!((mode(&layout.privkey), mode(&layout.fullchain)), (0o640, 0o644));
    wider.remove(&holder()).await.expect("removed");
}

async fn a_failing_test_stops_and_goes_back(place: &Place, layout: &Layout, scratch: &Scratch) {
    let (one, two) = (bundle(&["one.test"]), bundle(&["two.test"]));
    let mark = scratch.join("reloaded");
    let reload = json!(["touch", mark.to_string_lossy()]);
    let good = place.target(layout.block.clone(), json!({"test": ["true"], "reload": reload})).await;
    let broken = json!(["sh", "-c", "echo the new pair is no good; exit 1"]);
    let bad = place.target(layout.block.clone(), json!({"test": broken, "reload": reload})).await;
    good.install(&one).await.expect("installed");
    assert!(mark.exists(), "the reload command ran");
    std::fs::remove_file(&mark).expect("removed");
    let before = bad.previous().await.expect("what is there");
    let error = bad.install(&two).await.expect_err("the test fails");
    assert_eq!(error.class, ErrorClass::Rejected);
    assert!(error.message.contains("exit status 1: the new pair is no good"), "{error}");
    assert!(!mark.exists(), "nothing is reloaded when the test fails");
    good.restore(&holder().name, &before).await.expect("put back");
    assert!(mark.exists() && holds(layout, &one));
    std::fs::remove_file(&mark).expect("removed");

    let slow = json!({"reload": ["sleep", "600"], "timeout": "1s"});
    let hanging = place.target(layout.block.clone(), slow).await;
    let error = hanging.install(&two).await.expect_err("the command hangs");
    assert!(error.message.contains("did not end within 1s"), "{error}");
    good.remove(&holder()).await.expect("removed");
}

/// Whether a process has ended, whoever may still have to hear of it.
fn is_over(process: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with(['Z', 'X']))
}

/// It does not go on beside what is done next.
async fn a_command_that_will_not_end_is_killed(place: &Place, layout: &Layout, scratch: &Scratch) {
    let mark = scratch.join("stubborn");
    let script = format!("trap '' TERM; echo $$ >{}; while :; do sleep 0.1; done", mark.display());
    let stubborn = json!({"reload": ["sh", "-c", script], "timeout": "1s"});
    let target = place.target(layout.block.clone(), stubborn).await;
    let error = target.install(&bundle(&["one.test"])).await.expect_err("it hangs");
    assert!(error.message.contains("did not end within 1s"), "{error}");
    assert!(is_over(read(&mark).trim()), "it goes on");
    target.remove(&holder()).await.expect("removed");
}

async fn a_certificate_may_come_without_its_key(place: &Place, layout: &Layout) {
    let target = place.target(layout.block.clone(), json!({})).await;
    let mut one = bundle(&["one.test"]);
    one.key = None;
    target.install(&one).await.expect("installed");
    assert_eq!(target.inspect().await, in_place(&one));
    assert!(!layout.privkey.exists());
    target.remove(&holder()).await.expect("removed");
    assert_eq!(files_below(folder(layout)), Vec::<String>::new());
}

async fn what_others_put_there_stays(place: &Place, layout: &Layout) {
    let target = place.target(layout.block.clone(), json!({})).await;
    let one = bundle(&["one.test"]);
    target.install(&one).await.expect("installed");
    let theirs = layout.fullchain.with_file_name("theirs.pem");
    std::fs::write(&theirs, "theirs").expect("written");
    target.remove(&holder()).await.expect("removed");
    assert_eq!(target.inspect().await, Ok(SlotContent::Absent));
    let left = files_below(folder(layout));
    assert!(left.len() == 1 && left[0].ends_with("theirs.pem"), "{left:?}");
    std::fs::remove_file(&left[0]).expect("removed");
    let _ = std::fs::remove_dir_all(folder(layout));
    std::fs::create_dir_all(folder(layout)).expect("a folder");
}

/// Another program put it there, from before names were written.
async fn what_bears_no_name_is_known_by_its_leaf(place: &Place, layout: &Layout) {
    let target = place.target(layout.block.clone(), json!({})).await;
    let (one, two) = (bundle(&["one.test"]), bundle(&["two.test"]));
    target.install(&two).await.expect("installed");
    without_names(folder(layout));
    let known = |leaf| Holder { leaf, ..holder() };
    for leaf in [None, Some(one.fingerprint)] {
        assert_eq!(target.remove(&known(leaf)).await, Ok(Cleared::Foreign));
        assert_eq!(target.inspect().await, in_place(&two));
    }
    assert_eq!(target.remove(&known(Some(two.fingerprint))).await, Ok(Cleared::Removed));
    assert_eq!(files_below(folder(layout)), Vec::<String>::new());
}

/// Manifests as they were before they named a deployment.
fn without_names(folder: &Path) {
    for path in snapshot(folder).into_keys().filter(|path| path.to_string_lossy().ends_with("manifest")) {
        let text = read(&path);
        assert!(text.starts_with("# cap certificate."), "{text}");
        let rest: Vec<&str> = text.lines().skip(1).collect();
        std::fs::write(path, rest.join("\n") + "\n").expect("written");
    }
}

/// Somebody points `current` at a version by its whole path: that is no link of ours, and nothing may be done because of it.
async fn a_version_put_in_force_by_others_stays(place: &Place, scratch: &Scratch) {
    let directory = scratch.join("theirs");
    let target = place.target(json!({"directory": directory.to_string_lossy()}), json!({})).await;
    let (one, two) = (bundle(&["one.test"]), bundle(&["two.test"]));
    target.install(&one).await.expect("installed");
    let current = directory.join("current");
    let version = directory.join(std::fs::read_link(&current).expect("a link"));
    std::fs::remove_file(&current).expect("removed");
    symlink(&version, &current).expect("a link");
    for refused in [target.previous().await.map(|_| ()), target.install(&two).await] {
        let error = refused.expect_err("the link is not ours");
        assert_eq!(error.class, ErrorClass::Rejected, "{error}");
        assert!(error.message.contains("was not made by cap"), "{error}");
    }
    assert_eq!(target.inspect().await, in_place(&one));
    std::fs::remove_dir_all(&directory).expect("removed");
}

async fn links_are_not_written_through(place: &Place, scratch: &Scratch) {
    let (victim, link) = (scratch.join("victim"), scratch.join("link.pem"));
    std::fs::write(&victim, "precious").expect("written");
    symlink(&victim, &link).expect("a link");
    let target = place.target(json!({"combined": link.to_string_lossy()}), json!({})).await;
    let one = bundle(&["one.test"]);
    let error = target.install(&one).await.expect_err("a link stands there");
    assert_eq!(error.class, ErrorClass::Rejected, "{error}");
    assert!(matches!(target.inspect().await, Ok(SlotContent::Unreadable { .. })));
    assert!(target.previous().await.is_err(), "it is refused before there is anything to put back");
    assert_eq!(read(&victim), "precious");
    std::fs::remove_file(&link).expect("removed");
    target.install(&one).await.expect("installed");
    assert_eq!(target.inspect().await, in_place(&one));
    assert!(read(&link).starts_with(&one.leaf) && read(&link).contains("PRIVATE KEY"));
    target.remove(&holder()).await.expect("removed");

    let directory = scratch.join("elsewhere");
    symlink(scratch.join("slot"), &directory).expect("a link");
    let target = place.target(json!({"directory": directory.to_string_lossy()}), json!({})).await;
    let error = target.install(&one).await.expect_err("a link stands there");
    assert_eq!(error.class, ErrorClass::Rejected, "{error}");
    std::fs::remove_file(&directory).expect("removed");
}
