//! Texts in quotes: what JSON and Terraform's notation escape alike.

/// Writes a text in quotes. `others` writes the characters that only one notation escapes, and says whether it has.
pub(super) fn write_quoted(out: &mut String, text: &str, others: impl Fn(&mut String, char) -> bool) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            _ if others(out, c) => {}
            _ => out.push(c),
        }
    }
    out.push('"');
}
