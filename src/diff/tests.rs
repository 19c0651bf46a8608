//! Every reason that a change can have, and every change that a cause makes.

use serde_json::json;

use super::moves::relocate;
use super::scope::{Patterns, resolve};
use super::world::{Blocks, World, address, sample};
use super::*;
use crate::eval::desired::{Endpoint, Moved, Removed};
use crate::model::fixture::reference;
use crate::observed::SlotContent;
use crate::plan::Absence;
use crate::state::facts::{Facts, RenewalWindow};

/// One line a step, sorted: `address action work reasons`.
fn lines(plan: &crate::plan::Plan) -> Vec<String> {
    let word = |value: serde_json::Value| value.as_str().map(str::to_owned).unwrap_or_default();
    let json = |value| word(serde_json::to_value(value).expect("JSON"));
    let mut lines: Vec<String> = plan
        .steps
        .iter()
        .map(|step| {
            let reasons: Vec<String> = step.reasons.iter().map(reason).collect();
            let work = word(serde_json::to_value(step.work).expect("JSON"));
            format!("{} {} {work}: {}", step.address, json(step.action), reasons.join(", "))
        })
        .collect();
    lines.sort();
    lines
}

fn reason(reason: &Reason) -> String {
    match reason {
        Reason::Changed { paths } => format!("changed {}", paths.join(" ")),
        Reason::CannotUpdate { paths } => format!("cannot update {}", paths.join(" ")),
        Reason::SecretChanged { paths } => format!("secret {}", paths.join(" ")),
        Reason::NotInConfiguration { why } => format!("{why:?}"),
        Reason::RenewalDue { suggested, .. } => format!("due{}", if *suggested { " suggested" } else { "" }),
        Reason::Drifted { found } => format!("drifted {found}"),
        Reason::DependencyReplaced { address } => format!("replaced {address}"),
        Reason::IssuerReplaced { address } => format!("issuer replaced {address}"),
        other => format!("{other:?}"),
    }
}

fn check(world: &World, options: &Options, expected: &[&str]) {
    let (plan, faults) = world.plan_and_faults(options);
    assert_eq!(lines(&plan), expected, "{faults:?}");
}

/// The sample with one block's value changed.
fn changed(name: &str, change: impl FnOnce(&mut serde_json::Value)) -> Blocks {
    let mut blocks = sample();
    let (_, value) = blocks.iter_mut().find(|(address, _)| *address == name).expect("a block");
    change(value);
    blocks
}

#[test]
fn what_was_applied_has_no_changes() {
    check(&World::applied(sample()), &Options::default(), &[]);
}

#[test]
fn what_is_new_is_made() {
    check(
        &World::new(sample()),
        &Options::default(),
        &[
            "acme_account.le create register: NotInState",
            "certificate.a create issue: NotInState",
            "certificate.a@file_target.t create deploy: NotInState",
            "certificate.b create issue: NotInState",
            "certificate.b@file_target.t create deploy: NotInState",
            "dns_credential.d create record: NotInState",
            "file_target.t create record: NotInState",
            "private_ca.root create establish: NotInState",
            "project.p create record: NotInState",
            "zone.com create record: NotInState",
        ],
    );
}

#[test]
fn a_certificate_is_issued_again_for_what_is_in_it_only() {
    let world = World::applied(sample());
    let with = |change: fn(&mut serde_json::Value)| world.with(changed("certificate.b", change));
    let again = ["certificate.b update issue: changed sans", "certificate.b@file_target.t update deploy: NewVersion"];
    check(&with(|value| value["sans"] = json!(["c.test"])), &Options::default(), &again);
    let tagged = with(|value| {
        value["tags"] = json!({"tier": "0"});
        value["renew_before"] = json!("5d");
    });
    // The whole map is new, so it is one path.
    check(&tagged, &Options::default(), &["certificate.b update record: changed renew_before tags"]);
    let untargeted =
        ["certificate.b update record: changed targets", "certificate.b@file_target.t delete undeploy: NotATarget"];
    check(&with(|value| value["targets"] = json!([])), &Options::default(), &untargeted);
    let two = World::applied(changed("certificate.b", |value| value["sans"] = json!(["c.test", "d.test"])));
    let turned = two.with(changed("certificate.b", |value| value["sans"] = json!(["d.test", "c.test"])));
    check(&turned, &Options::default(), &["certificate.b update record: changed sans"]);
}

