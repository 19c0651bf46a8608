//! The kinds of resources: one file a kind, with its schema, its typed spec and its rules.
