//! Expressions by precedence: conditionals, operators, steps into values, and what they begin with.

use super::{Parsed, Parser};
use crate::eval::number::Number;
use crate::eval::value::Value;
use crate::syntax::ast::{
    Binary, BinaryOp, Call, Conditional, Expr, ExprKind, Operation, Step, StepKind, Traversal, UnaryOp,
};

/// Most splats in one traversal: each nests.
const SPLATS: usize = 32;

/// What an expression may be.
pub(super) const VALUE: &str =
    "a value: a text in double quotes, a number, true, false, null, a list, an object, a reference or a call";

/// The operators as they are written, longer ones first, and how tightly they bind.
const OPERATORS: [(&str, BinaryOp, u8); 13] = [
    ("||", BinaryOp::Or, 0),
    ("&&", BinaryOp::And, 1),
    ("==", BinaryOp::Equal, 2),
    ("!=", BinaryOp::NotEqual, 2),
    ("<=", BinaryOp::LessOrEqual, 3),
    (">=", BinaryOp::GreaterOrEqual, 3),
    ("<", BinaryOp::Less, 3),
    (">", BinaryOp::Greater, 3),
    ("+", BinaryOp::Add, 4),
    ("-", BinaryOp::Subtract, 4),
    ("*", BinaryOp::Multiply, 5),
    ("/", BinaryOp::Divide, 5),
    ("%", BinaryOp::Remainder, 5),
];

