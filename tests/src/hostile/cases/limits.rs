//! Who wants more than its share: failures, sessions, and the time of an authenticator.

use std::time::Duration;

use korinet::{ConnectionError, Ending, Limit, SessionError};
use korinet_wire::v3::{Close, Code, Frame, How, Intent, Limits, Open, PrefaceError};

use crate::hostile::hello::{Wish, hello};
use crate::hostile::peer::Peer;
use crate::hostile::process::Line;
use crate::hostile::raw::{encoded, seq};
use crate::hostile::{Arena, Case, Told};

fn refused(code: Code, text: &str) -> ConnectionError {
    ConnectionError::RefusedHere {
        code,
        text: text.to_owned(),
    }
}

pub(super) fn cases() -> Vec<Case> {
    let mut all = vec![
        failures(),
        table_full(),
        one_principal(),
        vanishing(),
        ended(),
    ];
    all.extend(extremes());
    all.extend(authenticators());
    all
}

/// Too many connections of one address that come to nothing: it is kept out, and others are not.
fn failures() -> Case {
    let fail = async |arena: &Arena| {
        let from = arena.stranger();
        let mut told = Vec::new();
        for _ in 0..arena.either(40, 2000) {
            let mut peer = Peer::plain(arena.dial_from(from).await);
            peer.send(b"what?").await;
            told.push(peer.told().await);
        }
        arena.newcomer().await;
        let said = arena.said();
        let failed = said.iter().filter(|line| line.error.starts_with("Preface"));
        assert!(failed.count() >= 20, "{said:?}");
        told
    };
    Case::new("failures of one address", fail)
        .server("max_failures=20/1")
        .refused(ConnectionError::Preface(PrefaceError::NotKorinet {
            looks_like: None,
        }))
        .refused(ConnectionError::LimitReached {
            limit: Limit::FailuresPerAddress,
            max: 20,
        })
        .told(Told::Nothing)
}

/// Opens a session; what it is told, and the connection, which holds the session.
async fn open(arena: &Arena, token: Option<&str>) -> (Told, Peer) {
    let wish = Wish {
        token,
        ..Wish::open()
    };
    let mut peer = arena.peer().await;
    peer.send(&hello(&wish, &[0; 32], None)).await;
    (peer.told().await, peer)
}

fn table_full() -> Case {
    let fill = async |arena: &Arena| {
        let mut all = Vec::new();
        for _ in 0..arena.either(40, 400) {
            all.push(open(arena, None).await);
        }
        assert_eq!(arena.figures().await.get("sessions"), 20);
        let welcomed = all.iter().filter(|(told, _)| *told == Told::Welcome);
        // The healthy session is one of the twenty.
        assert_eq!(welcomed.count(), 19);
        all.into_iter().map(|(told, _)| told).collect()
    };
    Case::new("session table full", fill)
        .server("max_sessions=20 session_expiry=300")
        .refused(refused(Code::TOO_MANY_SESSIONS, "limit 20"))
        .told(Told::Welcome)
        .told(Told::Reject(Code::TOO_MANY_SESSIONS))
        .closed(Ending::Error(SessionError::Expired {
            after: Duration::from_millis(300),
        }))
}

fn one_principal() -> Case {
    let fill = async |arena: &Arena| {
        let mut all = Vec::new();
        for _ in 0..arena.either(10, 400) {
            all.push(open(arena, Some("mallory")).await);
        }
        let welcomed = all.iter().filter(|(told, _)| *told == Told::Welcome);
        assert_eq!(welcomed.count(), 5);
        arena.newcomer().await;
        all.into_iter().map(|(told, _)| told).collect()
    };
    Case::new("too many sessions of one principal", fill)
        .server("tokens tls max_sessions_per_principal=5")
        .refused(refused(Code::TOO_MANY_SESSIONS, "limit 5 of one client"))
        .told(Told::Welcome)
        .told(Told::Reject(Code::TOO_MANY_SESSIONS))
}

