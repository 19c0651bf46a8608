//! From what evaluation found to the estate: each kind's rules, then the rules between resources, then the drafts.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::deployments::{Deployment, Deployments};
use super::policies::Policies;
use super::projects::{self, Projects};
use super::zones::Zones;
use super::{Estate, Kind, Kinds, Resource, Role, certificate, csr, names, rules, walk};
use crate::address::{Address, ResourceAddress};
use crate::diagnostic::codes::model;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::eval::desired::{Desired, Ignore, Instance, Output, OutputValue, Render};
use crate::eval::encode::{mark_template, to_json};
use crate::eval::value::{SecretRef, Value};
use crate::plan::{StoredOutput, Work};
use crate::source::Span;
use crate::state::Spec;
use crate::state::record::Draft;

/// Everything that should exist, and every fault of it. `kinds` are those that evaluation decoded against.
///
/// With errors among the faults the estate is what can be told of it: enough to report more, not to plan.
pub fn estate(evaluation: &Desired, render: &dyn Render, kinds: &Kinds) -> (Estate, Diagnostics) {
    let mut faults = Diagnostics::default();
    one_organization(evaluation, &mut faults);
    let projects = projects::find(evaluation, &mut faults);
    let zones = Zones::gather(evaluation, &projects, &mut faults);
    let context = Context {
        known: evaluation.instances.iter().map(|instance| (&instance.address, instance)).collect(),
        policies: Policies::gather(evaluation, &projects),
        blocks: by_block(evaluation),
        zones,
        projects: &projects,
        kinds,
    };
    let mut deployments = Deployments::new(render, kinds);
    let mut resources = Vec::new();
    for instance in &evaluation.instances {
        let Some(kind) = kinds.get(&instance.address.kind) else { continue };
        (kind.check)(instance, &mut faults);
        projects::check_references(instance, evaluation, &context.known, &projects, &mut faults);
        let resource = context.resource(instance, kind, &mut faults);
        resources.push((resource.draft.address.clone(), resource));
        if matches!(kind.role, Role::Certificate) {
            let made = deployments.of(instance, &mut faults).into_iter().map(from_deployment);
            resources.extend(made.map(|deployment| (deployment.draft.address.clone(), deployment)));
        }
    }
    let outputs = evaluation.outputs.iter().map(|(name, output)| (name.to_string(), stored(output))).collect();
    let (blocks, removed) = (evaluation.blocks.clone(), evaluation.removed.clone());
    // Made at once, the map's nodes are full; made one by one in order, half of each would stay empty.
    let resources = resources.into_iter().collect();
    (Estate { resources, blocks, outputs, removed }, faults)
}

fn one_organization(evaluation: &Desired, faults: &mut Diagnostics) {
    let mut declared = evaluation.instances.iter().filter(|instance| &*instance.address.kind == "organization");
    let Some(first) = declared.next() else { return };
    for second in declared {
        let detail = format!("{} is declared beside {}, and a store holds one.", second.address, first.address);
        let fault = Diagnostic::error(&model::SECOND_ORGANIZATION, detail).at(second.span);
        faults.push(fault.related(first.span, "declared here already").about(&second.address));
    }
}

fn by_block(evaluation: &Desired) -> HashMap<ResourceAddress, Vec<&ResourceAddress>> {
    let mut blocks = HashMap::<_, Vec<_>>::new();
    for instance in evaluation.instances.iter().filter(|instance| instance.address.key.is_some()) {
        blocks.entry(instance.address.block()).or_default().push(&instance.address);
    }
    blocks
}

/// What one instance is held against.
struct Context<'a> {
    known: HashMap<&'a ResourceAddress, &'a Instance>,
    blocks: HashMap<ResourceAddress, Vec<&'a ResourceAddress>>,
    projects: &'a Projects<'a>,
    policies: Policies<'a>,
    zones: Zones<'a>,
    kinds: &'a Kinds,
}

