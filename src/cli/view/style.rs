//! Colours, or none: decided once, from the terminal, `NO_COLOR` and `-no-color`.

/// How to mark text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    colours: bool,
}

impl Style {
    /// With colours or without.
    pub const fn new(colours: bool) -> Self {
        Self { colours }
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.colours && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Heads.
    pub fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    /// What is made, and success.
    pub fn green(self, text: &str) -> String {
        self.paint("32", text)
    }

    /// What is changed, and warnings.
    pub fn yellow(self, text: &str) -> String {
        self.paint("33", text)
    }

    /// What is removed, and errors.
    pub fn red(self, text: &str) -> String {
        self.paint("31", text)
    }

    /// What is of less weight.
    pub fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }
}
