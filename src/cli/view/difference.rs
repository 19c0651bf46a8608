//! The difference of two specs as a tree of lines, in Terraform's notation.
//!
//! Works on the JSON of specs: references print as addresses and secrets as the call that names them, so that nothing
//! here could show a secret.

use std::collections::BTreeSet;

use serde_json::Value as Json;
use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::style::Style;
use crate::address::{is_name_part, is_name_start};

/// What stands before a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// `+`
    Add,
    /// `~`
    Change,
    /// `-`
    Remove,
    /// `-/+`
    Replace,
    /// nothing
    Same,
}

impl Mark {
    /// The mark in three columns, as Terraform aligns it.
    pub fn show(self, style: Style) -> String {
        match self {
            Self::Add => format!("  {}", style.green("+")),
            Self::Change => format!("  {}", style.yellow("~")),
            Self::Remove => format!("  {}", style.red("-")),
            Self::Replace => format!("{}/{}", style.red("-"), style.green("+")),
            Self::Same => "   ".to_owned(),
        }
    }
}

/// Paths of the spec that deserve a note behind them.
#[derive(Debug, Default)]
pub struct Notes<'a> {
    /// A change here makes the object anew.
    pub forces_replacement: BTreeSet<&'a str>,
    /// The secret behind the reference is another one than before.
    pub secret_changed: BTreeSet<&'a str>,
}

/// Writes the body of a block: one line an attribute, unchanged ones counted.
pub struct Writer<'a> {
    /// Colours.
    pub style: Style,
    /// Notes on paths.
    pub notes: Notes<'a>,
    out: String,
}

type Entries = serde_json::Map<String, Json>;

impl<'a> Writer<'a> {
    /// A writer of bodies.
    pub fn new(style: Style, notes: Notes<'a>) -> Self {
        Self { style, notes, out: String::new() }
    }

    /// The lines of a body that goes from `before` to `after`, indented by `depth` levels of four.
    pub fn body(mut self, before: Option<&Entries>, after: Option<&Entries>, depth: usize) -> String {
        let empty = Entries::new();
        self.entries(before.unwrap_or(&empty), after.unwrap_or(&empty), depth, "", "attribute");
        self.out
    }

    fn line(&mut self, depth: usize, mark: Mark, text: &str) {
        let indent = " ".repeat(depth * 4);
        let mark = mark.show(self.style);
        let line = format!("{indent}{mark} {text}");
        self.out.push_str(line.trim_end());
        self.out.push('\n');
    }

    fn entries(&mut self, before: &Entries, after: &Entries, depth: usize, path: &str, noun: &str) {
        let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        let shown: Vec<&String> =
            keys.into_iter().filter(|key| !(is_null(before.get(*key)) && is_null(after.get(*key)))).collect();
        let differs = |key: &String| self.differs(before.get(key), after.get(key), &join(path, key));
        let (changed, same): (Vec<&String>, Vec<&String>) = shown.into_iter().partition(|key| differs(key));
        let width = changed.iter().map(|key| key_text(key, noun).chars().count()).max().unwrap_or(0);
        for key in changed {
            let path = join(path, key);
            let name = format!("{:width$}", key_text(key, noun));
            self.entry(&name, before.get(key), after.get(key), depth, &path);
        }
        self.unchanged(same.len(), noun, depth);
    }

    fn unchanged(&mut self, count: usize, noun: &str, depth: usize) {
        if count > 0 {
            let plural = if count == 1 { "" } else { "s" };
            let text = self.style.dim(&format!("# ({count} unchanged {noun}{plural} hidden)"));
            self.line(depth, Mark::Same, &text);
        }
    }

    fn differs(&self, before: Option<&Json>, after: Option<&Json>, path: &str) -> bool {
        before.unwrap_or(&Json::Null) != after.unwrap_or(&Json::Null) || self.notes.secret_changed.contains(path)
    }

    fn entry(&mut self, name: &str, before: Option<&Json>, after: Option<&Json>, depth: usize, path: &str) {
        let note = if self.notes.forces_replacement.contains(path) {
            self.style.red(" # forces replacement")
        } else {
            String::new()
        };
        match (present(before), present(after)) {
            (None, Some(after)) => self.whole(Mark::Add, &format!("{name} = "), after, depth, &note),
            (Some(before), None) => {
                self.whole(Mark::Remove, &format!("{name} = "), before, depth, &format!(" -> null{note}"))
            }
            (Some(before), Some(after)) => self.changed(name, before, after, depth, path, &note),
            (None, None) => {}
        }
    }