#[test]
fn an_issuer_made_anew_issues_again() {
    let world = World::applied(sample());
    let renamed = world.with(changed("private_ca.root", |value| value["common_name"] = json!("Other")));
    let anew = [
        "certificate.b renew issue: replaced private_ca.root",
        "certificate.b@file_target.t update deploy: NewVersion",
        "private_ca.root replace establish: cannot update common_name",
    ];
    check(&renamed, &Options::default(), &anew);
    let noted = world.with(changed("private_ca.root", |value| value["note"] = json!("two")));
    check(&noted, &Options::default(), &["private_ca.root update establish: changed note"]);
}

#[test]
fn secrets_are_compared_by_their_fingerprints() {
    let mut world = World::applied(sample());
    world.see_secrets("2");
    check(&world, &Options::default(), &["dns_credential.d update record: secret token"]);
    world.observed.secrets.clear();
    check(&world, &Options::default(), &[]);
}

#[test]
fn renewals_come_when_they_are_due() {
    let world = World::applied(sample());
    check(&world.clone().days_later(59), &Options::default(), &[]);
    let due = |name: &str, more: &str| {
        [format!("{name} renew issue: due{more}"), format!("{name}@file_target.t update deploy: NewVersion")]
    };
    let both = [due("certificate.a", ""), due("certificate.b", "")].concat();
    let both: Vec<&str> = both.iter().map(String::as_str).collect();
    check(&world.clone().days_later(64), &Options::default(), &both);
    let mut heard = world.clone().days_later(1);
    let window = RenewalWindow { start: world.now, end: heard.now, heard_at: world.now };
    let Facts::Certificate(facts) = heard.facts("certificate.a") else { panic!("no certificate") };
    facts.window = Some(window);
    let suggested = due("certificate.a", " suggested");
    check(&heard, &Options::default(), &suggested.each_ref().map(String::as_str));
    let off = world.with(changed("certificate.a", |value| value["auto_renew"] = json!(false))).days_later(64);
    let mut expected = vec!["certificate.a update record: changed auto_renew"];
    let b = due("certificate.b", "");
    expected.extend(b.iter().map(String::as_str));
    check(&off, &Options::default(), &expected);
}

#[test]
fn what_a_replaced_issuer_has_issued_is_issued_again_later() {
    let current = |world: &World| match &world.state.records[&address("certificate.b")].facts {
        Facts::Certificate(facts) => facts.current().and_then(|version| version.issuer_id.clone()),
        _ => None,
    };
    let mut world = World::applied(sample());
    world = world.days_later(1);
    let mut alone = world.with(changed("private_ca.root", |ca| ca["common_name"] = json!("Another")));
    let only = BTreeSet::from([address("private_ca.root")]);
    let plan = alone.plan(&Options { only: Some(only), ..Options::default() });
    assert_eq!(lines(&plan), ["private_ca.root replace establish: cannot update common_name"]);
    alone.carry_out(&plan);
    let expected = [
        "certificate.b renew issue: issuer replaced private_ca.root",
        "certificate.b@file_target.t update deploy: NewVersion",
    ];
    check(&alone, &Options::default(), &expected);
    let before = current(&alone);
    let plan = alone.plan(&Options::default());
    alone.carry_out(&plan);
    assert_ne!(current(&alone), before);
    check(&alone, &Options::default(), &[]);
    // A version of before this was noted is taken for the same issuer's.
    let Facts::Certificate(facts) = world.facts("certificate.b") else { panic!("a certificate") };
    let mut yesterday = serde_json::to_value(&*facts).expect("JSON");
    let version = yesterday["versions"][0].as_object_mut().expect("a version");
    assert!(version.remove("issuer_id").is_some());
    *facts = serde_json::from_value(yesterday).expect("it is still read");
    let Facts::Authority(authority) = world.facts("private_ca.root") else { panic!("a CA") };
    authority.fingerprint = crate::digest::Digest::of("another");
    check(&world, &Options::default(), &[]);
}

