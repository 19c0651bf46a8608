//! The parser on texts that nobody would write: it answers, and never panics or overflows its stack.

use proptest::prelude::*;

use super::ast::{ExprKind, Part};
use super::{parse, parse_expression, parse_template};
use crate::source::SourceId;

const SOURCE: SourceId = SourceId(0);

/// Parses a text in every way there is.
fn everything(text: &str) -> bool {
    let (_, faults) = parse(SOURCE, text);
    for fault in faults.iter() {
        let span = fault.span.expect("every fault has a place");
        assert!(text.get(span.range()).is_some(), "{span:?} in {text:?}");
    }
    let _ = parse_expression(SOURCE, 0, text);
    let _ = parse_template(SOURCE, text);
    !faults.has_errors()
}

#[test]
fn an_expression_may_stand_among_comments() {
    for text in ["1 + 2 # c", "1 + 2 // c", "# c\n1 + 2", "/* c */ 1 + 2 /* c */\n", "\n  1 + 2\n\n"] {
        let expr = parse_expression(SOURCE, 0, text).expect(text);
        assert_eq!(&text[expr.span.range()], "1 + 2", "{text}");
    }
    for text in ["", "# c", "1 # c\n2"] {
        assert!(parse_expression(SOURCE, 0, text).is_err(), "{text}");
    }
}

#[test]
fn a_heredoc_of_no_lines_does_not_swallow_what_follows() {
    for (text, fits) in [
        ("x = <<A\nA\ny = <<A\n1\nA\n", true),
        ("x = <<-A\n  A\ny = <<A\n1\nA\n", true),
        ("x = <<A\nA 1\nA\n", true),
        ("x = [<<A\nA ]\n", false),
        ("x = [<<A\n1\n  A, 1]\n", false),
        ("x = [<<A\n1\n  A \t\r\n, 1]\n", true),
        ("x = <<A\n1\nA", true),
        ("x = <<A\nA\nA\n", false),
        ("x = <<A\n\nA\n", true),
        ("x = <<A\nAA\nA\n", true),
    ] {
        assert_eq!(everything(text), fits, "{text}");
    }
}

/// What the parser takes no more of is told apart here.
#[test]
fn rows_of_operators_have_no_end() {
    let bare = |text: &str| text.replace("# one", "").split_whitespace().collect::<String>();
    for (part, begin, end) in [
        ("1 + ", "", "1"),
        ("a.b && c[0] > -1 || ", "", "!d"),
        ("1 * 2 - 3 == 4 && ", "", "[1 - 2][0]"),
        ("1 +\n  # one\n  ", "(", "1)"),
        ("1 * ", "[0, x ? ", "2 : 3, [for a in b : a if a - 1 == 0]]"),
        ("1 *\n", "f(", "a[*].b)"),
        ("\"${1 + 1}\" == ", "[a, ", "x]"),
    ] {
        let row = format!("{begin}{}{end}", part.repeat(300));
        let (file, faults) = parse(SOURCE, &format!("x = {row}\n"));
        assert!(!faults.has_errors(), "{faults:?}");
        assert_eq!(bare(&super::print::native(&file.body.attributes[0].value)), bare(&row));
    }
    let text = format!("x = {}) + 1\ny = {}@\nz = {}1 1\n", "1 + ".repeat(200), "1 + ".repeat(200), "1 + ".repeat(200));
    let (_, faults) = parse(SOURCE, &text);
    let places: Vec<&str> = faults.iter().map(|fault| &text[fault.span.expect("a place").range()]).collect();
    assert_eq!(places, [")", "@", "1"]);
}

