//! The target that tests of the engine run against.

use std::sync::Arc;

use async_trait::async_trait;
use cap::ports::target::{Bundle, Target};
use cap::testing::{FakeHosts, FakeTarget, Faults, Trick};

use super::contract::{Subject, contract};

const SLOT: &str = "web:/tls/www";

struct Fake {
    hosts: Arc<FakeHosts>,
    endpoint: bool,
}

#[async_trait]
impl Subject for Fake {
    async fn target(&self) -> Arc<dyn Target> {
        Arc::new(FakeTarget::new(Arc::clone(&self.hosts), SLOT, self.endpoint, Arc::new(Faults::default())))
    }

    async fn refusing(&self) -> Arc<dyn Target> {
        self.hosts.trick(SLOT, Trick::ReloadFails);
        self.target().await
    }

    fn holds(&self, bundle: &Bundle) -> bool {
        self.hosts.content(SLOT) == Some(bundle.fingerprint) && self.hosts.served(SLOT) == Some(bundle.fingerprint)
    }

    fn trace(&self) -> String {
        format!("{:?} {:?}", self.hosts.content(SLOT), self.hosts.served(SLOT))
    }

    fn is_clear(&self) -> bool {
        self.hosts.content(SLOT).is_none() && self.hosts.served(SLOT).is_none()
    }
}

#[tokio::test]
async fn keeps_the_contract() {
    for endpoint in [true, false] {
        contract(&Fake { hosts: Arc::default(), endpoint }).await;
    }
}
