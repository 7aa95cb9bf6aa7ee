//! Sessions that somebody comes back to who should not.

use korinet::ConnectionError;
use korinet_wire::v3::{Code, Intent, Resume};

use crate::hostile::hello::{Wish, hello};
use crate::hostile::peer::Peer;
use crate::hostile::raw::Raw;
use crate::hostile::{Arena, Case, Told};

pub(super) fn refused(code: Code, text: &str) -> ConnectionError {
    ConnectionError::RefusedHere {
        code,
        text: text.to_owned(),
    }
}

/// Somebody who knows what a session is called, and no more, is told what everybody is told.
fn unknown(case: Case) -> Case {
    case.refused(refused(Code::SESSION_UNKNOWN, ""))
        .told(Told::Reject(Code::SESSION_UNKNOWN))
}

/// Somebody sends this HELLO, for a session that somebody has; it goes on.
fn theft(
    name: &'static str,
    make: impl AsyncFn(&Arena, &mut Raw, &Peer) -> Vec<u8> + 'static,
) -> Case {
    let steal = async move |arena: &Arena| {
        let mut victim = arena.raw_as("listen", &token("owner")).await;
        let steal = async || {
            let mut thief = arena.peer().await;
            let hello = make(arena, &mut victim, &thief).await;
            thief.send(&hello).await;
            thief.told().await
        };
        let told = arena.repeat(steal).await;
        assert_eq!(victim.is_there(1).await, Told::GoesOn);
        told
    };
    Case::new(name, steal)
}

fn token(token: &str) -> Wish<'_> {
    Wish {
        token: Some(token),
        ..Wish::open()
    }
}

pub(super) fn cases() -> Vec<Case> {
    let mut all = thefts();
    all.extend(replays());
    all
}

fn thefts() -> Vec<Case> {
    let without_key = async |_: &Arena, raw: &mut Raw, _: &Peer| {
        raw.attach += 1;
        hello(&raw.wish(Some("owner")), &[0; 32], None)
    };
    let as_another =
        async |_: &Arena, raw: &mut Raw, thief: &Peer| raw.resume(thief, Some("mallory"));
    let made_up = async |_: &Arena, raw: &mut Raw, _: &Peer| {
        let wish = raw.wish(Some("owner"));
        let Intent::Resume(resume) = wish.intent else {
            unreachable!("it is for a resume");
        };
        let session = korinet_wire::v3::SessionId::from_bytes([7; 16]);
        let intent = Intent::Resume(Resume { session, ..resume });
        hello(&Wish { intent, ..wish }, &raw.key, None)
    };
    let unbound = async |_: &Arena, raw: &mut Raw, _: &Peer| {
        raw.attach += 1;
        hello(&raw.wish(Some("owner")), &raw.key, None)
    };
    let bound_elsewhere = async |arena: &Arena, raw: &mut Raw, _: &Peer| {
        let elsewhere = arena.peer().await;
        raw.resume(&elsewhere, Some("owner"))
    };
    let over_plaintext = async |arena: &Arena| {
        let mut victim = arena.raw("listen").await;
        let steal = async || {
            let mut thief = Peer::plain(arena.dial().await);
            let hello = victim.resume(&thief, None);
            thief.send(&hello).await;
            thief.told().await
        };
        let told = arena.repeat(steal).await;
        assert_eq!(victim.is_there(1).await, Told::GoesOn);
        told
    };
    vec![
        unknown(theft("session id without the key", without_key)).server("tokens"),
        unknown(theft("right key, token of another", as_another)).server("tokens"),
        unknown(theft("session id that is made up", made_up)).server("tokens"),
        unknown(theft("right key, not bound to TLS", unbound)).server("tls"),
        unknown(theft(
            "right key, bound to another connection",
            bound_elsewhere,
        ))
        .server("tls"),
        unknown(Case::new("session of TLS resumed without", over_plaintext))
            .server("tls plaintext"),
    ]
}

/// Bytes that were right once.
fn replays() -> Vec<Case> {
    let resume_twice = async |arena: &Arena| {
        let mut raw = arena.raw("listen").await;
        let mut told = Vec::new();
        let (mut first, mut second) = (arena.peer().await, arena.peer().await);
        let hello = raw.resume(&first, None);
        first.send(&hello).await;
        told.push(first.told().await);
        second.send(&hello).await;
        told.push(second.told().await);
        raw.peer = first;
        assert_eq!(raw.is_there(1).await, Told::GoesOn);
        told
    };
    let at_once = async |arena: &Arena| {
        let mut raw = arena.raw("listen").await;
        let mut peers = Vec::new();
        for _ in 0..10 {
            peers.push(arena.peer().await);
        }
        let hello = raw.resume(&peers[0], None);
        for peer in &mut peers {
            peer.send(&hello).await;
        }
        let mut told = Vec::new();
        for peer in &mut peers {
            told.push(peer.told().await);
        }
        let welcomed = told.iter().filter(|told| **told == Told::Welcome);
        assert_eq!(welcomed.count(), 1, "{told:?}");
        told
    };
    let open_again = async |arena: &Arena| {
        let hello = hello(&Wish::open(), &[0; 32], None);
        let mut first = arena.peer().await;
        first.send(&hello).await;
        let mut told = vec![first.told().await];
        let mut second = arena.peer().await;
        second.send(&hello).await;
        told.push(second.told().await);
        told
    };
    let used_open_again = async |arena: &Arena| {
        let wish = Wish::open();
        let mut victim = arena.raw_as("listen", &wish).await;
        let mut second = arena.peer().await;
        let later = Wish { attach: 2, ..wish };
        second.send(&hello(&later, &[0; 32], None)).await;
        let told = vec![second.told().await];
        assert_eq!(victim.is_there(1).await, Told::GoesOn);
        told
    };
    let stale = || refused(Code::ATTACH_STALE, "");
    let told_stale = Told::Reject(Code::ATTACH_STALE);
    let stale_resume = async |_: &Arena, raw: &mut Raw, thief: &Peer| {
        hello(&raw.wish(Some("owner")), &raw.key, thief.binding.as_ref())
    };
    vec![
        Case::new("the same resume twice", resume_twice)
            .refused(stale())
            .detached(ConnectionError::TakenOver)
            .told(Told::Welcome)
            .told(told_stale),
        Case::new("the same resume ten times at once", at_once)
            .refused(stale())
            .detached(ConnectionError::TakenOver)
            .told(Told::Welcome)
            .told(told_stale),
        Case::new("the same open twice", open_again)
            .refused(stale())
            .told(Told::Welcome)
            .told(told_stale),
        unknown(Case::new(
            "open of a session that is in use",
            used_open_again,
        )),
        theft("attach number that is stale", stale_resume)
            .server("tls")
            .refused(stale())
            .told(told_stale),
    ]
}