/// Sessions that are opened and left, again and again; what is left of each is bounded.
fn vanishing() -> Case {
    const EXPIRY: Duration = Duration::from_millis(100);
    let vanish = async |arena: &Arena| {
        let count = arena.either(300, 5000);
        let mut told = Vec::new();
        for _ in 0..count {
            told.push(open(arena, None).await.0);
        }
        // Their task tells of the end before the session is dropped.
        let is_over = |line: &Line| line.what == "closed";
        assert!(arena.has_said(count, is_over).await);
        told
    };
    Case::new("sessions opened and left", vanish)
        .server("session_expiry=100")
        .closed(Ending::Error(SessionError::Expired { after: EXPIRY }))
        .told(Told::Welcome)
}

/// Sessions that are opened and closed, again and again: of each it is remembered for an hour that it was there.
fn ended() -> Case {
    let end = async |arena: &Arena| {
        let close = encoded(&Frame::Close(Close {
            code: Code::DONE,
            text: "",
            how: How::End,
            next: seq(1),
            digest: None,
        }));
        let mut told = Vec::new();
        for _ in 0..arena.either(300, 12_000) {
            let (_, mut peer) = open(arena, None).await;
            peer.send(&close).await;
            told.push(peer.told().await);
        }
        told
    };
    Case::new("sessions opened and closed", end)
        .closed(Ending::Peer {
            code: Code::DONE,
            text: String::new(),
        })
        .told(Told::End(Code::DONE))
}

/// Numbers as large or as small as they can be.
fn extremes() -> Vec<Case> {
    let asked = |name, attach, change: fn(&mut Open)| {
        let ask = async move |arena: &Arena| {
            let ask = async || {
                let mut wish = Wish {
                    attach,
                    keep_alive: Duration::from_millis(u64::MAX),
                    ..Wish::open()
                };
                if let Intent::Open(open) = &mut wish.intent {
                    change(open);
                }
                let mut peer = arena.peer().await;
                peer.send(&hello(&wish, &[0; 32], None)).await;
                peer.told().await
            };
            arena.repeat(ask).await
        };
        Case::new(name, ask).server("tls").told(Told::Welcome)
    };
    vec![
        asked("greatest times and limits", u64::MAX, |open| {
            open.expiry = Duration::from_millis(u64::MAX);
            open.limits = limits(u32::MAX);
        }),
        asked("smallest times and limits", 1, |open| {
            open.expiry = Duration::ZERO;
            open.limits = limits(1);
        }),
    ]
}

const fn limits(of_all: u32) -> Limits {
    Limits {
        messages: of_all,
        bytes: of_all,
        message: of_all,
    }
}

fn authenticators() -> Vec<Case> {
    let shown = |name, token: Option<&'static str>, code: Code| {
        let show = async move |arena: &Arena| {
            let show = async || open(arena, token).await.0;
            arena.repeat(show).await
        };
        Case::new(name, show)
            .server("tokens tls")
            .refused(refused(code, ""))
            .told(Told::Reject(code))
    };
    let hanging = async |arena: &Arena| {
        let from = arena.stranger();
        let mut crowd = Vec::new();
        for _ in 0..arena.either(40, 400) {
            let wish = Wish {
                token: Some("hangs"),
                ..Wish::open()
            };
            let mut peer = Peer::plain(arena.dial_from(from).await);
            peer.send(&hello(&wish, &[0; 32], None)).await;
            crowd.push(peer);
        }
        arena.newcomer().await;
        let mut told = Vec::new();
        for peer in &mut crowd {
            told.push(peer.told().await);
        }
        told
    };
    vec![
        shown("no credential", None, Code::AUTHENTICATION_REQUIRED),
        shown(
            "forged credential",
            Some("forged"),
            Code::AUTHENTICATION_FAILED,
        ),
        shown(
            "credential of one who may not",
            Some("barred"),
            Code::NOT_AUTHORIZED,
        ),
        shown("authenticator that panics", Some("panics"), Code::INTERNAL),
        Case::new("authenticator that hangs", hanging)
            .server("tokens handshake_timeout=3000")
            .refused(refused(Code::TIMEOUT, ""))
            .told(Told::Reject(Code::TIMEOUT))
            .maybe_refused(
                ConnectionError::LimitReached {
                    limit: Limit::HandshakesPerAddress,
                    max: 16,
                },
                Told::Nothing,
            ),
    ]
}
