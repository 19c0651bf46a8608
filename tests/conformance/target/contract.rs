//! What every target must do, whatever it is made of: fakes as well as those that put files on machines.

use std::sync::Arc;

use async_trait::async_trait;
use cap::job::ErrorClass;
use cap::observed::SlotContent;
use cap::ports::target::{Bundle, Cleared, Holder, Previous, Restored, Served, Target};

use super::fixtures::{bundle, holder, in_place};

/// One slot under test.
#[async_trait]
pub trait Subject: Send + Sync {
    /// Its target.
    async fn target(&self) -> Arc<dyn Target>;
    /// Likewise, where the service refuses to take up what is installed next.
    async fn refusing(&self) -> Arc<dyn Target>;
    /// Whether whoever reads the slot finds this bundle whole.
    fn holds(&self, bundle: &Bundle) -> bool;
    /// Says the same as long as nothing in the slot is touched.
    fn trace(&self) -> String;
    /// Whether nothing at all is left there.
    fn is_clear(&self) -> bool;
}

/// The whole contract.
pub async fn contract(subject: &dyn Subject) {
    what_is_installed_is_seen_and_removed(subject).await;
    what_was_there_is_put_back(subject).await;
    what_is_not_taken_up_is_an_error_and_can_be_undone(subject).await;
    only_its_own_is_removed(subject).await;
}

async fn what_is_installed_is_seen_and_removed(subject: &dyn Subject) {
    let target = subject.target().await;
    let one = bundle(&["one.test"]);
    assert_eq!(target.inspect().await, Ok(SlotContent::Absent));
    let before = target.previous().await.expect("what is there");
    assert_eq!(before.fingerprint, None);
    target.install(&one).await.expect("installed");
    is_in_place(subject, &one).await;
    let untouched = subject.trace();
    target.install(&one).await.expect("installed again");
    assert_eq!(subject.trace(), untouched, "installing again changes nothing");
    is_in_place(subject, &one).await;
    for _ in 0..2 {
        target.remove(&holder()).await.expect("removing again is fine");
        assert_eq!(target.inspect().await, Ok(SlotContent::Absent));
        assert!(subject.is_clear(), "something is left");
    }
    target.install(&one).await.expect("installed anew");
    target.restore(&holder().name, &before).await.expect("nothing is put back");
    assert_eq!(target.inspect().await, Ok(SlotContent::Absent));
    target.remove(&holder()).await.expect("removed");
}

/// The slot holds this, and where its service can be asked, that is what it serves.
async fn is_in_place(subject: &dyn Subject, bundle: &Bundle) {
    let target = subject.target().await;
    assert_eq!(target.inspect().await, in_place(bundle));
    assert!(subject.holds(bundle));
    match target.verify().await.expect("it can be asked") {
        Served::NotAsked => {}
        Served::Leaves(leaves) => {
            assert!(!leaves.is_empty());
            assert!(leaves.iter().all(|(_, leaf)| *leaf == bundle.fingerprint), "{leaves:?}");
        }
    }
}

async fn what_was_there_is_put_back(subject: &dyn Subject) {
    let target = subject.target().await;
    let all = [bundle(&["one.test"]), bundle(&["two.test"]), bundle(&["three.test"])];
    target.install(&all[0]).await.expect("installed");
    for new in [&all[1], &all[2]] {
        let before = target.previous().await.expect("what is there");
        assert_eq!(before.fingerprint, Some(all[0].fingerprint));
        target.install(new).await.expect("installed");
        is_in_place(subject, new).await;
        for _ in 0..2 {
            assert_eq!(target.restore(&holder().name, &before).await, Ok(Restored::TakenUp));
            is_in_place(subject, &all[0]).await;
        }
    }
    target.remove(&holder()).await.expect("removed");
    assert!(subject.is_clear());
}

async fn what_is_not_taken_up_is_an_error_and_can_be_undone(subject: &dyn Subject) {
    let (one, two) = (bundle(&["one.test"]), bundle(&["two.test"]));
    let target = subject.target().await;
    target.install(&one).await.expect("installed");
    let before = target.previous().await.expect("what is there");
    let error = subject.refusing().await.install(&two).await.expect_err("it is not taken up");
    assert_eq!(error.class, ErrorClass::Rejected, "{error}");
    assert_eq!(target.restore(&holder().name, &before).await, Ok(Restored::TakenUp));
    is_in_place(subject, &one).await;
    target.install(&two).await.expect("the next one is");
    is_in_place(subject, &two).await;
    target.remove(&holder()).await.expect("removed");
}

/// Another deployment has taken the place since.
async fn only_its_own_is_removed(subject: &dyn Subject) {
    let target = subject.target().await;
    let one = bundle(&["one.test"]);
    let other = Holder { name: "certificate.other@file_target.web#run-2.1".to_owned(), leaf: Some(one.fingerprint) };
    target.install(&one).await.expect("installed");
    assert_eq!(target.remove(&other).await, Ok(Cleared::Foreign));
    is_in_place(subject, &one).await;
    let taking = |displaces| Bundle { holder: other.name.clone(), displaces, ..bundle(&["two.test"]) };
    let before = target.previous().await.expect("what is there");
    let refusal = target.install(&taking(None)).await.expect_err("the place is held");
    assert_eq!(refusal.class, ErrorClass::Rejected, "{refusal}");
    assert!(refusal.message.contains("certificate.www@file_target.web has put"), "{refusal}");
    is_in_place(subject, &one).await;
    target.install(&taking(Some(holder().name))).await.expect("taken over");
    assert_eq!(target.remove(&holder()).await, Ok(Cleared::Foreign));
    target.restore(&other.name, &before).await.expect("put back");
    is_in_place(subject, &one).await;
    assert_eq!(target.previous().await, Ok(before));
    let nothing = Previous { fingerprint: None, handle: "none".to_owned(), holder: None };
    target.restore(&other.name, &nothing).await.expect("what a third one put there stays");
    is_in_place(subject, &one).await;
    target.remove_except(&holder(), &target.places()).await.expect("what the next slot uses is left alone");
    is_in_place(subject, &one).await;
    assert_eq!(target.remove(&holder()).await, Ok(Cleared::Removed));
    assert!(subject.is_clear());
}
