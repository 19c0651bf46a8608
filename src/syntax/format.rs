//! `cap fmt`: HCL's canonical layout. Moves spaces only: no token comes, goes or changes, lines end as they did, and
//! formatting twice is formatting once.
//!
//! Three passes over lines of tokens: spaces within a line, indentation by open brackets, and columns of consecutive
//! `=` and of trailing comments.

use std::borrow::Cow;

use super::lexer::{Kind, Lexer, Token, sequences, tokens};
use crate::address::is_name_part;
use crate::limits;

/// Whether a text goes on: a bracket or a heredoc of it is not closed yet.
pub fn goes_on(text: &str) -> bool {
    let mut depth = 0;
    let mut before = Kind::Newline;
    for token in tokens(text) {
        depth += change(token.kind);
        let heredoc = token.kind == Kind::Operator && text[token.range.clone()].starts_with("<<");
        if heredoc && before != Kind::Operator && starts_heredoc(&text[token.range.end..]) {
            return true;
        }
        before = token.kind;
    }
    depth > 0
}

/// Whether a marker alone follows on the line.
fn starts_heredoc(rest: &str) -> bool {
    let marker = rest.lines().next().unwrap_or("");
    !marker.is_empty() && marker.chars().all(is_name_part)
}

/// The text in canonical layout. A text that is not well-formed, where tokens could run into each other, stays as it is.
pub fn format(original: &str) -> String {
    let text = &*templates(original, 0);
    let before = tokens(text);
    let mut lines = split(&before, text);
    lines.iter_mut().for_each(|line| space(line, text));
    indent(&mut lines);
    align(&mut lines, text, Cell::Assignment);
    align(&mut lines, text, Cell::Comment);
    let formatted = write(&lines, text);
    let unchanged = same(original, &formatted, 0) && !has_lone_return(&before, text);
    if unchanged { formatted } else { original.to_owned() }
}

/// Whether a carriage return that ends no line stands between tokens. It is no space: taking it out would mend the text.
fn has_lone_return(tokens: &[Token], text: &str) -> bool {
    let ends = tokens.iter().map(|token| token.range.end);
    let starts = tokens.iter().map(|token| token.range.start).chain([text.len()]);
    let mut gaps = std::iter::once(0).chain(ends).zip(starts);
    gaps.any(|(end, start)| {
        let gap = text.get(end..start).unwrap_or("");
        let ended = text.get(start..).is_some_and(|rest| rest.starts_with('\n'));
        gap.strip_suffix('\r').filter(|_| ended).unwrap_or(gap).contains('\r')
    })
}

/// The text with the sequences of its templates in layout: `${ a+b }` is `${a + b}`. What spans lines stays.
fn templates(text: &str, depth: usize) -> Cow<'_, str> {
    if !text.contains("${") && !text.contains("%{") || depth > limits::NESTING {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for token in tokens(text).iter().filter(|token| matches!(token.kind, Kind::Quoted | Kind::Heredoc)) {
        for inner in sequences(&text[token.range.clone()]) {
            let range = token.range.start + inner.start..token.range.start + inner.end;
            out.push_str(&text[done..range.start]);
            out.push_str(&sequence(&text[range.clone()], depth + 1));
            done = range.end;
        }
    }
    out.push_str(&text[done..]);
    Cow::Owned(out)
}

/// A sequence in layout: its strip markers stand at the braces, and a brace of its own has a space before it.
fn sequence(inner: &str, depth: usize) -> Cow<'_, str> {
    if inner.contains('\n') {
        return Cow::Borrowed(inner);
    }
    let body = inner.strip_prefix('~').unwrap_or(inner);
    let begin = &inner[..inner.len() - body.len()];
    let body = body.strip_suffix('~').unwrap_or(body);
    let end = &inner[begin.len() + body.len()..];
    let text = templates(body.trim_matches([' ', '\t', '\r']), depth);
    let all = tokens(&text);
    let mut row = line(all.iter().map(|token| Placed { token, spaces: 0 }).collect(), "", &text);
    space(&mut row, &text);
    let mut out = String::from(begin);
    let brace = |kind: Kind, at: Option<&Token>| at.is_some_and(|token| token.kind == kind);
    if brace(Kind::Open(b'{'), all.first()) {
        out.push(' ');
    }
    for placed in &row.tokens {
        out.extend(std::iter::repeat_n(' ', placed.spaces));
        out.push_str(&text[placed.token.range.clone()]);
    }
    if brace(Kind::Close(b'}'), all.last()) {
        out.push(' ');
    }
    out.push_str(end);
    Cow::Owned(out)
}

