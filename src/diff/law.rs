//! Law 1 over random estates and histories: carry a plan out, and there is nothing left to plan. With it: planning is
//! deterministic, an order respects needs, a file holds the whole plan, and destroying leaves nothing.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::Options;
use super::world::{World, estate_of};
use crate::address::Address;
use crate::digest::Digest;
use crate::eval::desired::Ignore;
use crate::model::Estate;
use crate::model::fixture::reference;
use crate::observed::SlotContent;
use crate::plan::{Action, Plan, file, stale};
use crate::state::facts::{Facts, RenewalWindow};
use crate::time::Duration;

/// One random certificate.
#[derive(Debug, Clone)]
struct Certificate {
    issuer: usize,
    sans: Vec<usize>,
    targets: Vec<usize>,
    auto_renew: bool,
    renew_before: Option<&'static str>,
    needs_member: bool,
    ignores: u8,
}

fn certificate() -> impl Strategy<Value = Certificate> {
    let before = prop_oneof![Just(None), Just(Some("5d")), Just(Some("400d"))];
    (0..4usize, vec(0..4usize, 0..3), vec(0..3usize, 0..3), any::<bool>(), before, any::<bool>(), 0..6u8).prop_map(
        |(issuer, mut sans, mut targets, auto_renew, renew_before, needs_member, ignores)| {
            sans.dedup();
            targets.sort_unstable();
            targets.dedup();
            Certificate { issuer, sans, targets, auto_renew, renew_before, needs_member, ignores }
        },
    )
}

const ISSUERS: [&str; 4] = ["acme_account.a", "acme_account.b", "private_ca.a", "private_ca.b"];

/// A random estate: everything that certificates may refer to is there; what it holds varies.
fn estate() -> impl Strategy<Value = Estate> {
    (vec(certificate(), 0..5), vec(0..3u8, 8), any::<bool>()).prop_map(|(certificates, variants, keyed)| {
        let mut blocks: Vec<(String, Json)> = vec![
            ("project.p".to_owned(), json!({})),
            ("member.m".to_owned(), json!({"email": format!("m{}@example.com", variants[0])})),
            ("dns_credential.d".to_owned(), json!({"token": {"$secret": {"env": format!("T{}", variants[1])}}})),
            ("zone.com".to_owned(), json!({"apex": "example.com", "credential": reference("dns_credential.d")})),
        ];
        for (at, issuer) in ISSUERS.iter().enumerate() {
            let name = if issuer.starts_with("acme") { "directory" } else { "common_name" };
            let variant = variants[2 + at % 2].to_string();
            blocks.push(((*issuer).to_owned(), json!({ name: variant, "email": null })));
        }
        for at in 0..3 {
            // Targets hand their places over to each other, also in a circle.
            let path = format!("/{}-{}/${{certificate.name}}", (at + usize::from(variants[7])) % 3, variants[4] / 2);
            blocks.push((format!("file_target.t{at}"), json!({ "directory": path })));
        }
        for (at, one) in certificates.iter().enumerate() {
            let name = if keyed { format!("certificate.c[\"k{at}\"]") } else { format!("certificate.c{at}") };
            blocks.push((name, block(at, one)));
        }
        let mut estate = estate_of(blocks);
        for (resource, one) in certificate_resources(&mut estate).zip(&certificates) {
            if one.needs_member {
                let member: Address = "member.m".parse().expect("an address");
                resource.draft.depends_on.push(member);
                resource.draft.depends_on.sort();
                resource.places.push(resource.span);
            }
            resource.ignore = match one.ignores {
                0 => Ignore::All,
                1 => Ignore::Paths(vec!["sans".to_owned(), "issuer".to_owned()]),
                _ => Ignore::Nothing,
            };
        }
        estate
    })
}

fn block(at: usize, one: &Certificate) -> Json {
    let sans: Vec<String> = one.sans.iter().map(|san| format!("s{san}.c{at}.example.com")).collect();
    json!({
        "issuer": reference(ISSUERS[one.issuer]),
        "common_name": format!("c{at}.example.com"),
        "sans": sans,
        "targets": one.targets.iter().map(|target| reference(&format!("file_target.t{target}"))).collect::<Vec<_>>(),
        "auto_renew": one.auto_renew,
        "renew_before": one.renew_before,
    })
}

fn certificate_resources(estate: &mut Estate) -> impl Iterator<Item = &mut crate::model::Resource> {
    estate.resources.values_mut().filter(|resource| resource.draft.address.kind() == "certificate")
}

