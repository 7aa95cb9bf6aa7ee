//! Connections that there are too many of, and those that end without a word.

use std::time::Duration;

use korinet::{ConnectionError, Limit};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::silence::{BEGINNING, half, right};
use crate::hostile::hello::Wish;
use crate::hostile::peer::Peer;
use crate::hostile::raw::Raw;
use crate::hostile::{Arena, Case, Told};

pub(super) fn cases() -> Vec<Case> {
    let mut all = crowds();
    all.extend([
        taken("idle connections that have all handshakes", Vec::new()),
        taken("half a HELLO in all handshakes", half()),
        taken("half a hello of TLS in all handshakes", BEGINNING.to_vec()).server("tls"),
    ]);
    all.extend(departures());
    all
}

/// Connections that are there and say nothing: all but a few of one address wait for each other, and the others of other
/// addresses get in.
fn crowds() -> Vec<Case> {
    let from_one = async |arena: &Arena| {
        let from = arena.stranger();
        let mut crowd = Vec::new();
        for _ in 0..arena.either(200, 2000) {
            crowd.push(arena.dial_from(from).await);
        }
        arena.newcomer().await;
        let figures = arena.figures().await;
        let connections = figures.get("connections");
        assert!(connections > crowd.len() as u64, "{connections}");
        assert!(figures.get("handshakes") <= 17, "{figures:?}");
        told_each(crowd).await
    };
    let from_many = async |arena: &Arena| {
        let mut crowd = Vec::new();
        for _ in 0..arena.either(100, 900) {
            crowd.push(arena.dial().await);
        }
        let figures = arena.figures().await;
        assert!(figures.get("handshakes") <= 8, "{figures:?}");
        told_each(crowd).await
    };
    let too_many = async |arena: &Arena| {
        let mut sessions = Vec::new();
        // The healthy session is one of the hundred.
        for _ in 1..100 {
            sessions.push(arena.raw("listen").await);
        }
        let mut told = Vec::new();
        for _ in 0..arena.either(10, 1000) {
            let mut peer = Peer::plain(arena.dial().await);
            peer.send(&right()).await;
            told.push(peer.told().await);
        }
        assert_eq!(arena.figures().await.get("connections"), 100);
        for raw in &mut sessions {
            assert_eq!(raw.is_there(1).await, Told::GoesOn);
        }
        told
    };
    let left = async |arena: &Arena| {
        for _ in 1..20 {
            drop(arena.raw("listen").await);
        }
        let gone = async {
            while arena.figures().await.get("connections") > 1 {
                tokio::task::yield_now().await;
            }
        };
        crate::within("the connections to be gone", gone).await;
        assert_eq!(arena.figures().await.get("sessions"), 20);
        arena.newcomer().await;
        vec![Told::GoesOn]
    };
    let of_v2 = async |arena: &Arena| {
        let mut crowd = Vec::new();
        for _ in 1..100 {
            let mut peer = Peer::plain(arena.dial().await);
            peer.send(b"\0\0\x01").await;
            crowd.push(peer);
        }
        let all_there = async {
            while arena.figures().await.get("admitted") < 100 {
                tokio::task::yield_now().await;
            }
        };
        crate::within("the sessions of v2", all_there).await;
        let mut told = Vec::new();
        for _ in 0..10 {
            told.push(Peer::plain(arena.dial().await).told().await);
        }
        told
    };
    let limited = |limit, max| ConnectionError::LimitReached { limit, max };
    vec![
        Case::new("idle connections from one address", from_one)
            .server("handshake_timeout=5000")
            .refused(ConnectionError::HandshakeTimeout(Duration::from_secs(5)))
            .maybe_refused(limited(Limit::HandshakesPerAddress, 16), Told::Nothing)
            .told(Told::Nothing),
        Case::new("idle connections from many addresses", from_many)
            .server("handshake_timeout=2000 max_handshakes=8/2")
            .refused(ConnectionError::HandshakeTimeout(Duration::from_secs(2)))
            .maybe_refused(limited(Limit::Handshakes, 8), Told::Nothing)
            .told(Told::Nothing),
        Case::new("sessions without a connection", left)
            .server("max_connections=20 session_expiry=60000")
            .told(Told::GoesOn),
        Case::new("more connections of v2 than there may be", of_v2)
            .server("protocols=v2,v3 max_connections=100")
            .refused(limited(Limit::Connections, 100))
            .told(Told::Nothing),
        Case::new("more connections than there may be", too_many)
            .server("max_connections=100")
            .refused(limited(Limit::Connections, 100))
            .told(Told::Nothing),
    ]
}