/// Whether two texts consist of the same tokens.
fn same(old: &str, new: &str, depth: usize) -> bool {
    let lasting = |token: &Token| token.kind != Kind::Newline;
    let mut before = Lexer::new(old).filter(lasting);
    let mut after = Lexer::new(new).filter(lasting);
    loop {
        match (before.next(), after.next()) {
            (None, None) => return true,
            (Some(a), Some(b)) if a.kind == b.kind => {
                let (a_text, b_text) = (&old[a.range], &new[b.range]);
                let template = matches!(a.kind, Kind::Quoted | Kind::Heredoc) && depth <= limits::NESTING;
                if a_text != b_text && !(template && same_template(a_text, b_text, depth + 1)) {
                    return false;
                }
            }
            _ => return false,
        }
    }
}

/// Whether two templates have the same literal parts, and the same tokens in their sequences.
fn same_template(old: &str, new: &str, depth: usize) -> bool {
    let (before, after) = (sequences(old), sequences(new));
    let (mut old_end, mut new_end) = (0, 0);
    for (a, b) in before.iter().zip(&after) {
        if old[old_end..a.start] != new[new_end..b.start] || !same(&old[a.clone()], &new[b.clone()], depth) {
            return false;
        }
        (old_end, new_end) = (a.end, b.end);
    }
    before.len() == after.len() && old[old_end..] == new[new_end..]
}

/// A token and the spaces before it.
struct Placed<'a> {
    token: &'a Token,
    spaces: usize,
}

/// One line: its tokens without the newline.
struct Line<'a> {
    tokens: Vec<Placed<'a>>,
    /// How it ends: as it did, and the last one with a newline.
    end: &'static str,
    /// Where the assignment begins, if the line holds a whole one.
    assignment: Option<usize>,
    /// Where the trailing comment stands.
    comment: Option<usize>,
    /// Whether it reaches over further lines.
    tall: bool,
}

fn split<'a>(tokens: &'a [Token], text: &str) -> Vec<Line<'a>> {
    let mut lines = Vec::new();
    let mut current = Vec::new();
    for token in tokens {
        if token.kind == Kind::Newline {
            let end = if text[..token.range.start].ends_with('\r') { "\r\n" } else { "\n" };
            lines.push(line(std::mem::take(&mut current), end, text));
        } else {
            current.push(Placed { token, spaces: 0 });
        }
    }
    if !current.is_empty() {
        lines.push(line(current, "\n", text));
    }
    lines
}

fn line<'a>(tokens: Vec<Placed<'a>>, end: &'static str, text: &str) -> Line<'a> {
    let is_comment = |placed: &Placed<'_>| matches!(placed.token.kind, Kind::LineComment | Kind::BlockComment);
    let comment = tokens.len().checked_sub(1).filter(|last| *last > 0 && is_comment(&tokens[*last]));
    let tall = tokens.iter().any(|placed| text[placed.token.range.clone()].contains('\n'));
    let equal = tokens.iter().position(|placed| placed.token.kind == Kind::Equal).filter(|at| *at > 0);
    // Only a whole assignment is aligned: one that opens a bracket goes on in further lines. A heredoc is whole.
    let comment_over_lines = tokens
        .iter()
        .any(|placed| placed.token.kind == Kind::BlockComment && text[placed.token.range.clone()].contains('\n'));
    let assignment = equal.filter(|at| {
        !comment_over_lines && tokens[*at..].iter().map(|placed| change(placed.token.kind)).sum::<i32>() == 0
    });
    Line { tokens, end, assignment, comment, tall }
}

/// How a token changes the depth of brackets.
fn change(kind: Kind) -> i32 {
    match kind {
        Kind::Open(_) => 1,
        Kind::Close(_) => -1,
        _ => 0,
    }
}

fn space(line: &mut Line<'_>, text: &str) {
    let kinds: Vec<Kind> = line.tokens.iter().map(|placed| placed.token.kind).collect();
    for at in 1..line.tokens.len() {
        let before = at.checked_sub(2).map(|at| kinds[at]);
        let subject = &text[line.tokens[at - 1].token.range.clone()];
        line.tokens[at].spaces = usize::from(space_between(before, kinds[at - 1], subject, kinds[at]));
    }
}

