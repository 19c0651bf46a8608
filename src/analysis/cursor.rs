//! What stands at a place of a text: which blocks are around it, and whether a name, a label or a part of an expression is
//! written there. Reads tokens only, so that it answers while somebody types.

use std::ops::Range;

use crate::syntax::lexer::{Kind, Token, sequences, tokens};

/// A place in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The blocks around it, from the outermost inwards.
    pub around: Vec<Around>,
    /// What is written there.
    pub here: Here,
    /// The bytes of the word that the place is in, or ends; empty where there is none.
    pub word: Range<usize>,
    /// Variables of the `for`s around it.
    pub loops: Vec<String>,
    /// The call whose arguments the place is in.
    pub call: Option<CallAt>,
}

/// A block around a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Around {
    /// Its type.
    pub kind: String,
    /// Its labels.
    pub labels: Vec<String>,
    /// The arguments that it gives before the place.
    pub given: Vec<String>,
}

/// What is written at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Here {
    /// The name of an argument, or the type of a block.
    Name,
    /// A label of a block of this type.
    Label(String),
    /// A part of an expression.
    Expression {
        /// The argument that it belongs to.
        argument: Option<String>,
        /// The names before the word, of `certificate.www.common_name`; indices are left out.
        path: Vec<String>,
        /// Whether the word is the name of a function that is called.
        called: bool,
    },
    /// Text in quotes that is a value of this argument.
    Text(Option<String>),
    /// A comment.
    Comment,
}

/// A place in the arguments of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallAt {
    /// The function.
    pub name: String,
    /// Which argument, from zero.
    pub argument: usize,
}

/// What stands at a byte of a text of the configuration, or of a top-level piece of one.
pub fn at(text: &str, offset: usize) -> Cursor {
    Walk { text, base: 0, frames: vec![Frame::new(Inside::Body(None))] }.run(offset)
}

enum Inside {
    /// A body: of a block, or of the file.
    Body(Option<Around>),
    /// Parentheses, with the function that is called.
    Call(Option<String>),
    /// Another bracket of an expression.
    Bracket,
}

struct Frame {
    inside: Inside,
    /// Words of the line that is begun in a body: a type and labels.
    words: Vec<String>,
    /// The argument that is written in a body.
    argument: Option<String>,
    commas: usize,
    loops: Vec<String>,
    /// Whether names are those of a `for` that begins.
    binding: bool,
}

impl Frame {
    fn new(inside: Inside) -> Self {
        Self { inside, words: Vec::new(), argument: None, commas: 0, loops: Vec::new(), binding: false }
    }

    fn is_body(&self) -> bool {
        matches!(self.inside, Inside::Body(_)) && self.argument.is_none()
    }
}

struct Walk<'t> {
    text: &'t str,
    /// Where the text begins within the one that was asked about.
    base: usize,
    frames: Vec<Frame>,
}

