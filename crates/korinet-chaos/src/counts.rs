use crate::{Cut, Direction};

/// What a proxy did so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections that came.
    pub connections: u64,
    /// Connections cut by [`Cut::Fin`].
    pub fin: u64,
    /// Connections cut by [`Cut::Reset`].
    pub reset: u64,
    /// Connections cut by [`Cut::Silence`].
    pub silence: u64,
    /// Connections accepted only to be reset.
    pub refused: u64,
    /// Connections reset because there was nobody at the target.
    pub unreachable: u64,
    /// Times that the port was closed.
    pub closed_port: u64,
    /// Bytes written to the server.
    pub bytes_to_server: u64,
    /// Bytes written to clients.
    pub bytes_to_client: u64,
    /// Pieces written alone, on connections whose plan has [`Chunks`](crate::Chunks).
    pub chunks: u64,
}

impl Counts {
    /// Connections cut, by any means.
    #[must_use]
    pub const fn cuts(&self) -> u64 {
        self.fin + self.reset + self.silence
    }

    /// Bytes written, in both directions.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes_to_server + self.bytes_to_client
    }

    pub(crate) const fn add_cut(&mut self, cut: Cut) {
        match cut {
            Cut::Fin => self.fin += 1,
            Cut::Reset => self.reset += 1,
            Cut::Silence => self.silence += 1,
        }
    }

    pub(crate) const fn add_bytes(&mut self, direction: Direction, bytes: u64) {
        match direction {
            Direction::ToServer => self.bytes_to_server += bytes,
            Direction::ToClient => self.bytes_to_client += bytes,
        }
    }
}
