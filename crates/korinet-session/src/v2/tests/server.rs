use std::net::{IpAddr, Ipv4Addr};

use super::*;

const HOME: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));

fn server(config: Config) -> Server {
    Server::new(config, Repeats::DeliverOnce, [2; 32])
}

fn accept(server: &Server) -> (Peer, Session) {
    let (here, there) = duplex(1 << 16);
    let (session, serving) = server.serve(there, bytes::BytesMut::new(), HOME);
    tokio::spawn(serving);
    (Peer::new(here), session)
}

#[tokio::test(start_paused = true)]
async fn a_message_is_acknowledged_when_it_is_received() {
    let server = server(Config::default());
    let (mut peer, mut session) = accept(&server);
    for n in 1..=3 {
        let frame = peer.message(n);
        peer.send(&frame).await;
        peer.read_ack().await;
    }
    for n in 1..=3 {
        assert_eq!(number(&recv(&mut session).await.frame), n);
    }
    drop(peer);
    assert_eq!(session.recv().await, Ok(None));
}

#[tokio::test(start_paused = true)]
async fn acknowledgements_are_withheld_while_the_application_does_not_read() {
    let server = server(Config {
        receive_queue: 2,
        ..Config::default()
    });
    let (mut peer, mut session) = accept(&server);
    for n in 1..=3 {
        let frame = peer.message(n);
        peer.send(&frame).await;
    }
    peer.read_ack().await;
    peer.read_ack().await;
    assert!(peer.is_silent().await);
    // Ours goes on all the same: its acknowledgement stands behind the message that waits.
    let (sent, ()) = tokio::join!(send(&session, 7), async {
        assert_eq!(peer.read_number().await.1, 7);
        peer.ack().await;
    });
    sent.unwrap();
    assert_eq!(number(&recv(&mut session).await.frame), 1);
    peer.read_ack().await;
    for n in 2..=3 {
        assert_eq!(number(&recv(&mut session).await.frame), n);
    }
}

#[tokio::test(start_paused = true)]
async fn processed_means_that_the_application_is_done() {
    let server = server(processed());
    let (mut peer, mut session) = accept(&server);
    let one = peer.message(1);
    peer.send(&one).await;
    let delivery = recv(&mut session).await;
    assert!(peer.is_silent().await);
    session.done(delivery.position);
    peer.read_ack().await;
    session.done(delivery.position);
    assert!(peer.is_silent().await, "once");
}

#[tokio::test(start_paused = true)]
async fn done_counts_for_all_before() {
    let server = server(processed());
    let (mut peer, mut session) = accept(&server);
    let (one, two) = (peer.message(1), peer.message(2));
    peer.send(&one).await;
    peer.send(&two).await;
    recv(&mut session).await;
    let second = recv(&mut session).await;
    session.done(second.position);
    peer.read_ack().await;
    peer.read_ack().await;
}

