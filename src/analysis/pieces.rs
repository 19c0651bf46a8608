//! A text as its top-level pieces: blocks and stray arguments, each with the comments before it. A piece that does not parse
//! leaves the others whole, and an edit changes few of them.

use crate::syntax::lexer::{Kind, Lexer};

/// Blocks without labels that begin a piece where brackets are missing before them.
const BARE: [&str; 5] = ["locals", "cap", "moved", "removed", "import"];

/// How many bytes the first piece of a text has. Pieces of a valid text end where its parser ends a block or an argument.
///
/// Where a bracket is never closed, the next line that begins like a block begins a new piece.
pub fn length(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut begun = false;
    let mut rescue = None;
    let mut head: Option<Head> = None;
    for token in Lexer::new(text) {
        if depth > 0 && rescue.is_none() {
            head = Head::follow(head, text, &token.kind, token.range.clone());
            rescue = head.as_ref().filter(|head| head.complete).map(|head| head.begin);
        }
        match token.kind {
            Kind::Newline if depth == 0 && begun => return token.range.end,
            Kind::Newline | Kind::LineComment | Kind::BlockComment => {}
            Kind::Open(_) => depth += 1,
            Kind::Close(_) => {
                depth = depth.saturating_sub(1);
                begun = true;
            }
            _ => begun = true,
        }
    }
    rescue.filter(|_| depth > 0).unwrap_or(text.len())
}

/// A line within brackets that looks like the head of a block: it begins at the margin, has a label or needs none, and
/// opens a brace.
struct Head {
    begin: usize,
    labelled: bool,
    complete: bool,
}

impl Head {
    fn follow(head: Option<Self>, text: &str, kind: &Kind, range: std::ops::Range<usize>) -> Option<Self> {
        let word = &text[range.clone()];
        match (head, kind) {
            (None, Kind::Identifier) if text[..range.start].ends_with('\n') => {
                Some(Self { begin: range.start, labelled: BARE.contains(&word), complete: false })
            }
            (Some(head), Kind::Quoted | Kind::Identifier) => Some(Self { labelled: true, ..head }),
            (Some(head), Kind::Open(b'{')) if head.labelled => Some(Self { complete: true, ..head }),
            _ => None,
        }
    }
}

/// Type and labels of the block that a piece begins with, as far as they are written: what is known of a broken piece.
pub fn head(text: &str) -> Vec<std::ops::Range<usize>> {
    let mut parts = Vec::new();
    for token in Lexer::new(text) {
        match token.kind {
            Kind::Newline | Kind::LineComment | Kind::BlockComment if parts.is_empty() => {}
            Kind::Identifier => parts.push(token.range),
            Kind::Quoted if !parts.is_empty() => parts.push(token.range.start + 1..token.range.end - 1),
            _ => break,
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let mut rest = text;
        let mut found = Vec::new();
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(length(rest));
            found.push(piece);
            rest = after;
        }
        assert_eq!(found, expected);
    }

    #[test]
    fn pieces_are_blocks_with_the_comments_before_them() {
        check("# c\nzone \"a\" {\n}\n\na = [\n1]\n# end\n", &["# c\nzone \"a\" {\n}\n", "\na = [\n1]\n", "# end\n"]);
        check("a = <<E\n}\nE\r\nb = 1", &["a = <<E\n}\nE\r\n", "b = 1"]);
        check("}\nzone \"a\" {}\n", &["}\n", "zone \"a\" {}\n"]);
    }

    #[test]
    fn a_missing_bracket_ends_before_the_next_block() {
        check(
            "zone \"a\" {\n  x = \"${var.\nzone \"b\" {\n}\nlocals {\n}\n",
            &["zone \"a\" {\n  x = \"${var.\n", "zone \"b\" {\n}\n", "locals {\n}\n"],
        );
        // Nested blocks at the margin of a valid file belong to it.
        check("target \"a\" {\nfiles \"x\" {\n}\n}\n", &["target \"a\" {\nfiles \"x\" {\n}\n}\n"]);
    }

    #[test]
    fn heads_of_broken_blocks_are_read() {
        let words = |text: &'static str| head(text).into_iter().map(|range| &text[range]).collect::<Vec<_>>();
        assert_eq!(words("# c\nzone \"a\" {\n"), ["zone", "a"]);
        assert_eq!(words("zone"), ["zone"]);
        assert_eq!(words("= 1"), [""; 0]);
    }
}