#[test]
fn slots_that_hold_something_else_are_put_right() {
    let mut world = World::applied(sample());
    let slot = address("certificate.a@file_target.t");
    let mut put = |content| {
        world.observed.slots.insert(slot.clone(), content);
        world.clone()
    };
    let drifted = |found: &str| [format!("certificate.a@file_target.t update deploy: drifted {found}")];
    let nothing = drifted("nothing");
    let absent = put(SlotContent::Absent);
    check(&absent, &Options::default(), &nothing.each_ref().map(String::as_str));
    let only_look = Options { refresh_only: true, ..Options::default() };
    let plan = absent.plan(&only_look);
    assert!(plan.steps.is_empty() && plan.drift.len() == 1);
    let other = crate::digest::Digest::of("other");
    let found = drifted(&format!("another certificate (sha256 {}…)", other.short()));
    let replaced = put(SlotContent::Present { fingerprint: other, fault: None });
    check(&replaced, &Options::default(), &found.each_ref().map(String::as_str));
    let unread = put(SlotContent::Unreadable { why: "no route".to_owned() });
    let (plan, faults) = unread.plan_and_faults(&Options::default());
    assert!(plan.steps.is_empty() && plan.drift.is_empty() && !faults.has_errors());
    assert_eq!(faults.0[0].code.to_string(), "CAP0404");
    assert!(faults.0[0].detail.contains("no route"));
}

#[test]
fn what_was_not_finished_is_taken_up() {
    let world = World::applied(sample());
    let mut unfinished = world.clone();
    let record = |world: &mut World, text: &str| world.state.records.remove(&address(text)).expect("a record");
    let mut account = record(&mut unfinished, "acme_account.le");
    (account.spec, account.facts) = (None, Facts::None);
    unfinished.state.records.insert(account.address.clone(), account);
    let mut deployment = record(&mut unfinished, "certificate.a@file_target.t");
    deployment.trouble = Some("reload failed".to_owned());
    unfinished.state.records.insert(deployment.address.clone(), deployment);
    *unfinished.facts("certificate.b") = Facts::None;
    check(
        &unfinished,
        &Options::default(),
        &[
            "acme_account.le create register: Incomplete",
            "certificate.a renew issue: replaced acme_account.le",
            "certificate.a@file_target.t update deploy: Incomplete, NewVersion",
            "certificate.b update issue: Incomplete",
            "certificate.b@file_target.t update deploy: NewVersion",
        ],
    );
}

#[test]
fn protection_outlives_the_block() {
    let mut world = World::applied(sample());
    world.state.records.get_mut(&address("certificate.b")).expect("a record").protected = true;
    let without = world.with(sample().into_iter().filter(|(name, _)| *name != "certificate.b").collect());
    let (plan, faults) = without.plan_and_faults(&Options::default());
    assert!(lines(&plan).is_empty(), "the deployment stays with its certificate: {:?}", lines(&plan));
    assert!(faults.0[0].detail.contains("certificate.b"));
    let destroy = Options { destroy: true, ..Options::default() };
    let expected = [
        "acme_account.le delete record: Destroy",
        "certificate.a delete record: Destroy",
        "certificate.a@file_target.t delete undeploy: Destroy",
        "dns_credential.d delete record: Destroy",
        "zone.com delete record: Destroy",
    ];
    check(&world, &destroy, &expected);
}

#[test]
fn changes_can_be_left_alone() {
    let mut world = World::applied(sample()).with(changed("certificate.b", |value| {
        value["sans"] = json!(["new.test"]);
        value["description"] = json!("told");
    }));
    let resource = world.estate.resources.get_mut(&address("certificate.b")).expect("a resource");
    resource.ignore = crate::eval::desired::Ignore::Paths(vec!["sans".to_owned()]);
    check(&world, &Options::default(), &["certificate.b update record: changed description"]);
    let plan = world.plan(&Options::default());
    assert_eq!(plan.steps[0].after.as_ref().map(|draft| &draft.spec["sans"]), Some(&json!([])));
}

