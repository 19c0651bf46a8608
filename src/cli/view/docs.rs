//! A module's documentation as Markdown, in the shape of terraform-docs' tables.

use std::fmt::Write as _;

use crate::analysis::interface::{Input, Output};

/// What is documented of a module.
#[derive(Debug, Default)]
pub struct Documented {
    /// The modules that it calls: name and source.
    pub modules: Vec<(String, String)>,
    /// Its resource blocks: type and name.
    pub resources: Vec<(String, String)>,
    /// Its variables.
    pub inputs: Vec<Input>,
    /// Its outputs.
    pub outputs: Vec<Output>,
}

/// The document: a section for each, with a table or a sentence that says that there is none.
pub fn markdown(module: &Documented) -> String {
    let rows = |pairs: &[(String, String)]| -> Vec<Vec<String>> {
        pairs.iter().map(|(one, other)| vec![text(one), code(other)]).collect()
    };
    let resources: Vec<Vec<String>> =
        module.resources.iter().map(|(kind, name)| vec![text(&format!("{kind}.{name}")), code(kind)]).collect();
    let mut out = String::new();
    section(&mut out, "Modules", &["Name", "Source"], &rows(&module.modules));
    section(&mut out, "Resources", &["Name", "Type"], &resources);
    let columns = ["Name", "Description", "Type", "Default", "Required", "Sensitive", "Nullable"];
    section(&mut out, "Inputs", &columns, &module.inputs.iter().map(input).collect::<Vec<_>>());
    let outputs: Vec<Vec<String>> = module.outputs.iter().map(output).collect();
    section(&mut out, "Outputs", &["Name", "Description", "Sensitive"], &outputs);
    out
}

fn input(input: &Input) -> Vec<String> {
    vec![
        anchor("input", &input.name),
        prose(&input.description),
        code(&input.ty),
        input.default.as_deref().map_or_else(|| "n/a".to_owned(), code),
        yes(input.default.is_none()),
        yes(input.sensitive),
        yes(input.nullable),
    ]
}

fn output(output: &Output) -> Vec<String> {
    vec![anchor("output", &output.name), prose(&output.description), yes(output.sensitive)]
}

fn section(out: &mut String, title: &str, columns: &[&str], rows: &[Vec<String>]) {
    if !out.is_empty() {
        out.push('\n');
    }
    // Writing to a string cannot fail.
    let _ = writeln!(out, "## {title}\n");
    if rows.is_empty() {
        let _ = writeln!(out, "No {}.", title.to_lowercase());
        return;
    }
    let line =
        |cells: &mut dyn Iterator<Item = &str>| cells.map(|cell| format!("| {cell} ")).collect::<String>() + "|\n";
    out.push_str(&line(&mut columns.iter().copied()));
    let rule = |column: &&str| if is_flag(column) { "|:---:" } else { "|---" };
    out.push_str(&(columns.iter().map(rule).collect::<String>() + "|\n"));
    rows.iter().for_each(|row| out.push_str(&line(&mut row.iter().map(String::as_str))));
}

/// Columns of yes and no are centred, as terraform-docs has them.
fn is_flag(column: &str) -> bool {
    ["Required", "Sensitive", "Nullable"].contains(&column)
}

fn yes(yes: bool) -> String {
    if yes { "yes" } else { "no" }.to_owned()
}

/// A name that links can point at.
fn anchor(what: &str, name: &str) -> String {
    format!("<a name=\"{what}_{name}\"></a> [{}](#{what}\\_{})", text(name), text(name))
}

/// A name as it is, whatever it means in Markdown.
fn text(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if matches!(c, '_' | '*' | '|' | '`' | '[' | ']' | '<' | '>' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// What authors wrote is Markdown of theirs; a table has no room for pipes, tags and line breaks.
fn prose(description: &str) -> String {
    let mut out = String::new();
    let mut in_code = false;
    let lines = description.lines().map(str::trim).collect::<Vec<_>>().join("\n");
    for c in lines.chars() {
        in_code ^= c == '`';
        match c {
            '|' => out.push_str("\\|"),
            '\n' => out.push_str("<br>"),
            '<' if !in_code => out.push_str("&lt;"),
            '>' if !in_code => out.push_str("&gt;"),
            c => out.push(c),
        }
    }
    out
}

/// Source text: in backquotes on one line, else preformatted.
fn code(source: &str) -> String {
    let pipes = |text: &str| text.replace('|', "\\|");
    if !source.contains('\n') {
        // A fence of more backquotes than the text holds in a row.
        let longest = source.split(|c| c != '`').map(str::len).max().unwrap_or(0);
        let fence = "`".repeat(longest + 1);
        let room = if longest > 0 { " " } else { "" };
        return format!("{fence}{room}{}{room}{fence}", pipes(source));
    }
    let escaped = source.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let spaces = |line: &str| {
        let bare = line.trim_start_matches(' ');
        "&nbsp;".repeat(line.len() - bare.len()) + bare
    };
    let lines: Vec<String> = escaped.lines().map(spaces).collect();
    format!("<pre>{}</pre>", pipes(&lines.join("<br>")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_hold_pipes_and_line_breaks() {
        assert_eq!(prose("One | two,\n  three <b> `<b>`."), "One \\| two,<br>three &lt;b&gt; `<b>`.");
        assert_eq!(code("a | b"), "`a \\| b`");
        assert_eq!(code("\"`\""), "`` \"`\" ``");
        assert_eq!(
            code("object({\n  a = list(string)\n})"),
            "<pre>object({<br>&nbsp;&nbsp;a = list(string)<br>})</pre>"
        );
        assert_eq!(text("a_b"), "a\\_b");
    }

    #[test]
    fn a_module_without_anything_says_so() {
        let empty = markdown(&Documented::default());
        assert!(empty.starts_with("## Modules\n\nNo modules.\n\n## Resources\n\nNo resources.\n"), "{empty}");
    }
}
