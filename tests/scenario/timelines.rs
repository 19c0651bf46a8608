//! Reading timelines while they are written.

use cap::engine::chains::Chains;
use cap::ports::clock::Clock as _;
use cap::testing::Fault;
use cap::timeline::{Finding, Flaw};

use super::world::{World, due, estate, renewal, run};

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
