use korinet_proto::v3::Windows;
use korinet_wire::v3::{Code, Positions};

/// Why two sides cannot go on with a session although both have it (V3-34).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Discontinuity {
    /// One side has more than the other ever sent: the other was set back.
    #[error("one side has received more than the other has sent")]
    Ahead,
    /// One side needs what the other no longer has.
    #[error("one side needs messages that the other no longer has")]
    Gone,
    /// The messages that one side has received are not those that the other has sent.
    #[error("the two sides have different histories")]
    Diverged,
}

impl Discontinuity {
    /// The code that tells the peer.
    #[must_use]
    pub const fn code(self) -> Code {
        match self {
            Self::Ahead => Code::POSITION_AHEAD,
            Self::Gone => Code::POSITION_GONE,
            Self::Diverged => Code::HISTORY_DIVERGED,
        }
    }
}

/// The positions of this side, for its HELLO or WELCOME.
pub(super) fn local_positions(windows: &Windows) -> Positions {
    let (next, digest) = windows.receive.next();
    Positions {
        next,
        oldest: windows.send.oldest(),
        end: windows.send.end(),
        digest,
    }
}

/// Whether this side can go on with a peer that stands at `peer`.
///
/// Each side asks this of itself, so that both directions are looked at twice.
pub(super) fn check(windows: &Windows, peer: &Positions) -> Result<(), Discontinuity> {
    let (next, digest) = windows.receive.next();
    if peer.next < windows.send.oldest() || next < peer.oldest {
        return Err(Discontinuity::Gone);
    }
    if !windows.send.is_reachable(peer.next) || next > peer.end {
        return Err(Discontinuity::Ahead);
    }
    if peer.digest.is_some() != digest.is_some() {
        return Err(Discontinuity::Diverged);
    }
    if windows.send.digest_at(peer.next) != peer.digest && !mutated!(HistoryNotCompared) {
        return Err(Discontinuity::Diverged);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use korinet_proto::v3::{Payload, ReceiveWindow, SendWindow, Transmit};
    use korinet_wire::v3::{Kind, Level, Limits, Seq};

    use super::*;

    const LIMITS: Limits = Limits {
        messages: 10,
        bytes: 10_000,
        message: 100,
    };

    /// One side that has sent six messages and had the first two acknowledged.
    fn windows() -> Windows {
        let mut send = SendWindow::new(LIMITS, true);
        for payload in [&b"a"[..], b"b", b"c", b"d", b"e", b"f"] {
            send.push(Kind::RAW, None, Payload::Copied(payload))
                .unwrap();
            // Each is a group of its own.
            send.poll_transmit(&mut Transmit::new());
        }
        let acked = seq(3);
        send.handle_ack(acked, send.digest_at(acked)).unwrap();
        Windows {
            send,
            receive: ReceiveWindow::new(LIMITS, Level::Received, true),
        }
    }

    fn seq(number: u64) -> Seq {
        Seq::new(number).unwrap()
    }

    /// A peer that expects `next` and has `oldest` to `end` to send.
    fn peer(windows: &Windows, next: u64, oldest: u64, end: u64) -> Positions {
        let next = seq(next);
        Positions {
            next,
            oldest: seq(oldest),
            end: seq(end),
            digest: windows
                .send
                .digest_at(next)
                .or_else(|| windows.send.digest_at(seq(3))),
        }
    }

    // V3-34
    #[test]
    fn both_directions_have_to_meet() {
        let windows = windows();
        for (next, oldest, end, expect) in [
            (3, 1, 1, Ok(())),
            (7, 1, 5, Ok(())),
            (2, 1, 1, Err(Discontinuity::Gone)),
            (8, 1, 1, Err(Discontinuity::Ahead)),
            (3, 2, 5, Err(Discontinuity::Gone)),
        ] {
            let found = check(&windows, &peer(&windows, next, oldest, end));
            assert_eq!(found, expect, "next {next}, {oldest} to {end}");
        }
    }

    #[test]
    fn equal_positions_with_other_histories_do_not_meet() {
        let windows = windows();
        let mut positions = peer(&windows, 5, 1, 1);
        positions.digest = windows.send.digest_at(seq(4));
        assert_eq!(check(&windows, &positions), Err(Discontinuity::Diverged));
        positions.digest = None;
        assert_eq!(check(&windows, &positions), Err(Discontinuity::Diverged));
    }

    #[test]
    fn local_positions_are_those_of_the_windows() {
        let mut windows = windows();
        let _ = windows
            .send
            .push(Kind::RAW, None, Payload::Shared(Bytes::from_static(b"g")));
        let positions = local_positions(&windows);
        assert_eq!((positions.next, positions.oldest), (seq(1), seq(3)));
        assert_eq!(positions.end, seq(8));
    }
}
