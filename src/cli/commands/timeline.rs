//! `cap timeline`: what ever happened to an object, and whether the record of it is whole.