#[test]
fn removal_says_why() {
    let member = |key: &'static str| (key, json!({"email": "m@example.com"}));
    let base = |more: Blocks| sample().into_iter().chain(more).collect::<Blocks>();
    let why = |before: Blocks, after: Blocks, expected: &str| {
        let world = World::applied(base(before)).with(base(after));
        let lines = lines(&world.plan(&Options::default()));
        assert!(lines.iter().any(|line| line.ends_with(expected)), "{lines:?}");
    };
    why(vec![member("member.m")], vec![], "NoBlock");
    why(vec![member("member.m[\"a\"]"), member("member.m[\"b\"]")], vec![member("member.m[\"a\"]")], "EachKey");
    why(vec![member("member.m[0]"), member("member.m[1]")], vec![member("member.m[0]")], "CountIndex");
    why(vec![member("member.m")], vec![member("member.m[0]")], "WrongRepetition");
    why(vec![member("module.x.member.m")], vec![], "NoModule");
}

/// What is planned where these blocks became those, by these moves.
fn moved(before: Blocks, after: Blocks, moves: &[(&str, &str)]) -> (World, crate::plan::Plan) {
    let mut world = World::applied(before).with(after);
    let endpoint = |text: &str| Endpoint::Resource(address(text).resource().expect("a resource").clone());
    let span = crate::source::Span::new(crate::source::SourceId(0), 0..1);
    let moves: Vec<Moved> =
        moves.iter().map(|(from, to)| Moved { from: endpoint(from), to: endpoint(to), span }).collect();
    let original = world.state.clone();
    let (relocation, faults) = relocate(&mut world.state, &moves);
    assert!(faults.is_empty(), "{faults:?}");
    world.see_secrets("1");
    for (new, old) in &relocation.moved {
        if let Some(content) = world.observed.slots.remove(old) {
            world.observed.slots.insert(new.clone(), content);
        }
    }
    let plan = world.plan(&Options { relocation, ..Options::default() });
    world.state = original;
    assert!(crate::plan::stale(&plan, &world.state).is_empty());
    (world, plan)
}

#[test]
fn what_moved_keeps_its_versions_and_is_not_made_anew() {
    let mut after = sample();
    for (name, value) in &mut after {
        match *name {
            "certificate.b" => *name = "certificate.new",
            "private_ca.root" => *name = "private_ca.main",
            _ => {}
        }
        if value["issuer"] == reference("private_ca.root") {
            value["issuer"] = reference("private_ca.main");
        }
    }
    let moves = [("certificate.b", "certificate.new"), ("private_ca.root", "private_ca.main")];
    let (mut world, plan) = moved(sample(), after, &moves);
    let found: Vec<(String, Action, Work)> =
        plan.steps.iter().map(|step| (step.address.to_string(), step.action, step.work)).collect();
    let expected = |name: &str, action, work| (name.to_owned(), action, work);
    assert_eq!(
        found,
        [
            expected("private_ca.main", Action::Move, Work::Record),
            expected("certificate.new", Action::Move, Work::Record),
            // The directory holds the certificate's name.
            expected("certificate.new@file_target.t", Action::Replace, Work::Deploy),
        ]
    );
    world.carry_out(&plan);
    let Facts::Certificate(facts) = world.facts("certificate.new").clone() else { panic!("a certificate") };
    assert_eq!(facts.current().map(|version| version.number), Some(1));
    check(&world, &Options::default(), &[]);
}

#[test]
fn what_refers_to_what_moved_follows_it() {
    let mut after = sample();
    after.iter_mut().filter(|(name, _)| *name == "dns_credential.d").for_each(|(name, _)| *name = "dns_credential.e");
    let zone = after.iter_mut().find(|(name, _)| *name == "zone.com").expect("a zone");
    zone.1["credential"] = reference("dns_credential.e");
    let (mut world, plan) = moved(sample(), after, &[("dns_credential.d", "dns_credential.e")]);
    assert_eq!(lines(&plan).len(), 2, "{:?}", lines(&plan));
    assert!(lines(&plan).iter().any(|line| line.starts_with("zone.com update record")), "{:?}", lines(&plan));
    world.carry_out(&plan);
    check(&world, &Options::default(), &[]);
}