impl Context<'_> {
    fn resource(&self, instance: &Instance, kind: &Kind, faults: &mut Diagnostics) -> Resource {
        let project = self.projects.get(&instance.address);
        let zones = match kind.role {
            Role::Certificate => self.certificate(instance, faults),
            _ => BTreeMap::new(),
        };
        let (depends_on, places) = self.depends_on(instance, project).into_iter().unzip();
        Resource {
            draft: Draft {
                address: instance.address.clone().into(),
                spec: spec(instance, project),
                secrets: BTreeMap::new(),
                protected: instance.lifecycle.prevent_destroy,
                forget: instance.lifecycle.forget,
                depends_on,
                origin: None,
            },
            places,
            schema: Some(instance.kind.clone()),
            work: work(kind.role),
            ignore: instance.lifecycle.ignore_changes.clone(),
            span: instance.span,
            secrets: secrets(instance),
            zones,
            slots: None,
        }
    }

    /// The rules between a certificate and everything else; returns the zone of each name.
    fn certificate(&self, instance: &Instance, faults: &mut Diagnostics) -> BTreeMap<String, Address> {
        csr::check(instance, faults);
        let issuer = instance.get("issuer").and_then(Value::as_ref_address);
        if let Some(issuer) = issuer.and_then(|issuer| self.known.get(&**issuer)) {
            certificate::check_window(instance, issuer, faults);
        }
        let Some(project) = self.projects.get(&instance.address) else { return BTreeMap::new() };
        self.policies.check(instance, project, faults);
        if !self.is_acme(instance) {
            return BTreeMap::new();
        }
        names::no_addresses(instance, faults);
        self.zones.of_certificate(instance, project, faults)
    }

    /// Whether a CA outside asks for proof of control: then every name needs a zone.
    fn is_acme(&self, instance: &Instance) -> bool {
        let issuer = instance.get("issuer").and_then(Value::as_ref_address);
        let role = issuer.and_then(|issuer| self.kinds.get(&issuer.kind)).map(|kind| kind.role);
        matches!(role, Some(Role::Issuer(Work::Register)))
    }

    /// What it refers to and what it names in `depends_on`, each with its place; a block that is repeated stands for all its
    /// instances. A certificate does not need its targets: its deployments do.
    fn depends_on(&self, instance: &Instance, project: Option<&Arc<ResourceAddress>>) -> Vec<(Address, Span)> {
        let mut found: Vec<(Address, Span)> = Vec::new();
        walk::leaves(&instance.value, &mut |path, leaf| {
            let target = &*instance.address.kind == "certificate" && path.starts_with("targets.");
            if let Some(address) = leaf.as_ref_address().filter(|_| !target) {
                found.push(((**address).clone().into(), rules::place(instance, path)));
            }
        });
        let project = project.filter(|project| ***project != instance.address);
        found.extend(project.map(|project| ((**project).clone().into(), instance.place("project"))));
        let place = instance.place("depends_on");
        for named in &instance.depends_on {
            match self.blocks.get(named) {
                Some(instances) if !self.known.contains_key(named) => {
                    found.extend(instances.iter().map(|one| ((*one).clone().into(), place)));
                }
                _ => found.push((named.clone().into(), place)),
            }
        }
        found.sort();
        found.dedup_by(|a, b| a.0 == b.0);
        found
    }
}

fn work(role: Role) -> Work {
    match role {
        Role::Record | Role::Target(_) => Work::Record,
        Role::Issuer(work) => work,
        Role::Certificate => Work::Issue,
    }
}

/// The spec, with the project that was left out filled in: declaring a second one later changes nothing that is there.
fn spec(instance: &Instance, project: Option<&Arc<ResourceAddress>>) -> Spec {
    let mut spec = match to_json(&instance.value) {
        serde_json::Value::Object(spec) => spec,
        _ => Spec::new(),
    };
    instance.templates.iter().for_each(|path| mark_template(&mut spec, path));
    if let Some(project) = project.filter(|_| instance.kind.in_project) {
        spec.insert("project".to_owned(), to_json(&Value::Ref(project.clone())));
    }
    spec
}

fn secrets(instance: &Instance) -> BTreeMap<String, SecretRef> {
    let mut found = BTreeMap::new();
    walk::leaves(&instance.value, &mut |path, leaf| {
        if let Value::Secret(secret) = leaf {
            found.insert(path.to_owned(), (**secret).clone());
        }
    });
    found
}

/// A deployment refers to secrets only through its target, whose record keeps their fingerprints.
fn from_deployment(made: Deployment) -> Resource {
    let depends_on = match &made.address {
        Address::Deployment { certificate, target } => vec![certificate.clone().into(), target.clone().into()],
        Address::Resource(_) => Vec::new(),
    };
    Resource {
        draft: Draft {
            address: made.address,
            spec: made.spec,
            secrets: BTreeMap::new(),
            protected: false,
            forget: false,
            depends_on,
            origin: None,
        },
        schema: None,
        work: Work::Deploy,
        ignore: Ignore::Nothing,
        span: made.span,
        places: vec![made.span; 2],
        secrets: BTreeMap::new(),
        zones: BTreeMap::new(),
        slots: Some(made.slots),
    }
}

fn stored(output: &Output) -> StoredOutput {
    let value = match &output.value {
        OutputValue::Known(value) => to_json(value),
        OutputValue::Residual(residual) => residual.clone(),
    };
    StoredOutput { value, sensitive: output.sensitive }
}

