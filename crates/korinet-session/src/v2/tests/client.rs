use std::future::poll_fn;
use std::task::Poll;

use tokio::io::AsyncReadExt;

use super::*;

/// Dials the connections that the test puts into a queue; none there is a refusal.
struct TestDial(mpsc::UnboundedReceiver<DuplexStream>);

impl Dial for TestDial {
    type Io = DuplexStream;

    async fn dial(&mut self) -> io::Result<DuplexStream> {
        self.0
            .try_recv()
            .map_err(|_| io::ErrorKind::ConnectionRefused.into())
    }
}

/// Where the test lets the client connect to.
struct Network(mpsc::UnboundedSender<DuplexStream>);

impl Network {
    fn new() -> (Self, TestDial) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), TestDial(receiver))
    }

    /// Lets the next attempt succeed; the other end of that connection.
    fn accept(&self) -> Peer {
        let (here, there) = duplex(1 << 16);
        self.0.send(there).unwrap();
        Peer::new(here)
    }
}

async fn connected(config: Config) -> (Network, Peer, Session) {
    let (network, dial) = Network::new();
    let peer = network.accept();
    let session = connect(dial, config, [1; 32]).await.unwrap();
    (network, peer, session)
}

// V2-13
#[tokio::test(start_paused = true)]
async fn a_message_cut_off_from_its_acknowledgement_comes_again_under_its_id() {
    let (network, mut peer, session) = connected(Config::default()).await;
    let sending = tokio::spawn(async move {
        send(&session, 1).await.unwrap();
        send(&session, 2).await.unwrap();
        session
    });
    let (first, _) = peer.read_number().await;
    let mut next = network.accept();
    drop(peer);
    let (again, _) = next.read_number().await;
    assert_eq!(again, first);
    assert!(!sending.is_finished(), "it is not acknowledged");
    next.ack().await;
    let (second, n) = next.read_number().await;
    assert_eq!(n, 2);
    assert_ne!(second.id(), first.id());
    next.ack().await;
    let session = sending.await.unwrap();
    assert_eq!(*session.state().borrow(), State::Attached);
}

