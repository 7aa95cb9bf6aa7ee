//! Frames that carry nothing forward (V3-46): who sends too many is stopped, and who is honest comes
//! nowhere near.

use super::*;

const LIMIT: usize = Connection::MAX_CONTROL_FRAMES as usize;

/// A frame of a type that nobody knows.
const SKIPPED: &[u8] = b"\0\0\0\x03\x81\x18\xc8";

/// Each kind of frame that can carry nothing forward.
fn cheap() -> Vec<(&'static str, Vec<u8>)> {
    let go_away = wire::GoAway {
        code: Code::DRAINING,
        text: "",
        deadline: Duration::ZERO,
        retry_after: None,
        addresses: wire::Addresses::NONE,
    };
    vec![
        ("ping", encoded(&Frame::Ping(Nonce(7)))),
        ("pong", encoded(&Frame::Pong(Nonce(7)))),
        ("ack", encoded(&ack(1).into())),
        ("duplicate", encoded(&data(1, b"a").into())),
        ("goaway", encoded(&go_away.into())),
        ("skipped", SKIPPED.to_vec()),
    ]
}

/// A side that has received a message, which may come again, and answered.
fn ready() -> Side {
    let mut side = Side::plain();
    side.read_frame(data(1, b"a"));
    assert_eq!(side.write(), ["ACK next=2"]);
    side
}

// V3-46
#[test]
fn each_kind_may_come_up_to_the_limit() {
    for (name, frame) in cheap() {
        for count in [LIMIT - 1, LIMIT] {
            let mut side = ready();
            side.read(&frame.repeat(count));
            assert_eq!(side.connection.end(), None, "{count} of {name}");
            // It works as before.
            side.read_frame(data(2, b"b"));
            assert_eq!(side.windows.receive.unread(), 2, "{name}");
        }
        let mut side = ready();
        side.read(&frame.repeat(LIMIT + 1));
        match side.connection.end() {
            Some(End::Violation(violation)) => assert_eq!(
                violation.to_string(),
                "more than 100 frames a second that carry nothing",
                "{name}"
            ),
            other => panic!("{name}: {other:?}"),
        }
        side.assert_violation(Code::CONTROL_FLOOD);
    }
}

// V3-46: one budget for all of them, whether they come at once or one by one.
#[test]
fn the_kinds_count_together() {
    let all = cheap().into_iter().map(|(_, frame)| frame);
    let mut side = ready();
    let mut count = 0;
    for frame in all.cycle().take(10 * LIMIT) {
        side.read(&frame);
        if side.connection.end().is_some() {
            break;
        }
        count += 1;
    }
    assert_eq!(count, LIMIT);
    side.assert_violation(Code::CONTROL_FLOOD);
}

// V3-46
#[test]
fn the_budget_comes_back_with_time() {
    let mut side = ready();
    side.read(&SKIPPED.repeat(LIMIT));
    for _ in 0..1000 {
        side.now += Duration::from_millis(10);
        side.read(SKIPPED);
    }
    side.now += Duration::from_millis(500);
    side.read(&SKIPPED.repeat(LIMIT / 2));
    assert_eq!(side.connection.end(), None);
    side.now += Duration::from_millis(9);
    side.read(SKIPPED);
    side.assert_violation(Code::CONTROL_FLOOD);
}

// V3-46: each connection has a budget of its own, and the session loses nothing.
#[test]
fn the_session_goes_on_after_a_flood() {
    let mut side = ready();
    side.send(b"kept").unwrap();
    side.read(&SKIPPED.repeat(LIMIT + 1));
    side.assert_violation(Code::CONTROL_FLOOD);
    let agreed = Agreed {
        keep_alive: Duration::ZERO,
        max_message: LIMITS.message,
        max_control_frames: 3,
    };
    side.windows.send.seek(Seq::FIRST);
    side.connection = Connection::new(side.now, &agreed, &mut side.windows);
    assert_eq!(
        side.write(),
        ["ACK next=2", "DATA seq=1 kind=message+raw len=4"]
    );
    side.read(&SKIPPED.repeat(3));
    assert_eq!(side.connection.end(), None);
    side.read(SKIPPED);
    side.assert_violation(Code::CONTROL_FLOOD);
}

// V3-46, V3-24: what is for the application is not counted.
#[test]
fn volatile_payloads_are_not_counted() {
    let mut side = ready();
    let volatile = wire::Volatile {
        raw: true,
        payload: b"",
    };
    side.read(&encoded(&volatile.into()).repeat(100 * LIMIT));
    assert_eq!(side.connection.end(), None);
    assert_eq!(side.connection.control_budget.lowest(), 100);
}

