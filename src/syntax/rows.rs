//! Rows of more operators than the parser takes: a number stands in for the whole row, and its operands are parsed one by
//! one.
//!
//! A row is what stands between two marks that no operator reaches over, as commas and brackets are. The operators of a row
//! that bind least tell its operands apart; an operand with too many operators of its own is a row again.

use std::ops::Range;

use super::ast::BinaryOp;
use super::format::is_sign;
use super::lexer::{Kind, Lexer, Token};

/// Most operators in a row that the parser takes.
const OPERATORS: usize = 128;

/// The text with a number in the place of each row that is too long, and where these rows stand.
pub(super) fn cut(text: &str) -> (String, Vec<Range<usize>>) {
    let mut rows: Vec<Range<usize>> = Vec::new();
    let mut levels = vec![Level::default()];
    let mut before = None;
    for token in Lexer::new(text).filter(|token| !is_comment(token.kind)) {
        let Some(level) = levels.last_mut() else { break };
        match token.kind {
            Kind::Open(bracket) => {
                level.grow(&token);
                levels.push(Level { ignores_lines: bracket != b'{', ..Level::default() });
            }
            Kind::Close(_) => {
                level.end(&mut rows);
                if levels.len() > 1 {
                    levels.pop();
                }
                levels.iter_mut().last().into_iter().for_each(|outer| outer.grow(&token));
            }
            Kind::Newline if level.ignores_lines => continue,
            _ if ends_row(&token, before, text) => level.end(&mut rows),
            _ => {
                level.operators += usize::from(operator(&token, before, text).is_some());
                level.grow(&token);
            }
        }
        before = Some(token.kind);
    }
    levels.iter_mut().for_each(|level| level.end(&mut rows));
    let mut out = text.to_owned();
    for row in &rows {
        out.replace_range(row.clone(), &format!("{:width$}", "0", width = row.len()));
    }
    (out, rows)
}

/// The first operand of a row, and the others behind their operators: those that bind least.
pub(super) fn split(row: &str) -> (Range<usize>, Vec<(BinaryOp, Range<usize>)>) {
    let mut found: Vec<(Range<usize>, BinaryOp)> = Vec::new();
    let (mut depth, mut before) = (0_usize, None);
    for token in Lexer::new(row).filter(|token| !is_comment(token.kind) && token.kind != Kind::Newline) {
        match token.kind {
            Kind::Open(_) => depth += 1,
            Kind::Close(_) => depth = depth.saturating_sub(1),
            _ if depth == 0 => found.extend(operator(&token, before, row).map(|one| (token.range.clone(), one))),
            _ => {}
        }
        before = Some(token.kind);
    }
    let least = found.iter().map(|(_, one)| rank(*one)).min();
    found.retain(|(_, one)| Some(rank(*one)) == least);
    let ends = found.iter().skip(1).map(|(range, _)| range.start).chain([row.len()]);
    let others = found.iter().zip(ends).map(|((range, one), end)| (*one, range.end..end)).collect();
    (0..found.first().map_or(row.len(), |(range, _)| range.start), others)
}

/// What is open: a bracket, or the text.
#[derive(Default)]
struct Level {
    /// Where the current row stands so far.
    row: Option<Range<usize>>,
    operators: usize,
    ignores_lines: bool,
}

impl Level {
    fn grow(&mut self, token: &Token) {
        let begin = self.row.as_ref().map_or(token.range.start, |row| row.start);
        self.row = Some(begin..token.range.end);
    }

    /// Keeps the row if it is too long; what it holds within brackets is part of it.
    fn end(&mut self, rows: &mut Vec<Range<usize>>) {
        let row = self.row.take().filter(|_| self.operators > OPERATORS);
        if let Some(row) = row {
            rows.retain(|inner| inner.end <= row.start);
            rows.push(row);
        }
        self.operators = 0;
    }
}

fn is_comment(kind: Kind) -> bool {
    matches!(kind, Kind::LineComment | Kind::BlockComment)
}

fn ends_row(token: &Token, before: Option<Kind>, text: &str) -> bool {
    let word = &text[token.range.clone()];
    match token.kind {
        Kind::Newline | Kind::Comma | Kind::Equal | Kind::Colon | Kind::Question | Kind::Ellipsis => true,
        Kind::Operator => word == "=>",
        Kind::Identifier => before != Some(Kind::Dot) && matches!(word, "for" | "in" | "if"),
        _ => false,
    }
}

/// The operator of two operands that a token is.
fn operator(token: &Token, before: Option<Kind>, text: &str) -> Option<BinaryOp> {
    let splat = matches!(before, Some(Kind::Dot | Kind::Open(b'[')));
    if is_sign(before) || (token.kind == Kind::Star && splat) {
        return None;
    }
    Some(match &text[token.range.clone()] {
        "||" => BinaryOp::Or,
        "&&" => BinaryOp::And,
        "==" => BinaryOp::Equal,
        "!=" => BinaryOp::NotEqual,
        "<" => BinaryOp::Less,
        "<=" => BinaryOp::LessOrEqual,
        ">" => BinaryOp::Greater,
        ">=" => BinaryOp::GreaterOrEqual,
        "+" => BinaryOp::Add,
        "-" => BinaryOp::Subtract,
        "*" => BinaryOp::Multiply,
        "/" => BinaryOp::Divide,
        "%" => BinaryOp::Remainder,
        _ => return None,
    })
}

/// How tightly an operator binds.
fn rank(operator: BinaryOp) -> u8 {
    use BinaryOp::{
        Add, And, Divide, Equal, Greater, GreaterOrEqual, Less, LessOrEqual, Multiply, NotEqual, Or, Remainder,
        Subtract,
    };
    match operator {
        Or => 1,
        And => 2,
        Equal | NotEqual => 3,
        Less | LessOrEqual | Greater | GreaterOrEqual => 4,
        Add | Subtract => 5,
        Multiply | Divide | Remainder => 6,
    }
}