/// Whether a space stands between two tokens. `before` is the one before them, `text` that of the first.
fn space_between(before: Option<Kind>, first: Kind, text: &str, second: Kind) -> bool {
    use Kind::{Bang, Close, Comma, Dot, Ellipsis, Identifier, Minus, Namespace, Number, Open, Quoted};
    match (first, second) {
        (Dot | Namespace, _) | (_, Dot | Namespace | Comma | Ellipsis) => false,
        (Comma, _) => true,
        // A call: the keywords of the language are no functions.
        (Identifier, Open(b'(' | b'[')) => is_keyword(text) && before != Some(Dot),
        (Close(_) | Number | Quoted, Open(b'[')) => false,
        (Bang, _) => false,
        (Minus, _) => !is_sign(before),
        (Open(b'{'), Close(b'}')) => false,
        (Open(b'{'), _) | (_, Close(b'}')) => true,
        (Open(_), _) | (_, Close(_)) => false,
        _ => true,
    }
}

fn is_keyword(text: &str) -> bool {
    matches!(text, "in" | "if" | "for" | "else")
}

/// Whether a minus after this token is a sign, not a subtraction.
pub(super) fn is_sign(before: Option<Kind>) -> bool {
    use Kind::{Bang, Colon, Comma, Equal, Minus, Open, Operator, Question, Star};
    matches!(before, None | Some(Open(_) | Equal | Colon | Comma | Question | Operator | Minus | Star | Bang))
}