// V3-46, V3-40: after a CLOSE, what was on its way is free, and no more.
#[test]
fn a_close_is_not_followed_for_nothing_for_ever() {
    let closed = || {
        let mut side = ready();
        side.connection.close(Code::DONE, "", How::End);
        assert_eq!(side.write().len(), 1);
        side
    };
    let late = |count: u64| -> Vec<u8> {
        let numbers = 2..2 + count;
        numbers
            .flat_map(|number| encoded(&data(number, b"a").into()))
            .collect()
    };
    let window = u64::from(LIMITS.messages);
    let mut side = closed();
    side.read(&late(window));
    assert_eq!(side.connection.control_budget.lowest(), 100);
    side.read(&late(LIMIT as u64));
    assert_eq!(side.connection.end(), None);
    side.read(&late(1));
    let flood = Violation::ControlFlood { limit: 100 };
    assert_eq!(side.connection.end(), Some(&End::Violation(flood.clone())));
    assert!(side.write().is_empty(), "the CLOSE was written already");
    for (name, frame) in cheap() {
        let mut side = closed();
        let free = if name == "duplicate" {
            LIMITS.messages as usize
        } else {
            0
        };
        side.read(&frame.repeat(LIMIT + free));
        assert_eq!(side.connection.end(), None, "{name}");
        side.read(&frame);
        assert_eq!(
            side.connection.end(),
            Some(&End::Violation(flood.clone())),
            "{name}"
        );
    }
}

/// Brings all that `from` has to write to `to`; whether there was anything.
fn carry(from: &mut Side, to: &mut Side) -> bool {
    let mut out = Transmit::new();
    let any = from
        .connection
        .poll_transmit(from.now, &mut from.windows, &mut out);
    to.read(&out.into_bytes());
    any
}

/// The two sides of a new connection.
fn honest(keep_alive: Duration, level: Level) -> [Side; 2] {
    let mut sides = [(); 2].map(|()| Side::new(LIMITS, level, true, keep_alive));
    sides[1].now = sides[0].now;
    sides
}

fn assert_honest(sides: &[Side; 2], least: u32) {
    for side in sides {
        assert_eq!(side.connection.end(), None);
        let lowest = side.connection.control_budget.lowest();
        assert!(lowest >= least, "only {lowest} were left");
    }
}

// V3-46, V3-19: 100,000 messages each way, each of them acknowledged, in no time at all.
#[test]
fn honest_messages_and_acknowledgements_cost_nothing() {
    for level in [Level::Received, Level::Processed] {
        let [mut here, mut there] = honest(Duration::ZERO, level);
        for _ in 0..100_000 {
            here.send(b"there").unwrap();
            there.send(b"here").unwrap();
            while carry(&mut here, &mut there) | carry(&mut there, &mut here) {
                for side in [&mut here, &mut there] {
                    while let Some(message) = side.windows.receive.recv() {
                        side.windows.receive.finish(message.seq);
                    }
                }
            }
            assert!(here.windows.send.is_empty() && there.windows.send.is_empty());
        }
        assert_eq!(here.windows.receive.taken().0, seq(100_001));
        assert_honest(&[here, there], 100);
    }
}

// V3-46, V3-26: an hour in which both sides have nothing to say, at the least interval.
#[test]
fn honest_probes_come_nowhere_near() {
    let interval = Duration::from_millis(100);
    let [mut here, mut there] = honest(interval, Level::Received);
    let mut rounds = 0;
    for _ in 0..36_000 {
        for side in [&mut here, &mut there] {
            side.now += interval;
            side.connection.handle_timeout(side.now);
        }
        while carry(&mut here, &mut there) | carry(&mut there, &mut here) {
            rounds += 1;
        }
    }
    assert!(rounds >= 36_000, "{rounds} times anything was written");
    assert_honest(&[here, there], 99);
}

// V3-46: the worst that an honest peer can come to, a PING and a late PONG each 100 ms, for an hour.
#[test]
fn late_answers_come_nowhere_near() {
    let mut side = ready();
    let both = [
        encoded(&Frame::Ping(Nonce(1))),
        encoded(&Frame::Pong(Nonce(1))),
    ];
    for _ in 0..36_000 {
        side.now += Duration::from_millis(100);
        side.read(&both.concat());
    }
    assert_eq!(side.connection.end(), None);
    assert_eq!(side.connection.control_budget.lowest(), 98);
}

// V3-46, V3-19: the ACK after WELCOME releases nothing; there is one for each connection.
#[test]
fn an_honest_resume_costs_one_frame() {
    let [mut here, mut there] = honest(Duration::ZERO, Level::Received);
    here.send(b"there").unwrap();
    there.send(b"here").unwrap();
    while carry(&mut here, &mut there) | carry(&mut there, &mut here) {}
    for _ in 0..1000 {
        for side in [&mut here, &mut there] {
            let agreed = Agreed {
                keep_alive: Duration::ZERO,
                max_message: LIMITS.message,
                max_control_frames: Connection::MAX_CONTROL_FRAMES,
            };
            side.connection = Connection::new(side.now, &agreed, &mut side.windows);
        }
        while carry(&mut here, &mut there) | carry(&mut there, &mut here) {}
        for side in [&here, &there] {
            assert_eq!(side.connection.end(), None);
            assert_eq!(side.connection.control_budget.lowest(), 99);
        }
    }
}