// V2-10
#[tokio::test(start_paused = true)]
async fn a_received_message_survives_that_its_acknowledgement_cannot_be_written() {
    let (network, mut peer, mut session) = connected(Config::default()).await;
    let one = peer.message(1);
    // It is readable, and at the same moment nothing can be written any more.
    peer.send(&one).await;
    drop(peer);
    let mut next = network.accept();
    assert_eq!(number(&recv(&mut session).await.frame), 1);
    // The peer repeats it, and goes on.
    next.send(&one).await;
    next.read_ack().await;
    let two = next.message(2);
    next.send(&two).await;
    next.read_ack().await;
    let delivery = recv(&mut session).await;
    assert_eq!((number(&delivery.frame), delivery.redelivered), (2, false));
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_room_comes_before_what_the_next_connection_brings() {
    let config = Config {
        receive_queue: 1,
        ..Config::default()
    };
    let (network, mut peer, mut session) = connected(config).await;
    for n in 1..=2 {
        let frame = peer.message(n);
        peer.send(&frame).await;
    }
    peer.read_ack().await;
    assert!(peer.is_silent().await);
    drop(peer);
    // The peer gives up on what is not acknowledged, and goes on with another message.
    let mut next = network.accept();
    let three = next.message(3);
    next.send(&three).await;
    assert!(next.is_silent().await);
    for n in 1..=3 {
        assert_eq!(number(&recv(&mut session).await.frame), n);
    }
    next.read_ack().await;
    assert!(next.is_silent().await, "the one before is too old for it");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_closes_and_reads_nothing_is_a_loss_at_once() {
    let (network, dial) = Network::new();
    let (here, there) = duplex(64);
    network.0.send(there).unwrap();
    let session = connect(dial, Config::default(), [1; 32]).await.unwrap();
    let mut peer = Peer::new(here);
    let mut next = network.accept();
    let text = BTreeMap::from([("text", "x".repeat(1000))]);
    let frame = session.encode(&text).unwrap();
    let sending = tokio::spawn(async move { session.send(frame).await });
    let io = peer.framed.get_mut();
    io.read_exact(&mut [0; 4]).await.unwrap();
    // Most of the message is stuck on the way out.
    peer.framed.get_mut().shutdown().await.unwrap();
    next.read().await;
    next.ack().await;
    sending.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn messages_that_cross_are_both_taken() {
    let (_network, mut peer, mut session) = connected(Config::default()).await;
    let (sent, ()) = tokio::join!(send(&session, 1), async {
        peer.read_number().await;
        // In the place of the acknowledgement comes a message, then another, then it.
        for n in 2..=3 {
            let frame = peer.message(n);
            peer.send(&frame).await;
        }
        peer.read_ack().await;
        peer.read_ack().await;
        peer.ack().await;
    });
    sent.unwrap();
    for n in 2..=3 {
        assert_eq!(number(&recv(&mut session).await.frame), n);
    }
}

#[tokio::test(start_paused = true)]
async fn it_gives_up_when_the_time_is_up_and_says_so_to_all() {
    let config = Config {
        timeout: Duration::from_secs(120),
        ..Config::default()
    };
    let (_network, mut peer, session) = connected(config).await;
    let mut states = session.state();
    let start = tokio::time::Instant::now();
    let (sender, mut receiver) = session.split();
    let waiting = {
        let sender = sender.clone();
        let frame = sender.encode(&message(1)).unwrap();
        tokio::spawn(async move { sender.send(frame).await })
    };
    peer.read_number().await;
    drop(peer);
    let queued = sender.send(sender.encode(&message(2)).unwrap()).await;
    let last = ConnectionError::from(io::Error::from(io::ErrorKind::ConnectionRefused));
    let after = Duration::from_secs(120);
    let gave_up = SessionError::GaveUp { after, last };
    assert_eq!(start.elapsed(), after);
    assert_eq!(queued, Err(SendError::NotSent(gave_up.clone())));
    assert_eq!(
        waiting.await.unwrap(),
        Err(SendError::Unacknowledged(gave_up.clone()))
    );
    assert_eq!(receiver.recv().await, Err(gave_up.clone()));
    let closed = State::Closed {
        error: Some(gave_up.clone()),
    };
    assert_eq!(*states.borrow_and_update(), closed);
    let later = sender.send(sender.encode(&message(3)).unwrap()).await;
    assert_eq!(later, Err(SendError::NotSent(gave_up)));
}

#[tokio::test(start_paused = true)]
async fn the_state_tells_of_a_loss_and_of_the_way_back() {
    let (network, peer, session) = connected(Config::default()).await;
    let mut states = session.state();
    assert_eq!(*states.borrow_and_update(), State::Attached);
    drop(peer);
    states.changed().await.unwrap();
    let State::Detached {
        reason,
        attempts,
        wait,
    } = states.borrow_and_update().clone()
    else {
        panic!("not detached");
    };
    assert_eq!((reason, attempts), (ConnectionError::ClosedByPeer, 1));
    assert!(wait <= Duration::from_millis(100));
    let _peer = network.accept();
    states
        .wait_for(|state| *state == State::Attached)
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_peer_of_another_protocol_is_not_tried_again() {
    let (network, peer, mut session) = connected(Config::default()).await;
    let _unused = network.accept();
    let mut io = peer.framed.into_inner();
    io.write_all(b"HTTP/1.1 400 Bad Request\r\n").await.unwrap();
    let Err(SessionError::Incompatible(error)) = session.recv().await else {
        panic!("no error");
    };
    assert_eq!(
        error.to_string(),
        "frame length 1213486160 exceeds limit 524288: the peer seems to speak HTTP"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_no_frame_is_a_lost_connection() {
    let (network, peer, mut session) = connected(Config::default()).await;
    let mut next = network.accept();
    peer.framed
        .into_inner()
        .write_all(b"\0\0\0\x01\xff")
        .await
        .unwrap();
    let one = next.message(1);
    next.send(&one).await;
    assert_eq!(number(&recv(&mut session).await.frame), 1);
}

#[tokio::test(start_paused = true)]
async fn an_acknowledgement_that_takes_too_long_is_a_loss() {
    let config = Config {
        ack_timeout: Some(Duration::from_secs(5)),
        ..Config::default()
    };
    let (network, mut silent, session) = connected(config).await;
    let start = tokio::time::Instant::now();
    let sending = tokio::spawn(async move { send(&session, 1).await });
    silent.read_number().await;
    let mut next = network.accept();
    next.read_number().await;
    assert!(start.elapsed() >= Duration::from_secs(5));
    next.ack().await;
    sending.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn closing_brings_the_message_under_way_to_its_acknowledgement() {
    let (network, mut peer, session) = connected(Config::default()).await;
    // The one who sends has given up waiting.
    let sent = tokio::time::timeout(Duration::from_millis(1), send(&session, 1)).await;
    assert!(sent.is_err());
    let closing = tokio::spawn(session.close());
    peer.read_number().await;
    let mut next = network.accept();
    drop(peer);
    next.read_number().await;
    assert!(!closing.is_finished());
    next.ack().await;
    assert!(next.is_closed().await);
    drop(next);
    assert_eq!(closing.await.unwrap(), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn closing_without_a_connection_ends_at_once_if_nothing_is_under_way() {
    let (_network, peer, session) = connected(Config::default()).await;
    let mut states = session.state();
    drop(peer);
    states
        .wait_for(|state| matches!(state, State::Detached { .. }))
        .await
        .unwrap();
    let start = tokio::time::Instant::now();
    assert_eq!(session.close().await, Ok(()));
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn dropping_both_halves_ends_it() {
    let (_network, mut peer, session) = connected(Config::default()).await;
    let (sender, receiver) = session.split();
    drop(receiver);
    let frame = sender.encode(&message(1)).unwrap();
    let (sent, ()) = tokio::join!(sender.send(frame), async {
        peer.read_number().await;
        peer.ack().await;
    });
    sent.unwrap();
    drop(sender);
    assert!(peer.is_closed().await);
}

#[tokio::test(start_paused = true)]
async fn futures_dropped_at_each_point_lose_and_double_nothing() {
    for polls in 0..8 {
        let (_network, mut peer, mut session) = connected(Config::default()).await;
        let echo = tokio::spawn(async move {
            let mut numbers = Vec::new();
            while let Some(Ok(frame)) = peer.framed.next().await {
                numbers.push(number(&frame));
                peer.ack().await;
                let echo = peer.message(number(&frame));
                peer.send(&echo).await;
                peer.read_ack().await;
            }
            numbers
        });
        poll_times(send(&session, 1), polls).await;
        send(&session, 2).await.unwrap();
        let mut received = Vec::new();
        while received.last() != Some(&2) {
            let polled = poll_times(session.recv(), polls).await;
            let delivery = match polled {
                Some(delivery) => delivery,
                None => session.recv().await,
            };
            received.push(number(&delivery.unwrap().unwrap().frame));
        }
        session.close().await.unwrap();
        let sent = echo.await.unwrap();
        let expect: &[u32] = if polls == 0 { &[2] } else { &[1, 2] };
        assert_eq!((&sent[..], &received[..]), (expect, expect), "{polls}");
    }
}

/// Polls a future so many times, with the other tasks running in between, and drops it.
async fn poll_times<T>(future: impl Future<Output = T>, times: usize) -> Option<T> {
    let mut future = std::pin::pin!(future);
    for _ in 0..times {
        let polled = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
        if let Poll::Ready(output) = polled {
            return Some(output);
        }
        tokio::task::yield_now().await;
    }
    None
}
