//! `cap graph`: what refers to what, in text that Graphviz reads.

use std::collections::BTreeSet;

use super::Place;

/// What a drawing in DOT holds, read by DOT's grammar: balanced clusters, boxes, and arrows between boxes.
fn arrows(dot: &str) -> Vec<(String, String)> {
    let mut lines = dot.lines();
    assert_eq!(lines.next(), Some("digraph {"));
    let (mut depth, mut boxes, mut arrows) = (1, BTreeSet::new(), Vec::new());
    for line in lines.map(str::trim) {
        match line {
            "}" => depth -= 1,
            _ if line.starts_with("subgraph") && line.ends_with("{") => depth += 1,
            _ if line.contains("\" -> \"") => {
                let (from, to) = line.split_once(" -> ").expect("two ends");
                arrows.push((name(from), name(to.split(" [color").next().expect("an end"))));
            }
            _ if line.starts_with('"') => {
                let (id, label) = line.split_once(" [label = ").expect("a label");
                assert_eq!(id, label.trim_end_matches(']'), "{line}");
                assert!(boxes.insert(name(id)), "{line} comes twice");
            }
            _ => assert!(line.contains(" = ") || line.starts_with("node ["), "{line}"),
        }
    }
    assert_eq!(depth, 0, "{dot}");
    assert!(arrows.iter().all(|(from, to)| boxes.contains(from) && boxes.contains(to)), "{dot}");
    arrows
}

/// A quoted name without its escapes.
fn name(quoted: &str) -> String {
    let inner = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).expect("quotes");
    let plain = inner.replace("\\\\", "\u{0}").replace("\\\"", "\u{1}");
    assert!(!plain.contains(['"', '\\']), "{quoted}");
    plain.replace('\u{0}', "\\").replace('\u{1}', "\"")
}

#[test]
fn resources_point_at_what_they_refer_to() {
    let place = Place::new();
    place.write(
        "m/main.cap.hcl",
        "variable \"o\" {}\nproject \"p\" {}\nzone \"z\" {\n  project = project.p\n  apex = var.o\n}\n",
    );
    place.write(
        "main.cap.hcl",
        "variable \"unset\" {}\nmember \"a\" { email = var.unset }\nlocals { owner = member.a.email }\n\
         module \"m\" {\n  source = \"./m\"\n  o = local.owner\n}\n",
    );
    let dot = place.expect("graph", 0).out;
    let pair = |from: &str, to: &str| (from.to_owned(), to.to_owned());
    assert_eq!(arrows(&dot), [pair("module.m.zone.z", "member.a"), pair("module.m.zone.z", "module.m.project.p")]);
    assert!(dot.contains("label = \"module.m\""), "{dot}");
    let mermaid = place.expect("graph -format=mermaid", 0).out;
    assert!(mermaid.starts_with("flowchart RL\n") && mermaid.contains("subgraph m0[\"module.m\"]"), "{mermaid}");
    assert_eq!(place.expect("graph", 0).out, dot, "the same files are the same drawing");
    place.write("main.cap.hcl", "zone {");
    place.expect("graph", 1).reports("main.cap.hcl:1");
}

#[test]
fn a_circle_is_named_and_marked() {
    let place = Place::new();
    place.write("main.cap.hcl", "zone \"a\" { apex = zone.b.apex }\nzone \"b\" { apex = zone.a.apex }\n");
    let ran = place.expect("graph", 0);
    ran.reports("zone.a → zone.b → zone.a: these blocks refer to each other in a circle.");
    assert_eq!(arrows(&ran.out).len(), 2);
    assert_eq!(ran.out.matches("[color = \"red\"]").count(), 2, "{}", ran.out);
}

#[test]
fn a_saved_plan_is_drawn_step_by_step() {
    let place = Place::quickstart();
    place.expect("plan -out=p", 0);
    let dot = place.expect("graph -plan=p", 0).out;
    let deployment = "certificate.www@file_target.local";
    assert!(arrows(&dot).contains(&(deployment.to_owned(), "certificate.www".to_owned())), "{dot}");
    place.expect("graph -plan=main.cap.hcl", 1).reports("main.cap.hcl");
}

/// Graphviz itself says whether it can read it, where it is installed.
#[test]
fn graphviz_draws_it() {
    let place = Place::quickstart();
    place.write("odd.cap.hcl", "zone \"ä-_\" {\n  for_each = { \"a\\\"\\\\\" = 1 }\n  apex = \"example.com\"\n}\n");
    let dot = place.expect("graph", 0).out;
    arrows(&dot);
    let mut command = std::process::Command::new("dot");
    let drawn = command.args(["-Tcanon", "-o/dev/null"]).stdin(std::process::Stdio::piped()).spawn();
    let Ok(mut child) = drawn else { return eprintln!("dot is not installed: its grammar was checked here") };
    std::io::Write::write_all(&mut child.stdin.take().expect("piped"), dot.as_bytes()).expect("it reads");
    assert!(child.wait().expect("an end").success(), "{dot}");
}
