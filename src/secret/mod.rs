//! Secrets: finding what references to secrets stand for.
