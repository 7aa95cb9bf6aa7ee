use std::net::IpAddr;

use proptest::prelude::*;

use super::*;

fn turns(handshakes: usize, handshakes_per_address: usize) -> Turns {
    Turns::new(GateLimits {
        handshakes,
        handshakes_per_address,
        ..GateLimits::default()
    })
}

fn key(last: u8) -> Option<AddressKey> {
    Some(AddressKey::of(IpAddr::from([127, 0, 0, last])))
}

impl Turns {
    fn arrive_from(&mut self, last: u8) -> Id {
        self.arrive(key(last)).0
    }

    fn is_waiting(&self, id: Id) -> bool {
        self.stage(id) == Some(Stage::Waiting)
    }

    fn is_underway(&self, id: Id) -> bool {
        self.stage(id).is_some() && !self.is_waiting(id)
    }

    /// Handshakes from this address for long, one for each that there may be.
    fn idle(&mut self, last: u8, count: usize) -> Vec<Id> {
        let all: Vec<_> = (0..count).map(|_| self.arrive_from(last)).collect();
        for id in &all {
            self.expose(*id);
        }
        all
    }
}

#[test]
fn one_address_does_not_keep_the_others_out() {
    let mut turns = turns(3, 2);
    let all: Vec<_> = (0..4).map(|_| turns.arrive_from(1)).collect();
    assert!(turns.is_underway(all[0]) && turns.is_underway(all[1]));
    assert!(turns.is_waiting(all[2]) && turns.is_waiting(all[3]));
    assert_eq!(turns.obstacle(all[2]), (Limit::HandshakesPerAddress, 2));
    let other = turns.arrive_from(2);
    assert!(turns.is_underway(other));
    // Now all of them are taken, and are so for no time.
    let another = turns.arrive_from(3);
    assert_eq!(turns.obstacle(another), (Limit::Handshakes, 3));
    assert!(turns.is_waiting(another));
    turns.leave(all[0]);
    assert!(turns.is_underway(another));
    turns.leave(all[1]);
    assert!(turns.is_underway(all[2]) && turns.is_waiting(all[3]));
}

#[test]
fn addresses_that_have_all_make_room_for_another() {
    let mut turns = turns(256, 16);
    let idle: Vec<_> = (1..=16).flat_map(|last| turns.idle(last, 16)).collect();
    assert_eq!(turns.underway(), 256);
    // Each takes that of the address that has the most, and of these the oldest.
    for (number, victim) in [0, 16, 32].into_iter().enumerate() {
        let newcomer = turns.arrive_from(100 + u8::try_from(number).unwrap());
        assert!(turns.is_underway(newcomer));
        assert_eq!(turns.stage(idle[victim]), None);
        assert_eq!(turns.underway(), 256);
    }
    // Those that made room have none left to take.
    let again = turns.arrive_from(1);
    assert!(turns.is_waiting(again));
}

#[test]
fn an_address_takes_no_more_than_its_share() {
    let mut turns = turns(8, 8);
    let idle = turns.idle(1, 8);
    let others: Vec<_> = (0..8).map(|_| turns.arrive_from(2)).collect();
    let has = |turns: &Turns, ids: &[Id]| ids.iter().filter(|id| turns.is_underway(**id)).count();
    assert_eq!((has(&turns, &idle), has(&turns, &others)), (4, 4));
    // The oldest went.
    assert!(turns.stage(idle[3]).is_none() && turns.is_underway(idle[4]));
    let third = turns.arrive_from(3);
    assert!(turns.is_underway(third));
    assert_eq!((has(&turns, &idle), has(&turns, &others)), (3, 4));
}

#[test]
fn of_many_addresses_the_oldest_makes_room() {
    let mut turns = turns(3, 2);
    let idle: Vec<_> = (1..=3).flat_map(|last| turns.idle(last, 1)).collect();
    for (number, victim) in (10..).zip(&idle) {
        assert!(turns.is_underway(*victim));
        let newcomer = turns.arrive_from(number);
        assert!(turns.is_underway(newcomer));
        assert_eq!(turns.stage(*victim), None);
    }
    // Those that have just begun are left alone, until they have had their time.
    let newcomer = turns.arrive_from(20);
    assert!(turns.is_waiting(newcomer));
    turns.expose(4);
    assert!(turns.is_underway(newcomer));
    assert_eq!(turns.stage(4), None);
    // Who has one waits with another.
    let second = turns.arrive_from(20);
    turns.expose(3);
    assert!(turns.is_waiting(second));
}

