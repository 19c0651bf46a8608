//! `import`: certificates and CAs that exist are taken over with their keys, records by their id, and nothing that is not
//! what its block describes.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};

use super::{Place, Ran};

struct Made {
    ca: String,
    ca_key: String,
    leaf: String,
    leaf_key: String,
}

/// A CA and a certificate of it, as some other program made them.
fn made() -> Made {
    let (ca_key, leaf_key) = (KeyPair::generate().expect("a key"), KeyPair::generate().expect("a key"));
    let params = |name: &str, names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_before = date_time_ymd(2026, 1, 1);
        params.not_after = date_time_ymd(2040, 1, 1);
        params
    };
    let mut root = params("House CA", &[]);
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = root.self_signed(&ca_key).expect("a CA");
    let issuer = Issuer::from_params(&root, &ca_key);
    let leaf = params("www.example.test", &["www.example.test"]).signed_by(&leaf_key, &issuer).expect("a certificate");
    Made {
        ca: ca.pem(),
        ca_key: ca_key.serialize_pem(),
        leaf: leaf.pem() + &ca.pem(),
        leaf_key: leaf_key.serialize_pem(),
    }
}

const ESTATE: &str = r#"project "demo" {}

private_ca "house" {
  common_name = "House CA"
}

certificate "www" {
  issuer      = private_ca.house
  common_name = "www.example.test"
  targets     = [file_target.local]
}

file_target "local" {
  files {
    directory = "out/${certificate.name}"
  }
}

member "all" {
  for_each = toset(["alice", "bob"])
  email    = "${each.key}@example.com"
}

import {
  to = private_ca.house
  id = "old/ca.pem,old/ca.key"
}

import {
  to = certificate.www
  id = "old/www.pem"
}

import {
  for_each = toset(["alice", "bob"])
  to       = member.all[each.key]
  id       = "directory/${each.value}"
}
"#;

fn place(made: &Made) -> Place {
    let place = Place::new();
    place.write("old/ca.pem", &made.ca);
    place.write("old/ca.key", &made.ca_key);
    place.write("old/www.pem", format!("{}{}", made.leaf_key, made.leaf));
    place.write("main.cap.hcl", ESTATE);
    place
}

/// Base64 of a key that appears nowhere else.
fn telling(key: &str) -> &str {
    let line = key.lines().nth(1).expect("a line");
    &line[40..]
}

#[test]
fn what_exists_is_taken_over_and_goes_on_from_there() {
    let made = made();
    let place = place(&made);
    let plan = place.expect("plan -out=saved.plan -detailed-exitcode", 2);
    plan.says("# certificate.www will be imported").says("# (imported from \"old/www.pem\")");
    plan.says("# member.all[\"alice\"] will be imported").says("# (imported from \"directory/alice\")");
    plan.says("Plan: 4 to import, 3 to add, 0 to change, 0 to destroy.");
    let saved = place.read("saved.plan");
    assert!(![&made.ca_key, &made.leaf_key].iter().any(|key| saved.contains(telling(key))), "no key is in the plan");
    let json = place.expect("show -json saved.plan", 0).json();
    let changes = json["resource_changes"].as_array().expect("changes").iter();
    let change = changes.clone().find(|one| one["address"] == "certificate.www").expect("the certificate");
    assert_eq!(change["change"]["importing"]["id"], "old/www.pem");
    assert_eq!(change["change"]["actions"], serde_json::json!(["no-op"]));

    place.expect("apply saved.plan", 0).says("Apply complete! Resources: 4 imported, 3 added, 0 changed, 0 destroyed.");
    place.expect("plan -detailed-exitcode", 0).says("No changes.");
    assert_eq!(
        place.read("out/www/current/privkey.pem").trim(),
        made.leaf_key.trim(),
        "the key is the one that was imported"
    );
    let fingerprint = cap::x509::Leaf::from_pem(&made.leaf).expect("a leaf").fingerprint;
    place.expect("state show certificate.www", 0).says(&fingerprint.to_string());

    // The imported CA issues, with the key that it has.
    std::fs::remove_dir_all(place.path().join("old")).expect("removed");
    let more = "certificate \"api\" {\n  issuer      = private_ca.house\n  common_name = \"api.example.test\"\n  targets     = [file_target.local]\n}\n";
    place.write("more.cap.hcl", more);
    place.expect("apply -auto-approve", 0).says("2 added");
    let chain = place.read("out/api/current/fullchain.pem");
    let leaf = cap::x509::Leaf::from_pem(&chain).expect("a leaf");
    assert_eq!(leaf.issuer, "CN=House CA");
    let now = cap::time::Timestamp::from_millis(leaf.not_before.millis() + 1_000_000);
    let whole = chain + &made.ca;
    assert!(cap::x509::check_chain(&whole, &["api.example.test".to_owned()], &leaf.spki, now).is_ok());
}

