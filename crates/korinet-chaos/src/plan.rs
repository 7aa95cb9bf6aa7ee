use std::fmt::{self, Display, Formatter};
use std::num::NonZeroUsize;
use std::time::Duration;

/// One of the two directions of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// What the client sends.
    ToServer,
    /// What the server sends.
    ToClient,
}

impl Display for Direction {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ToServer => "to the server",
            Self::ToClient => "to the client",
        })
    }
}

/// How a connection is cut; both sides see the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Both sides see the end of the stream, and what they still send goes nowhere.
    Fin,
    /// Both sides see a reset, which may overtake bytes that were written before it.
    Reset,
    /// Nothing is read or forwarded any more, as on a dead link, and both sides stay open until one of them
    /// closes, which closes the other; see also [`Plan::for_good`].
    Silence,
}

impl Display for Cut {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fin => "FIN",
            Self::Reset => "RST",
            Self::Silence => "silence",
        })
    }
}

/// Where in the bytes of a direction a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// After exactly this many bytes.
    Byte(u64),
    /// When the first byte of this frame arrives at the proxy (1 is the first frame), so its sender
    /// has written it and its receiver gets nothing of it.
    BeforeFrame(u64),
    /// As soon as the last byte of this frame was forwarded.
    AfterFrame(u64),
}

/// The pieces in which bytes are forwarded, each written alone.
///
/// What has arrived together is forwarded in as many pieces as it takes; a piece does not wait for more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chunks {
    /// Each has this many bytes, if there are so many.
    Even(NonZeroUsize),
    /// Each has from one to this many bytes, drawn at random.
    Random(NonZeroUsize),
}

/// What happens to one connection. By default, nothing: it is forwarded as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    pub(crate) fault: Option<Fault>,
    pub(crate) for_good: bool,
    pub(crate) delay: Duration,
    pub(crate) chunks: Option<Chunks>,
    /// What the sizes of random pieces follow from.
    pub(crate) seed: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Refuse,
    Cut(Direction, Place, Cut),
    /// As soon as one of the directions has carried its bytes, to the server and to the client.
    CutByEither([u64; 2], Cut),
    /// As soon as it has lasted so long.
    CutAfter(Duration, Cut),
}

impl Plan {
    /// The connection is accepted and reset before anything is forwarded.
    #[must_use]
    pub fn refuse() -> Self {
        Self {
            fault: Some(Fault::Refuse),
            ..Self::default()
        }
    }

    /// The connection is cut.
    #[must_use]
    pub fn cut(direction: Direction, place: Place, cut: Cut) -> Self {
        Self {
            fault: Some(Fault::Cut(direction, place, cut)),
            ..Self::default()
        }
    }

    /// The connection is cut when it has lasted so long, whatever it has carried.
    #[must_use]
    pub fn cut_after(time: Duration, cut: Cut) -> Self {
        Self {
            fault: Some(Fault::CutAfter(time, cut)),
            ..Self::default()
        }
    }

    /// If the connection is cut by silence, that goes on when one side closes: the other is never told.
    #[must_use]
    pub const fn for_good(mut self) -> Self {
        self.for_good = true;
        self
    }

    /// Each byte takes this long, in both directions, however many are on their way.
    ///
    /// Up to 16 MiB are on their way in each direction; while there are as many, no more are read.
    #[must_use]
    pub const fn delayed(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Bytes are forwarded in pieces, whose random sizes follow from `seed`.
    #[must_use]
    pub const fn in_chunks(mut self, chunks: Chunks, seed: u64) -> Self {
        self.chunks = Some(chunks);
        self.seed = seed;
        self
    }

    /// Each byte is written alone.
    #[must_use]
    pub const fn in_single_bytes(self) -> Self {
        self.in_chunks(Chunks::Even(NonZeroUsize::MIN), 0)
    }

    /// How it is cut, if it is.
    pub(crate) const fn kind(&self) -> Option<Cut> {
        match self.fault {
            Some(Fault::Cut(_, _, cut) | Fault::CutByEither(_, cut) | Fault::CutAfter(_, cut)) => {
                Some(cut)
            }
            Some(Fault::Refuse) | None => None,
        }
    }

    pub(crate) fn place_in(&self, direction: Direction) -> Option<Place> {
        match self.fault {
            Some(Fault::Cut(found, place, _)) => (found == direction).then_some(place),
            Some(Fault::CutByEither([to_server, to_client], _)) => {
                Some(Place::Byte(match direction {
                    Direction::ToServer => to_server,
                    Direction::ToClient => to_client,
                }))
            }
            Some(Fault::Refuse | Fault::CutAfter(..)) | None => None,
        }
    }

    /// How long it lasts at the most.
    pub(crate) const fn lifetime(&self) -> Option<Duration> {
        match self.fault {
            Some(Fault::CutAfter(time, _)) => Some(time),
            Some(Fault::Refuse | Fault::Cut(..) | Fault::CutByEither(..)) | None => None,
        }
    }
}