/// What happens to a world between two applies.
#[derive(Debug, Clone)]
enum Happening {
    /// Days pass.
    Time(i64),
    /// A slot is changed by somebody.
    Slot(usize, u8),
    /// A job failed on some record.
    Trouble(usize),
    /// Some record lost what was known of it.
    Unfinished(usize, bool),
    /// Secrets are others.
    Secrets(u8),
    /// A CA asks for a renewal of some certificate.
    Window(usize),
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        (0..100i64).prop_map(Happening::Time),
        (any::<usize>(), 0..4u8).prop_map(|(at, how)| Happening::Slot(at, how)),
        any::<usize>().prop_map(Happening::Trouble),
        (any::<usize>(), any::<bool>()).prop_map(|(at, spec)| Happening::Unfinished(at, spec)),
        (0..3u8).prop_map(Happening::Secrets),
        any::<usize>().prop_map(Happening::Window),
    ]
}

fn happen(world: &mut World, happening: &Happening) {
    let now = world.now;
    let count = world.state.records.len().max(1);
    let nth = |at: usize| at % count;
    match happening {
        Happening::Time(days) => world.now = now + Duration::from_days(*days),
        Happening::Slot(at, how) => {
            let slots = world.observed.slots.len().max(1);
            if let Some(content) = world.observed.slots.values_mut().nth(at % slots) {
                *content = slot(content, *how);
            }
        }
        Happening::Trouble(at) => {
            if let Some(record) = world.state.records.values_mut().nth(nth(*at)) {
                record.trouble = Some("it failed".to_owned());
            }
        }
        Happening::Unfinished(at, spec) => {
            if let Some(record) = world.state.records.values_mut().nth(nth(*at)) {
                record.facts = Facts::None;
                if *spec {
                    record.spec = None;
                }
            }
        }
        Happening::Secrets(mark) => world.see_secrets(&mark.to_string()),
        Happening::Window(at) => {
            let facts = world.state.records.values_mut().filter_map(|record| match &mut record.facts {
                Facts::Certificate(facts) => Some(facts),
                _ => None,
            });
            let mut facts: Vec<_> = facts.collect();
            let certificates = facts.len().max(1);
            if let Some(facts) = facts.get_mut(at % certificates) {
                facts.window = Some(RenewalWindow { start: now, end: now, heard_at: now });
            }
        }
    }
}

fn slot(content: &SlotContent, how: u8) -> SlotContent {
    match (how, content) {
        (0, _) => SlotContent::Absent,
        (1, _) => SlotContent::Present { fingerprint: Digest::of("other"), fault: None },
        (2, SlotContent::Present { fingerprint, .. }) => {
            SlotContent::Present { fingerprint: *fingerprint, fault: Some("mode 0666".to_owned()) }
        }
        _ => SlotContent::Unreadable { why: "no route".to_owned() },
    }
}

fn world() -> impl Strategy<Value = World> {
    (estate(), estate(), estate(), vec(happening(), 0..6)).prop_map(|(first, second, third, happenings)| {
        let mut world = World::of(first);
        let plan = world.plan(&Options::default());
        world.carry_out(&plan);
        world.estate = second;
        world.see_secrets("1");
        let plan = world.plan(&Options::default());
        world.carry_out(&plan);
        happenings.iter().for_each(|one| happen(&mut world, one));
        world.estate = third;
        world
    })
}

/// Every making comes after the makings of what it refers to, every removal after the changes of what referred to it.
fn respects_needs(plan: &Plan, world: &World) -> Result<(), TestCaseError> {
    let position = |address: &Address| plan.steps.iter().position(|step| step.address == *address);
    for (at, step) in plan.steps.iter().enumerate() {
        prop_assert!(step.needs.iter().all(|needed| *needed < at));
        let refers = step.after.iter().flat_map(|draft| &draft.depends_on).chain(step.zones.values());
        for other in refers.filter_map(position).filter(|other| plan.steps[*other].after.is_some()) {
            prop_assert!(step.needs.contains(&other), "{} does not wait for {other}", step.address);
        }
        let referred = world.state.records.get(&step.address).into_iter().flat_map(|record| &record.depends_on);
        for other in referred.filter_map(position).filter(|other| plan.steps[*other].after.is_none()) {
            prop_assert!(other > at, "{} goes before {}", plan.steps[other].address, step.address);
        }
    }
    Ok(())
}

