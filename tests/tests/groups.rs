//! Groups: one message to many sessions, none of which holds up the others.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use korinet::{
    Client, ClientBuilder, EncodeError, Group, OnFull, SendError, Serde, Server, Session,
    SessionError, State, WhenDetached,
};
use korinet_chaos::{Cut, Direction, Place, Plan, Proxy};
use korinet_tests::{v2_client, within};

/// More than what a slow member takes, less than the window of the others.
const MESSAGES: u32 = 1000;

async fn pair(server: &Server, client: ClientBuilder) -> (Session, Session) {
    let addr = server.local_addr().unwrap().to_string();
    let (client, accepted) = tokio::join!(client.connect(addr), server.accept());
    (client.unwrap(), accepted.unwrap())
}

/// A client that takes little, and reads nothing unless it is asked to.
fn slow() -> ClientBuilder {
    Client::builder().window(16, 64 * 1024)
}

async fn numbers(client: &mut Session, count: usize) -> Vec<u32> {
    let mut numbers = Vec::new();
    for _ in 0..count {
        let message = within("a message", client.recv()).await.unwrap().unwrap();
        numbers.push(message.decode().unwrap());
    }
    numbers
}

#[tokio::test]
async fn a_member_that_never_reads_holds_up_nobody_and_is_closed() {
    let server = Server::bind("127.0.0.1:0").await.unwrap();
    let group = Group::new();
    let mut readers = Vec::new();
    for _ in 0..3 {
        let (client, session) = pair(&server, Client::builder()).await;
        let member = group.join(session.sender()).unwrap();
        readers.push((client, session, member));
    }
    let (mut stuck, stuck_session) = pair(&server, slow()).await;
    let _member = group.join(stuck_session.sender()).unwrap();
    assert_eq!(group.len(), 4);

    let mut closed_at = None;
    for number in 0..MESSAGES {
        let report = group.send(&number).unwrap();
        let expected = if closed_at.is_some() { 3 } else { 4 };
        assert_eq!(report.accepted + report.closed, expected, "{report:?}");
        assert_eq!(report.skipped, 0);
        if report.closed == 1 {
            assert_eq!(closed_at.replace(number), None);
        }
        // Whoever reads has its turn.
        tokio::task::yield_now().await;
    }
    let closed_at = closed_at.expect("the one that never reads is closed");
    assert_eq!(group.len(), 3);

    let all: Vec<u32> = (0..MESSAGES).collect();
    for (client, _session, member) in &mut readers {
        assert_eq!(numbers(client, all.len()).await, all);
        assert_eq!(member.skipped(), 0);
    }
    // It reads at last: what it got has no gap, and it is told that there was more.
    let count = usize::try_from(closed_at).unwrap();
    assert_eq!(numbers(&mut stuck, count).await, all[..count]);
    let error = within("the end", stuck.recv()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "session was closed by the peer: overloaded (too slow for its group)"
    );
}

#[tokio::test]
async fn a_member_that_may_miss_some_is_skipped_until_it_reads_again() {
    let server = Server::bind("127.0.0.1:0").await.unwrap();
    let group = Group::new();
    let (mut reader, session) = pair(&server, Client::builder()).await;
    let (mut stuck, stuck_session) = pair(&server, slow()).await;
    let member = group.join(session.sender()).unwrap();
    let skipping = group
        .join_with(stuck_session.sender(), OnFull::Skip)
        .unwrap();
    let mut taken = Vec::new();
    for number in 0..MESSAGES {
        let report = group.send(&number).unwrap();
        assert_eq!(report.accepted + report.skipped, 2, "{report:?}");
        if report.skipped == 0 {
            taken.push(number);
        }
    }
    let missed = u64::from(MESSAGES) - u64::try_from(taken.len()).unwrap();
    assert!(missed > 0, "nothing was skipped");
    assert_eq!(skipping.skipped(), missed);
    assert_eq!(member.skipped(), 0);
    assert_eq!(numbers(&mut stuck, taken.len()).await, taken);
    within("room", stuck_session.flush()).await.unwrap();
    assert_eq!(group.send(&MESSAGES).unwrap().accepted, 2);
    assert_eq!(numbers(&mut stuck, 1).await, [MESSAGES]);
    let all: Vec<u32> = (0..=MESSAGES).collect();
    assert_eq!(numbers(&mut reader, all.len()).await, all);
}

#[tokio::test]
async fn members_whose_connections_are_cut_get_all_once_and_in_order() {
    let server = Server::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::start(server.local_addr().unwrap()).await.unwrap();
    let group = Group::new();
    let mut members = Vec::new();
    for number in 0..4_u64 {
        // The handshake takes some 100 bytes.
        let place = Place::Byte(400 + 333 * number);
        proxy.plan([Plan::cut(Direction::ToClient, place, Cut::Reset)]);
        let client = Client::connect(proxy.addr().to_string());
        let (client, accepted) = tokio::join!(client, server.accept());
        let session = accepted.unwrap();
        let member = group.join(session.sender()).unwrap();
        members.push((client.unwrap(), session, member));
    }
    for number in 0..MESSAGES {
        assert_eq!(group.send(&number).unwrap().accepted, 4);
    }
    let all: Vec<u32> = (0..MESSAGES).collect();
    for (client, _session, _member) in &mut members {
        assert_eq!(numbers(client, all.len()).await, all);
    }
    assert_eq!(proxy.counts().reset, 4, "no connection was cut");
}