impl Parser<'_> {
    pub(super) fn expr(&mut self) -> Parsed<Expr> {
        self.deeper(Self::conditional)
    }

    fn conditional(&mut self) -> Parsed<Expr> {
        self.space();
        let begin = self.at;
        let condition = self.operators(0)?;
        if !self.eat("?") {
            return Ok(condition);
        }
        let yes = self.expr()?;
        self.expect(":", "`:`")?;
        let no = self.expr()?;
        let kind = ExprKind::Conditional(Box::new(Conditional { condition, yes, no }));
        Ok(Expr { span: self.since(begin), kind })
    }

    /// Operands joined by operators that bind at least as tightly as `least`. Those that bind alike are one row.
    fn operators(&mut self, least: u8) -> Parsed<Expr> {
        self.space();
        let begin = self.at;
        let mut left = self.unary()?;
        while let Some((operator, rank)) = self.operator(|rank| rank >= least) {
            let mut rest = vec![self.operation(operator, rank)?];
            while let Some((operator, _)) = self.operator(|other| other == rank) {
                rest.push(self.operation(operator, rank)?);
            }
            let kind = ExprKind::Binary(Box::new(Binary { first: left, rest: rest.into() }));
            left = Expr { span: self.since(begin), kind };
        }
        Ok(left)
    }

    fn operation(&mut self, operator: BinaryOp, rank: u8) -> Parsed<Operation> {
        Ok(Operation { operator, right: self.operators(rank + 1)? })
    }

    /// Takes the operator that stands here, if it binds as it should.
    fn operator(&mut self, fits: impl Fn(u8) -> bool) -> Option<(BinaryOp, u8)> {
        let before = self.at;
        self.space();
        let rest = self.rest();
        // A comment that is never closed is no division.
        let found = OPERATORS.into_iter().find(|(written, ..)| rest.starts_with(written) && !rest.starts_with("/*"));
        match found {
            Some((written, operator, rank)) if fits(rank) => {
                self.at += written.len();
                Some((operator, rank))
            }
            _ => {
                self.at = before;
                None
            }
        }
    }

    fn unary(&mut self) -> Parsed<Expr> {
        self.space();
        let begin = self.at;
        let operator = match self.peek(0) {
            b'-' => UnaryOp::Negate,
            b'!' => UnaryOp::Not,
            _ => return self.traversal(),
        };
        self.at += 1;
        let inner = self.deeper(Self::unary)?;
        Ok(Expr { span: self.since(begin), kind: ExprKind::Unary(operator, Box::new(inner)) })
    }

    /// A term and the steps from it.
    fn traversal(&mut self) -> Parsed<Expr> {
        let begin = self.at;
        let source = self.term()?;
        let steps = self.steps(SPLATS)?;
        if steps.is_empty() {
            return Ok(source);
        }
        let kind = ExprKind::Traversal(Box::new(Traversal { source, steps }));
        Ok(Expr { span: self.since(begin), kind })
    }

    fn term(&mut self) -> Parsed<Expr> {
        let begin = self.at;
        let kind = match self.peek(0) {
            b'"' => self.quoted()?,
            b'[' => self.tuple()?,
            b'{' => self.object()?,
            b'(' => self.parenthesis()?,
            b'<' if self.peek(1) == b'<' => self.heredoc()?,
            b'0'..=b'9' => self.number()?,
            _ if self.name_length() > 0 => self.named()?,
            _ => return Err(self.unexpected(VALUE)),
        };
        Ok(Expr { span: self.since(begin), kind })
    }

    fn parenthesis(&mut self) -> Parsed<ExprKind> {
        self.bracketed(1, "bracket", true, |parser| {
            let inner = parser.expr()?;
            parser.expect(")", "`)`")?;
            Ok(ExprKind::Parenthesis(Box::new(inner)))
        })
    }

    /// A number as it is written, exactly.
    fn number(&mut self) -> Parsed<ExprKind> {
        let begin = self.at;
        self.digits();
        if self.peek(0) == b'.' && self.peek(1).is_ascii_digit() {
            self.at += 1;
            self.digits();
        }
        let sign = usize::from(matches!(self.peek(1), b'+' | b'-'));
        if matches!(self.peek(0), b'e' | b'E') && self.peek(1 + sign).is_ascii_digit() {
            self.at += 1 + sign;
            self.digits();
        }
        let digits = &self.text[begin..self.at];
        match Number::parse(digits) {
            Some(number) => Ok(ExprKind::Literal(Value::Number(number))),
            None => {
                let shown = if digits.len() > 40 { &format!("{}…", &digits[..20]) } else { digits };
                let detail =
                    format!("{shown} is out of range: numbers have at most 4096 digits on either side of the point.");
                Err(self.fault(begin..self.at, detail))
            }
        }
    }

    fn digits(&mut self) {
        while self.peek(0).is_ascii_digit() {
            self.at += 1;
        }
    }

    /// A keyword, a call, or a variable.
    fn named(&mut self) -> Parsed<ExprKind> {
        let mut name = self.name()?;
        let begin = self.at - name.span.range().len();
        while self.eat("::") {
            let next = self.name()?;
            name.text = self.intern(&format!("{}::{}", name.text, next.text));
            name.span = self.since(begin);
        }
        let after = self.at;
        self.space();
        if self.peek(0) == b'(' {
            let (arguments, expand) = self.arguments()?;
            return Ok(ExprKind::Call(Box::new(Call { name, arguments, expand })));
        }
        self.at = after;
        Ok(match &*name.text {
            "true" => ExprKind::Literal(Value::Bool(true)),
            "false" => ExprKind::Literal(Value::Bool(false)),
            "null" => ExprKind::Literal(Value::NULL),
            spaced if spaced.contains("::") => return Err(self.unexpected("`(` and the arguments of the function")),
            _ => ExprKind::Variable(name.text),
        })
    }

    /// Steps into a value. A full splat takes all that follow it.
    fn steps(&mut self, splats: usize) -> Parsed<Box<[Step]>> {
        let mut steps = Vec::new();
        loop {
            let after = self.at;
            self.space();
            let begin = self.at;
            let kind = match (self.peek(0), self.peek(1), self.peek(2)) {
                (b'.', b'.', b'.') => None,
                (b'.', ..) => Some(self.dotted()?),
                (b'[', ..) => Some(self.indexed(splats)?),
                _ => None,
            };
            let Some(kind) = kind else {
                self.at = after;
                return Ok(steps.into());
            };
            steps.push(Step { span: self.since(begin), kind });
        }
    }

    /// `.name`, `.0`, `.*`
    fn dotted(&mut self) -> Parsed<StepKind> {
        self.at += 1;
        self.space();
        match self.peek(0) {
            b'*' => {
                self.at += 1;
                Ok(StepKind::Splat(self.attributes()?))
            }
            b'0'..=b'9' => self.legacy_index(),
            _ => Ok(StepKind::Attribute(self.name()?.text)),
        }
    }

    /// The steps that belong to `.*`: names and numbers after dots.
    fn attributes(&mut self) -> Parsed<Box<[Step]>> {
        let mut steps = Vec::new();
        loop {
            let after = self.at;
            self.space();
            let begin = self.at;
            if self.peek(0) != b'.' || self.peek(1) == b'.' {
                self.at = after;
                return Ok(steps.into());
            }
            let kind = self.dotted()?;
            if matches!(kind, StepKind::Splat(_)) {
                let detail = "A splat may not stand within the splat .*: write [*] for both.".to_owned();
                return Err(self.fault(begin..begin + 2, detail));
            }
            steps.push(Step { span: self.since(begin), kind });
        }
    }

    fn legacy_index(&mut self) -> Parsed<StepKind> {
        let begin = self.at;
        self.digits();
        let digits = &self.text[begin..self.at];
        if self.peek(0) == b'.' && self.peek(1).is_ascii_digit() {
            let detail = "Two indexes after a dot may not follow one another: write [0][1] instead of .0.1.".to_owned();
            return Err(self.fault(self.at..self.at + 2, detail));
        }
        let index = Value::Number(Number::parse(digits).unwrap_or(Number::Int(i64::MAX)));
        Ok(StepKind::Index(Expr::literal(index, self.since(begin))))
    }

    /// `[key]`, `[*]`
    fn indexed(&mut self, splats: usize) -> Parsed<StepKind> {
        let begin = self.at;
        let key = self.bracketed(1, "bracket", true, |parser| {
            let key = if parser.eat("*") { None } else { Some(parser.expr()?) };
            parser.expect("]", "`]`")?;
            Ok(key)
        })?;
        match (key, splats) {
            (Some(key), _) => Ok(StepKind::Index(key)),
            (None, 0) => Err(self.fault(begin..self.at, format!("At most {SPLATS} splats may follow one another."))),
            (None, _) => Ok(StepKind::Splat(self.steps(splats - 1)?)),
        }
    }
}
