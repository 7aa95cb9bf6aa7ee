use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use korinet_proto::v3::Payload;
use korinet_wire::v3::Kind;

use super::world::{World, receive_up_to, send, wait_for};
use crate::v3::driver::{DriverConfig, FlightRecord, Sender, Session};
use crate::v3::{Event, ServerConfig};

fn recorded(entries: usize) -> World {
    let driver = DriverConfig {
        flight_recorder: entries,
        ..DriverConfig::default()
    };
    World::with(ServerConfig::default(), driver)
}

/// The entries without their times, which rise.
fn entries(record: &FlightRecord) -> Vec<String> {
    let text = record.to_string();
    let lines: Vec<_> = text
        .lines()
        .skip(1)
        .map(|line| line.split_once(' ').unwrap())
        .collect();
    assert_eq!(lines.len(), record.len());
    let times = lines.iter().map(|(time, _)| time.parse::<f64>().unwrap());
    assert!(times.is_sorted(), "{text}");
    lines
        .into_iter()
        .map(|(_, entry)| entry.to_owned())
        .collect()
}

async fn conversation(world: &mut World) -> (Session, Session) {
    let (client, mut server) = world.pair().await;
    send(client.sender(), 1).await;
    receive_up_to(server.receiver(), 1, 1).await;
    let mut events = client.events();
    world.network.is_down.store(true, Ordering::SeqCst);
    world.network.cut();
    wait_for(&mut events, |event| matches!(event, Event::Detached { .. })).await;
    let payload = Payload::Copied(&2_u64.to_be_bytes());
    let accepted = client.sender().enqueue(Kind::RAW, None, payload);
    let receipt = accepted.await.unwrap();
    world.network.is_down.store(false, Ordering::SeqCst);
    receipt.await.unwrap();
    receive_up_to(server.receiver(), 2, 2).await;
    (client, server)
}

