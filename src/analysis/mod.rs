//! What is where in a configuration, for people who read and write it: the console, documentation, the graph and editors.
//! Works on texts and trees alone and evaluates nothing, so that it answers for files that are not finished. Pure.

pub mod declared;
pub mod dependencies;
pub mod interface;

pub use declared::Module;
