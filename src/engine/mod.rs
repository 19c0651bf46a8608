//! The engine: gathers inputs, submits plans, and carries jobs out through ports. Names no adapter and never prints.

pub mod load;
