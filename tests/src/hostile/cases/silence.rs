//! Peers that say nothing, too little, or too slowly; and those that leave without a word.

use std::time::Duration;

use korinet::{ConnectionError, Limit};
use korinet_wire::v3::{Code, PREFACE};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

use crate::hostile::hello::{Wish, hello};
use crate::hostile::peer::Peer;
use crate::hostile::{Arena, Case, Told};

/// The first bytes of a hello of TLS.
const BEGINNING: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";

pub(super) fn cases() -> Vec<Case> {
    let mut all = before();
    all.extend(after());
    all.extend(crowds());
    all.extend(departures());
    all
}

fn right() -> Vec<u8> {
    hello(&Wish::open(), &[0; 32], None)
}

fn half() -> Vec<u8> {
    let mut hello = right();
    hello.truncate(40);
    hello
}

/// A hello of TLS that takes a while to be said.
fn hello_of_tls() -> Vec<u8> {
    [BEGINNING, &[7; 100]].concat()
}

/// This much is said, and nothing follows until the server has had enough.
fn silent(name: &'static str, bytes: Vec<u8>, told: Told) -> Case {
    let wait = async move |arena: &Arena| {
        let mut peer = Peer::plain(arena.dial().await);
        peer.send(&bytes).await;
        vec![peer.told().await]
    };
    impatient(Case::new(name, wait), told)
}

/// The same over TLS.
fn silent_over_tls(name: &'static str, bytes: Vec<u8>, told: Told) -> Case {
    let wait = async move |arena: &Arena| {
        let mut peer = arena.peer().await;
        peer.send(&bytes).await;
        vec![peer.told().await]
    };
    impatient(Case::new(name, wait), told).server("tls")
}

/// A byte each tenth of a second.
fn trickled(name: &'static str, bytes: Vec<u8>, told: Told) -> Case {
    let trickle = async move |arena: &Arena| {
        let mut peer = Peer::plain(arena.dial().await);
        let start = Instant::now();
        for (number, byte) in (0..).zip(&bytes) {
            sleep_until(start + Duration::from_millis(100) * number).await;
            if let Some(told) = peer.send_until_told(&[*byte]).await {
                return vec![told];
            }
        }
        vec![peer.told().await]
    };
    // So that there is a beginning.
    Case::new(name, trickle)
        .server("handshake_timeout=1500")
        .refused(ConnectionError::HandshakeTimeout(Duration::from_millis(
            1500,
        )))
        .told(told)
}

fn impatient(case: Case, told: Told) -> Case {
    case.server("handshake_timeout=700")
        .refused(ConnectionError::HandshakeTimeout(Duration::from_millis(
            700,
        )))
        .told(told)
}

fn before() -> Vec<Case> {
    let timeout = Told::Reject(Code::TIMEOUT);
    vec![
        silent("silence before the preface", Vec::new(), Told::Nothing),
        silent(
            "silence inside of the preface",
            PREFACE[..5].to_vec(),
            Told::Nothing,
        ),
        silent("silence after the preface", PREFACE.to_vec(), timeout),
        silent("silence inside of HELLO", half(), timeout),
        trickled("HELLO by a byte each 100 ms", right(), timeout),
        silent("silence before TLS", Vec::new(), Told::Nothing).server("tls"),
        silent(
            "silence inside of a hello of TLS",
            BEGINNING.to_vec(),
            Told::Nothing,
        )
        .server("tls"),
        trickled(
            "hello of TLS by a byte each 100 ms",
            hello_of_tls(),
            Told::Nothing,
        )
        .server("tls"),
        silent_over_tls(
            "silence after the handshake of TLS",
            Vec::new(),
            Told::Nothing,
        ),
        silent_over_tls("silence inside of HELLO over TLS", half(), timeout),
    ]
}

fn after() -> Vec<Case> {
    let quiet = async |arena: &Arena| {
        let wish = Wish {
            keep_alive: Duration::from_millis(300),
            ..Wish::open()
        };
        let mut raw = arena.raw_as("listen", &wish).await;
        vec![raw.peer.told().await]
    };
    let unfinished = async |arena: &Arena| {
        let mut raw = arena.raw("listen").await;
        raw.peer.send(b"\x00\x10\x00\x00\x84\x04\x02").await;
        arena.newcomer().await;
        raw.peer.shut_down().await;
        vec![raw.peer.told().await]
    };
    vec![
        Case::new("silence in a session", quiet)
            .server("tls")
            .detached(ConnectionError::Silent(Duration::from_millis(600)))
            .told(Told::Close(Code::TIMEOUT)),
        Case::new("the end inside of a frame", unfinished)
            .server("tls")
            .detached(ConnectionError::Truncated {
                missing: 0x10_0000 - 3,
            })
            .told(Told::Nothing),
    ]
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
            .refused(limited(Limit::HandshakesPerAddress, 16))
            .told(Told::Nothing),
        Case::new("idle connections from many addresses", from_many)
            .server("handshake_timeout=2000 max_handshakes=8/2")
            .refused(ConnectionError::HandshakeTimeout(Duration::from_secs(2)))
            .refused(limited(Limit::Handshakes, 8))
            .told(Told::Nothing),
        Case::new("sessions without a connection", left)
            .server("max_connections=20")
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
            let opened = crate::hostile::raw::Raw::open(peer, &Wish::open()).await;
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