#[test]
fn what_is_heard_is_kept() {
    let mut turns = turns(2, 2);
    let idle = turns.idle(1, 2);
    assert!(turns.hear(idle[0]));
    let newcomer = turns.arrive_from(2);
    assert!(turns.is_underway(newcomer) && turns.is_underway(idle[0]));
    assert_eq!(turns.stage(idle[1]), None);
    assert!(!turns.hear(idle[1]));
    // It is not forgotten that it was heard.
    turns.expose(idle[0]);
    let another = turns.arrive_from(3);
    assert!(turns.is_waiting(another) && turns.is_underway(idle[0]));
}

#[test]
fn a_place_that_is_left_goes_to_the_address_that_has_the_fewest() {
    let mut turns = turns(4, 4);
    let crowd: Vec<_> = (0..4).map(|_| turns.arrive_from(1)).collect();
    let waiting: Vec<_> = [1, 2, 2, 3].map(|last| turns.arrive_from(last)).into();
    for (left, next) in crowd[..3].iter().zip([1, 3, 0]) {
        turns.leave(*left);
        assert!(turns.is_underway(waiting[next]), "{next}");
    }
    // Of two addresses that have one each, the one came first that waited longer.
    assert!(turns.is_waiting(waiting[2]));
}

#[test]
fn connections_without_an_address_are_limited_together() {
    let mut turns = turns(2, 1);
    let all: Vec<_> = (0..3).map(|_| turns.arrive(None).0).collect();
    assert!(turns.is_underway(all[1]) && turns.is_waiting(all[2]));
    assert_eq!(turns.obstacle(all[2]), (Limit::Handshakes, 2));
    turns.expose(all[0]);
    assert!(turns.is_waiting(all[2]));
    turns.leave(all[0]);
    assert!(turns.is_underway(all[2]));
}

/// What is known of addresses is what there is of them, and nobody waits without need.
fn check(turns: &Turns) {
    let mut counts = HashMap::<_, usize>::new();
    for place in turns.places.values() {
        *counts.entry(place.key).or_default() += usize::from(place.stage != Stage::Waiting);
    }
    assert_eq!(counts.len(), turns.addresses.len());
    assert_eq!(counts.values().sum::<usize>(), turns.underway());
    assert!(turns.underway() <= turns.limits.handshakes);
    for (key, count) in &counts {
        assert!(*count <= turns.limits.handshakes_per_address);
        assert_eq!(turns.addresses[key].underway, *count);
    }
    let of = |stage| {
        let places = turns.places.values().filter(move |it| it.stage == stage);
        places.map(|it| counts[&it.key])
    };
    let takers = of(Stage::Waiting).filter(|count| *count < turns.limits.handshakes_per_address);
    if let Some(fewest) = takers.min() {
        assert_eq!(turns.underway(), turns.limits.handshakes);
        let most = of(Stage::Preemptible).max().unwrap_or(0);
        assert!(most == 0 || (fewest > 0 && fewest + 1 >= most));
    }
}

proptest! {
    #[test]
    fn whatever_comes_and_goes_in_whatever_order(
        steps in prop::collection::vec((0..5_u8, 0..8_u8, any::<prop::sample::Index>()), 0..200),
    ) {
        let mut turns = turns(6, 3);
        for (what, last, which) in steps {
            let mut ids: Vec<_> = turns.places.keys().copied().collect();
            ids.sort_unstable();
            let chosen = (!ids.is_empty()).then(|| *which.get(&ids));
            let underway = chosen.filter(|id| turns.is_underway(*id));
            match (what, chosen, underway) {
                (2, Some(id), _) => turns.leave(id),
                (3, _, Some(id)) => turns.expose(id),
                (4, _, Some(id)) => prop_assert!(turns.hear(id)),
                _ => _ = turns.arrive_from(last),
            }
            check(&turns);
        }
        for id in turns.places.keys().copied().collect::<Vec<_>>() {
            turns.leave(id);
        }
        prop_assert!(turns.addresses.is_empty());
        prop_assert!(turns.takers.is_empty() && turns.victims.is_empty());
    }
}
