//! What comes to a server that has TLS and is not what it should be.

use std::sync::Arc;
use std::time::Duration;

use korinet::tls::{ALPN, rustls};
use korinet::{CertificateFault, ConnectionError, Limit};
use korinet_wire::v3::Code;

use super::opening::TLS_1_2;
use super::shot;
use crate::hostile::hello::{Wish, hello};
use crate::hostile::peer::Peer;
use crate::hostile::{Arena, Case, Papers, Told};
use crate::pki::{Authority, Leaf};

/// A record of TLS that nobody can have sealed.
const JUNK: &[u8] = b"\x17\x03\x03\x00\x200123456789abcdef0123456789abcdef";

pub(super) fn cases() -> Vec<Case> {
    let mut all = plaintext();
    all.extend(protocols());
    all.extend(junk());
    all.extend(certificates());
    all.extend(hellos());
    all
}

fn plaintext() -> Vec<Case> {
    let refused = |name, bytes, told| {
        shot(name, bytes)
            .server("tls")
            .refused(ConnectionError::PlaintextRefused)
            .told(told)
    };
    let v3 = hello(&Wish::open(), &[0; 32], None);
    let v2 = b"\0\0\0\x0e\xa2\x64data\xa0\x62id\x611".to_vec();
    let http = b"GET / HTTP/1.1\r\nHost: example\r\n\r\n".to_vec();
    vec![
        refused("v3 without TLS", v3, Told::Reject(Code::TLS_REQUIRED)),
        refused("v2 without TLS", v2, Told::Nothing),
        refused("HTTP without TLS", http, Told::Nothing),
        shot("TLS 1.2", TLS_1_2.to_vec())
            .server("tls")
            .refused(ConnectionError::NotTls)
            .told(Told::Alert(70)),
        shot(
            "junk behind the first bytes of TLS",
            [&b"\x16\x03"[..], &[0xff; 50_000]].concat(),
        )
        .server("tls")
        .like("refused", "Tls(")
        .told(Told::Alert(50)),
        shot(
            "hello of TLS of 2^24 - 1 bytes",
            [
                &b"\x16\x03\x01\x40\x00\x01\xff\xff\xff\x03\x03"[..],
                &[0; 16_378],
            ]
            .concat(),
        )
        .server("tls")
        .like("refused", "Tls(")
        .told(Told::Nothing),
    ]
}

/// A handshake of TLS with these names of protocols, and this certificate.
fn shaken(
    name: &'static str,
    alpn: &'static [&'static str],
    leaf: impl Fn(&Papers) -> Option<Leaf> + 'static,
) -> Case {
    Case::new(name, async move |arena: &Arena| {
        let leaf = leaf(&arena.papers);
        let config = arena.papers.raw_client(alpn, leaf.as_ref());
        let shake = async || {
            let stream = arena.dial().await;
            match Peer::tls(stream, Arc::clone(&config)).await {
                // Of TLS 1.3 a client comes to its end before the server has seen its certificate.
                Ok(mut peer) => peer.told().await,
                Err(told) => told,
            }
        };
        arena.repeat(shake).await
    })
}

fn protocols() -> Vec<Case> {
    let no_alpn = |name, alpn| {
        shaken(name, alpn, |_| None)
            .server("tls")
            .told(Told::Alert(120))
    };
    vec![
        no_alpn("TLS for another protocol", &["h2", "http/1.1"])
            .refused(ConnectionError::NotOverTls(ALPN)),
        no_alpn("TLS for no protocol", &[]).refused(ConnectionError::NotOverTls(ALPN)),
    ]
}

fn junk() -> Vec<Case> {
    let before = async |arena: &Arena| {
        let shoot = async || {
            let mut peer = arena.peer().await;
            peer.write_beneath(JUNK);
            peer.told().await
        };
        arena.repeat(shoot).await
    };
    let after = async |arena: &Arena| {
        let shoot = async || {
            let mut raw = arena.raw("listen").await;
            raw.peer.write_beneath(JUNK);
            raw.peer.told().await
        };
        arena.repeat(shoot).await
    };
    vec![
        Case::new("junk behind the handshake of TLS", before)
            .server("tls")
            .like("refused", "Tls(\"cannot decrypt")
            .told(Told::Alert(20)),
        Case::new("junk in a session over TLS", after)
            .server("tls")
            .like("detached", "Tls(\"cannot decrypt")
            .told(Told::Alert(20)),
    ]
}

/// The hello of TLS of an honest client; the server's answer is work.
fn hello_of_tls(arena: &Arena) -> Vec<u8> {
    let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
    let mut client = rustls::ClientConnection::new(arena.tls(), name).unwrap();
    let mut bytes = Vec::new();
    client.write_tls(&mut bytes).unwrap();
    bytes
}

/// Handshakes that are left when the server has done its part.
fn hellos() -> Vec<Case> {
    let silent = async |arena: &Arena| {
        let mut peer = Peer::plain(arena.dial().await);
        peer.send(&hello_of_tls(arena)).await;
        vec![peer.told().await]
    };
    let flood = async |arena: &Arena| {
        let from = arena.stranger();
        let mut told = Vec::new();
        for _ in 0..arena.either(60, 2000) {
            let mut peer = Peer::plain(arena.dial_from(from).await);
            peer.send(&hello_of_tls(arena)).await;
            peer.shut_down().await;
            told.push(peer.told().await);
        }
        arena.newcomer().await;
        told
    };
    vec![
        Case::new("silence behind a hello of TLS", silent)
            .server("tls handshake_timeout=700")
            .refused(ConnectionError::HandshakeTimeout(Duration::from_millis(
                700,
            )))
            .told(Told::Nothing),
        Case::new("flood of hellos of TLS", flood)
            .server("tls max_failures=50/10")
            .refused(ConnectionError::ClosedByPeer)
            .refused(ConnectionError::LimitReached {
                limit: Limit::FailuresPerAddress,
                max: 50,
            })
            .told(Told::Nothing),
    ]
}

fn certificates() -> Vec<Case> {
    let shown = |name, leaf: fn(&Papers) -> Option<Leaf>, fault, alert| {
        shaken(name, &[ALPN], leaf)
            .server("tls_with_clients")
            .refused(ConnectionError::CertificateInvalid(fault))
            .told(Told::Alert(alert))
    };
    vec![
        shown("no certificate", |_| None, CertificateFault::Missing, 116),
        shown(
            "certificate that has expired",
            |papers| Some(papers.authority().issue_expired(&["x"], 10)),
            CertificateFault::Expired,
            45,
        ),
        shown(
            "certificate that is not valid yet",
            |papers| Some(papers.authority().issue_future(&["x"], 11)),
            CertificateFault::NotYetValid,
            45,
        ),
        shown(
            "certificate of another issuer",
            |_| Some(Authority::new().issue(&["x"], 12)),
            CertificateFault::UnknownIssuer,
            48,
        ),
        shown(
            "certificate that was revoked",
            |papers| Some(papers.revoked().clone()),
            CertificateFault::Revoked,
            44,
        ),
    ]
}
