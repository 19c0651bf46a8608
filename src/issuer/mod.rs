//! Issuers: ACME accounts and private CAs, one file a kind.