#[tokio::test]
async fn all_members_get_what_many_send_at_once_in_the_same_order() {
    let server = Server::bind("127.0.0.1:0").await.unwrap();
    let group = Group::new();
    let (mut a, first) = pair(&server, Client::builder()).await;
    let (mut b, second) = pair(&server, Client::builder()).await;
    let _members = [
        group.join(first.sender()).unwrap(),
        group.join(second.sender()).unwrap(),
    ];
    let threads: Vec<_> = (0..4_u32)
        .map(|thread| {
            let group = group.clone();
            std::thread::spawn(move || {
                for number in 0..250 {
                    group.send(&(thread * 1000 + number)).unwrap();
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let order = numbers(&mut a, 1000).await;
    assert_eq!(numbers(&mut b, 1000).await, order);
    let mut sorted = order;
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), 1000);
}

#[tokio::test]
async fn sessions_leave_when_they_are_over_or_their_member_is_dropped() {
    let server = Server::bind("127.0.0.1:0").await.unwrap();
    let group = Group::new();
    let (client, session) = pair(&server, Client::builder()).await;
    let (mut other, dropped) = pair(&server, Client::builder()).await;
    let (mut third, leaving) = pair(&server, Client::builder()).await;
    let _member = group.join(session.sender()).unwrap();
    let _dropped = group.join(dropped.sender()).unwrap();
    let member = group.join(leaving.sender()).unwrap();
    // The peer ends it.
    client.close().await.unwrap();
    let mut state = session.state();
    let closed = state.wait_for(|state| matches!(state, State::Closed { .. }));
    within("the end of the session", closed).await.unwrap();
    // The group does not keep it open.
    drop(dropped);
    assert!(within("the end", other.recv()).await.unwrap().is_none());
    assert_eq!(group.len(), 1);
    assert_eq!(group.send("to one").unwrap().accepted, 1);
    member.leave();
    assert!(group.is_empty());
    assert_eq!(group.send("to none").unwrap().accepted, 0);
    let message = within("a message", third.recv()).await.unwrap().unwrap();
    assert_eq!(message.decode::<&str>().unwrap(), "to one");
    assert!(third.try_recv().is_none());
}

#[tokio::test]
async fn members_that_come_and_go_take_no_memory_while_nobody_sends() {
    let server = Server::bind("127.0.0.1:0").await.unwrap();
    let group = Group::new();
    let mut members = Vec::new();
    for _ in 0..40 {
        let (client, session) = pair(&server, Client::builder()).await;
        members.push(group.join(session.sender()).unwrap());
        drop((client, session));
    }
    assert!(group.is_empty());
    let debug = format!("{group:?}");
    assert!(!debug.contains("Entry"), "{debug}");
}

#[tokio::test]
async fn raw_volatile_and_typed_messages_go_to_groups_too() {
    let server = Server::bind("127.0.0.1:0").await.unwrap();
    let group = Group::new();
    let (mut client, session) = pair(&server, Client::builder()).await;
    let _member = group.join(session.sender()).unwrap();
    let mut volatile = client.volatile();
    assert_eq!(group.send_raw(&b"\xff"[..]).accepted, 1);
    assert_eq!(group.send(&Serde(("a", 1))).unwrap().accepted, 1);
    assert_eq!(group.send_volatile(&7).unwrap().accepted, 1);
    assert_eq!(group.send_volatile_raw(b"\x08").accepted, 1);
    let raw = within("bytes", client.recv()).await.unwrap().unwrap();
    assert!(raw.is_raw());
    let typed = within("a message", client.recv()).await.unwrap().unwrap();
    assert_eq!(typed.deserialize::<(&str, u8)>().unwrap(), ("a", 1));
    let first = within("a volatile", volatile.recv()).await.unwrap();
    assert_eq!(first.decode::<u8>().unwrap(), 7);
    let second = within("a volatile", volatile.recv()).await.unwrap();
    assert_eq!(&second.data()[..], b"\x08");
}

#[tokio::test]
async fn what_does_not_fit_is_told() {
    let server = Server::builder().when_detached(WhenDetached::Fail);
    let server = server.bind("127.0.0.1:0").await.unwrap();
    let group = Group::new();
    let (client, v2) = pair(&server, v2_client()).await;
    let error = group.join(v2.sender()).unwrap_err();
    assert_eq!(error, SendError::NeedsV3 { what: "groups" });
    assert_eq!(
        error.to_string(),
        "groups need protocol v3, but the peer speaks v2"
    );
    drop(client);

    // Larger than this one takes.
    let (mut small, session) = pair(&server, Client::builder().max_message(1000)).await;
    let member = group.join_with(session.sender(), OnFull::Skip).unwrap();
    let report = group.send_raw(vec![0; 1001]);
    assert_eq!((report.skipped, member.skipped()), (1, 1));
    assert_eq!(group.send_volatile_raw(&[0; 1001]).skipped, 1);
    assert_eq!(group.send_raw(vec![0; 1000]).accepted, 1);
    assert_eq!(
        within("it", small.recv())
            .await
            .unwrap()
            .unwrap()
            .data()
            .len(),
        1000
    );
    let _strict = group.join(session.sender()).unwrap();
    let report = group.send_raw(vec![0; 1001]);
    assert_eq!((report.skipped, report.closed), (1, 1));
    let error = within("the end", small.recv()).await.unwrap_err();
    assert!(
        matches!(error, SessionError::EndedByPeer { .. }),
        "{error:?}"
    );
    // What is no message is sent to nobody.
    let error = group.send(&NoItem).unwrap_err();
    assert!(matches!(error, EncodeError::Value(_)), "{error}");
}

/// Encodes nothing.
struct NoItem;

impl<C> korinet::minicbor::Encode<C> for NoItem {
    fn encode<W: korinet::minicbor::encode::Write>(
        &self,
        _: &mut korinet::minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), korinet::minicbor::encode::Error<W::Error>> {
        Ok(())
    }
}