impl Walk<'_> {
    fn run(mut self, offset: usize) -> Cursor {
        let all = tokens(self.text);
        let mut before: Vec<&Token> = Vec::new();
        for (at, token) in all.iter().enumerate() {
            if token.range.start >= offset && !(is_word(token.kind) && token.range.start == offset) {
                break;
            }
            let within = token.range.end > offset;
            match token.kind {
                kind if is_word(kind) && token.range.end >= offset => {
                    let called = all.get(at + 1).is_some_and(|next| next.kind == Kind::Open(b'('));
                    return self.finish(&before, token.range.clone(), called);
                }
                Kind::LineComment if token.range.end >= offset => return self.cursor(Here::Comment, offset..offset),
                Kind::BlockComment if within => return self.cursor(Here::Comment, offset..offset),
                Kind::Quoted | Kind::Heredoc if within => return self.template(token, offset),
                _ => self.token(token, before.last().copied()),
            }
            before.push(token);
        }
        self.finish(&before, offset..offset, false)
    }

    fn word(&self, token: &Token) -> &str {
        &self.text[token.range.clone()]
    }

    fn token(&mut self, token: &Token, last: Option<&Token>) {
        let word = self.word(token).to_owned();
        let function = last.filter(|last| last.kind == Kind::Identifier).map(|last| self.word(last).to_owned());
        let Some(frame) = self.frames.last_mut() else { return };
        match token.kind {
            Kind::Close(_) => self.close(),
            Kind::Newline if matches!(frame.inside, Inside::Body(_)) => {
                frame.words.clear();
                frame.argument = None;
            }
            _ if frame.is_body() => self.in_body(token.kind, &word),
            Kind::Open(b'(') => self.frames.push(Frame::new(Inside::Call(function))),
            Kind::Open(_) => self.frames.push(Frame::new(Inside::Bracket)),
            Kind::Comma if !frame.binding => frame.commas += 1,
            Kind::Identifier if word == "for" => frame.binding = true,
            Kind::Identifier if word == "in" => frame.binding = false,
            Kind::Identifier if frame.binding => frame.loops.push(word),
            _ => {}
        }
    }

    fn in_body(&mut self, kind: Kind, word: &str) {
        let Some(frame) = self.frames.last_mut() else { return };
        match kind {
            Kind::Identifier => frame.words.push(word.to_owned()),
            Kind::Quoted => frame.words.push(word.trim_matches('"').to_owned()),
            Kind::Equal if frame.words.len() == 1 => {
                let name = frame.words[0].clone();
                if let Inside::Body(Some(around)) = &mut frame.inside {
                    around.given.push(name.clone());
                }
                frame.argument = Some(name);
            }
            Kind::Open(b'{') if !frame.words.is_empty() => {
                let mut words = std::mem::take(&mut frame.words);
                let around = Around { kind: words.remove(0), labels: words, given: Vec::new() };
                self.frames.push(Frame::new(Inside::Body(Some(around))));
            }
            Kind::Open(_) => self.frames.push(Frame::new(Inside::Bracket)),
            _ => {}
        }
    }

    fn close(&mut self) {
        if self.frames.len() > 1 {
            self.frames.pop();
        }
    }

    /// Within a text: its literal part, or the expression of a sequence.
    fn template(self, token: &Token, offset: usize) -> Cursor {
        let is_heredoc = token.kind == Kind::Heredoc;
        let within = offset - token.range.start;
        let sequence =
            sequences(self.word(token)).into_iter().find(|inner| (inner.start..=inner.end).contains(&within));
        match sequence {
            Some(inner) => {
                let begin = token.range.start + inner.start;
                let text = &self.text[begin..token.range.start + inner.end];
                let base = self.base + begin;
                let mut frames = self.frames;
                frames.push(Frame::new(Inside::Bracket));
                Walk { text, base, frames }.run(offset - begin)
            }
            None => {
                let body = self.frames.last().is_some_and(Frame::is_body);
                let label = self.frames.last().and_then(|frame| frame.words.first().cloned());
                let here = match label.filter(|_| body) {
                    Some(kind) => Here::Label(kind),
                    None => Here::Text(self.argument()),
                };
                let end = if is_heredoc { offset..offset } else { token.range.start + 1..token.range.end - 1 };
                self.cursor(here, end)
            }
        }
    }

    /// The argument of the innermost block that is written.
    fn argument(&self) -> Option<String> {
        self.frames.iter().rev().find(|frame| matches!(frame.inside, Inside::Body(_)))?.argument.clone()
    }

    fn finish(self, before: &[&Token], word: Range<usize>, called: bool) -> Cursor {
        let body = self.frames.last().filter(|frame| frame.is_body());
        let here = match body {
            Some(frame) => match frame.words.first() {
                None => Here::Name,
                Some(kind) => Here::Label(kind.clone()),
            },
            None => Here::Expression { argument: self.argument(), path: self.path(before), called },
        };
        self.cursor(here, word)
    }

    /// The names before a place: `certificate`, `www` of `certificate.www["a"].`.
    fn path(&self, before: &[&Token]) -> Vec<String> {
        let mut path = Vec::new();
        let mut rest = before;
        while let [others @ .., Token { kind: Kind::Dot, .. }] = rest {
            rest = without_indices(others);
            let [others @ .., name] = rest else { break };
            if name.kind != Kind::Identifier {
                break;
            }
            path.push(self.word(name).to_owned());
            rest = others;
        }
        path.reverse();
        path
    }

    fn cursor(self, here: Here, word: Range<usize>) -> Cursor {
        let mut cursor = Cursor {
            around: Vec::new(),
            here,
            word: word.start + self.base..word.end + self.base,
            loops: Vec::new(),
            call: None,
        };
        for frame in self.frames {
            cursor.loops.extend(frame.loops);
            match frame.inside {
                Inside::Body(around) => {
                    cursor.around.extend(around);
                    cursor.call = None;
                }
                Inside::Call(Some(name)) => cursor.call = Some(CallAt { name, argument: frame.commas }),
                Inside::Call(None) | Inside::Bracket => {}
            }
        }
        cursor
    }
}

fn is_word(kind: Kind) -> bool {
    kind == Kind::Identifier
}

