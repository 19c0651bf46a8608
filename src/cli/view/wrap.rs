//! Lines of a report: broken at spaces only, so that commands, paths and addresses can be taken over as they stand.

use textwrap::{Options, WordSeparator, WordSplitter};

/// The text with no line longer than that, where spaces let it be. What is indented goes on indented alike.
pub fn fill(text: &str, columns: usize) -> String {
    text.lines().map(|line| fill_line(line, columns)).collect::<Vec<_>>().join("\n")
}

fn fill_line(line: &str, columns: usize) -> String {
    let words = line.trim_start();
    let indent = &line[..line.len() - words.len()];
    let options = Options::new(columns).initial_indent(indent).subsequent_indent(indent).break_words(false);
    textwrap::fill(words, options.word_separator(WordSeparator::AsciiSpace).word_splitter(WordSplitter::NoHyphenation))
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