#[test]
fn a_chain_may_lie_in_files_of_its_own() {
    let made = made();
    let place = place(&made);
    let leaf = made.leaf.replace(&made.ca, "");
    place.write("old/leaf.pem", &leaf);
    place.write("main.cap.hcl", ESTATE.replace("old/www.pem", "old/leaf.pem,old/ca.pem,old/www.pem"));
    place.expect("apply -auto-approve", 0).says("4 imported");
    assert_eq!(place.read("out/www/current/fullchain.pem").matches("BEGIN CERTIFICATE").count(), 2);
    place.expect("plan -detailed-exitcode", 0);
}

#[test]
fn what_is_not_what_the_block_describes_is_refused() {
    let made = made();
    let place = place(&made);
    let refused = |change: (&str, &str), report: &str, at: &str| {
        place.write("main.cap.hcl", ESTATE.replacen(change.0, change.1, 1));
        place.expect("plan", 1).reports(report).reports(&format!("main.cap.hcl:{at}"));
    };
    refused(
        ("\"www.example.test\"", "\"api.example.test\""),
        "www.example.test, and api.example.test was asked for",
        "31:8",
    );
    refused(("\"House CA\"", "\"Home CA\""), "\"common_name\" of what is there is \"House CA\"", "26:8");
    refused(("old/ca.key", "old/www.pem"), "The private key is not that of the root", "26:8");
    refused(("old/ca.key", "old/absent.key"), "old/absent.key cannot be read", "26:8");
    refused(("old/www.pem", "old/ca.pem"), "holds no private key", "31:8");
    refused(("to = certificate.www", "to = certificate.absent"), "certificate.absent is not declared", "31:8");
    refused(("to = certificate.www", "to = private_ca.house"), "private_ca.house is imported twice.", "31:8");
    refused(("to = certificate.www", "to = module.m"), "A module cannot be imported.", "30:8");
    refused(("to = certificate.www", "of = certificate.www"), "An import block needs \"to\".", "29:1");
    refused(
        ("House CA\"", "House CA\"\n  key_type    = \"rsa-2048\""),
        "\"key_type\" of what is there is \"ecdsa-p256\"",
        "27:8",
    );
}

#[test]
fn a_key_that_changed_since_the_plan_is_refused() {
    let made = made();
    let place = place(&made);
    place.expect("plan -out=saved.plan", 0);
    place.write("old/ca.key", &made.leaf_key);
    place.expect("apply saved.plan", 1).reports("private_ca.house cannot be imported").reports("Make a new plan.");
    place.write("old/ca.key", &made.ca_key);
    place.expect("apply saved.plan", 0).says("4 imported");
}

#[test]
fn what_is_managed_already_is_not_imported_again() {
    let place = Place::new();
    let estate = "member \"a\" {\n  email = \"a@example.com\"\n}\nimport {\n  to = member.a\n  id = \"a\"\n}\n";
    place.write("main.cap.hcl", estate);
    place.expect("apply -auto-approve", 0).says("Resources: 1 imported, 0 added");
    place.expect("plan -detailed-exitcode", 0);
    place.write("m/main.cap.hcl", estate);
    place.write("main.cap.hcl", "module \"m\" {\n  source = \"./m\"\n}\n");
    place.expect("validate", 1).reports("An import block stands in the root module only");
}

/// A root under constraints and the issuing CA below it, as some other program made them.
struct Two {
    root: String,
    root_key: KeyPair,
    issuing: String,
    issuing_key: KeyPair,
}

/// A CA of that name, under the constraints of the house.
fn below_house(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.not_after = date_time_ymd(2040, 1, 1);
    let domain = rcgen::GeneralSubtree::DnsName("example.test".to_owned());
    params.name_constraints =
        Some(rcgen::NameConstraints { permitted_subtrees: vec![domain], excluded_subtrees: Vec::new() });
    params
}

fn two() -> Two {
    let (root_key, issuing_key) = (KeyPair::generate().expect("a key"), KeyPair::generate().expect("a key"));
    let root = below_house("House Root");
    let issuer = Issuer::from_params(&root, &root_key);
    let issuing = below_house("House Issuing").signed_by(&issuing_key, &issuer).expect("a CA").pem();
    let root = root.self_signed(&root_key).expect("a CA").pem();
    Two { root, root_key, issuing, issuing_key }
}

const BELOW: &str = r#"project "demo" {}

private_ca "house" {
  common_name = "House Root"

  intermediate {
    common_name = "House Issuing"
  }

  name_constraints {
    permitted_dns = ["example.test"]
  }
}

import {
  to = private_ca.house
  id = "root.pem, issuing.pem, issuing.key"
}

certificate "www" {
  issuer      = private_ca.house
  common_name = "www.example.test"
}

output "root" {
  value = private_ca.house.certificate
}

output "chain" {
  value = certificate.www.chain
}
"#;

