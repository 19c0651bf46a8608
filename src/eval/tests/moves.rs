//! `moved` and `removed` blocks: what they name, and what they may not.

use super::{Inputs, run, shown};

/// Evaluates blocks beside a project; each expectation is a fault.
fn check(blocks: &str, expected: &[&str]) {
    let text = format!("project \"p\" {{}}\nzone \"z\" {{\n  for_each = {{ a = 1 }}\n  apex = each.key\n}}\n{blocks}");
    assert_eq!(shown(&run(&[&text], &Inputs::default())), expected, "{blocks}");
}

#[test]
fn moves_are_followed() {
    let text = concat!(
        "moved {\n  from = zone.a\n  to = zone.b\n}\nmoved {\n  from = zone.c[\"x\"]\n  to = module.m[0].zone.d\n}\n",
        "moved {\n  from = module.o\n  to = module.n\n}\nmoved {\n  from = module.k.module.l\n  to = module.p[\"q\"]\n}\n",
    );
    let run = run(&[text], &Inputs::default());
    assert_eq!(shown(&run), [""; 0]);
    let cases = [
        ("zone.a", Some("zone.b")),
        ("zone.a[\"k\"]", Some("zone.b[\"k\"]")),
        ("zone.c[\"x\"]", Some("module.m[0].zone.d")),
        ("zone.c[\"y\"]", None),
        ("module.o[\"k\"].zone.a[1]", Some("module.n[\"k\"].zone.a[1]")),
        ("module.o.module.i.zone.a", Some("module.n.module.i.zone.a")),
        ("module.k.module.l.zone.a", Some("module.p[\"q\"].zone.a")),
        ("module.k.module.l[0].zone.a", None),
    ];
    for (from, to) in cases {
        let address = from.parse().expect("an address");
        let found = run.evaluation.desired.moved.iter().find_map(|one| one.follow(&address));
        assert_eq!(found.map(|address| address.to_string()).as_deref(), to, "{from}");
    }
}

#[test]
fn blocks_that_cannot_be_are_refused() {
    check(
        "moved {\n  from = zone.z\n  to = zone.y\n}\n",
        &["6:1 `moved` zone.z[\"a\"] is said to have moved, and is still declared."],
    );
    check("moved {\n  from = zone.z\n  to = zone.z[\"a\"]\n}\n", &[]);
    check("moved {\n  from = zone.x\n  to = member.x\n}\n", &["6:1 `moved` A zone cannot become a member."]);
    check(
        "moved {\n  from = zone.x\n  to = module.x\n}\n",
        &["6:1 `moved` A resource cannot become a module, nor a module a resource."],
    );
    check("moved {\n  from = zone.x\n}\n", &["6:1 `moved` A moved block needs \"to\"."]);
    check(
        "moved {\n  from = zone.x\n  to = zone.y[local.k]\n}\n",
        &["8:8 `zone.y[local.k]` \"to\" is the address of a resource or a module."],
    );
    check(
        "moved {\n  from = zone.x\n  to = zone.y\n}\nmoved {\n  from = zone.y\n  to = zone.x\n}\n",
        &[
            "6:1 `moved` Following the moves from zone.x leads back to it.",
            "10:1 `moved` Following the moves from zone.y leads back to it.",
        ],
    );
    check(
        "removed {\n  from = zone.z\n}\n",
        &["6:1 `removed` zone.z[\"a\"] is said to be removed, and is still declared."],
    );
    check(
        "removed {\n  from = zone.x[\"a\"]\n}\n",
        &["6:1 `removed` A removed block names a whole block or module, and zone.x[\"a\"] is an instance."],
    );
    check("removed {\n  from = zone.x\n  lifecycle {\n    destroy = false\n  }\n}\n", &[]);
}
