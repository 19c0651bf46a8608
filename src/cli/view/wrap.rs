//! Lines of a report: broken at spaces only, so that commands, paths and addresses can be taken over as they stand.

/// The text with no line longer than that, where spaces let it be. What is indented goes on indented alike.
pub fn fill(text: &str, columns: usize) -> String {
    text.lines().map(|line| fill_line(line, columns)).collect::<Vec<_>>().join("\n")
}

fn fill_line(line: &str, columns: usize) -> String {
    let words = line.trim_start();
    let indent = &line[..line.len() - words.len()];
    let mut out = indent.to_owned();
    let mut length = indent.len();
    for (at, word) in words.split(' ').enumerate() {
        let wide = word.chars().count();
        if at > 0 && length + 1 + wide > columns {
            out.push('\n');
            out.push_str(indent);
            length = indent.len();
        } else if at > 0 {
            out.push(' ');
            length += 1;
        }
        out.push_str(word);
        length += wide;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::fill;

    #[test]
    fn lines_break_at_spaces_only() {
        assert_eq!(fill("go to cap-state/here now\n  and ä on", 9), "go to\ncap-state/here\nnow\n  and ä\n  on");
        assert_eq!(fill("", 9), "");
        assert_eq!(fill("a  b", 9), "a  b");
    }
}