impl Estate {
    /// Notes where every draft's block stands, as people count, for records, plans and reports that outlive the texts.
    pub fn locate(&mut self, position: impl Fn(crate::source::Span) -> crate::source::Position) {
        for resource in self.resources.values_mut() {
            resource.draft.origin = Some(position(resource.span));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::model::fixture::{self, reference};

    fn made(blocks: Vec<(&'static str, Json)>) -> (Estate, Diagnostics) {
        let kinds = fixture::kinds();
        let desired = fixture::desired(&kinds, blocks);
        estate(&desired, &fixture::Templates::of(&desired), &kinds)
    }

    /// A sound estate of one project, to which each case adds.
    fn sound() -> Vec<(&'static str, Json)> {
        vec![
            ("organization.o", json!({"owner": reference("member.a")})),
            ("member.a", json!({"email": "a@example.com"})),
            ("project.p", json!({})),
            ("acme_account.le", json!({})),
            ("private_ca.root", json!({})),
            ("dns_credential.d", json!({"token": {"$secret": {"env": "T"}}})),
            ("zone.com", json!({"apex": "example.com", "credential": reference("dns_credential.d")})),
            (
                "zone.sub",
                json!({"apex": "sub.example.com", "credential": reference("dns_credential.d"), "aliases": ["alias.org"]}),
            ),
            ("file_target.t", json!({"directory": "/tls/${certificate.name}"})),
        ]
    }

    /// Each case is a sound estate with these blocks beside it; each expectation is a part of `CODE detail`, in order, and
    /// every fault must have a place, and as many others as it says after `+`.
    fn check(blocks: Vec<(&'static str, Json)>, expected: &[(&str, usize)]) {
        let (_, faults) = made(sound().into_iter().chain(blocks).collect());
        let found: Vec<String> = faults.iter().map(|fault| format!("{} {}", fault.code, fault.detail)).collect();
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (fault, (part, related)) in faults.iter().zip(expected) {
            assert!(format!("{} {}", fault.code, fault.detail).contains(part), "{} does not say {part}", fault.detail);
            assert_eq!(fault.related.len(), *related, "{}", fault.detail);
            assert!(fault.span.is_some() && fault.related.iter().all(|(span, _)| Some(*span) != fault.span));
        }
    }

    fn certificate(issuer: &str, name: &str, more: Json) -> Json {
        let mut value = json!({"issuer": reference(issuer), "common_name": name});
        value.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
        value
    }

    #[test]
    fn of_two_projects_one_has_to_be_named() {
        let projects = || vec![("project.p", json!({})), ("project.q", json!({}))];
        let faults = |account: Json| {
            let (_, faults) = made(projects().into_iter().chain([("acme_account.le", account)]).collect());
            faults.iter().map(|fault| (fault.code.to_string(), fault.related.len())).collect::<Vec<_>>()
        };
        assert_eq!(faults(json!({})), [("CAP0305".to_owned(), 2)]);
        assert_eq!(faults(json!({"project": reference("project.q")})), []);
    }

    #[test]
    fn a_computed_reference_to_nothing_is_a_fault() {
        let zone = json!({"apex": "example.org", "credential": reference("dns_credential.none")});
        check(vec![("zone.org", zone)], &[("CAP0316 zone.org refers to dns_credential.none in \"credential\"", 0)]);
    }

    #[test]
    fn a_sound_estate_has_no_faults() {
        let targets = json!({"targets": [reference("file_target.t")]});
        check(
            vec![
                ("certificate.a", certificate("acme_account.le", "a.sub.example.com", targets.clone())),
                ("certificate.b[\"x/y\"]", certificate("private_ca.root", "192.0.2.1", targets)),
            ],
            &[],
        );
    }

    #[test]
    fn there_is_one_organization() {
        check(vec![("organization.p", json!({"owner": reference("member.a")}))], &[("CAP0303", 1)]);
    }

    #[test]
    fn references_stay_in_one_project() {
        let other = json!({"project": reference("project.q")});
        let mine = |value: Json| {
            let mut value = value;
            value["project"] = reference("project.p");
            value
        };
        let kinds = fixture::kinds();
        let named = sound().into_iter().map(|(address, value)| {
            let kind = kinds.get(address.split('.').next().expect("a kind")).expect("a kind");
            (address, if kind.schema.in_project { mine(value) } else { value })
        });
        let more = vec![
            ("project.q", json!({})),
            ("private_ca.other", other),
            ("certificate.a", mine(certificate("private_ca.other", "a.example.com", json!({})))),
            ("certificate.b", certificate("private_ca.root", "b.example.com", json!({}))),
            ("certificate.c", mine(certificate("private_ca.none", "c.example.com", json!({})))),
        ];
        let (_, faults) = made(named.chain(more).collect());
        let codes: Vec<(u16, usize)> = faults.iter().map(|fault| (fault.code.number, fault.related.len())).collect();
        assert_eq!(codes, [(305, 2), (304, 1), (316, 0)]);
    }

    #[test]
    fn acme_names_have_a_zone() {
        check(
            vec![("certificate.a", certificate("acme_account.le", "a.example.org", json!({"sans": ["192.0.2.1"]})))],
            &[("IP address", 0), ("No zone of project.p holds \"a.example.org\"", 0)],
        );
        check(
            vec![("zone.twice", json!({"apex": "alias.org", "credential": reference("dns_credential.d")}))],
            &[("CAP0309", 1)],
        );
        let san = json!({"sans": ["*.example.com", "deep.a.sub.example.com", "www.alias.org"]});
        let (estate, faults) = made(
            sound()
                .into_iter()
                .chain([("certificate.a", certificate("acme_account.le", "sub.example.com", san))])
                .collect(),
        );
        assert!(faults.is_empty(), "{faults:?}");
        let zones = &estate.resources[&"certificate.a".parse().expect("an address")].zones;
        let zones: Vec<String> = zones.iter().map(|(name, zone)| format!("{name} {zone}")).collect();
        let expected = [
            "deep.a.sub.example.com zone.sub",
            "example.com zone.com",
            "sub.example.com zone.sub",
            "www.alias.org zone.sub",
        ];
        assert_eq!(zones, expected);
    }

    #[test]
    fn one_place_holds_one_certificate() {
        let to = |target: &str| json!({"targets": [reference(target)]});
        check(
            vec![
                ("file_target.u", json!({"directory": "/tls/all"})),
                ("certificate.a", certificate("private_ca.root", "a.test", to("file_target.u"))),
                ("certificate.b", certificate("private_ca.root", "b.test", to("file_target.u"))),
            ],
            &[("would both write to file:/tls/all", 1)],
        );
        let twice = json!({"targets": [reference("file_target.t"), reference("file_target.t")]});
        check(vec![("certificate.a", certificate("private_ca.root", "a.test", twice))], &[("CAP0311", 0)]);
        check(
            vec![
                ("certificate.a[\"x/y\"]", certificate("private_ca.root", "a.test", to("file_target.t"))),
                ("certificate.a[\"x:y\"]", certificate("private_ca.root", "b.test", to("file_target.t"))),
            ],
            &[("file:/tls/a-x_y", 1)],
        );
    }

    #[test]
    fn a_policy_is_that_of_the_project_or_the_one_named() {
        let rsa = || json!({"allowed_key_types": ["rsa-2048"]});
        let plain = || certificate("private_ca.root", "a.test", json!({}));
        check(vec![("certificate_policy.x", rsa()), ("certificate.a", plain())], &[("CAP0314", 1)]);
        let two = || vec![("certificate_policy.x", rsa()), ("certificate_policy.y", json!({}))];
        check(two().into_iter().chain([("certificate.a", plain())]).collect(), &[("CAP0317", 2)]);
        let named = certificate("private_ca.root", "a.test", json!({"policy": reference("certificate_policy.y")}));
        check(two().into_iter().chain([("certificate.a", named)]).collect(), &[]);
    }

    #[test]
    fn a_request_says_what_its_certificate_says() {
        let key = rcgen::KeyPair::generate().expect("a key");
        let mut params = rcgen::CertificateParams::new(vec!["a.test".to_owned()]).expect("names");
        params.distinguished_name = rcgen::DistinguishedName::new();
        let csr = params.serialize_request(&key).expect("a request").pem().expect("PEM");
        let with = |name: &str, more: Json| {
            let mut value = certificate("private_ca.root", name, json!({"csr": csr}));
            value.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
            vec![("certificate.a", value)]
        };
        check(with("a.test", json!({})), &[]);
        check(with("b.test", json!({})), &[("asks for", 1)]);
        check(with("a.test", json!({"key_type": "rsa-2048"})), &[("key of type ecdsa-p256", 1)]);
        check(with("a.test", json!({"csr": "nonsense"})), &[("cannot be taken", 0)]);
    }

    #[test]
    fn drafts_hold_everything_a_record_needs() {
        let more = certificate("private_ca.root", "a.test", json!({"targets": [reference("file_target.t")]}));
        let (estate, _) = made(sound().into_iter().chain([("certificate.a[\"k\"]", more)]).collect());
        let get = |address: &str| &estate.resources[&address.parse().expect("an address")];
        let deployment = get("certificate.a[\"k\"]@file_target.t");
        assert_eq!(
            Json::Object(deployment.draft.spec.clone()),
            json!({
                "certificate": reference("certificate.a[\"k\"]"),
                "target": reference("file_target.t"),
                "config": {"directory": "/tls/a-k"},
            })
        );
        assert_eq!(deployment.work, Work::Deploy);
        let credential = get("dns_credential.d");
        assert_eq!(credential.secrets["token"], SecretRef::Env("T".to_owned()));
        assert_eq!(credential.draft.spec["project"], reference("project.p"));
        assert_eq!(get("certificate.a[\"k\"]").draft.depends_on.len(), 2);
    }
}
