//! A conversation in which every frame of protocol v3 occurs, over connections that are cut at chosen
//! bytes.

mod conversation;

use std::collections::BTreeSet;

use conversation::Conversation;

/// Where a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// Which connection, in the order in which they are made, from 0.
    pub connection: usize,
    /// Whose bytes are counted.
    pub to: End,
    /// How many of them still arrive.
    pub after: usize,
    /// What becomes of the connection.
    pub how: How,
}

/// One end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The side that accepts.
    Server,
    /// The side that dials.
    Client,
}

/// How a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// What is on its way to the other end arrives, then both ends learn of it.
    Fin,
    /// Nothing more arrives, and both ends learn of it.
    Reset,
    /// Nothing more arrives, and nobody is told.
    Silence,
}

impl How {
    /// All ways.
    pub const ALL: [Self; 3] = [Self::Fin, Self::Reset, Self::Silence];
}

/// What a conversation came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// For each connection the bytes that arrived at the server, and at the client.
    pub connections: Vec<[usize; 2]>,
    /// The frames that were written.
    pub frames: BTreeSet<&'static str>,
    /// How many of the cuts took place.
    pub cuts: usize,
}

impl Outcome {
    /// Every byte of a connection at which it can be cut, in both directions.
    fn places(&self, connection: usize) -> impl Iterator<Item = (End, usize)> + use<> {
        let counts = self
            .connections
            .get(connection)
            .copied()
            .unwrap_or_default();
        let ends = [End::Server, End::Client].into_iter().zip(counts);
        ends.flat_map(|(to, len)| (0..len).map(move |after| (to, after)))
    }

    /// Every cut of a connection in these ways.
    pub fn cuts(&self, connection: usize, hows: &[How]) -> impl Iterator<Item = Cut> {
        self.places(connection).flat_map(move |(to, after)| {
            hows.iter().map(move |how| Cut {
                connection,
                to,
                after,
                how: *how,
            })
        })
    }
}

/// Holds the conversation with every pair of cuts: a first one in one of the ways of `first`, and a
/// second one at any byte of the connection that follows, in one of the ways of `second`. How many
/// pairs there were.
///
/// # Errors
///
/// As [`converse`], and which cuts they were.
pub fn converse_with_every_pair(first: &[How], second: &[How]) -> Result<u64, String> {
    let whole = converse(&[])?;
    let connections = 0..whole.connections.len();
    let mut count = 0;
    for cut in connections.flat_map(|connection| whole.cuts(connection, first)) {
        let once = converse_and_cut(&[cut])?;
        for again in once.cuts(cut.connection + 1, second) {
            converse_and_cut(&[cut, again])?;
            count += 1;
        }
    }
    Ok(count)
}

/// As [`converse`], with an error where not every cut has taken place.
///
/// # Errors
///
/// As [`converse`], and which cuts they were.
pub fn converse_and_cut(cuts: &[Cut]) -> Result<Outcome, String> {
    match converse(cuts) {
        Ok(outcome) if outcome.cuts == cuts.len() => Ok(outcome),
        Ok(outcome) => Err(format!("{} cuts took place of {cuts:?}", outcome.cuts)),
        Err(what) => Err(format!("{what}, with {cuts:?}")),
    }
}

/// Holds the conversation, with these cuts.
///
/// # Errors
///
/// What is not as it has to be: each message delivered once and in order, the session never lost, the
/// client's close done in the end.
pub fn converse(cuts: &[Cut]) -> Result<Outcome, String> {
    let mut conversation = Conversation::new(cuts);
    conversation.run()?;
    conversation.check()?;
    Ok(conversation.outcome)
}
