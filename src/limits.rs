//! A limit on everything, with its unit and its reason. A limit that is met is a clear report, never a crash.

/// Bytes of one configuration file: far above any estate written by people, far below what would exhaust memory.
pub const SOURCE_BYTES: usize = 64 << 20;
/// Levels of nesting of blocks, brackets and templates: readers and the evaluator recurse, and stacks are finite.
/// The parser of the native form stops at 64 already.
pub const NESTING: usize = 200;
/// Levels of lists and objects in one value: what is written as JSON is read again to 128 levels, and a value lies some
/// levels deep in a record or a plan.
pub const VALUE_DEPTH: usize = 100;
/// Instances one `for_each` or `count` may make: a typo in a range should not take the machine down.
pub const INSTANCES: usize = 1_000_000;
/// Directories that modules of one configuration are loaded from.
pub const MODULES: usize = 1000;
/// Bytes of all files of a package: modules are text, and a repository that holds more was not meant.
pub const PACKAGE_BYTES: usize = 64 << 20;
/// Files of a package, for the same reason.
pub const PACKAGE_FILES: usize = 20_000;
/// Bytes of one string that evaluation may build.
pub const STRING_BYTES: usize = 16 << 20;
/// Elements of one collection that evaluation may build.
pub const COLLECTION: usize = 4_000_000;
/// Names of one certificate: what public CAs accept at most.
pub const NAMES: usize = 100;
/// Days of the longest time that a configuration may state: a hundred years, beyond any key and any audit, and far from
/// the year 9999 where the calendars of X.509 and RFC 3339 end.
pub const DAYS: i64 = 36_525;
/// Bytes of a plan file that will be read.
pub const PLAN_BYTES: usize = 1 << 30;
/// Bytes of any reply read from a server (a CA, a target): a hostile peer must not fill memory.
pub const REPLY_BYTES: usize = 1 << 20;
/// Attempts at one request that the CA answers with `badNonce` (RFC 8555 section 6.5). Of a CA that refuses every second
/// nonce, one request in sixteen millions is given up.
pub const NONCE_ATTEMPTS: usize = 24;