fn indent(lines: &mut [Line<'_>]) {
    // How many brackets each level opened, so that a line that opens two is one level deeper, not two.
    let mut levels: Vec<i32> = Vec::new();
    for line in lines {
        let net: i32 = line.tokens.iter().map(|placed| change(placed.token.kind)).sum();
        if net < 0 {
            close(&mut levels, -net);
        }
        if let Some(first) = line.tokens.first_mut() {
            first.spaces = levels.len() * 2;
        }
        if net > 0 {
            levels.push(net);
        }
    }
}

fn close(levels: &mut Vec<i32>, mut count: i32) {
    while let Some(last) = levels.last_mut() {
        if count < *last {
            *last -= count;
            return;
        }
        count -= *last;
        levels.pop();
        if count == 0 {
            return;
        }
    }
}

#[derive(Clone, Copy)]
enum Cell {
    Assignment,
    Comment,
}

impl Cell {
    fn of(self, line: &Line<'_>) -> Option<usize> {
        match self {
            Self::Assignment => line.assignment,
            Self::Comment => line.comment.filter(|_| !line.tall),
        }
    }
}

/// Brings the cells of consecutive lines to one column.
fn align(lines: &mut [Line<'_>], text: &str, cell: Cell) {
    let mut begin = 0;
    while begin < lines.len() {
        let run = lines[begin..].iter().take_while(|line| cell.of(line).is_some()).count();
        let column = |line: &Line<'_>| cell.of(line).map_or(0, |at| width(&line.tokens[..at], text));
        let widest = lines[begin..begin + run].iter().map(column).max().unwrap_or(0);
        for line in &mut lines[begin..begin + run] {
            let spaces = widest - column(line) + 1;
            if let Some(at) = cell.of(line) {
                line.tokens[at].spaces = spaces;
            }
        }
        begin += run.max(1);
    }
}

fn width(tokens: &[Placed<'_>], text: &str) -> usize {
    tokens.iter().map(|placed| placed.spaces + columns(&text[placed.token.range.clone()])).sum()
}

fn columns(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { unicode_segmentation::UnicodeSegmentation::graphemes(text, true).count() }
}

fn write(lines: &[Line<'_>], text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 16);
    for line in lines {
        for placed in &line.tokens {
            out.extend(std::iter::repeat_n(' ', placed.spaces));
            out.push_str(&text[placed.token.range.clone()]);
        }
        out.push_str(line.end);
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(input: &str, expected: &str) {
        assert_eq!(format(input), expected);
        assert_eq!(format(expected), expected, "formatting twice is formatting once");
    }

    #[test]
    fn equals_and_comments_line_up() {
        check("a=1 # one\nlonger = 22 # two\n\nb   =   3\n", "a      = 1  # one\nlonger = 22 # two\n\nb = 3\n");
    }

    #[test]
    fn blocks_are_indented() {
        check(
            "x \"y\"   {\na=[\n1,\n 2 ]\n   nested{\nb=1\n}\n}\n",
            "x \"y\" {\n  a = [\n    1,\n  2]\n  nested {\n    b = 1\n  }\n}\n",
        );
    }

    #[test]
    fn expressions_are_spaced() {
        check(
            "a=f( x ,-1,!b , {a=1} , {  } )[ 0 ].c...\nb=[for k,v in {}:k=>v if v>-1]\nc=x?-1:- 2\nd=a -1\ne=[*].x\nf=a.for [0]\n",
            "a = f(x, -1, !b, { a = 1 }, {})[0].c...\nb = [for k, v in {} : k => v if v > -1]\nc = x ? -1 : -2\nd = a - 1\ne = [*].x\nf = a.for[0]\n",
        );
    }

    #[test]
    fn what_is_open_goes_on() {
        for (text, open) in [
            ("{", true),
            ("[1,\n2", true),
            ("f(\"}\"", true),
            ("<<EOT\na", true),
            ("<<-EOT\na\n  EOT", false),
            ("\"{\"", false),
            ("{}", false),
            ("a < b", false),
            ("}", false),
        ] {
            assert_eq!(goes_on(text), open, "{text}");
        }
    }

    #[test]
    fn a_carriage_return_that_ends_no_line_is_no_space() {
        check("a=1\r\n", "a = 1\r\n");
        for text in ["\r", "a=1\r", "a=1\rb=2\n", "a=1\r\r\n"] {
            check(text, text);
        }
    }

    #[test]
    fn texts_stay_as_they_are() {
        let text = "a   = \"x  ${f(\"}\")}  y\"\nb   = <<-EOT\n   keep  this\n  EOT\nccc = 1\n";
        check(text, text);
    }

    /// As hclfmt lays them out.
    #[test]
    fn sequences_of_templates_are_spaced() {
        check(
            "a = \"x ${ b } ${a+b} ${~ c ~} %{ if a }y%{ else }z%{ endif } ${ f( 1,2 ) } ${ { a=1 } } ${\"${ x }\"} $${ a }\"\n",
            "a = \"x ${b} ${a + b} ${~c~} %{if a}y%{else}z%{endif} ${f(1, 2)} ${ { a = 1 } } ${\"${x}\"} $${ a }\"\n",
        );
        check("b = <<EOT\n x ${ b }  %{~ if a ~}\nEOT\n", "b = <<EOT\n x ${b}  %{~if a~}\nEOT\n");
        check("c = a::b::c ( 1 )\n", "c = a::b::c(1)\n");
    }

    /// Without memory this takes two to the power of the quotes.
    #[test]
    fn templates_that_are_never_closed_are_read_once() {
        check(&"\"${".repeat(70), &"\"${".repeat(70));
    }

    /// As hclfmt does: a file that git checked out for Windows is no other file afterwards.
    #[test]
    fn lines_end_as_they_did() {
        check("a=1 # x\r\nbb=2\r\n", "a  = 1 # x\r\nbb = 2\r\n");
        check("a=1\r\nbb=2\n", "a  = 1\r\nbb = 2\n");
        check("b=<<E\r\n x\r\nE\r\n# c\r\n", "b = <<E\r\n x\r\nE\r\n# c\r\n");
        check("a=1", "a = 1\n");
        check("a=1\n  \n\n", "a = 1\n\n\n");
        check("", "");
    }

    fn meaning(text: &str) -> Vec<(Kind, String)> {
        let kept = |token: &Token| token.kind != Kind::Newline;
        tokens(text).into_iter().filter(kept).flat_map(|token| parts(token.kind, &text[token.range])).collect()
    }

    /// A template is its literal parts and the tokens of its sequences.
    fn parts(kind: Kind, text: &str) -> Vec<(Kind, String)> {
        if !matches!(kind, Kind::Quoted | Kind::Heredoc) {
            return vec![(kind, text.to_owned())];
        }
        let (mut found, mut end) = (Vec::new(), 0);
        for inner in sequences(text) {
            found.push((kind, text[end..inner.start].to_owned()));
            found.extend(meaning(&text[inner.clone()]));
            end = inner.end;
        }
        found.push((kind, text[end..].to_owned()));
        found
    }

    proptest! {
        #[test]
        fn no_token_changes_and_twice_is_once(text in "([a-z]{1,3}|[0-9]{1,2}|[ \t\n={}\\[\\]().,:?!<>*/+%#\"$~&|-]|\\$\\{|<<E\n|\nE\n|\r\n){0,60}") {
            let once = format(&text);
            prop_assert_eq!(meaning(&once), meaning(&text));
            prop_assert_eq!(format(&once), once);
        }
    }
}
