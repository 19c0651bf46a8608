//! Targets: where certificates are put, one file a kind.
