//! The interface for people and scripts: arguments, wiring, thin commands, and views. The only layer that prints.

pub mod args;
pub mod commands;
pub mod glob;
pub mod shell;
pub mod view;
