//! Looks at what is there, through calls that change nothing: the slots of deployments, and the windows in which CAs ask
//! for a renewal.

mod slots;
mod windows;

pub use slots::slots;
pub use windows::windows;
