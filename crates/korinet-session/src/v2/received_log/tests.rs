use std::net::Ipv4Addr;

use bytes::BytesMut;
use korinet_wire::v2::{self as wire, Id, Limits};

use super::*;

const HOME: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
const ELSEWHERE: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2)));
const PYTHON_IDS: [&str; 3] = [
    "80c2e6537d3fe5e45bbd82b82262027d",
    "d635673cf4842d45c48ddcac127f7c17",
    "768b416077733d70dc3d5b1a4626672b",
];

fn frame(id: &str, number: u8) -> Frame {
    let frame = wire::Frame {
        id: Id::Text(id),
        data: &[0xa1, 0x61, b'n', number],
    };
    let mut bytes = vec![0; frame.encoded_len()];
    frame.encode(&Limits::default(), &mut bytes[..]).unwrap();
    let mut buffer = BytesMut::from(&bytes[..]);
    Frame::decode(&mut buffer, &Limits::default())
        .unwrap()
        .unwrap()
}

/// A log on a clock of its own.
struct World {
    log: ReceivedLog<u8>,
    now: Instant,
}

impl World {
    fn new(repeats: Repeats) -> Self {
        Self {
            log: ReceivedLog::new(repeats),
            now: Instant::now(),
        }
    }

    fn after(&mut self, millis: u64) -> &mut Self {
        self.now += Duration::from_millis(millis);
        self
    }

    fn open(&mut self, peer: Option<IpAddr>) -> ConnectionId {
        self.log.handle_opened(self.now, peer)
    }

    fn close(&mut self, connection: ConnectionId) {
        self.log.handle_closed(self.now, connection);
    }

    /// A message arrives and is acknowledged; it is noted under its number.
    fn take(&mut self, on: ConnectionId, id: &str, number: u8) {
        self.log.handle_message(on, &frame(id, number), number);
        self.log.handle_acknowledged(self.now, on);
    }

    /// A new connection begins with a message: what it repeats.
    fn first(&mut self, peer: Option<IpAddr>, id: &str, number: u8) -> First<u8> {
        let on = self.open(peer);
        let first = self.log.handle_first(self.now, on, &frame(id, number));
        self.take(on, id, number);
        first
    }
}

// V2-14
#[test]
fn a_message_under_its_own_id_is_known_on_whatever_connection() {
    for repeats in [Repeats::DeliverOnce, Repeats::DeliverAgain] {
        let mut world = World::new(repeats);
        let first = world.open(HOME);
        world.take(first, "6b6f726900000000000000000000000a", 1);
        // The old connection is still there, or hangs; the new one comes from elsewhere.
        let id = "6b6f726900000000000000000000000a";
        assert_eq!(
            world.after(200_000).first(ELSEWHERE, id, 1),
            First::Repeat(1)
        );
        // The same id with other content is another message.
        assert_eq!(world.first(HOME, id, 2), First::New);
        assert_eq!(
            world.first(HOME, "6b6f726900000000000000000000000b", 1),
            First::New
        );
    }
}

// V2-15
#[test]
fn a_python_client_that_missed_the_acknowledgement_is_known() {
    let mut world = World::new(Repeats::DeliverOnce);
    let mut connection = world.open(HOME);
    world.take(connection, PYTHON_IDS[0], 1);
    // It misses it three times in a row.
    for id in &PYTHON_IDS[1..] {
        world.close(connection);
        connection = world.after(1500).open(HOME);
        let earlier = world.log.handle_first(world.now, connection, &frame(id, 1));
        assert_eq!(earlier, First::Repeat(1));
        world.take(connection, id, 1);
    }
}

// V2-15, V2-16
#[test]
fn only_the_circumstances_of_a_repeat_make_one() {
    type Change = fn(&mut World, ConnectionId) -> Option<IpAddr>;
    let repeats: [(&str, Change, bool); 8] = [
        ("as it is", |_, _| HOME, true),
        ("from another address", |_, _| ELSEWHERE, false),
        ("without an address", |_, _| None, false),
        (
            "the acknowledgement has arrived",
            |world, connection| {
                world.log.handle_confirmed(connection);
                HOME
            },
            false,
        ),
        (
            "another message came after it",
            |world, connection| {
                world.take(connection, PYTHON_IDS[2], 9);
                HOME
            },
            false,
        ),
        (
            "the connection went on for longer than a client waits",
            |world, _| {
                world.after(6001);
                HOME
            },
            false,
        ),
        (
            "the connection went on for as long as a client waits",
            |world, _| {
                world.after(5999);
                HOME
            },
            true,
        ),
        (
            "the sender repeats under the same id",
            |world, connection| {
                world.take(connection, "6b6f726900000000000000000000000a", 1);
                HOME
            },
            false,
        ),
    ];
    for (what, change, expect) in repeats {
        let mut world = World::new(Repeats::DeliverOnce);
        let connection = world.open(HOME);
        world.take(connection, PYTHON_IDS[0], 1);
        let peer = change(&mut world, connection);
        world.close(connection);
        let earlier = world.after(1).first(peer, PYTHON_IDS[1], 1);
        assert_eq!(earlier == First::Repeat(1), expect, "{what}");
    }
}

