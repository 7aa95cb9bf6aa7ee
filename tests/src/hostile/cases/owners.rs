//! Owners of sessions who come back to them from where they cannot be, or too often.

use korinet::ConnectionError;
use korinet_wire::v3::{Code, Digest, Features, Intent, PREFACE, Resume, Seq};

use super::resumes::refused;
use crate::hostile::hello::{Wish, hello};
use crate::hostile::raw::{Raw, seq};
use crate::hostile::{Arena, Case, Told};

pub(super) fn cases() -> Vec<Case> {
    let mut all = positions();
    all.extend(storms());
    all
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
            .like("refused", format!("RefusedHere {{ code: {code:?}, "))
    };
    vec![
        standing(
            "resume beyond what was ever sent",
            Features::NONE,
            |resume| resume.positions.next = seq(1000),
            Code::POSITION_AHEAD,
        ),
        standing(
            "resume that misses what was taken",
            Features::NONE,
            |resume| {
                resume.positions.oldest = seq(1);
                resume.positions.end = seq(1);
            },
            Code::POSITION_AHEAD,
        ),
        standing(
            "resume from the end of all numbers",
            Features::NONE,
            |resume| {
                resume.positions.oldest = Seq::END;
                resume.positions.end = Seq::END;
            },
            Code::POSITION_GONE,
        ),
        standing(
            "resume of another history",
            Features::CHECKSUM,
            |resume| resume.positions.digest = Some(Digest::from_u32(0xbad)),
            Code::HISTORY_DIVERGED,
        ),
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
            .server("max_resumes=10/1 session_expiry=60000")
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