/// A few addresses have all handshakes, and more waiting, and say no more than this. Each newcomer takes the place of one,
/// long before its time is over.
fn taken(name: &'static str, begun: Vec<u8>) -> Case {
    const NEWCOMERS: usize = 3;
    let take = async move |arena: &Arena| {
        let mut crowd = JoinSet::new();
        for _ in 0..16 {
            let from = arena.stranger();
            for _ in 0..arena.either(20, 100) {
                let mut peer = Peer::plain(arena.dial_from(from).await);
                peer.send(&begun).await;
                crowd.spawn(async move { peer.told().await });
            }
        }
        let all_taken = async {
            while arena.figures().await.get("handshakes") < 256 {
                tokio::task::yield_now().await;
            }
        };
        crate::within("all handshakes to be taken", all_taken).await;
        let mut told = Vec::new();
        for _ in 0..NEWCOMERS {
            arena.newcomer().await;
            told.push(crowd.join_next().await.unwrap().unwrap());
        }
        assert_eq!(arena.figures().await.get("refused"), NEWCOMERS as u64);
        told
    };
    Case::new(name, take)
        .server("handshake_timeout=300000")
        .refused(ConnectionError::LimitReached {
            limit: Limit::Handshakes,
            max: 256,
        })
        .told(Told::Nothing)
}

async fn told_each(crowd: Vec<TcpStream>) -> Vec<Told> {
    let mut told = Vec::new();
    for stream in crowd {
        told.push(Peer::plain(stream).told().await);
    }
    told
}

/// How a session's connection can end without a CLOSE. The session lives on.
fn departures() -> Vec<Case> {
    let half_open = async |arena: &Arena| {
        let leave = async || {
            let mut raw = arena.raw("listen").await;
            raw.peer.shut_down().await;
            raw.peer.told().await
        };
        arena.repeat(leave).await
    };
    let reset = async |arena: &Arena| {
        let leave = async || {
            let stream = arena.dial().await;
            // With unread bytes or not: what is under way is thrown away, and the other side told so.
            stream.set_zero_linger().unwrap();
            let shaken = Peer::tls(stream, arena.tls()).await;
            let peer = shaken.unwrap_or_else(|told| panic!("{told}"));
            let opened = Raw::open(peer, &Wish::open()).await;
            let mut raw = opened.unwrap_or_else(|told| panic!("{told}"));
            raw.play("listen").await;
            drop(raw);
            Told::Nothing
        };
        arena.repeat(leave).await
    };
    // The peer's end of TLS is not told, as by a cable that is cut: its end of TCP alone.
    let cut = async |arena: &Arena| {
        let leave = async || {
            let mut raw = arena.raw("listen").await;
            raw.peer.cut();
            raw.peer.told().await
        };
        arena.repeat(leave).await
    };
    vec![
        Case::new("FIN without CLOSE", half_open)
            .server("tls")
            .detached(ConnectionError::ClosedByPeer)
            .told(Told::Nothing),
        Case::new("TLS that is not told of its end", cut)
            .server("tls")
            .detached(ConnectionError::ClosedByPeer)
            .told(Told::Nothing),
        Case::new("RST", reset)
            .server("tls")
            .like("detached", "Io { kind: ConnectionReset, ")
            .told(Told::Nothing),
    ]
}
