//! The difference between what should be, what was done and what is there, with a typed reason for each change.
//! A pure function of its arguments: people and the scheduler call the same one.
