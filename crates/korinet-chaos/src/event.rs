use std::fmt::{self, Display, Formatter};
use std::io;
use std::net::SocketAddr;

use crate::{Cut, Direction};

/// What happened to a connection; shown, it is a line.
#[derive(Debug)]
pub struct Event {
    /// The connection's number, from 1 in the order in which they came.
    pub connection: u64,
    /// What happened to it.
    pub what: What,
}

/// See [`Event`].
#[derive(Debug)]
pub enum What {
    /// It came from there.
    Came(SocketAddr),
    /// It was reset, as its plan has it.
    Refused,
    /// It was reset, since there was nobody at the target.
    Unreachable(io::Error),
    /// It is cut now.
    Cut {
        /// Whose bytes reached the place of the cut; none, where its time was over.
        direction: Option<Direction>,
        /// How it is cut.
        cut: Cut,
        /// What was forwarded before.
        carried: Carried,
    },
    /// Both sides ended it by themselves.
    Ended(Carried),
    /// One side broke it off, and so the other was reset.
    Broken(Carried),
}

/// How much was forwarded on a connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Carried {
    /// Bytes written to the server.
    pub to_server: u64,
    /// Bytes written to the client.
    pub to_client: u64,
}

impl Display for Event {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "connection {} ", self.connection)?;
        match &self.what {
            What::Came(peer) => write!(f, "came from {peer}"),
            What::Refused => write!(f, "refused"),
            What::Unreachable(error) => write!(f, "reset, the target cannot be reached: {error}"),
            What::Cut {
                direction,
                cut,
                carried,
            } => {
                write!(f, "cut by {cut}, ")?;
                if let Some(direction) = direction {
                    write!(f, "on the way {direction}, ")?;
                }
                write!(f, "after {carried}")
            }
            What::Ended(carried) => write!(f, "ended after {carried}"),
            What::Broken(carried) => write!(f, "broken off by one of its ends after {carried}"),
        }
    }
}

impl Display for Carried {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self {
            to_server,
            to_client,
        } = self;
        write!(
            f,
            "{to_server} bytes to the server and {to_client} to the client"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_is_told_with_its_direction_its_place_and_its_kind() {
        let event = Event {
            connection: 3,
            what: What::Cut {
                direction: Some(Direction::ToClient),
                cut: Cut::Reset,
                carried: Carried {
                    to_server: 17,
                    to_client: 2000,
                },
            },
        };
        assert_eq!(
            event.to_string(),
            "connection 3 cut by RST, on the way to the client, \
             after 17 bytes to the server and 2000 to the client"
        );
    }
}