/// What stands before the indices and splats at the end.
fn without_indices<'a, 't>(tokens: &'a [&'t Token]) -> &'a [&'t Token] {
    let mut rest = tokens;
    loop {
        match rest {
            [others @ .., Token { kind: Kind::Close(b']'), .. }] => {
                let mut depth = 1;
                rest = others;
                while let ([others @ .., one], true) = (rest, depth > 0) {
                    depth += match one.kind {
                        Kind::Close(b']') => 1,
                        Kind::Open(b'[') => -1,
                        _ => 0,
                    };
                    rest = others;
                }
            }
            [others @ .., Token { kind: Kind::Dot, .. }, Token { kind: Kind::Star | Kind::Number, .. }] => {
                rest = others
            }
            _ => return rest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cursor at the first `|` of a text, which is taken out.
    fn cursor(marked: &str) -> (String, Cursor) {
        let at = marked.find('|').expect("a mark");
        let text = marked.replacen('|', "", 1);
        let cursor = super::at(&text, at);
        (text[cursor.word.clone()].to_owned(), cursor)
    }

    fn check(marked: &str, around: &[&str], here: Here, word: &str) {
        let (found, cursor) = cursor(marked);
        let kinds: Vec<&str> = cursor.around.iter().map(|one| one.kind.as_str()).collect();
        assert_eq!((kinds.as_slice(), &cursor.here, found.as_str()), (around, &here, word), "{marked}");
    }

    fn expression(argument: &str, path: &[&str]) -> Here {
        let path = path.iter().map(|name| (*name).to_owned()).collect();
        Here::Expression { argument: Some(argument.to_owned()), path, called: false }
    }

    #[test]
    fn names_stand_at_the_beginning_of_a_line() {
        check("|", &[], Here::Name, "");
        check("cert|ificate", &[], Here::Name, "certificate");
        check("zone \"a\" {\n  ap|\n}\n", &["zone"], Here::Name, "ap");
        check("zone \"a\" {\n  x = 1\n  |", &["zone"], Here::Name, "");
        check("t \"a\" {\n files {\n  mo|de = 1", &["t", "files"], Here::Name, "mode");
        check("zone \"a|\" {", &[], Here::Label("zone".to_owned()), "a");
        check("zone |", &[], Here::Label("zone".to_owned()), "");
        check("# zo|ne", &[], Here::Comment, "");
    }

    #[test]
    fn expressions_know_the_names_before_them() {
        check("z \"a\" {\n x = va|", &["z"], expression("x", &[]), "va");
        check("z \"a\" {\n x = var.|\n y = 1\n}", &["z"], expression("x", &["var"]), "");
        check("z \"a\" {\n x = [t.web[\"a\"].add|ress]", &["z"], expression("x", &["t", "web"]), "address");
        check("z \"a\" {\n x = t.web[*].fi|", &["z"], expression("x", &["t", "web"]), "fi");
        check("z \"a\" {\n x = {\n  a = local.n|", &["z"], expression("x", &["local"]), "n");
        check("locals {\n x = \"a ${var.b|} c\"\n}", &["locals"], expression("x", &["var"]), "b");
        check("locals {\n x = \"a ${var.|", &["locals"], expression("x", &["var"]), "");
        check("locals {\n x = <<E\n %{ if var.|a }\nE\n}", &["locals"], expression("x", &["var"]), "a");
        check("locals {\n x = \"$${a|}\"\n}", &["locals"], Here::Text(Some("x".to_owned())), "$${a}");
        check("c \"a\" {\n k = \"ec|\"\n}", &["c"], Here::Text(Some("k".to_owned())), "ec");
    }

    #[test]
    fn calls_and_loops_are_known() {
        let (_, cursor) = cursor("locals {\n x = [for k, v in merge(var.a, va|) : k]\n}");
        assert_eq!(cursor.call, Some(CallAt { name: "merge".to_owned(), argument: 1 }));
        assert_eq!(cursor.loops, ["k", "v"]);
        let (_, cursor) = super::tests::cursor("locals {\n x = le|ngth(1)\n}");
        assert!(matches!(cursor.here, Here::Expression { called: true, .. }));
    }

    #[test]
    fn arguments_that_are_given_are_known() {
        let (_, cursor) = cursor("zone \"a\" {\n apex = \"x\"\n b = { c = 1 }\n |");
        assert_eq!(cursor.around[0].given, ["apex", "b"]);
        assert_eq!(cursor.around[0].labels, ["a"]);
    }
}