#[tokio::test(start_paused = true)]
async fn a_record_tells_both_sides_what_a_conversation_with_a_cut_did() {
    let mut world = recorded(64);
    let (client, mut server) = conversation(&mut world).await;
    let (client_end, server_end) = (client.sender().clone(), server.sender().clone());
    let session = client_end.id().unwrap().short();
    let (closed, ended) = tokio::join!(client.close(), server.recv());
    closed.unwrap();
    assert_eq!(ended, Ok(None));
    let text = client_end.flight_record().unwrap().to_string();
    let expect = format!("korinet flight record 1: side=client session={session} at=");
    assert!(text.starts_with(&expect), "{text}");
    // What came in one read is noted before what became of it.
    assert_eq!(
        entries(&client_end.flight_record().unwrap()),
        [
            "1 * connecting",
            "1 > PREFACE",
            "1 > HELLO",
            "1 < PREFACE",
            "1 < WELCOME",
            "1 * attached, opened",
            "1 > DATA seq=1 kind=message+raw len=8",
            "1 < ACK next=2",
            "1 * detached: connection reset",
            "2 * connecting",
            "2 > PREFACE",
            "2 > HELLO",
            "2 < PREFACE",
            "2 < WELCOME",
            "2 < ACK next=2",
            "2 * attached, resumed, 0 to write again",
            "2 > DATA seq=2 kind=message+raw len=8",
            "2 < ACK next=3",
            "2 > CLOSE",
            "2 < CLOSE",
            "2 * over: closed by this side",
        ]
    );
    // Neither the credential in the HELLO, nor the key in the WELCOME, nor a payload.
    assert_eq!(
        entries(&server_end.flight_record().unwrap()),
        [
            "1 * attached, opened",
            "1 > PREFACE",
            "1 > WELCOME",
            "1 < DATA seq=1 kind=message+raw len=8",
            "1 > ACK next=2",
            "1 * detached: connection reset",
            "2 * attached, resumed, 0 to write again",
            "2 > PREFACE",
            "2 > WELCOME",
            "2 > ACK next=2",
            "2 < DATA seq=2 kind=message+raw len=8",
            "2 > ACK next=3",
            "2 < CLOSE",
            "2 * over, 0 in doubt: session was closed by the peer: done",
            "2 > CLOSE",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn without_a_recorder_nothing_is_recorded() {
    let mut world = recorded(0);
    let (client, server) = conversation(&mut world).await;
    assert_eq!(client.flight_record(), None);
    assert_eq!(server.flight_record(), None);
}

/// What one side has on a connection in one direction, handshakes left out.
fn frames(entries: &[String], attach: u64, arrow: char) -> Vec<&str> {
    let start = format!("{attach} {arrow} ");
    let frames = entries
        .iter()
        .filter_map(|entry| entry.strip_prefix(&start));
    frames
        .filter(|frame| !matches!(*frame, "PREFACE" | "HELLO" | "WELCOME"))
        .collect()
}

async fn send_sizes(sender: &Sender, count: u64) {
    let mut last = None;
    for number in 0..count {
        // Small ones, and such that are read in parts.
        let len = if number % 8 == 0 {
            20_000 + number
        } else {
            number % 50
        };
        let payload = Bytes::from(vec![0x5a; usize::try_from(len).unwrap()]);
        let accepted = sender.enqueue(Kind::RAW, None, Payload::Shared(payload));
        last = Some(accepted.await.unwrap());
    }
    last.unwrap().await.unwrap();
}

/// What came on a connection is the beginning of what was sent on it, frame by frame, wherever it was cut.
#[tokio::test(start_paused = true)]
async fn frames_are_counted_once_wherever_they_are_cut() {
    const COUNT: u64 = 400;
    const CUTS: u64 = 40;
    let mut world = recorded(100_000);
    let budgets = (0..usize::try_from(CUTS).unwrap()).map(|cut| 25_000 + cut * 997 % 60_000);
    world.network.budgets.lock().unwrap().extend(budgets);
    let (mut client, mut server) = world.pair().await;
    let (client_end, server_end) = (client.sender().clone(), server.sender().clone());
    let receive = async |session: &mut Session| {
        for _ in 0..COUNT {
            session.recv().await.unwrap().unwrap();
        }
    };
    tokio::join!(
        send_sizes(&client_end, COUNT),
        send_sizes(&server_end, COUNT),
        receive(&mut client),
        receive(&mut server),
    );
    let connections = client.stats().connections;
    assert_eq!(connections, CUTS + 1);
    let records = [client, server].map(|session| session.flight_record().unwrap());
    assert!(records.iter().all(|record| record.dropped() == 0));
    let both = records.map(|record| entries(&record));
    let (mut is_partial, mut received) = (false, 0);
    for attach in 1..=connections {
        for (from, to) in [(&both[0], &both[1]), (&both[1], &both[0])] {
            let (sent, came) = (frames(from, attach, '>'), frames(to, attach, '<'));
            assert!(sent.starts_with(&came), "{attach}: {sent:?} {came:?}");
            is_partial |= came.len() < sent.len();
            received += came.len();
        }
    }
    assert!(is_partial && received > 800, "{received}");
    for number in 1..=COUNT {
        let data = format!(" < DATA seq={number} ");
        let has_it = |entries: &Vec<String>| entries.iter().any(|entry| entry.contains(&data));
        assert!(both.iter().all(has_it), "{number}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_of_a_long_conversation_is_kept() {
    let mut world = recorded(8);
    let (client, mut server) = world.pair().await;
    for number in 1..=100 {
        send(client.sender(), number).await;
        receive_up_to(server.receiver(), number, number).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let record = client.flight_record().unwrap();
    assert_eq!(record.len(), 8);
    assert!(record.dropped() > 190, "{record}");
    let entries = entries(&record);
    assert_eq!(
        entries[6..],
        [
            "1 > DATA seq=100 kind=message+raw len=8",
            "1 < ACK next=101"
        ]
    );
}
