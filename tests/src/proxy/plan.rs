/// One of the two directions of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// What the client sends.
    ToServer,
    /// What the server sends.
    ToClient,
}

/// How a connection is cut; both sides see the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Both sides see the end of the stream, and what they still send goes nowhere.
    Fin,
    /// Both sides see a reset.
    Reset,
    /// Nothing is forwarded any more, and nothing is closed until the proxy ends.
    Silence,
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

/// What happens to one connection.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    pub(super) fault: Option<Fault>,
    pub(super) single_bytes: bool,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Fault {
    Refuse,
    Cut(Direction, Place, Cut),
}

impl Plan {
    /// The connection is accepted and reset before anything is forwarded.
    pub fn refuse() -> Self {
        Self {
            fault: Some(Fault::Refuse),
            single_bytes: false,
        }
    }

    /// The connection is cut.
    pub fn cut(direction: Direction, place: Place, cut: Cut) -> Self {
        Self {
            fault: Some(Fault::Cut(direction, place, cut)),
            single_bytes: false,
        }
    }

    /// Each byte is written alone.
    #[must_use]
    pub fn in_single_bytes(self) -> Self {
        Self {
            single_bytes: true,
            ..self
        }
    }

    pub(super) fn place_in(&self, direction: Direction) -> Option<Place> {
        match self.fault {
            Some(Fault::Cut(found, place, _)) if found == direction => Some(place),
            _ => None,
        }
    }
}
