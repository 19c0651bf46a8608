//! Faults: where they are shown, and what they say.

use super::{Inputs, run, shown, value_of};

fn check_expressions(table: &[(&str, &[&str])]) {
    let mut wrong = Vec::new();
    for (expression, expected) in table {
        let found = value_of(expression);
        if found.as_ref().err().map(|all| all.iter().map(String::as_str).collect::<Vec<_>>()).as_deref()
            != Some(*expected)
        {
            wrong.push(format!("{expression}\n  expected {expected:?}\n  found    {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn faults_of_expressions_point_at_their_part() {
    check_expressions(&[
        ("1 + \"a\"", &["2:15 `\"a\"` A number is required, and this is a string."]),
        ("1 / 0", &["2:15 `0` A number cannot be divided by zero."]),
        ("[1, 2][2]", &["2:17 `[2]` 2 names no element: the collection has 2 elements, and the first is at 0."]),
        ("{host = 1}.hots", &["2:21 `.hots` This object has no attribute named \"hots\"."]),
        ("null.a", &["2:15 `.a` This value is null, so it has no attribute \"a\"."]),
        ("foo", &["2:11 `foo` \"foo\" is neither a type of resource nor anything else that can be referred to here."]),
        ("var.x", &["2:11 `var.x` There is no variable named \"x\"."]),
        ("\"a${null}\"", &["2:15 `null` This is null, and a text cannot hold null."]),
        ("\"a${[1]}\"", &["2:15 `[1]` A text holds strings, numbers and bools, and this is a tuple."]),
        ("nope(1)", &["2:11 `nope` There is no function named \"nope\"."]),
        ("[for x in 5 : x]", &["2:21 `5` This is a number, which has no elements to go through."]),
        ("{for x in [1, 1] : \"k\" => x}", &["2:30 `\"k\"` Two elements have the key \"k\"."]),
        ("1 ? 2 : 3", &["2:11 `1` A bool is required, and this is a number."]),
        ("true ? [1] : 2", &["2:11 `true ? [1] : 2` One result is a tuple, the other is a number."]),
        (
            "{a = 1 / 0, b = {}.c}",
            &["2:20 `0` A number cannot be divided by zero.", "2:29 `.c` This object has no attribute named \"c\"."],
        ),
        (
            "\"${secret_env(\"A\")}x\"",
            &[
                "2:14 `secret_env(\"A\")` This is a secret, and a secret can only be given to an argument that takes one.",
            ],
        ),
        (
            "secret_env(\"A\") == \"x\"",
            &[
                "2:11 `secret_env(\"A\")` This is a secret, and a secret can only be given to an argument that takes one.",
            ],
        ),
        (
            "templatefile(\"bad.tpl\", {})",
            &["2:24 `\"bad.tpl\"` In bad.tpl, line 2, column 7: The template is given no variable named \"missing\"."],
        ),
        (
            "terraform.workspace",
            &[
                "2:11 `terraform.workspace` \"terraform\" is neither a type of resource nor anything else that can be referred to here.",
            ],
        ),
        ("each.key", &["2:11 `each.key` each can be used only in a block that is repeated by for_each."]),
    ]);
}

fn check(text: &str, expected: &[&str]) {
    let run = run(&[text], &Inputs::default());
    assert_eq!(shown(&run), expected, "{text}");
}

#[test]
fn faults_of_syntax_say_what_may_stand_there() {
    check(
        "zone \"a\" {\n  apex = \n}\n",
        &[
            "2:10 `\n` The end of the line cannot stand here; what may stand here is a value: a text in double quotes, a number, true, false, null, a list, an object, a reference or a call.",
        ],
    );
    check("zone \"a\" {\n  apex = \"x\"\n", &["1:10 `{` The text ends before this block or object is closed."]);
    check(
        "zone \"a\" {\n  apex = \"x\"\n  apex = \"y\"\n}\n",
        &["3:3 `apex` The argument \"apex\" is already set in this block, and each argument is set once."],
    );
    check(
        "zone \"a\" { apex = 'x' }\n",
        &[
            "1:19 `'` \"'\" cannot stand here; what may stand here is a value: a text in double quotes, a number, true, false, null, a list, an object, a reference or a call.",
        ],
    );
}

#[test]
fn a_cycle_names_every_edge() {
    let run = run(&["locals {\n  a = local.b\n  b = local.c + 1\n  c = local.a\n}\n"], &Inputs::default());
    assert_eq!(shown(&run).len(), 1, "{:?}", shown(&run));
    let cycle = &run.diagnostics.0[0];
    assert_eq!(cycle.related.len(), 3);
    for (span, label) in &cycle.related {
        let (_, to) = label.split_once(" refers to ").unwrap_or_default();
        assert_eq!(run.sources.snippet(*span), to, "{label}");
    }
}

#[test]
fn a_cycle_through_a_template_lies_in_the_files() {
    let text = concat!(
        "project \"p\" {}\n",
        "locals {\n  t = \"$${x.common_name}\"\n}\n",
        "certificate \"a\" {\n  common_name = templatestring(local.t, { x = certificate.a })\n}\n",
    );
    let run = run(&[text], &Inputs::default());
    let cycle = run.diagnostics.iter().find(|one| one.detail.contains(" → ")).expect("a cycle");
    let places = cycle.related.iter().map(|(span, _)| *span).chain(cycle.span);
    for span in places {
        assert!(run.sources.iter().any(|(id, _)| id == span.source), "{span:?}");
    }
    assert!(shown(&run)[0].starts_with("6:32 `local.t` certificate.a → "), "{:?}", shown(&run));
}

#[test]
fn what_failed_is_not_reported_by_its_users() {
    check(
        "locals {\n  a = 1 / 0\n  b = local.a + 1\n  c = [local.a, local.b]\n}\n",
        &["2:11 `0` A number cannot be divided by zero."],
    );
}

#[test]
fn faults_of_all_blocks_come_at_once() {
    check(
        "project \"p\" {}\nzone \"a\" {\n  apxe = \"x\"\n}\ncertificat \"b\" {}\nzone \"a\" {\n  apex = \"x\"\n}\nzone {}\n",
        &[
            "5:1 `certificat` Blocks of type \"certificat\" are not expected here.",
            "6:6 `\"a\"` A zone block named \"a\" is already declared.",
            "9:1 `zone` A zone block has 1 label(s), and this one has 0.",
            "3:3 `apxe` An argument named \"apxe\" is not expected here.",
            "2:1 `zone \"a\"` The argument \"apex\" is required, and is not given.",
        ],
    );
}

#[test]
fn values_must_fit_the_schema() {
    check(
        concat!(
            "project \"p\" {\n  grant { role = \"admn\" }\n}\n",
            "certificate \"c\" {\n  common_name = [\"x\"]\n  sans = \"y\"\n  zone = project.p\n  days = secret_env(\"D\")\n}\n",
            "dns_credential \"d\" {\n  provider = null\n  token = \"plain\"\n}\n",
            "file_target \"t\" {\n}\n",
        ),
        &[
            "2:18 `\"admn\"` \"role\" cannot be \"admn\"; it is one of \"admin\", \"operator\", \"viewer\".",
            "5:17 `[\"x\"]` Inappropriate value for \"common_name\": string required, and this is a tuple.",
            "8:10 `secret_env(\"D\")` This is a secret, and a secret can only be given to an argument that takes one.",
            "6:10 `\"y\"` Inappropriate value for \"sans\": list of string required, and this is a string.",
            "7:10 `project.p` Inappropriate value for \"zone\": reference to zone required, and this is a reference to project.",
            "11:14 `null` The argument \"provider\" is required, and this is null.",
            "12:11 `\"plain\"` Inappropriate value for \"token\": secret required, and this is a string.",
            "14:1 `file_target \"t\"` A block \"files { … }\" is required, and is missing.",
        ],
    );
}

#[test]
fn repetition_must_have_keys_or_a_count() {
    check(
        concat!(
            "member \"a\" {\n  for_each = [\"x\"]\n  email = each.value\n}\n",
            "member \"b\" {\n  count = -1\n  email = \"x\"\n}\n",
            "member \"c\" {\n  count = 1\n  for_each = {}\n  email = \"x\"\n}\n",
        ),
        &[
            "2:14 `[\"x\"]` for_each takes a map, an object or a set of strings, and this is a tuple.",
            "6:11 `-1` count must be a whole number that is not negative.",
            "10:3 `count` A block is repeated by for_each or by count, and not by both.",
        ],
    );
}

#[test]
fn facts_are_for_outputs() {
    check(
        "project \"p\" {}\ncertificate \"c\" {\n  common_name = \"x\"\n}\nlocals {\n  when = certificate.c.not_after\n}\n",
        &[
            "6:23 `.not_after` \"not_after\" of certificate.c is a fact: it exists only after apply, and configuration cannot depend on it.",
        ],
    );
}

#[test]
fn instances_that_fail_alike_are_reported_a_few_times() {
    let run = run(&["member \"m\" {\n  count = 100\n  email = [count.index]\n}\n"], &Inputs::default());
    assert_eq!(run.diagnostics.0.len(), 3);
    assert_eq!(run.diagnostics.0[0].address.as_deref(), Some("member.m[0]"));
}

#[test]
fn a_cycle_of_any_length_is_a_report() {
    use std::fmt::Write as _;
    let mut text = String::from("locals {\n");
    for at in 0..5000 {
        let _ = writeln!(text, "  a{at} = [local.a{}]", (at + 1) % 5000);
    }
    text.push_str("}\n");
    let run = run(&[&text], &Inputs::default());
    assert!(run.diagnostics.has_errors());
}

#[test]
fn expressions_as_deep_as_the_parser_takes_are_evaluated() {
    let deep = format!("{}1{}", "[".repeat(60), "]".repeat(60));
    assert_eq!(value_of(&deep), Ok(deep));
    assert_eq!(value_of(&format!("1{}", " + 1".repeat(120))), Ok("121".to_owned()));
}

#[test]
fn values_are_bounded_where_they_get_a_name() {
    let chain = |first: &str, last: usize, link: &dyn Fn(usize) -> String| {
        let links: String = (1..=last).map(|at| format!("  a{at} = {}\n", link(at - 1))).collect();
        format!("locals {{\n  a0 = {first}\n{links}}}\n")
    };
    // Fifty levels more with each local: without a limit evaluation or what reads the value would run out of its stack.
    let (open, close) = ("[".repeat(50), "]".repeat(50));
    let deep = chain("1", 40, &|at| format!("{open}local.a{at}{close}"));
    let found = shown(&run(&[&deep], &Inputs::default()));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("5:8 ") && found[0].ends_with("nested deeper than 100 levels."), "{found:?}");
    // Twice as many elements with each: it takes no memory here, and no disk holds it.
    let wide = chain("[1]", 90, &|at| format!("[local.a{at}, local.a{at}]"));
    let found = shown(&run(&[&wide], &Inputs::default()));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("more than 4000000 elements"), "{found:?}");
    // No element is that deep: the type of what is not there is.
    let typed = chain("1", 40, &|at| format!("slice(tolist([{open}local.a{at}{close}]), 0, 0)"));
    let found = shown(&run(&[&typed], &Inputs::default()));
    assert!(found.len() == 1 && found[0].ends_with("nested deeper than 100 levels."), "{found:?}");
    let fits = chain("1", 2, &|at| format!("{open}local.a{at}{close}"));
    assert_eq!(shown(&run(&[&fits], &Inputs::default())), [""; 0]);
}
