//! DNS providers and the questions to authoritative servers, one file a provider.
