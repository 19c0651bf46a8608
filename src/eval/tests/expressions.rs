//! Expressions with the results that Terraform gives.

use super::value_of;

fn check(table: &[(&str, &str)]) {
    let mut wrong = Vec::new();
    for (expression, expected) in table {
        let found = value_of(expression);
        if found.as_deref() != Ok(*expected) {
            wrong.push(format!("{expression}\n  expected {expected}\n  found    {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn operators_bind_as_in_hcl() {
    check(&[
        ("1 + 2 * 3", "7"),
        ("(1 + 2) * 3", "9"),
        ("10 - 2 - 3", "5"),
        ("7 % 3", "1"),
        ("-7 % 3", "-1"),
        ("1 / 4", "{\"$number\":\"0.25\"}"),
        ("0.1 + 0.2", "{\"$number\":\"0.3\"}"),
        ("-(2 + 3)", "-5"),
        ("!true || true", "true"),
        ("!(true || true)", "false"),
        ("1 < 2 && 2 <= 2 && 3 > 2 && 3 >= 3", "true"),
        ("1 == 1 && 1 != 2", "true"),
        ("true || false && false", "true"),
        ("1 + 1 == 2 ? \"yes\" : \"no\"", "\"yes\""),
        ("\"5\" + 5", "10"),
        ("\"1\" == 1", "false"),
        ("null == null", "true"),
        ("[1, 2] == [1, 2]", "true"),
        ("{a = 1} == {a = 1}", "true"),
        ("true ? 1 : 2", "1"),
        ("false || null == null", "true"),
        ("9223372036854775807 + 1", "{\"$number\":\"9223372036854775808\"}"),
        ("1e3", "1000"),
        ("5e-1", "{\"$number\":\"0.5\"}"),
        ("false && 1 / 0 == 1", "false"),
    ]);
}

#[test]
fn conditionals_have_one_type() {
    check(&[
        ("true ? 1 : \"a\"", "\"1\""),
        ("false ? 1 : \"a\"", "\"a\""),
        ("true ? null : 1", "null"),
        ("true ? [1] : [\"a\", \"b\"]", "[\"1\"]"),
        ("true ? {a = 1} : {b = \"x\"}", "{\"a\":\"1\"}"),
        ("true ? 1 : 1 / 0", "1"),
    ]);
}

#[test]
fn for_goes_through_what_has_elements() {
    check(&[
        ("[for x in [1, 2, 3] : x * 2]", "[2,4,6]"),
        ("[for i, x in [\"a\", \"b\"] : \"${i}${x}\"]", "[\"0a\",\"1b\"]"),
        ("[for k, v in {b = 1, a = 2} : \"${k}=${v}\"]", "[\"a=2\",\"b=1\"]"),
        ("{for x in [\"a\", \"b\"] : x => \"${x}${x}\"}", "{\"a\":\"aa\",\"b\":\"bb\"}"),
        ("{for x in [\"a\", \"b\", \"a\"] : x => 1...}", "{\"a\":[1,1],\"b\":[1]}"),
        ("[for x in [1, 2, 3, 4] : x if x % 2 == 0]", "[2,4]"),
        ("[for x in [[1, 2], [3]] : [for y in x : y + 1]]", "[[2,3],[4]]"),
        ("[for x in [] : x]", "[]"),
        ("{for k, v in {a = 1} : (v) => k}", "{\"1\":\"a\"}"),
    ]);
}

#[test]
fn steps_go_into_values() {
    check(&[
        ("[1, 2, 3][1]", "2"),
        ("[1, 2, 3][\"1\"]", "2"),
        ("{a = {b = [5]}}.a.b[0]", "5"),
        ("{a = 1}[\"a\"]", "1"),
        ("[[1], [2]].1[0]", "2"),
        ("[{n = 1}, {n = 2}][*].n", "[1,2]"),
        ("[{n = [1]}, {n = [2]}][*].n[0]", "[1,2]"),
        ("[{n = [1]}, {n = [2]}].*.n[0]", "[1]"),
        ("{n = 1}[*].n", "[1]"),
        ("null[*].n", "[]"),
        ("[{a = [{b = 1}, {b = 2}]}][*].a[*].b", "[[1,2]]"),
        ("{\"a b\" = 1, c = 2}[\"a b\"]", "1"),
        ("{true = 1, null = 2, for2 = 3}.true", "1"),
        ("{(\"a\") = 1, \"x${1 + 1}\" = 2}", "{\"a\":1,\"x2\":2}"),
    ]);
}

#[test]
fn templates_follow_hcl_to_the_space() {
    check(&[
        ("\"a${1}b\"", "\"a1b\""),
        ("\"${true}\"", "true"),
        ("\"${[1]}\"", "[1]"),
        ("\"x${true}\"", "\"xtrue\""),
        ("\"$${a} %%{b} $a %b $\"", "\"${a} %{b} $a %b $\""),
        ("\"\\u00e9\\t\\\"\\\\\"", "\"é\\t\\\"\\\\\""),
        ("\"a  ${~ 1 ~}  b\"", "\"a1b\""),
        ("\"%{ if true }yes%{ else }no%{ endif }\"", "\"yes\""),
        ("\"%{ if false }yes%{ endif }\"", "\"\""),
        ("\"%{ for x in [1, 2] }<${x}>%{ endfor }\"", "\"<1><2>\""),
        ("\"%{ for i, x in [\"a\"] ~}  ${i}${x}  %{~ endfor }\"", "\"0a\""),
        ("\"${1.50}\"", "{\"$number\":\"1.5\"}"),
        ("\"n=${1.50}\"", "\"n=1.5\""),
        ("\"e\\u0301\"", "\"é\""),
    ]);
}

#[test]
fn heredocs_keep_or_lose_their_indentation() {
    check(&[
        ("<<EOT\n  a\n    b\nEOT", "\"  a\\n    b\\n\""),
        ("<<-EOT\n    a\n      b\n\n    c\n  EOT", "\"a\\n  b\\n\\nc\\n\""),
        ("<<-EOT\n    ${1}\n      b\n  EOT", "\"1\\n  b\\n\""),
        ("<<-EOT\n    a ${\n1} b\n    c\n  EOT", "\"a 1 b\\nc\\n\""),
        ("<<EOT\nno \\n escape $${x}\nEOT", "\"no \\\\n escape ${x}\\n\""),
        ("<<EOT\n%{ for x in [1, 2] ~}\n  - ${x}\n%{ endfor ~}\nend\nEOT", "\"  - 1\\n  - 2\\nend\\n\""),
        ("<<EOT\na\n  %{~ if true }b%{ endif }\nEOT", "\"a\\nb\\n\""),
        ("<<EOT\nEOT", "\"\""),
    ]);
}

#[test]
fn forms_need_the_evaluator() {
    check(&[
        ("try({}.a, 1)", "1"),
        ("try([0][3], null[0], \"x\")", "\"x\""),
        ("can({}.a)", "false"),
        ("can(1)", "true"),
        ("[for t in [\"$${a}-$${b}\"] : templatestring(t, {a = 1, b = \"x\"})][0]", "\"1-x\""),
        ("can([for t in [\"a\"] : templatestring(\"a\", {})])", "false"),
        ("templatefile(\"hello.tpl\", {name = \"Ann\", list = [1, 2]})", "\"Hello Ann!\\n- 1\\n- 2\\n\""),
    ]);
}
