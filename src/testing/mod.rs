//! Fakes that behave like the real things, a manual clock and seeded ids: for tests of the engine and of estates. They pass
//! the conformance suites that the real adapters pass. Of the program itself only `cap test` uses them.

mod clock;
mod dns;
mod faults;
mod hosts;
mod issuer;
mod providers;
mod secrets;

pub use clock::{ManualClock, SeededIds};
pub use dns::FakeDns;
pub use faults::{Fault, Faults, Faulty};
pub use hosts::{FakeHosts, FakeTarget, Trick};
pub use issuer::{FakeCa, FakeIssuer};
pub use providers::FakeProviders;
pub use secrets::FakeSecrets;
