//! Places as editors count them: lines from zero, and units of UTF-16 within a line.

use lsp_types::Position;

/// Where the lines of a text begin.
#[derive(Debug, Default)]
pub(super) struct Lines(Vec<usize>);

impl Lines {
    pub(super) fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        let ends = |at: &usize| match bytes[*at] {
            b'\n' => true,
            // A carriage return ends a line by itself, too.
            b'\r' => bytes.get(at + 1) != Some(&b'\n'),
            _ => false,
        };
        Self(std::iter::once(0).chain((0..bytes.len()).filter(ends).map(|at| at + 1)).collect())
    }

    /// The byte at a place; beyond the end of a line it is the line's end, and beyond the last line the text's.
    pub(super) fn offset(&self, text: &str, place: Position) -> usize {
        let line = place.line as usize;
        let Some(begin) = self.0.get(line) else { return text.len() };
        let end = self.0.get(line + 1).copied().unwrap_or(text.len());
        let content = text[*begin..end].trim_end_matches(['\n', '\r']);
        let mut units = 0;
        for (at, c) in content.char_indices() {
            units += c.len_utf16();
            if units > place.character as usize {
                return begin + at;
            }
        }
        begin + content.len()
    }

    /// The place of a byte.
    pub(super) fn position(&self, text: &str, offset: usize) -> Position {
        let mut offset = offset.min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self.0.partition_point(|begin| *begin <= offset).saturating_sub(1);
        let units = text[self.0[line]..offset].chars().map(char::len_utf16).sum::<usize>();
        let bound = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Position::new(bound(line), bound(units))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_in_utf_16() {
        let text = "a𝒳ä\r\nb\rc\n";
        let lines = Lines::new(text);
        for (line, character, offset) in
            [(0, 0, 0), (0, 1, 1), (0, 3, 5), (0, 4, 7), (1, 0, 9), (1, 1, 10), (2, 0, 11), (2, 1, 12), (3, 0, 13)]
        {
            let place = Position::new(line, character);
            assert_eq!(lines.offset(text, place), offset, "{place:?}");
            assert_eq!(lines.position(text, offset), place, "{offset}");
        }
    }

    #[test]
    fn places_beyond_the_text_are_at_its_edge() {
        let text = "a𝒳\r\nb";
        let lines = Lines::new(text);
        assert_eq!(lines.offset(text, Position::new(0, 2)), 1, "within a pair of surrogates");
        assert_eq!(lines.offset(text, Position::new(0, 99)), 5);
        assert_eq!(lines.offset(text, Position::new(9, 0)), text.len());
        assert_eq!(lines.position(text, 99), Position::new(1, 1));
        assert_eq!(lines.position(text, 2), Position::new(0, 1));
    }
}
