//! Order and cycles over petgraph; built when needed and never stored.
