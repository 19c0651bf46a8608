//! Tests.

mod peers;
