//! Syntax: texts to trees, and the layout of texts.

pub mod format;