/// A key on P-256 as OpenSSL wrote it before there was PKCS#8 (RFC 5915).
fn sec1(key: &KeyPair) -> String {
    use aws_lc_rs::encoding::{AsDer as _, EcPrivateKeyRfc5915Der};
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, key.serialized_der()).expect("a key");
    let der: EcPrivateKeyRfc5915Der = key.private_key().as_der().expect("SEC1");
    cap::x509::to_pem("EC PRIVATE KEY", der.as_ref())
}

#[test]
fn a_ca_issues_by_its_intermediate_while_the_key_of_its_root_stays_away() {
    let two = two();
    let place = Place::new();
    place.write("root.pem", &two.root);
    place.write("issuing.pem", &two.issuing);
    place.write("issuing.key", sec1(&two.issuing_key));
    place.write("root.key", two.root_key.serialize_pem());
    let refused = |change: (&str, &str), report: &str, at: &str| {
        place.write("main.cap.hcl", BELOW.replacen(change.0, change.1, 1));
        place.expect("plan", 1).reports(report).reports(&format!("main.cap.hcl:{at}"));
    };
    refused(("House Issuing", "Home Issuing"), "\"intermediate.common_name\" of what is there", "17:8");
    refused(("issuing.pem, ", ""), "No certificate of an intermediate is among the files", "17:8");
    refused(("issuing.key", "root.key"), "The private key is not that of the intermediate", "17:8");
    refused(("[\"example.test\"]", "[\"example.com\"]"), "permitted: example.test; excluded: none", "17:8");

    place.write("main.cap.hcl", BELOW);
    place.expect("apply -auto-approve", 0).says("1 imported, 2 added");
    place.expect("plan -detailed-exitcode", 0).says("No changes.");
    let outputs = place.expect("output -json", 0).json();
    let output = |name: &str| outputs[name]["value"].as_str().expect("a text").to_owned();
    assert_eq!(output("root").trim(), two.root.trim());
    let chain = output("chain") + &two.root;
    let leaf = cap::x509::Leaf::from_pem(&chain).expect("a leaf");
    let now = cap::time::Timestamp::from_millis(leaf.not_before.millis() + 1_000_000);
    assert!(cap::x509::check_chain(&chain, &["www.example.test".to_owned()], &leaf.spki, now).is_ok());
}

#[test]
fn of_several_intermediates_the_one_with_the_key_issues() {
    let two = two();
    let place = Place::new();
    let ca = |name: &str, key: &KeyPair| {
        let params = below_house("House Root");
        let root = Issuer::from_params(&params, &two.root_key);
        below_house(name).signed_by(key, &root).expect("a CA").pem()
    };
    let other_key = KeyPair::generate().expect("a key");
    place.write("root.pem", &two.root);
    place.write("issuing.pem", ca("House Retired", &other_key) + &two.issuing + &ca("House Test", &other_key));
    place.write("issuing.key", sec1(&two.issuing_key));
    place.write("root.key", two.root_key.serialize_pem());
    place.write("main.cap.hcl", BELOW.replace("issuing.key", "root.key"));
    let refused = place.expect("plan", 1);
    refused.reports("that of none of the intermediates").reports("House Retired").reports("House Issuing");
    place.write("main.cap.hcl", BELOW);
    place.expect("apply -auto-approve", 0).says("1 imported, 2 added");
    let chain = place.expect("output -raw chain", 0).out;
    let chain = cap::x509::each(&chain).expect("certificates");
    assert_eq!(chain.get(1).map(|one| one.trim()), Some(two.issuing.trim()));
}

#[test]
fn the_key_of_a_root_comes_along_where_it_is_named() {
    let two = two();
    let place = Place::new();
    let both = two.root_key.serialize_pem() + &sec1(&two.issuing_key);
    place.write("ca.pem", two.issuing.clone() + &two.root + &both);
    place.write("main.cap.hcl", BELOW.replace("root.pem, issuing.pem, issuing.key", "ca.pem"));
    place.expect("apply -auto-approve", 0).says("1 imported, 2 added");
    place.expect("destroy -auto-approve", 0).says("3 destroyed");
}

#[test]
fn an_organization_is_imported_under_the_first_key() {
    let place = Place::new();
    let text = |version: u32| {
        format!(
            "member \"m\" {{\n  email = \"m@example.com\"\n}}\n\norganization \"o\" {{\n  owner = member.m\n  encryption {{\n    active_version = {version}\n  }}\n}}\n\nimport {{\n  to = organization.o\n  id = \"any\"\n}}\n"
        )
    };
    place.write("main.cap.hcl", text(2));
    let mut plan = place.command("plan");
    plan.env("CAP_ENCRYPTION_KEY_V1", "1".repeat(64)).env("CAP_ENCRYPTION_KEY_V2", "2".repeat(64));
    let refused = Ran::of(plan.output().expect("cap runs"));
    refused.reports("is imported with active_version = 1");
    assert_eq!(refused.code, 1);
    place.write("main.cap.hcl", text(1));
    place.expect("apply -auto-approve", 0).says("1 imported");
}