/// All that these lead to.
fn reached<'a>(from: Vec<&'a Address>, needs: &dyn Fn(&Address) -> Vec<&'a Address>) -> BTreeSet<&'a Address> {
    let (mut left, mut found) = (from, BTreeSet::new());
    while let Some(address) = left.pop() {
        if found.insert(address) {
            left.extend(needs(address));
        }
    }
    found
}

/// No step makes what leads to something that is claimed, or takes away what that leads to.
fn works_against_no_job(plan: &Plan, world: &World) -> Result<(), TestCaseError> {
    let records = &world.state.records;
    let claimed: Vec<&Address> =
        records.values().filter(|record| record.claim.is_some()).map(|record| &record.address).collect();
    let recorded = |address: &Address| -> Vec<&Address> {
        records.get(address).into_iter().flat_map(|record| &record.depends_on).collect()
    };
    let (resources, deployments): (Vec<&Address>, Vec<&Address>) =
        claimed.iter().partition(|address| address.resource().is_some());
    let mut stood_on = reached(resources, &recorded);
    stood_on.extend(deployments.into_iter().flat_map(recorded));
    let wanted = |address: &Address| {
        let resource = world.estate.resources.get(address);
        resource.into_iter().flat_map(|one| one.draft.depends_on.iter().chain(one.zones.values())).collect()
    };
    for step in &plan.steps {
        let leads_to = if step.after.is_some() { reached(vec![&step.address], &wanted) } else { BTreeSet::new() };
        let in_the_way = claimed.iter().find(|one| leads_to.contains(*one) || step.address == ***one);
        prop_assert!(in_the_way.is_none(), "{} has to wait for {in_the_way:?}", step.address);
        let takes_away = matches!(step.action, Action::Delete | Action::Forget | Action::Replace);
        prop_assert!(!takes_away || !stood_on.contains(&step.address), "{} is stood on", step.address);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_that_is_carried_out_leaves_no_changes(mut world in world()) {
        let (plan, faults) = world.plan_and_faults(&Options::default());
        prop_assert!(!faults.has_errors(), "{faults:?}");
        prop_assert_eq!(&world.plan(&Options::default()), &plan);
        let read = file::decode(file::encode(&plan).as_bytes());
        prop_assert_eq!(read.as_ref(), Ok(&plan));
        prop_assert!(stale(&plan, &world.state).is_empty());
        respects_needs(&plan, &world)?;
        world.carry_out(&plan);
        let remade = |step: &&crate::plan::Step| step.after.is_some();
        prop_assert!(stale(&plan, &world.state).len() >= plan.steps.iter().filter(remade).count());
        let rest = world.plan(&Options::default());
        prop_assert!(rest.steps.is_empty(), "{:#?}", rest.steps);
    }

    #[test]
    fn what_a_job_works_on_holds_up_nothing_else(mut world in world(), claimed in vec(any::<usize>(), 1..4)) {
        for at in claimed {
            let address = world.state.records.keys().nth(at % world.state.records.len()).expect("a record").to_string();
            world.claim(&[&address]);
        }
        let (plan, faults) = world.plan_and_faults(&Options::default());
        prop_assert!(!faults.has_errors(), "{faults:?}");
        works_against_no_job(&plan, &world)?;
        respects_needs(&plan, &world)?;
        prop_assert!(stale(&plan, &world.state).is_empty());
        let read = file::decode(file::encode(&plan).as_bytes());
        prop_assert_eq!(read.as_ref(), Ok(&plan));
        world.carry_out(&plan);
        // A step that was kept may turn a reference away from what a job stands on: what that held up is planned next.
        let mut left = 3;
        loop {
            let rest = world.plan(&Options::default());
            if rest.steps.is_empty() {
                break;
            }
            prop_assert!(left > 0, "{:#?}", rest.steps);
            works_against_no_job(&rest, &world)?;
            world.carry_out(&rest);
            left -= 1;
        }
        world.release();
        let rest = world.plan(&Options::default());
        prop_assert!(rest.deferred.is_empty());
        world.carry_out(&rest);
        let rest = world.plan(&Options::default());
        prop_assert!(rest.steps.is_empty(), "{:#?}", rest.steps);
    }

    #[test]
    fn destroying_leaves_nothing(mut world in world()) {
        let plan = world.plan(&Options { destroy: true, ..Options::default() });
        respects_needs(&plan, &world)?;
        let removes = |action| matches!(action, Action::Delete | Action::Forget);
        prop_assert!(plan.steps.iter().all(|step| removes(step.action)));
        world.carry_out(&plan);
        prop_assert!(world.state.records.is_empty());
    }
}
