//! Many conversations under conditions drawn at random, each repeatable by its seed.

use std::time::Duration;

use korinet_proto::v3::Payload;
use korinet_wire::v3::{Kind, Level};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

use super::world::World;
use crate::v3::ServerConfig;
use crate::v3::driver::{DriverConfig, Receiver, Sender};

const SEEDS: u64 = 150;
const MESSAGES: u64 = 300;

struct Draw(Xoshiro256PlusPlus);

impl Draw {
    /// A number below `end`.
    fn below(&mut self, end: u64) -> u64 {
        self.0.next_u64() % end
    }

    fn size(&mut self, end: usize) -> usize {
        usize::try_from(self.below(u64::try_from(end).unwrap())).unwrap()
    }
}

async fn send_all(sender: Sender, mut draw: Draw) {
    let mut receipts = Vec::new();
    for number in 1..=MESSAGES {
        let mut payload = number.to_be_bytes().to_vec();
        if draw.below(10) == 0 {
            payload.resize(8 + draw.size(30_000), 0);
        }
        let accepted = sender.enqueue(Kind::RAW, None, Payload::Copied(&payload));
        receipts.push(accepted.await.unwrap());
        if draw.below(20) == 0 {
            tokio::time::sleep(Duration::from_millis(draw.below(50))).await;
        }
    }
    for receipt in receipts {
        receipt.await.unwrap();
    }
}

async fn receive_all(receiver: &mut Receiver, mut draw: Draw) {
    for expected in 1..=MESSAGES {
        let delivery = receiver.recv().await.unwrap().unwrap();
        let head = delivery.message.payload.slice(..8);
        let found = u64::from_be_bytes(head[..].try_into().unwrap());
        assert_eq!(found, expected);
        assert!(!delivery.message.kind.redelivered);
        if draw.below(30) == 0 {
            tokio::time::sleep(Duration::from_millis(draw.below(200))).await;
        }
        receiver.finish(delivery.session, delivery.message.seq);
    }
}

/// One conversation; how many connections it took.
async fn converse(seed: u64) -> u64 {
    let mut draw = Draw(Xoshiro256PlusPlus::seed_from_u64(seed));
    let mut config = ServerConfig::default();
    config.settings.limits.messages = 1 + u32::try_from(draw.below(40)).unwrap();
    config.settings.limits.bytes = 1000 + u32::try_from(draw.below(100_000)).unwrap();
    let mut world = World::with(config, DriverConfig::default());
    let limits = &mut world.client_config.settings.limits;
    limits.messages = 1 + u32::try_from(draw.below(40)).unwrap();
    limits.bytes = 1000 + u32::try_from(draw.below(100_000)).unwrap();
    if draw.below(2) == 0 {
        world.client_config.level = Level::Processed;
    }
    // So that some connections have nothing to say for a while and are asked.
    world.client_config.settings.keep_alive = Duration::from_millis(100 + draw.below(100));
    let (client, server) = world.pair().await;
    // A message has to fit into a connection for anything to get on.
    let budgets = (0..40).map(|_| 40_000 + draw.size(60_000));
    world.network.budgets.lock().unwrap().extend(budgets);
    world.network.cut();
    let stats = client.sender().clone();
    let (client_sender, mut client_receiver) = client.split();
    let (server_sender, mut server_receiver) = server.split();
    let fork = |salt: u64| Draw(Xoshiro256PlusPlus::seed_from_u64(seed ^ salt << 32));
    let (first, second, third, fourth) = (fork(1), fork(2), fork(3), fork(4));
    let network = world.network.clone();
    let disturb = async {
        loop {
            tokio::time::sleep(Duration::from_millis(1 + draw.below(400))).await;
            match draw.below(3) {
                0 => network.silence(),
                _ => network.cut(),
            }
        }
    };
    let whole = async {
        tokio::join!(
            send_all(client_sender, first),
            send_all(server_sender, second),
            receive_all(&mut client_receiver, third),
            receive_all(&mut server_receiver, fourth),
        )
    };
    tokio::select! {
        _ = whole => {}
        () = disturb => unreachable!(),
        () = tokio::time::sleep(Duration::from_secs(3600)) => panic!("it does not end"),
    }
    let found = stats.stats();
    assert_eq!(
        (found.received, found.settled, found.lost),
        (MESSAGES, MESSAGES, 0)
    );
    found.connections
}

#[test]
fn no_weather_loses_doubles_or_reorders_a_message() {
    let mut connections = 0;
    for seed in 0..SEEDS {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let converse = std::panic::AssertUnwindSafe(|| runtime.block_on(converse(seed)));
        match std::panic::catch_unwind(converse) {
            Ok(count) => connections += count,
            Err(_) => panic!("seed {seed}"),
        }
    }
    assert!(
        connections > 10 * SEEDS,
        "{connections} connections: hardly anything was cut"
    );
}