#[test]
fn text_in_directives_is_as_quoted_text_is() {
    let text = |text: &str| match parse_expression(SOURCE, 0, text).map(|expr| expr.kind) {
        Ok(ExprKind::Template(parts)) => match &parts[0] {
            Part::If(part) => format!("{:?}", part.yes),
            other => format!("{other:?}"),
        },
        other => format!("{}", other.is_err()),
    };
    assert_eq!(text(r#""%{ if x }a\n\"b\" $${c}%{ endif }""#), r#"[Literal("a\n\"b\" ${c}")]"#);
    for faulty in [r#""%{ if x }a"b%{ endif }""#, r#""%{ if x }a\q%{ endif }""#, "\"%{ if x }a\nb%{ endif }\""] {
        assert_eq!(text(faulty), "true", "{faulty}");
    }
}

/// Every fault of a file is told, and nothing that only follows from one.
#[test]
fn after_a_fault_the_next_item_is_read() {
    for (text, expected) in [
        ("a = \nb = 1 +\nc = 1\n", vec![(1, "\n"), (2, "\n")]),
        ("x {\n  a = [1\n  b = 2\n}\ny = }\n", vec![(3, "b"), (5, "}")]),
        ("x {\n  a = (\n}\n", vec![(3, "}")]),
        ("x {\n  a = \"1\n  b = '2'\n}\nc = 1 2\n", vec![(2, "\""), (3, "'"), (5, "2")]),
        ("x\n{\n  a = 1\n}\nb = 2 3\n", vec![(1, "\n"), (5, "3")]),
        ("x {\n  y {\n    a = @\n  }\n  b = @\n}\n}\nc = @\n", vec![(3, "@"), (5, "@"), (7, "}"), (8, "@")]),
        ("x {\n  y {\n    a = 1\n", vec![(2, "{")]),
        ("a = 1\na = 2\na = 3\n", vec![(2, "a"), (3, "a")]),
        ("a = \"%{ if x }\"\nb = \"%{ endif }\"\nc = \"\\q\"\n", vec![(1, "\""), (3, "\\q")]),
        ("x {\n  a = b.\n  c = 1\n  d = @\n}\n", vec![(2, "\n"), (4, "@")]),
        ("a = \"1\nb = [\"2\"]\nc = \"3\nd = \"4\"\n", vec![(1, "\""), (3, "\"")]),
        ("a = <<X\nb = 1\n", vec![(1, "<<X")]),
        ("a = 1 /* b = 2\n", vec![(1, "/*")]),
    ] {
        let (_, faults) = parse(SOURCE, text);
        let place = |fault: &crate::diagnostic::Diagnostic| {
            let range = fault.span.expect("a place").range();
            (text[..range.start].matches('\n').count() + 1, &text[range])
        };
        assert_eq!(faults.iter().map(place).collect::<Vec<_>>(), expected, "{text}");
    }
    let many = "a = @\n".repeat(5000);
    assert_eq!(parse(SOURCE, &many).1.iter().count(), super::ROUNDS);
}

#[test]
fn indexes_after_a_dot_do_not_follow_one_another() {
    for (text, fits) in [("a.0.1", false), ("a.*.0.1", false), ("a.0.b.1", true), ("a.0[1]", true), ("a[0].1", true)] {
        assert_eq!(parse_expression(SOURCE, 0, text).is_ok(), fits, "{text}");
    }
}

#[test]
fn deep_texts_are_refused() {
    let deep = |open: &str, middle: &str, close: &str, depth| {
        let quote = if open.starts_with('%') { "\"" } else { "" };
        format!("x = {quote}{}{middle}{}{quote}\n", open.repeat(depth), close.repeat(depth))
    };
    for (open, middle, close) in [
        ("[", "1", "]"),
        ("(", "1", ")"),
        ("{a = ", "1", "}"),
        ("\"${", "1", "}\""),
        ("f(", "1", ")"),
        ("!", "true", ""),
        ("-", "x", ""),
        ("true ? 1 : ", "2", ""),
        ("x[", "1", "]"),
        ("[for x in ", "y", " : x]"),
        ("%{ if true }", "", "%{ endif }"),
    ] {
        let text = deep(open, middle, close, 5000);
        assert!(!everything(&text), "{open}");
        assert_eq!(parse(SOURCE, &text).1.iter().count(), 1, "{open}: it is said once");
        assert!(everything(&deep(open, middle, close, 60)), "{open}");
    }
    let blocks = format!("{}{}", "a {\n".repeat(5000), "}\n".repeat(5000));
    assert!(!everything(&blocks));
    assert_eq!(parse(SOURCE, &blocks).1.iter().count(), 1, "it is said once");
    // What is flat in our tree may be long.
    assert!(everything(&format!("x = 1{}\n", " + 1".repeat(5000))));
    assert!(everything(&format!("x = 1{}\n", " + 1 * 2".repeat(60))));
    assert!(everything(&format!("x = a{}\n", ".b".repeat(5000))));
    assert!(!everything(&format!("x = a{}\n", "[*]".repeat(5000))));
}

/// Pieces of the language in any order.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a",
        "b c",
        "=",
        "{",
        "}",
        "[",
        "]",
        "(",
        ")",
        "\"",
        "${",
        "%{",
        "~}",
        "if ",
        "else",
        "endif",
        "for ",
        " in ",
        "endfor",
        "<<EOT\n",
        "<<-EOT\n",
        "  EOT\n",
        "EOT",
        "\n",
        "\r\n",
        " ",
        "1",
        "0.5e3",
        "...",
        ".",
        ",",
        "*",
        "?",
        ":",
        "=>",
        "==",
        "&&",
        "||",
        "!",
        "-",
        "/*",
        "*/",
        "#",
        "//",
        "\\",
        "\\u00e9",
        "$${",
        "é",
        "e\u{301}",
        "\u{1F600}",
        "null",
        "true",
        "'",
        "::",
        "[*]",
        ".*",
        "\t",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_the_parser_panic(text in ".{0,200}") {
        everything(&text);
    }

    #[test]
    fn no_row_of_pieces_makes_the_parser_panic(text in pieces()) {
        everything(&text);
        everything(&format!("x = {text}\n"));
        everything(&format!("x = \"{text}\"\n"));
        everything(&format!("x = <<-EOT\n{text}\n  EOT\n"));
    }
}
