//! X.509: what `cap` reads from certificates and requests. Pure: bytes in, facts out.
