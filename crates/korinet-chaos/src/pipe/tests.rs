use std::num::NonZeroUsize;

use tokio::io::{DuplexStream, duplex};
use tokio::time::timeout;

use super::*;
use crate::Place;

const DELAY: Duration = Duration::from_millis(250);

/// Large enough that it never is what bounds anything.
const BUFFER: usize = 64 * 1024 * 1024;

#[derive(Default)]
struct Meters {
    carried: AtomicU64,
    counts: watch::Sender<Counts>,
}

/// The two ends of a pipe, and the pipe, which has to be run.
fn pipe(
    meters: &Meters,
    delay: Duration,
) -> (
    DuplexStream,
    DuplexStream,
    Pipe<'_, DuplexStream, DuplexStream>,
) {
    let (sender, from) = duplex(READ as usize);
    let (to, receiver) = duplex(BUFFER);
    let meter = Meter {
        direction: Direction::ToServer,
        carried: &meters.carried,
        counts: &meters.counts,
    };
    let pipe = Pipe {
        from,
        to,
        gate: Gate::new(None),
        pieces: None,
        delay,
        meter,
    };
    (sender, receiver, pipe)
}

fn pieces(chunks: Chunks) -> Option<Pieces> {
    Some(Pieces::new(chunks, 1, Direction::ToServer))
}

#[tokio::test(start_paused = true)]
async fn a_delay_is_the_same_for_all_bytes_and_for_the_end() {
    const LEN: usize = 12 * 1024 * 1024;
    let meters = Meters::default();
    let (mut sender, mut receiver, pipe) = pipe(&meters, DELAY);
    let start = Instant::now();
    let send = async {
        sender.write_all(&vec![7; LEN]).await.unwrap();
        drop(sender);
    };
    let receive = async {
        assert_eq!(receiver.read_u8().await.unwrap(), 7);
        assert!(start.elapsed() >= DELAY);
        let mut rest = Vec::new();
        receiver.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest.len() + 1, LEN);
        // All of it was on its way at the same time: two hundred reads took no longer than one.
        assert!(start.elapsed() < DELAY + Duration::from_millis(5));
    };
    let (ended, (), ()) = tokio::join!(pipe.run(), send, receive);
    assert_eq!(ended, Ok(()));
    assert_eq!(meters.carried.into_inner(), LEN as u64);
}

#[tokio::test(start_paused = true)]
async fn no_more_is_on_its_way_than_there_is_room_for() {
    let meters = Meters::default();
    let (mut sender, mut receiver, pipe) = pipe(&meters, DELAY);
    let whole = vec![7; BUFFER];
    let send = async {
        let mut taken = 0;
        let fill = async {
            loop {
                taken += sender.write(&whole[taken..]).await.unwrap();
            }
        };
        assert!(timeout(DELAY / 2, fill).await.is_err());
        // What is still in the buffers on the way in was read by nobody.
        let most = (ON_ITS_WAY + 2 * READ) as usize;
        assert!((most / 2..=most).contains(&taken), "{taken}");
        sender.write_all(&whole[taken..]).await.unwrap();
        drop(sender);
    };
    let receive = async {
        let mut found = Vec::new();
        receiver.read_to_end(&mut found).await.unwrap();
        assert!(found == whole);
    };
    let (ended, (), ()) = tokio::join!(pipe.run(), send, receive);
    assert_eq!(ended, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn without_a_delay_a_slow_receiver_stops_the_sender() {
    let meters = Meters::default();
    let (mut sender, _receiver, mut pipe) = pipe(&meters, Duration::ZERO);
    let (to, _other) = duplex(1);
    pipe.to = to;
    let bytes = vec![7; 4 * READ as usize];
    let send = timeout(DELAY, sender.write_all(&bytes));
    tokio::select! {
        _ = pipe.run() => panic!("nothing has ended"),
        sent = send => assert!(sent.is_err()),
    }
}

#[tokio::test]
async fn pieces_are_written_alone_up_to_the_cut() {
    let len = NonZeroUsize::new(4).unwrap();
    for (chunks, expect) in [(Chunks::Even(len), 3..=3), (Chunks::Random(len), 3..=10)] {
        let meters = Meters::default();
        let (mut sender, mut receiver, mut pipe) = pipe(&meters, Duration::ZERO);
        pipe.gate = Gate::new(Some(Place::Byte(10)));
        pipe.pieces = pieces(chunks);
        sender.write_all(b"0123456789abcdef").await.unwrap();
        assert_eq!(pipe.run().await, Err(Ending::Cut(Direction::ToServer)));
        let mut found = Vec::new();
        receiver.read_to_end(&mut found).await.unwrap();
        assert_eq!(found, b"0123456789");
        let counts = *meters.counts.borrow();
        assert_eq!(counts.bytes_to_server, 10);
        assert!(expect.contains(&counts.chunks), "{}", counts.chunks);
    }
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_is_gone_is_told_of_after_the_delay() {
    let meters = Meters::default();
    let (mut sender, receiver, pipe) = pipe(&meters, DELAY);
    drop(receiver);
    let start = Instant::now();
    sender.write_all(b"x").await.unwrap();
    assert_eq!(pipe.run().await, Err(Ending::Broken));
    assert!(start.elapsed() >= 2 * DELAY);
    assert_eq!(meters.carried.into_inner(), 0);
}

#[test]
fn the_directions_have_random_sizes_of_their_own() {
    let sizes = |direction| {
        let most = NonZeroUsize::new(1000).unwrap();
        let mut pieces = Pieces::new(Chunks::Random(most), 1, direction);
        [(); 8].map(|()| pieces.next())
    };
    assert_eq!(sizes(Direction::ToServer), sizes(Direction::ToServer));
    assert_ne!(sizes(Direction::ToServer), sizes(Direction::ToClient));
}
