//! CSV as RFC 4180 has it, read strictly: a quote out of place is a fault, since it shifts every cell after it.

use super::Fault;

/// The records of a text, each with the line it begins on; blank lines are none.
pub(super) fn records(text: &str) -> Result<Vec<(usize, Vec<String>)>, Fault> {
    let mut records = Vec::new();
    let mut reader = Reader { rest: text, line: 1 };
    while !reader.rest.is_empty() {
        if !reader.line_break() {
            records.push((reader.line, reader.record()?));
        }
    }
    Ok(records)
}

struct Reader<'a> {
    rest: &'a str,
    line: usize,
}

impl Reader<'_> {
    /// Reads a line break, if one stands here.
    fn line_break(&mut self) -> bool {
        let after = self.rest.strip_prefix("\r\n").or_else(|| self.rest.strip_prefix('\n'));
        self.line += usize::from(after.is_some());
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    fn fault(&self, what: &str) -> Fault {
        Fault::call(format!("CSV parse error on line {}: {what}", self.line))
    }

    fn record(&mut self) -> Result<Vec<String>, Fault> {
        let mut cells = Vec::new();
        loop {
            cells.push(match self.rest.strip_prefix('"') {
                Some(inner) => {
                    self.rest = inner;
                    self.quoted()?
                }
                None => self.bare()?,
            });
            match self.rest.strip_prefix(',') {
                Some(rest) => self.rest = rest,
                None => {
                    self.line_break();
                    return Ok(cells);
                }
            }
        }
    }

    fn bare(&mut self) -> Result<String, Fault> {
        let end = self.rest.find([',', '\n']).unwrap_or(self.rest.len());
        let (cell, rest) = self.rest.split_at(end);
        let (cell, rest) = match cell.strip_suffix('\r').filter(|_| rest.starts_with('\n')) {
            Some(cell) => (cell, &self.rest[end - 1..]),
            None => (cell, rest),
        };
        if cell.contains('"') {
            return Err(self.fault("bare \" in non-quoted-field"));
        }
        self.rest = rest;
        Ok(cell.to_owned())
    }

    fn quoted(&mut self) -> Result<String, Fault> {
        let mut cell = String::new();
        loop {
            let misplaced = || self.fault("extraneous or missing \" in quoted-field");
            let end = self.rest.find('"').ok_or_else(misplaced)?;
            let part = self.rest[..end].replace("\r\n", "\n");
            let after = &self.rest[end + 1..];
            let ends = after.is_empty() || after.starts_with([',', '\n']) || after.starts_with("\r\n");
            if !ends && !after.starts_with('"') {
                return Err(misplaced());
            }
            self.line += part.matches('\n').count();
            cell.push_str(&part);
            if ends {
                self.rest = after;
                return Ok(cell);
            }
            cell.push('"');
            self.rest = &after[1..];
        }
    }
}
