//! Sessions that somebody comes back to who should not, or too often.

use korinet::ConnectionError;
use korinet_wire::v3::{Code, Digest, Features, Intent, PREFACE, Resume, Seq};

use crate::hostile::hello::{Wish, hello};
use crate::hostile::peer::Peer;
use crate::hostile::raw::{Raw, seq};
use crate::hostile::{Arena, Case, Told};

fn refused(code: Code, text: &str) -> ConnectionError {
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
    all.extend(positions());
    all.extend(storms());
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

/// Right owners who stand where they cannot.
fn positions() -> Vec<Case> {
    let standing = |name, offered, change: fn(&mut Resume), code: Code| {
        let resume = async move |arena: &Arena| {
            let wish = Wish {
                offered,
                ..Wish::open()
            };
            let mut raw = arena.raw_as("listen", &wish).await;
            let resume = async || {
                let mut peer = arena.peer().await;
                raw.attach += 1;
                let mut wish = Wish {
                    offered,
                    ..raw.wish(None)
                };
                if let Intent::Resume(resume) = &mut wish.intent {
                    change(resume);
                }
                peer.send(&hello(&wish, &raw.key, peer.binding.as_ref()))
                    .await;
                peer.told().await
            };
            arena.repeat(resume).await
        };
        Case::new(name, resume)
            .server("tls")
            .told(Told::Reject(code))
    };
    vec![
        standing(
            "resume beyond what was ever sent",
            Features::NONE,
            |resume| resume.positions.next = seq(1000),
            Code::POSITION_AHEAD,
        )
        .like("refused", "RefusedHere { code: Code(404), "),
        standing(
            "resume that misses what was taken",
            Features::NONE,
            |resume| {
                resume.positions.oldest = seq(1);
                resume.positions.end = seq(1);
            },
            Code::POSITION_AHEAD,
        )
        .like("refused", "RefusedHere { code: Code(404), "),
        standing(
            "resume from the end of all numbers",
            Features::NONE,
            |resume| {
                resume.positions.oldest = Seq::END;
                resume.positions.end = Seq::END;
            },
            Code::POSITION_GONE,
        )
        .like("refused", "RefusedHere { code: Code(403), "),
        standing(
            "resume of another history",
            Features::CHECKSUM,
            |resume| resume.positions.digest = Some(Digest::from_u32(0xbad)),
            Code::HISTORY_DIVERGED,
        )
        .like("refused", "RefusedHere { code: Code(405), "),
    ]
}

/// Right owners who come too often.
fn storms() -> Vec<Case> {
    let resumes = async |arena: &Arena| {
        let mut raw = arena.raw("listen").await;
        for round in 1..100 {
            drop(std::mem::replace(&mut raw.peer, arena.peer().await));
            // Otherwise it would take over.
            assert!(arena.has_said(round, |line| line.what == "detached").await);
            let hello = hello_of(&mut raw);
            raw.peer.send(&hello).await;
            match raw.peer.told().await {
                Told::Welcome => {}
                told => {
                    assert!(round > 10, "refused after {round}");
                    return vec![told];
                }
            }
        }
        vec![Told::Welcome]
    };
    let take_overs = async |arena: &Arena| {
        let mut raw = arena.raw("listen").await;
        for round in 1..100 {
            let mut old = std::mem::replace(&mut raw.peer, arena.peer().await);
            let hello = hello_of(&mut raw);
            raw.peer.send(&hello).await;
            match raw.peer.told().await {
                Told::Welcome => assert_eq!(old.told().await, Told::Close(Code::TAKEN_OVER)),
                told => {
                    assert!(round > 5, "refused after {round}");
                    raw.peer = old;
                    assert_eq!(raw.is_there(1).await, Told::GoesOn);
                    return vec![told];
                }
            }
        }
        vec![Told::Welcome]
    };
    let overloaded = Told::RejectUntil(Code::OVERLOADED);
    vec![
        Case::new("storm of resumes by the owner", resumes)
            .server("max_resumes=10/1")
            .refused(refused(Code::OVERLOADED, "1 resumes a second"))
            .told(overloaded),
        Case::new("storm of take-overs by the owner", take_overs)
            .server("max_take_overs=5/1")
            .refused(refused(Code::OVERLOADED, "1 take-overs a second"))
            .detached(ConnectionError::TakenOver)
            .told(overloaded),
    ]
}

/// What resumes it on the connection that it has now.
fn hello_of(raw: &mut Raw) -> Vec<u8> {
    raw.attach += 1;
    let hello = hello(&raw.wish(None), &raw.key, raw.peer.binding.as_ref());
    assert!(hello.starts_with(&PREFACE));
    hello
}
