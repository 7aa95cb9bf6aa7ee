//! Who wants the server's memory.

use std::time::Duration;

use korinet::{ConnectionError, Ending, Limit, SessionError};
use korinet_wire::v3::Code;

use crate::hostile::hello::{Wish, hello};
use crate::hostile::peer::Peer;
use crate::hostile::process::Line;
use crate::hostile::raw::{Raw, volatile};
use crate::hostile::{Arena, Case, Told};

const BUDGET: u64 = 32 << 20;

pub(super) fn cases() -> Vec<Case> {
    let mut all = unread();
    all.extend(unsent());
    all.extend(pinned());
    all
}

fn used_up() -> ConnectionError {
    ConnectionError::LimitReached {
        limit: Limit::Memory,
        max: BUDGET,
    }
}

/// What a new client is told.
async fn told_newcomer(arena: &Arena) -> Told {
    let mut peer = arena.peer().await;
    peer.send(&hello(&Wish::open(), &[0; 32], None)).await;
    peer.told().await
}

/// Sessions that send to an application that reads nothing.
fn unread() -> Vec<Case> {
    let messages = async |arena: &Arena| {
        let mut sessions = Vec::new();
        for _ in 0..40 {
            sessions.push(arena.raw("mute").await);
        }
        let mut told = Vec::new();
        for raw in &mut sessions {
            told.push(fill(raw).await);
        }
        let count = told.iter().filter(|told| **told == Told::GoesOn).count();
        // Two windows of a MiB each, of four fifths of 32 MiB.
        assert!((8..=16).contains(&count), "{count}");
        // Up to a read of 256 KiB may be left, and each newcomer is charged with 8 KiB.
        let mut newcomer = told_newcomer(arena).await;
        for _ in 0..32 {
            if newcomer == Told::Welcome {
                newcomer = told_newcomer(arena).await;
            }
        }
        told.push(newcomer);
        told
    };
    let parts = async |arena: &Arena| {
        // The beginning of the largest message.
        let part = [
            &b"\0\x10\0\x0a\x84\x04\x02\x10\x5a\0\x10\0\0"[..],
            &[0; 900_000],
        ]
        .concat();
        let mut sessions = Vec::new();
        for _ in 0..60 {
            sessions.push(arena.raw("listen").await);
        }
        let mut told = Vec::new();
        for raw in &mut sessions {
            told.extend(raw.peer.send_until_told(&part).await);
        }
        let is_used_up = |line: &Line| line.error.contains("Memory");
        assert!(arena.has_said(1, is_used_up).await);
        for raw in &mut sessions {
            // Those that are not cut off yet end inside of the message.
            raw.peer.shut_down().await;
            told.push(raw.peer.told().await);
        }
        // The sessions stay, what there is of messages does not.
        wait_until_counted(arena, |counted| counted < BUDGET / 8).await;
        assert!(arena.figures().await.get("sessions") > 60);
        told
    };
    let idle = async |arena: &Arena| {
        let mut told = Vec::new();
        let mut crowd = Vec::new();
        for _ in 0..250 {
            let mut peer = arena.peer().await;
            peer.send(&hello(&Wish::open(), &[0; 32], None)).await;
            told.push(peer.told().await);
            crowd.push(peer);
        }
        told
    };
    let overloaded = |case: Case| case.detached(used_up()).told(Told::Close(Code::OVERLOADED));
    vec![
        // Those that were cut off keep what they have until they are over: when a newcomer is refused, however slow the
        // machine is, they are not, and when one is to be served, they are.
        overloaded(Case::new("many sessions that nobody reads", messages))
            .server("tls session_expiry=20000")
            .refused(ConnectionError::RefusedHere {
                code: Code::OVERLOADED,
                text: String::new(),
            })
            .told(Told::GoesOn)
            .told(Told::Reject(Code::OVERLOADED)),
        overloaded(Case::new("many beginnings of large messages", parts))
            .server("session_expiry=600000")
            .told(Told::Nothing),
        Case::new("many sessions that say nothing", idle)
            .server("max_memory=4194304")
            .refused(ConnectionError::RefusedHere {
                code: Code::OVERLOADED,
                text: String::new(),
            })
            .told(Told::Welcome)
            .told(Told::Reject(Code::OVERLOADED)),
    ]
}

/// Sends two windows, as much as an honest client can to an application that does not read.
async fn fill(raw: &mut Raw) -> Told {
    let payload = vec![7; 60 * 1024];
    for _ in 0..2 {
        for _ in 0..16 {
            let message = raw.data(&payload);
            if let Some(told) = raw.peer.send_until_told(&message).await {
                return told;
            }
        }
        // What is not taken is not acknowledged, but this is answered.
        let told = raw.is_there(1).await;
        if told != Told::GoesOn {
            return told;
        }
    }
    Told::GoesOn
}

