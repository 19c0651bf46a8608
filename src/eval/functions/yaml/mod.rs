//! YAML texts as values and back, as Terraform's functions have them. No tags of one's own, no streams of documents.

pub(super) mod read;
pub(super) mod write;
