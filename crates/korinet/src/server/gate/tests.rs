use futures_util::FutureExt;

use super::*;

fn gate(limits: GateLimits) -> Arc<Gate> {
    Gate::new(limits)
}

fn from(last: u8) -> Option<SocketAddr> {
    Some(SocketAddr::from(([127, 0, 0, last], 1)))
}

/// A turn for a connection, where it is granted at once.
fn begin(entered: &Entered) -> Option<Turn> {
    let mut turn = entered.queue();
    turn.granted().now_or_never().map(|()| turn)
}

#[test]
fn connections_are_limited_exactly() {
    let gate = gate(GateLimits {
        connections: 2,
        ..GateLimits::default()
    });
    let now = Instant::now();
    let first = gate.enter(now, from(1)).unwrap();
    let _second = gate.enter(now, None).unwrap();
    let refused = gate.enter(now, from(2)).unwrap_err();
    assert_eq!(refused, (Limit::Connections, 2));
    assert_eq!(gate.connections(), 2);
    drop(first);
    gate.enter(now, from(2)).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_handshake_makes_room_only_after_a_while() {
    let gate = gate(GateLimits {
        handshakes: 1,
        ..GateLimits::default()
    });
    let now = Instant::now();
    let slow = gate.enter(now, from(1)).unwrap();
    let slow = begin(&slow).unwrap();
    let newcomer = gate.enter(now, from(2)).unwrap();
    let mut newcomer = newcomer.queue();
    let start = tokio::time::Instant::now();
    let granted = async {
        newcomer.granted().await;
        start.elapsed()
    };
    let ((), waited) = tokio::join!(slow.preempted(), granted);
    assert_eq!(waited, PROTECTION);
    assert!(!slow.keep());
    assert_eq!(gate.handshakes(), 1);
    // It has no more to give back.
    drop(slow);
    assert_eq!(gate.handshakes(), 1);
    drop(newcomer);
    assert_eq!(gate.handshakes(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_heard_makes_no_room() {
    let gate = gate(GateLimits {
        handshakes: 1,
        ..GateLimits::default()
    });
    let now = Instant::now();
    let heard = gate.enter(now, from(1)).unwrap();
    let heard = begin(&heard).unwrap();
    assert!(heard.keep());
    let newcomer = gate.enter(now, from(2)).unwrap();
    let mut newcomer = newcomer.queue();
    let both = async { tokio::join!(heard.preempted(), newcomer.granted()) };
    tokio::time::timeout(PROTECTION * 10, both)
        .await
        .unwrap_err();
    assert_eq!(newcomer.obstacle(), (Limit::Handshakes, 1));
    drop(heard);
    newcomer.granted().now_or_never().unwrap();
}

#[tokio::test(start_paused = true)]
async fn giving_up_in_the_queue_leaves_it() {
    let gate = gate(GateLimits {
        handshakes: 1,
        ..GateLimits::default()
    });
    let now = Instant::now();
    let entered = [1, 2, 3].map(|last| gate.enter(now, from(last)).unwrap());
    let first = begin(&entered[0]).unwrap();
    let (second, mut third) = (entered[1].queue(), entered[2].queue());
    drop(second);
    assert!(third.granted().now_or_never().is_none());
    drop(first);
    third.granted().now_or_never().unwrap();
    // It is granted a turn, and goes before it knows.
    let last = entered[0].queue();
    drop(third);
    assert_eq!(gate.handshakes(), 1);
    drop(last);
    assert_eq!(gate.handshakes(), 0);
}

#[test]
fn who_fails_too_often_is_kept_out_for_a_while() {
    let rate = Rate {
        burst: 3,
        per_second: 1,
    };
    let gate = gate(GateLimits {
        failures_per_address: rate,
        ..GateLimits::default()
    });
    let now = Instant::now();
    for _ in 0..3 {
        gate.enter(now, from(1)).unwrap().fail(now);
    }
    let refused = gate.enter(now, from(1)).unwrap_err();
    assert_eq!(refused, (Limit::FailuresPerAddress, 3));
    gate.enter(now, from(2)).unwrap();
    gate.enter(now + Duration::from_secs(1), from(1)).unwrap();
}

#[test]
fn addresses_are_forgotten() {
    let gate = gate(GateLimits::default());
    let start = Instant::now();
    for number in 0..3 * u32::try_from(MANY_ADDRESSES).unwrap() {
        let now = start + Duration::from_millis(number.into());
        let ip = IpAddr::from(number.to_be_bytes());
        let entered = gate.enter(now, Some(SocketAddr::new(ip, 1))).unwrap();
        entered.fail(now);
        assert!(gate.failures().len() <= MANY_ADDRESSES);
    }
}

#[test]
fn an_address_is_what_is_not_cheap_to_have() {
    let key = |text: &str| AddressKey::of(text.parse().unwrap());
    assert_eq!(key("2001:db8:1:2:3::4"), key("2001:db8:1:2:ffff::"));
    assert_ne!(key("2001:db8:1:2::"), key("2001:db8:1:3::"));
    assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
    assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
}
