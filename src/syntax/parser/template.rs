//! Templates: quoted texts, heredocs and bare texts to rows of tokens; [`super::layout`] makes parts of them.

use std::sync::Arc;

use super::layout::{Row, Token};
use super::{Failed, Parsed, Parser};
use crate::eval::value::Value;
use crate::syntax::ast::ExprKind;

impl Parser<'_> {
    /// A quoted text, which stands here.
    pub(super) fn quoted(&mut self) -> Parsed<ExprKind> {
        let rest = &self.rest()[1..];
        // Most texts are plain: no escapes, no sequences.
        if let Some(end) = rest.find(['"', '\\', '$', '%', '\n', '\r'])
            && rest.as_bytes()[end] == b'"'
        {
            self.at += end + 2;
            return Ok(ExprKind::Literal(Value::String(self.intern(&rest[..end]))));
        }
        let row = self.quoted_row()?;
        self.finish(row)
    }

    /// A quoted text that may hold no sequences.
    pub(super) fn plain_text(&mut self) -> Parsed<Arc<str>> {
        let begin = self.at;
        match self.quoted()? {
            ExprKind::Literal(Value::String(text)) => Ok(text),
            _ => Err(self.fault(begin..self.at, "A label is a text without ${ and %{.".to_owned())),
        }
    }

    fn quoted_row(&mut self) -> Parsed<Row> {
        let open = self.at;
        self.at += 1;
        let mut row = Row::default();
        loop {
            let text = self.literal(true)?;
            if !text.is_empty() {
                row.literal(text);
            }
            match self.peek(0) {
                _ if self.is_end() => return Err(self.open_quote(open)),
                b'"' => {
                    self.at += 1;
                    return Ok(row);
                }
                b'\n' | b'\r' => return Err(self.open_quote(open)),
                _ => self.sequence(&mut row)?,
            }
        }
    }

    /// Literal text up to a sequence, a line's end or, in quotes, the closing quote. Outside of quotes the newline belongs
    /// to the text, and a backslash is one.
    fn literal(&mut self, quoted: bool) -> Parsed<String> {
        let mut text = String::new();
        loop {
            let rest = self.rest();
            let length = rest.find(|c| matches!(c, '$' | '%' | '\n') || (quoted && matches!(c, '"' | '\\' | '\r')));
            let length = length.unwrap_or(rest.len());
            text.push_str(&rest[..length]);
            self.at += length;
            match (self.peek(0), self.peek(1), self.peek(2)) {
                (sign @ (b'$' | b'%'), next, b'{') if next == sign => {
                    text.push_str(&rest[length + 1..length + 3]);
                    self.at += 3;
                }
                (b'$' | b'%', b'{', _) => return Ok(text),
                (b'$' | b'%', ..) => {
                    text.push_str(&rest[length..=length]);
                    self.at += 1;
                }
                (b'\n', ..) if !quoted => {
                    text.push('\n');
                    self.at += 1;
                    return Ok(text);
                }
                (b'\\', ..) if quoted => text.push(self.escape()?),
                _ => return Ok(text),
            }
        }
    }

    fn escape(&mut self) -> Parsed<char> {
        let c = match self.peek(1) {
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'"' => '"',
            b'\\' => '\\',
            b'u' => return self.code_point(4),
            b'U' => return self.code_point(8),
            _ => return Err(self.bad_escape()),
        };
        self.at += 2;
        Ok(c)
    }

    /// The character whose number is written with so many hexadecimal digits.
    fn code_point(&mut self, count: usize) -> Parsed<char> {
        let digits = self.rest().get(2..2 + count).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let number = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        // Halves of pairs, and numbers beyond Unicode, are no characters.
        match number.and_then(char::from_u32) {
            Some(c) => {
                self.at += 2 + count;
                Ok(c)
            }
            None => Err(self.bad_escape()),
        }
    }

    /// A sequence, `${…}` or `%{…}`, which stands here.
    fn sequence(&mut self, row: &mut Row) -> Parsed<()> {
        let begin = self.at;
        let directive = self.peek(0) == b'%';
        let strip = self.peek(2) == b'~';
        let read = |parser: &mut Self| {
            let token = if directive { parser.directive(begin)? } else { Token::Interpolation(parser.expr()?) };
            let strip = parser.eat("~");
            parser.expect("}", "`}`")?;
            Ok((token, strip))
        };
        let (token, strip_after) = self.bracketed(2 + usize::from(strip), "sequence of a template", true, read)?;
        row.sequence(strip, token, strip_after);
        Ok(())
    }

    fn directive(&mut self, begin: usize) -> Parsed<Token> {
        let word = self.word();
        if word == "for" {
            return Ok(Token::For(self.for_intro()?, begin));
        }
        if !matches!(word, "if" | "else" | "endif" | "endfor") {
            return Err(self.unknown_directive(begin, word));
        }
        self.at += word.len();
        Ok(match word {
            "if" => Token::If(self.expr()?, begin),
            "else" => Token::Else(begin),
            "endif" => Token::EndIf(begin),
            _ => Token::EndFor(begin),
        })
    }

    /// A heredoc, which stands here; `<<-` takes the common indentation away.
    pub(super) fn heredoc(&mut self) -> Parsed<ExprKind> {
        let begin = self.at;
        let flush = self.peek(2) == b'-';
        self.at += 2 + usize::from(flush);
        let mark = &self.rest()[..self.name_length()];
        if mark.is_empty() {
            return Err(self.unexpected("the mark of a heredoc: a name, and the end of the line"));
        }
        self.at += mark.len();
        if self.is_end() || !self.is_line_end() {
            return Err(self.unexpected("the end of the line after the mark of a heredoc"));
        }
        self.at += 1;
        let mut row = Row::default();
        self.open.push(super::Opening { at: begin, what: "heredoc" });
        let read = self.heredoc_lines(mark, begin, &mut row);
        self.open.pop();
        read?;
        if flush {
            row.flush_indentation();
        }
        self.finish(row)
    }

    fn heredoc_lines(&mut self, mark: &str, begin: usize, row: &mut Row) -> Parsed<()> {
        loop {
            if self.is_end() {
                return Err(self.open_heredoc(begin, mark));
            }
            let line = self.rest().split('\n').next().unwrap_or("");
            if line.trim() == mark {
                self.at += line.trim_end().len();
                return Ok(());
            }
            self.template_line(row)?;
        }
    }

    /// A line of a template outside of quotes, its end included. Sequences may span lines.
    fn template_line(&mut self, row: &mut Row) -> Parsed<()> {
        loop {
            let text = self.literal(false)?;
            let ended = text.ends_with('\n') || self.is_end();
            if !text.is_empty() {
                row.literal(text);
            }
            if ended {
                return Ok(());
            }
            self.sequence(row)?;
        }
    }

    /// The whole text as a template.
    pub(super) fn bare_template(&mut self) -> Parsed<ExprKind> {
        let mut row = Row::default();
        while !self.is_end() {
            self.template_line(&mut row)?;
        }
        self.finish(row)
    }

    fn open_quote(&mut self, open: usize) -> Failed {
        let detail = "This text is not closed on the line it begins on.";
        let hint = "Close it with \", write the line break as \\n, or use a heredoc: <<EOT.";
        self.fault_with(open..open + 1, detail.to_owned(), hint)
    }
}
