//! Scenarios: the engine over fakes that behave like the real things, with a clock that jumps.

mod adoption;
mod crash_matrix;
mod failures;
mod importing;
mod leases;
mod orders;
mod removals;
mod renewals;
mod rewrapping;
mod submitting;
mod timelines;
mod world;