#[tokio::test(start_paused = true)]
async fn a_message_that_comes_again_before_the_application_is_done_is_delivered_once() {
    let server = server(processed());
    let (mut peer, mut session) = accept(&server);
    let one = peer.message(1);
    peer.send(&one).await;
    let delivery = recv(&mut session).await;
    drop(peer);
    assert_eq!(session.recv().await, Ok(None));

    let (mut peer, mut next) = accept(&server);
    peer.send(&one).await;
    assert!(peer.is_silent().await, "it is not done with yet");
    session.done(delivery.position);
    peer.read_ack().await;
    let two = peer.message(2);
    peer.send(&two).await;
    let delivery = recv(&mut next).await;
    assert_eq!((number(&delivery.frame), delivery.redelivered), (2, false));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_the_application_dropped_comes_again_with_a_flag() {
    let server = server(processed());
    let (mut peer, mut session) = accept(&server);
    let one = peer.message(1);
    peer.send(&one).await;
    recv(&mut session).await;
    drop((peer, session));

    let (mut peer, mut session) = accept(&server);
    peer.send(&one).await;
    let two = peer.message(2);
    peer.send(&two).await;
    let first = recv(&mut session).await;
    assert_eq!((number(&first.frame), first.redelivered), (1, true));
    let second = recv(&mut session).await;
    assert_eq!((number(&second.frame), second.redelivered), (2, false));
    session.done(second.position);
    peer.read_ack().await;
    peer.read_ack().await;
}

#[tokio::test(start_paused = true)]
async fn acknowledgements_reach_a_peer_that_has_said_all() {
    let server = server(processed());
    let (mut peer, mut session) = accept(&server);
    let one = peer.message(1);
    peer.send(&one).await;
    peer.framed.get_mut().shutdown().await.unwrap();
    let delivery = recv(&mut session).await;
    assert_eq!(session.recv().await, Ok(None));
    session.done(delivery.position);
    peer.read_ack().await;
    assert!(peer.is_closed().await);
}

#[tokio::test(start_paused = true)]
async fn a_message_under_way_when_the_client_leaves_is_told_from_one_that_was_not_sent() {
    let server = server(Config::default());
    let (mut peer, session) = accept(&server);
    let lost = SessionError::ConnectionLost(ConnectionError::ClosedByPeer);
    let (sender, mut receiver) = session.split();
    let frame = sender.encode(&message(1)).unwrap();
    let (sent, ()) = tokio::join!(sender.send(frame), async {
        peer.read_number().await;
        drop(peer);
    });
    assert_eq!(sent, Err(SendError::Unacknowledged(lost.clone())));
    assert_eq!(receiver.recv().await, Err(lost.clone()));
    let frame = sender.encode(&message(2)).unwrap();
    assert_eq!(sender.send(frame).await, Err(SendError::NotSent(lost)));
}

#[tokio::test(start_paused = true)]
async fn an_end_inside_of_a_frame_is_an_error_after_what_came_before() {
    let server = server(Config::default());
    let (mut peer, mut session) = accept(&server);
    let (one, two) = (peer.message(1), peer.message(2));
    peer.send(&one).await;
    let mut io = peer.framed.into_inner();
    io.write_all(&two.bytes()[..10]).await.unwrap();
    drop(io);
    assert_eq!(number(&recv(&mut session).await.frame), 1);
    let missing = two.bytes().len() - 10;
    let error = SessionError::ConnectionLost(ConnectionError::Truncated { missing });
    assert_eq!(session.recv().await, Err(error));
}

#[tokio::test(start_paused = true)]
async fn closing_waits_for_the_peer_to_have_read_everything() {
    let server = server(Config::default());
    let (mut peer, session) = accept(&server);
    let one = peer.message(1);
    peer.send(&one).await;
    peer.read_ack().await;
    let closing = tokio::spawn(session.close());
    assert!(peer.is_closed().await);
    drop(peer);
    assert_eq!(closing.await.unwrap(), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn closing_writes_the_last_acknowledgement_to_a_peer_that_stays() {
    let server = server(processed());
    let (mut peer, mut session) = accept(&server);
    let one = peer.message(1);
    peer.send(&one).await;
    let delivery = recv(&mut session).await;
    session.done(delivery.position);
    assert_eq!(session.close().await, Ok(()));
    peer.read_ack().await;
    assert!(peer.is_closed().await);
}

#[tokio::test(start_paused = true)]
async fn closing_tells_of_a_message_that_the_peer_left_unacknowledged() {
    let server = server(Config::default());
    let (mut peer, session) = accept(&server);
    let given_up = tokio::time::timeout(Duration::from_millis(1), send(&session, 1)).await;
    assert!(given_up.is_err());
    let closing = tokio::spawn(session.close());
    peer.read_number().await;
    drop(peer);
    let lost = SessionError::ConnectionLost(ConnectionError::ClosedByPeer);
    assert_eq!(closing.await.unwrap(), Err(lost));
}
