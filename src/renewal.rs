//! When a certificate is due: a pure decision over its validity, its settings, the CA's suggestion and the time.
