//! Peers that say nothing, too little, or too slowly.

use std::time::Duration;

use korinet::ConnectionError;
use korinet_wire::v3::{Code, PREFACE};
use tokio::time::{Instant, sleep_until};

use crate::hostile::hello::{Wish, hello};
use crate::hostile::peer::Peer;
use crate::hostile::{Arena, Case, Told};

/// The first bytes of a hello of TLS.
pub(super) const BEGINNING: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";

pub(super) fn cases() -> Vec<Case> {
    let mut all = before();
    all.extend(after());
    all
}

pub(super) fn right() -> Vec<u8> {
    hello(&Wish::open(), &[0; 32], None)
}

pub(super) fn half() -> Vec<u8> {
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
            keep_alive: Duration::from_secs(1),
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
            .detached(ConnectionError::Silent(Duration::from_secs(2)))
            .told(Told::Close(Code::TIMEOUT)),
        Case::new("the end inside of a frame", unfinished)
            .server("tls")
            .detached(ConnectionError::Truncated {
                missing: 0x10_0000 - 3,
            })
            .told(Told::Nothing),
    ]
}
