//! Stores: SQLite for one machine, MongoDB for teams, memory for tests; one port, one conformance suite.