#[test]
fn a_connection_that_has_not_ended_hides_nobody_elses_message() {
    let mut world = World::new(Repeats::DeliverOnce);
    let first = world.open(HOME);
    world.take(first, PYTHON_IDS[0], 1);
    let (data, second) = (frame(PYTHON_IDS[1], 1), world.open(HOME));
    let undecided = world.log.handle_first(world.now, second, &data);
    assert_eq!(undecided, First::Undecided);
    // Its end may only be late.
    world.close(first);
    let decided = world.log.handle_first(world.now, second, &data);
    assert_eq!(decided, First::Repeat(1));
}

#[test]
fn a_connection_that_has_long_been_acknowledged_leaves_nothing_undecided() {
    let mut world = World::new(Repeats::DeliverOnce);
    let first = world.open(HOME);
    world.take(first, PYTHON_IDS[0], 1);
    assert_eq!(world.after(6001).first(HOME, PYTHON_IDS[1], 1), First::New);
}

#[test]
fn one_lost_acknowledgement_accounts_for_one_repeat() {
    let mut world = World::new(Repeats::DeliverOnce);
    let first = world.open(HOME);
    world.take(first, PYTHON_IDS[0], 1);
    world.close(first);
    assert_eq!(world.first(HOME, PYTHON_IDS[1], 1), First::Repeat(1));
    // The copy may come again, should its connection end; the first connection has nothing to repeat.
    assert_eq!(world.first(HOME, PYTHON_IDS[2], 1), First::Undecided);
}

#[test]
fn the_time_for_a_repeat_is_limited() {
    enum Acknowledged {
        InTime,
        TooLate,
        Never,
    }
    use Acknowledged::{InTime, Never, TooLate};
    for (millis, acknowledged, expect) in [
        (2000, InTime, true),
        (2001, InTime, false),
        (119_999, TooLate, true),
        (120_000, TooLate, false),
        (120_000, Never, true),
        (120_001, Never, false),
    ] {
        let mut world = World::new(Repeats::DeliverOnce);
        let first = world.open(HOME);
        world.log.handle_message(first, &frame(PYTHON_IDS[0], 1), 1);
        if let InTime = acknowledged {
            world.log.handle_acknowledged(world.now, first);
        }
        world.close(first);
        if let TooLate = acknowledged {
            world.after(1);
            world.log.handle_acknowledged(world.now, first);
            // The end that counts is the first.
            world.close(first);
        }
        let earlier = world.after(millis).first(HOME, PYTHON_IDS[1], 1);
        assert_eq!(earlier == First::Repeat(1), expect, "{millis}");
    }
}

#[test]
fn delivering_again_can_be_chosen() {
    let mut world = World::new(Repeats::DeliverAgain);
    let first = world.open(HOME);
    world.take(first, PYTHON_IDS[0], 1);
    world.close(first);
    assert_eq!(world.first(HOME, PYTHON_IDS[1], 1), First::New);
}

#[test]
fn of_many_that_say_the_same_the_latest_are_looked_at() {
    for (others, expect) in [
        (MAX_CANDIDATES - 1, First::Repeat(1)),
        (MAX_CANDIDATES, First::New),
    ] {
        let mut world = World::new(Repeats::DeliverOnce);
        let cut = world.open(HOME);
        world.take(cut, PYTHON_IDS[0], 1);
        for _ in 0..others {
            let elsewhere = world.open(ELSEWHERE);
            world.take(elsewhere, PYTHON_IDS[2], 1);
        }
        world.close(cut);
        assert_eq!(world.first(HOME, PYTHON_IDS[1], 1), expect, "{others}");
    }
}

#[test]
fn memory_is_bounded_by_number_and_age() {
    let mut world = World::new(Repeats::DeliverOnce);
    for _ in 0..3 * MAX_ENDED {
        let connection = world.open(HOME);
        world.take(connection, PYTHON_IDS[0], 1);
        world.take(connection, PYTHON_IDS[1], 2);
        world.close(connection);
    }
    assert_eq!(world.log.connections.len(), MAX_ENDED);
    assert_eq!(world.log.by_data.len(), MAX_ENDED);
    world.after(600_001);
    let open = world.open(HOME);
    assert_eq!(world.log.connections.keys().collect::<Vec<_>>(), [&open]);
    assert!(world.log.by_id.is_empty() && world.log.by_data.is_empty());
    assert!(world.log.ended.is_empty());
}