    /// A value that only comes or only goes.
    fn whole(&mut self, mark: Mark, lead: &str, value: &Json, depth: usize, tail: &str) {
        match value {
            Json::Array(items) if !items.is_empty() => {
                self.line(depth, mark, &format!("{lead}["));
                for item in items {
                    self.whole(mark, "", item, depth + 1, ",");
                }
                self.line(depth, Mark::Same, &format!("]{tail}"));
            }
            Json::Object(entries) if scalar(value).is_none() && !entries.is_empty() => {
                self.line(depth, mark, &format!("{lead}{{"));
                let shown: Vec<_> = entries.iter().filter(|(_, value)| !value.is_null()).collect();
                let width = shown.iter().map(|(key, _)| key_text(key, "attribute").chars().count()).max().unwrap_or(0);
                for (key, value) in shown {
                    let name = key_text(key, "attribute");
                    self.whole(mark, &format!("{name:width$} = "), value, depth + 1, "");
                }
                self.line(depth, Mark::Same, &format!("}}{tail}"));
            }
            Json::String(text) if text.contains('\n') => {
                self.line(depth, mark, &format!("{lead}<<-EOT"));
                let indent = " ".repeat(depth * 4 + 8);
                text.lines().for_each(|line| self.out.push_str(&format!("{indent}{line}\n")));
                self.line(depth, Mark::Same, &format!("EOT{tail}"));
            }
            _ => self.line(depth, mark, &format!("{lead}{}{tail}", inline(value))),
        }
    }

    fn changed(&mut self, name: &str, before: &Json, after: &Json, depth: usize, path: &str, note: &str) {
        match (before, after) {
            _ if self.notes.secret_changed.contains(path) => {
                let text = format!("{name} = (sensitive value, changed) # {}{note}", inline(after));
                self.line(depth, Mark::Change, &text);
            }
            (Json::Array(before), Json::Array(after)) => {
                self.line(depth, Mark::Change, &format!("{name} = ["));
                self.elements(before, after, depth + 1);
                self.line(depth, Mark::Same, &format!("]{note}"));
            }
            (Json::Object(old), Json::Object(new)) if scalar(before).is_none() && scalar(after).is_none() => {
                self.line(depth, Mark::Change, &format!("{name} = {{"));
                self.entries(old, new, depth + 1, path, "element");
                self.line(depth, Mark::Same, &format!("}}{note}"));
            }
            (Json::String(old), Json::String(new)) if old.contains('\n') || new.contains('\n') => {
                self.line(depth, Mark::Change, &format!("{name} = <<-EOT"));
                self.lines(old, new, depth + 1);
                self.line(depth, Mark::Same, &format!("EOT{note}"));
            }
            _ => self.line(depth, Mark::Change, &format!("{name} = {} -> {}{note}", inline(before), inline(after))),
        }
    }

    /// Elements of a list, matched by their longest common sequence.
    fn elements(&mut self, before: &[Json], after: &[Json], depth: usize) {
        let texts = |items: &[Json]| items.iter().map(Json::to_string).collect::<Vec<_>>();
        let operations = capture_diff_slices(Algorithm::Myers, &texts(before), &texts(after));
        for operation in operations {
            match operation {
                DiffOp::Equal { len, .. } => self.unchanged(len, "element", depth),
                DiffOp::Delete { .. } | DiffOp::Insert { .. } | DiffOp::Replace { .. } => {
                    let (old, new) = (operation.old_range(), operation.new_range());
                    before[old].iter().for_each(|item| self.whole(Mark::Remove, "", item, depth, ","));
                    after[new].iter().for_each(|item| self.whole(Mark::Add, "", item, depth, ","));
                }
            }
        }
    }

    /// Lines of a text, with three lines of context.
    fn lines(&mut self, before: &str, after: &str, depth: usize) {
        let old: Vec<&str> = before.lines().collect();
        let new: Vec<&str> = after.lines().collect();
        for operation in capture_diff_slices(Algorithm::Myers, &old, &new) {
            if let DiffOp::Equal { old_index, len, .. } = operation {
                self.context(&old[old_index..old_index + len], depth);
                continue;
            }
            old[operation.old_range()].iter().for_each(|line| self.line(depth, Mark::Remove, line));
            new[operation.new_range()].iter().for_each(|line| self.line(depth, Mark::Add, line));
        }
    }