#[test]
fn a_taken_address_keeps_things_where_they_are() {
    let mut world = World::applied(sample());
    let endpoint = |text: &str| Endpoint::Resource(address(text).resource().expect("a resource").clone());
    let span = crate::source::Span::new(crate::source::SourceId(0), 0..1);
    let before = world.state.clone();
    let one = Moved { from: endpoint("certificate.a"), to: endpoint("certificate.b"), span };
    let (relocation, faults) = relocate(&mut world.state, &[one]);
    assert!(relocation.moved.is_empty() && world.state.records == before.records);
    assert!(faults.0[0].detail.contains("certificate.a cannot move to certificate.b"));
}

#[test]
fn what_is_removed_without_destroying_is_forgotten_even_when_protected() {
    let mut world = World::applied(sample());
    world.state.records.get_mut(&address("certificate.b")).expect("a record").protected = true;
    let mut after = sample();
    after.retain(|(name, _)| *name != "certificate.b");
    let mut world = world.with(after);
    let from = Endpoint::Resource(address("certificate.b").resource().expect("a resource").clone());
    let span = crate::source::Span::new(crate::source::SourceId(0), 0..1);
    world.estate.removed.push(Removed { from, destroy: false, span });
    let (plan, faults) = world.plan_and_faults(&Options::default());
    assert!(!faults.has_errors(), "{faults:?}");
    assert_eq!(plan.steps.len(), 2);
    for step in &plan.steps {
        assert_eq!((step.action, step.work), (Action::Forget, Work::Record));
        assert_eq!(step.reasons, [Reason::NotInConfiguration { why: Absence::RemovedBlock }]);
    }
    world.estate.removed[0].destroy = true;
    assert!(world.plan_and_faults(&Options::default()).1.has_errors(), "what is destroyed stays protected");
}

#[test]
fn what_is_asked_for_is_made_anew() {
    let world = World::applied(sample());
    let patterns = |target: &[&str], exclude: &[&str], replace: &[&str]| {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).into()).collect();
        Patterns { target: texts(target), exclude: texts(exclude), replace: texts(replace) }
    };
    let with = |patterns: &Patterns, destroy| resolve(&world.estate, &world.state, patterns, destroy);
    let replace = with(&patterns(&[], &[], &["certificate.b", "private_ca.*"]), false).expect("matches");
    check(
        &world,
        &replace,
        &[
            "certificate.b renew issue: Requested, replaced private_ca.root",
            "certificate.b@file_target.t update deploy: Requested, NewVersion",
            "private_ca.root replace establish: Requested",
        ],
    );
    let fresh = World::new(sample());
    let only = resolve(&fresh.estate, &fresh.state, &patterns(&["certificate.b"], &[], &[]), false).expect("matches");
    let needed = ["certificate.b", "certificate.b@file_target.t", "file_target.t", "private_ca.root", "project.p"];
    let planned = lines(&fresh.plan(&only));
    let planned: Vec<&str> = planned.iter().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(planned, needed);
    let without = resolve(&fresh.estate, &fresh.state, &patterns(&[], &["acme_account.le", "zone.*"], &[]), false);
    let planned = lines(&fresh.plan(&without.expect("matches")));
    assert!(!planned.iter().any(|line| line.contains("certificate.a")), "{planned:?}");
    let destroy = with(&patterns(&["file_target.t"], &[], &[]), true).expect("matches");
    let gone = lines(&world.plan(&destroy));
    assert_eq!(gone.len(), 3, "the target goes with its deployments: {gone:?}");
    let faults = with(&patterns(&["certificate.x"], &[], &["zone.ocm"]), false).expect_err("nothing matches");
    assert_eq!(faults.0.len(), 2);
    assert_eq!(faults.0[1].hint.as_deref(), Some("did you mean certificate.a?"));
}

#[test]
fn dependencies_and_protection_are_part_of_the_record() {
    let world = World::applied(sample());
    let mut named = world.clone();
    let resource = named.estate.resources.get_mut(&address("certificate.b")).expect("a resource");
    resource.draft.depends_on.push(address("zone.com"));
    resource.draft.protected = true;
    let expected = "certificate.b update record: changed depends_on lifecycle.prevent_destroy";
    check(&named, &Options::default(), &[expected]);
}

