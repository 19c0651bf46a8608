//! Reading timelines while they are written.

use cap::engine::chains::Chains;
use cap::job::{Run, RunId};
use cap::ports::clock::Clock as _;
use cap::ports::store::Submission;
use cap::ports::vault::MacKey;
use cap::state::{Event, EventBody};
use cap::testing::Fault;
use cap::timeline::{self, Append, Finding, Flaw, Head};

use super::world::{ACTOR, World, due, estate, renewal, run};

/// One more link of the certificate's chain, with the head that it makes; and the head before.
async fn one_more(world: &World) -> (Append, Head) {
    let chain = world.record("certificate.www").await.and_then(|record| record.chain).expect("a chain");
    let before = world.store.head(&chain).await.expect("the store answers").expect("a head");
    let link = |message: &[u8]| world.vault.mac(MacKey::Link, message);
    let head = |message: &[u8]| world.vault.mac(MacKey::Head, message);
    let macs = timeline::Macs { link: &link, head: &head };
    let append = timeline::append(&macs, &chain, Some(&before), &["one more".to_owned()]).expect("a link");
    (append, before)
}

async fn write(world: &World, number: usize, append: Append) {
    let id = RunId(format!("by-hand-{number}"));
    let submission = Submission {
        run: Run { id, actor: ACTOR.to_owned(), at: world.clock.now(), jobs: 0 },
        lock: None,
        writes: Vec::new(),
        events: Vec::new(),
        appends: vec![append],
        jobs: Vec::new(),
        outputs: Default::default(),
    };
    world.store.submit(&submission).await.expect("it is written");
}

/// A store without transactions writes links first: a reader in between sees a chain that goes on after its head.
#[test]
fn a_head_that_is_behind_its_links_is_waited_for_and_not_for_ever() {
    run(async {
        for catches_up in [true, false] {
            let world = World::new().await;
            let first = world.submit(estate()).await.expect("it is submitted");
            world.work(&first).await.expect("the store answers");
            let (append, before) = one_more(&world).await;
            write(&world, 1, Append { after: before.clone(), ..append.clone() }).await;
            let engine = world.engine();
            let mut chains = Chains::new(&*engine.store, &*engine.vault);
            // It has waited once when it asks again, and falls asleep there.
            world.faults.plan("chain", 2, Fault::Stall);
            let mut reading = std::pin::pin!(chains.read(&before.chain, Some(&before)));
            tokio::select! {
                _ = &mut reading => panic!("it should wait for the head"),
                () = world.faults.stalled() => {}
            }
            if catches_up {
                write(&world, 2, Append { links: Vec::new(), ..append.clone() }).await;
            }
            world.faults.wake();
            let (links, judgement) = reading.await.expect("the store answers");
            let last = links.last().map(|link| link.sequence);
            assert_eq!(last, Some(append.after.sequence));
            let behind = Finding::new(&before.chain, append.after.sequence, Flaw::OldHead);
            assert_eq!(judgement, if catches_up { Ok(()) } else { Err(behind) });
        }
    });
}

#[test]
fn a_chain_that_grows_while_it_is_read_is_whole() {
    run(async {
        let world = World::new().await;
        let first = world.submit(estate()).await.expect("it is submitted");
        world.work(&first).await.expect("the store answers");
        let record = world.record("certificate.www").await.expect("a record");
        let chain = record.chain.expect("a chain");
        let head = world.store.head(&chain).await.expect("the store answers").expect("a head");
        let engine = world.engine();
        let mut chains = Chains::new(&*engine.store, &*engine.vault);
        // The reader falls asleep between the head and the links, and a renewal is written meanwhile.
        world.faults.plan("chain", 1, Fault::Stall);
        {
            let mut reading = std::pin::pin!(chains.read(&chain, Some(&head)));
            tokio::select! {
                _ = &mut reading => panic!("it should sleep"),
                () = world.faults.stalled() => {}
            }
            let steps = renewal(&world, due(world.clock.now())).await;
            let second = world.submit(steps).await.expect("it is submitted");
            world.work(&second).await.expect("the store answers");
            world.faults.wake();
            let (links, judgement) = reading.await.expect("the store answers");
            assert_eq!(judgement, Ok(()));
            assert!(links.len() as u64 > head.sequence, "nothing was written in between");
        }
        // What nobody writes is no less strictly judged: this head was never that of these links.
        let forged = cap::timeline::Head { seal: "forged".to_owned(), ..head.clone() };
        let (_, judgement) = chains.read(&chain, Some(&forged)).await.expect("the store answers");
        assert_eq!(judgement, Err(Finding::new(&chain, head.sequence, Flaw::ForgedHead)));
    });
}

/// A link that nobody may add comes between an order and its certificate: what the job knew of the order stays with it.
#[test]
fn a_job_whose_timeline_is_changed_under_it_keeps_what_it_wrote() {
    run(async {
        let world = World::new().await;
        let first = world.submit(estate()).await.expect("it is submitted");
        world.work(&first).await.expect("the store answers");
        let steps = renewal(&world, due(world.clock.now())).await;
        let second = world.submit(steps).await.expect("it is submitted");
        world.faults.plan("finalize", 1, Fault::Stall);
        let mut work = std::pin::pin!(world.work(&second));
        world.falls_asleep(work.as_mut()).await;
        let (append, before) = one_more(&world).await;
        write(&world, 1, Append { after: before, ..append }).await;
        world.faults.wake();
        let report = work.await.expect("the store answers");
        let issue = report.failed.iter().find(|job| job.address().to_string() == "certificate.www").expect("it failed");
        let kept = world.store.job(&issue.id).await.expect("the store answers").expect("a job");
        let placed = |event: &Event| matches!(event.body, EventBody::OrderPlaced { .. });
        assert!(kept.pending.events.iter().any(placed) && !kept.machine.is_null(), "{kept:?}");
        assert!(kept.pending.log.iter().any(|line| line.effect == "order"), "{kept:?}");
    });
}
