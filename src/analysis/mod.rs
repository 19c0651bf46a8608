//! What is where in a configuration, for people who read and write it: the console, documentation, the graph and editors.
//! Works on texts and trees alone and evaluates nothing, so that it answers for files that are not finished. Pure.

pub mod complete;
pub mod cursor;
pub mod declared;
pub mod dependencies;
pub mod explain;
pub mod interface;
pub mod language;
pub mod members;
pub mod pieces;

pub use declared::Module;
pub use members::World;
