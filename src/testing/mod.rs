//! Fakes that behave like the real things, a manual clock and seeded ids: for tests of the engine and of estates.
