//! The key vault: private keys sealed in the store with envelope encryption.