#[test]
fn a_place_is_left_before_it_is_taken() {
    let to = |directory: &'static str| {
        let mut blocks = sample();
        blocks.retain(|(name, _)| *name != "certificate.a");
        blocks.iter_mut().find(|(name, _)| *name == "file_target.t").expect("a block").1 =
            json!({"directory": directory});
        blocks
    };
    let world = World::applied(to("/tls/one"));
    let mut renamed = to("/tls/one");
    let (_, value) = renamed.pop().expect("certificate.b");
    renamed.push(("certificate.c", value));
    let plan = world.with(renamed).plan(&Options::default());
    let position = |name: &str| plan.steps.iter().position(|step| step.address == address(name)).expect("a step");
    let (leaves, takes) = (position("certificate.b@file_target.t"), position("certificate.c@file_target.t"));
    assert!(plan.steps[takes].needs.contains(&leaves));
    let moved = world.with(to("/tls/two"));
    let expected = [
        "certificate.b@file_target.t replace deploy: cannot update config.directory",
        "file_target.t update record: changed directory",
    ];
    check(&moved, &Options::default(), &expected);
}

/// Three certificates, each on a target of its own, in these directories.
fn in_directories(directories: [&'static str; 3]) -> Blocks {
    let mut blocks = vec![("project.p", json!({})), ("private_ca.root", json!({"common_name": "Root"}))];
    let names = [
        ("file_target.a", "certificate.a", "a.test"),
        ("file_target.b", "certificate.b", "b.test"),
        ("file_target.c", "certificate.c", "c.test"),
    ];
    for ((target, certificate, name), directory) in names.into_iter().zip(directories) {
        blocks.push((target, json!({ "directory": directory })));
        let issuer = reference("private_ca.root");
        let spec = json!({"issuer": issuer, "common_name": name, "sans": [], "targets": [reference(target)]});
        blocks.push((certificate, spec));
    }
    blocks
}

#[test]
fn places_that_are_handed_over_are_left_before_they_are_taken() {
    let world = World::applied(in_directories(["/x", "/y", "/z"]));
    // (directories afterwards, how many wait for another, how many go first)
    let cases = [
        (["/w", "/x", "/y"], 2, 0),
        (["/y", "/z", "/w"], 2, 0),
        (["/y", "/x", "/z"], 1, 1),
        (["/y", "/z", "/x"], 2, 1),
        (["/w", "/y", "/z"], 0, 0),
    ];
    for (directories, waiting, first) in cases {
        let mut moved = world.with(in_directories(directories));
        let plan = moved.plan(&Options::default());
        let step = |name: &str| plan.steps.iter().find(|step| step.address == address(name));
        let is_deployment = |at: &usize| plan.steps[*at].work == crate::plan::Work::Deploy;
        let deployments: Vec<_> =
            ["a", "b", "c"].iter().filter_map(|name| step(&format!("certificate.{name}@file_target.{name}"))).collect();
        let needs: usize =
            deployments.iter().map(|step| step.needs.iter().filter(|at| is_deployment(at)).count()).sum();
        let displacing: usize = deployments.iter().map(|step| step.displaces.len()).sum();
        assert_eq!((needs, displacing), (waiting, first), "{directories:?}");
        for displaced in deployments.iter().flat_map(|step| &step.displaces) {
            assert!(deployments.iter().any(|step| step.address == *displaced), "{directories:?}: {displaced}");
        }
        moved.carry_out(&plan);
        check(&moved, &Options::default(), &[]);
    }
}

#[test]
fn what_is_not_to_be_destroyed_is_not_made_anew_either() {
    let mut world = World::applied(sample());
    world.state.records.get_mut(&address("acme_account.le")).expect("a record").forget = true;
    world.estate.resources.get_mut(&address("acme_account.le")).expect("a resource").draft.forget = true;
    let anew = Options { replace: BTreeSet::from([address("acme_account.le")]), ..Options::default() };
    let (plan, faults) = world.plan_and_faults(&anew);
    assert_eq!(lines(&plan), [""; 0]);
    assert_eq!(faults.0.iter().map(|fault| fault.code.number).collect::<Vec<_>>(), [402], "{faults:?}");
}