    fn context(&mut self, lines: &[&str], depth: usize) {
        const CONTEXT: usize = 3;
        if lines.len() <= CONTEXT * 2 {
            return lines.iter().for_each(|line| self.line(depth, Mark::Same, line));
        }
        lines[..CONTEXT].iter().for_each(|line| self.line(depth, Mark::Same, line));
        self.unchanged(lines.len() - CONTEXT * 2, "line", depth);
        lines[lines.len() - CONTEXT..].iter().for_each(|line| self.line(depth, Mark::Same, line));
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn is_null(value: Option<&Json>) -> bool {
    value.is_none_or(Json::is_null)
}

fn present(value: Option<&Json>) -> Option<&Json> {
    value.filter(|value| !value.is_null())
}

/// Keys of maps are quoted as Terraform quotes them; names of attributes are not.
fn key_text(key: &str, noun: &str) -> String {
    let identifier = key.starts_with(is_name_start) && key.chars().all(is_name_part);
    if noun == "attribute" && identifier { key.to_owned() } else { quoted(key) }
}

/// A text as a quoted string of the language.
pub fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.replace("${", "$${").replace("%{", "%%{") + "\""
}

/// What an object stands for when it is a scalar of ours: a reference, a secret, an exact number or a template's source.
fn scalar(value: &Json) -> Option<String> {
    let entries = value.as_object().filter(|entries| entries.len() == 1)?;
    let (tag, inner) = entries.iter().next()?;
    match (tag.as_str(), inner) {
        ("$ref", Json::String(address)) => Some(address.clone()),
        ("$number", Json::String(number)) => Some(number.clone()),
        ("$template", Json::String(source)) => Some(source.clone()),
        ("$secret", secret) => Some(secret_call(secret)),
        _ => None,
    }
}

/// The call that names a secret.
fn secret_call(secret: &Json) -> String {
    let text = |value: &Json| value.as_str().map(quoted).unwrap_or_default();
    match secret.as_object().and_then(|entries| entries.iter().next()) {
        Some((kind, Json::Object(vault))) if kind == "vault" => {
            let field = |name| vault.get(name).map(text).unwrap_or_default();
            format!("secret_vault({}, {})", field("path"), field("field"))
        }
        Some((kind, name)) if kind == "variable" => format!("var.{}", name.as_str().unwrap_or_default()),
        Some((kind, name)) => format!("secret_{kind}({})", text(name)),
        None => "(sensitive value)".to_owned(),
    }
}

/// A value on one line.
pub fn inline(value: &Json) -> String {
    match value {
        Json::String(text) => quoted(text),
        Json::Array(items) => format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Json::Object(entries) => scalar(value).unwrap_or_else(|| {
            let pairs: Vec<String> = entries
                .iter()
                .map(|(key, value)| format!("{} = {}", key_text(key, "attribute"), inline(value)))
                .collect();
            if pairs.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", pairs.join(", ")) }
        }),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn difference(before: Json, after: Json) -> String {
        let writer = Writer::new(Style::new(false), Notes::default());
        writer.body(before.as_object(), after.as_object(), 1)
    }

    #[test]
    fn what_comes_is_written_whole() {
        let shown = difference(
            json!({}),
            json!({"issuer": {"$ref": "private_ca.root"}, "sans": ["a", "b"], "csr": null, "n": 1}),
        );
        assert_eq!(
            shown,
            "      + issuer = private_ca.root\n      + n      = 1\n      + sans   = [\n          + \"a\",\n          + \"b\",\n        ]\n"
        );
    }

    #[test]
    fn what_stays_is_counted() {
        let shown = difference(json!({"a": 1, "b": "x", "list": [1, 2]}), json!({"a": 1, "b": "y", "list": [1, 3]}));
        let expected = "      ~ b    = \"x\" -> \"y\"\n      ~ list = [\n            # (1 unchanged element hidden)\n          - 2,\n          + 3,\n        ]\n        # (1 unchanged attribute hidden)\n";
        assert_eq!(shown, expected);
    }

    #[test]
    fn secrets_show_the_call_that_names_them() {
        let shown = difference(json!({}), json!({"token": {"$secret": {"env": "CF_TOKEN"}}}));
        assert_eq!(shown, "      + token = secret_env(\"CF_TOKEN\")\n");
    }

    #[test]
    fn templates_show_their_source() {
        let source = "\"${path.module}/out/${certificate.name}\"";
        let shown = difference(json!({}), json!({"directory": {"$template": source}, "text": source}));
        let expected = format!(
            "      + directory = {source}\n      + text      = \"\\\"$${{path.module}}/out/$${{certificate.name}}\\\"\"\n"
        );
        assert_eq!(shown, expected);
    }

    #[test]
    fn texts_are_compared_by_line() {
        let shown = difference(json!({"t": "a\nb\n"}), json!({"t": "a\nc\n"}));
        assert_eq!(shown, "      ~ t = <<-EOT\n            a\n          - b\n          + c\n        EOT\n");
    }
}