/// Sessions that the application sends to and that do not take it.
fn unsent() -> Vec<Case> {
    let few = async |arena: &Arena| {
        let count = arena.either(8, 20);
        let sessions = slow_readers(arena, count).await;
        // Nearly a window of a MiB each.
        wait_until_counted(arena, |counted| counted >= count as u64 * 900_000).await;
        arena.newcomer().await;
        drop(sessions);
        vec![Told::GoesOn]
    };
    let many = async |arena: &Arena| {
        let mut sessions = slow_readers(arena, arena.either(60, 200)).await;
        wait_until_counted(arena, |counted| counted >= BUDGET / 5 * 4 - (1 << 20)).await;
        let told = told_newcomer(arena).await;
        // Who reads after all is served.
        let raw = sessions.first_mut().expect("there are many");
        assert_eq!(raw.message().await, vec![7; 32 * 1024]);
        vec![told, Told::GoesOn]
    };
    let never = async |arena: &Arena| {
        let mut raw = arena.raw("talk").await;
        let mut told = vec![raw.peer.told().await];
        while told.len() < 3 {
            raw.peer = arena.peer().await;
            let hello = {
                raw.attach += 1;
                hello(&raw.wish(None), &raw.key, raw.peer.binding.as_ref())
            };
            raw.peer.send(&hello).await;
            assert_eq!(raw.peer.told().await, Told::Welcome);
            told.push(raw.peer.told().await);
        }
        told
    };
    let limit = Duration::from_millis(2500);
    let stalled = ConnectionError::Stalled(limit);
    vec![
        Case::new("readers that do not read", few)
            .server("tls")
            .told(Told::GoesOn),
        Case::new(
            "more readers that do not read than there is memory for",
            many,
        )
        .refused(ConnectionError::RefusedHere {
            code: Code::OVERLOADED,
            text: String::new(),
        })
        .told(Told::Reject(Code::OVERLOADED))
        .told(Told::GoesOn),
        Case::new("reader that acknowledges nothing", never)
            .server("tls stall_timeout=2500 session_expiry=60000")
            .detached(stalled.clone())
            .closed(Ending::Error(SessionError::Stalled(stalled)))
            .told(Told::Close(Code::TIMEOUT))
            .told(Told::Close(Code::SESSION_ENDED)),
    ]
}

async fn slow_readers(arena: &Arena, count: usize) -> Vec<Raw> {
    let mut sessions = Vec::new();
    while sessions.len() < count {
        let opened = Raw::open(arena.peer().await, &Wish::open()).await;
        match opened {
            Ok(mut raw) => {
                raw.play("talk").await;
                sessions.push(raw);
            }
            // There is no memory for more.
            Err(_) => break,
        }
    }
    sessions
}

/// Waits until the memory of the sessions is like this.
async fn wait_until_counted(arena: &Arena, is_it: impl Fn(u64) -> bool) {
    let counted = async {
        while !is_it(arena.figures().await.get("counted")) {
            tokio::task::yield_now().await;
        }
    };
    crate::within("the memory to be used, or given back", counted).await;
}

/// Little that keeps much: what is counted is the message, what is kept is all that was read with it.
fn pinned() -> Vec<Case> {
    let rubbish = async |arena: &Arena| {
        let mut raw = arena.raw("mute").await;
        // With it a read is full; it is dropped at once, and not counted as a frame that carries nothing.
        let rubbish = volatile(&[0; 64 * 1024 - 64]);
        for _ in 0..arena.either(600, 4000) {
            let mut bytes = raw.data(b"x");
            bytes.extend_from_slice(&rubbish);
            raw.peer.send(&bytes).await;
        }
        vec![raw.is_there(1).await]
    };
    let halves = async |arena: &Arena| {
        let half = [&b"\0\x08\0\0\xa2\x64data"[..], &[0; 500_000]].concat();
        let mut crowd = Vec::new();
        for _ in 0..arena.either(100, 400) {
            let mut peer = Peer::plain(arena.dial().await);
            peer.send(&half).await;
            crowd.push(peer);
        }
        arena.newcomer().await;
        vec![Told::GoesOn]
    };
    vec![
        Case::new("small messages among rubbish", rubbish).told(Told::GoesOn),
        Case::new("many beginnings of large messages of v2", halves)
            .server("protocols=v2,v3")
            .told(Told::GoesOn),
    ]
}
