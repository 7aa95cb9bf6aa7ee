//! What happened last on a session's connections, for whoever has to find out why it ended.

mod head;
mod record;

use std::time::{Duration, Instant};

use korinet_proto::v3::Transmit;
use korinet_wire::v3::{AttachNumber, SessionId};

use crate::clock::now;
use crate::v3::{Ending, Event};

use head::heads;
pub use record::FlightRecord;
use record::{Entry, What};

/// The longest text of an entry, in characters: a part of it may be the peer's.
const MAX_TEXT: usize = 200;

/// A ring of the last entries. It has its memory from the beginning, so that a frame costs no allocation.
#[derive(Debug)]
pub(super) struct Recorder {
    /// When the session began.
    start: Instant,
    side: &'static str,
    /// Of the last connection; a session that is over has no name any more.
    session: Option<SessionId>,
    /// The last connection, or attempt to get one, that there was an event of.
    attach: AttachNumber,
    entries: Vec<Entry>,
    /// How many entries there are at the most.
    size: usize,
    /// Where the oldest entry is, once there are that many.
    oldest: usize,
    /// How many entries were overwritten.
    dropped: u64,
}

impl Recorder {
    /// One of so many entries.
    pub(super) fn new(side: &'static str, size: usize) -> Self {
        Self {
            start: now(),
            side,
            session: None,
            attach: AttachNumber::FIRST,
            entries: Vec::with_capacity(size),
            size,
            oldest: 0,
            dropped: 0,
        }
    }

    /// What it holds, in bytes.
    pub(super) fn held(&self) -> u64 {
        u64::try_from(self.size.saturating_mul(size_of::<Entry>())).unwrap_or(u64::MAX)
    }

    /// Notes the frames that have come whole. A part of one is noted when the rest has come.
    pub(super) fn handle_input(&mut self, now: Instant, attach: AttachNumber, input: &[u8]) {
        for head in heads([input]) {
            self.push(now, attach, What::Received(head));
        }
    }

    /// Notes the frames that are about to be written.
    pub(super) fn handle_output(&mut self, now: Instant, attach: AttachNumber, out: &Transmit) {
        for head in heads(out.pieces()) {
            self.push(now, attach, What::Sent(head));
        }
    }

    /// Notes the last frame of a connection.
    pub(super) fn handle_last(&mut self, now: Instant, attach: AttachNumber, last: &[u8]) {
        for head in heads([last]) {
            self.push(now, attach, What::Sent(head));
        }
    }

    /// Notes a change of the session; never what it carries.
    pub(super) fn handle_event(&mut self, now: Instant, event: &Event) {
        let text = match event {
            Event::Connecting(attach) => {
                self.attach = *attach;
                "connecting".to_owned()
            }
            Event::Attached(to) => {
                self.attach = to.attach;
                self.session = Some(to.session);
                match (to.resumed, to.replayed) {
                    (true, replayed) => format!("attached, resumed, {replayed} to write again"),
                    (false, _) => "attached, opened".to_owned(),
                }
            }
            Event::Detached { reason, .. } => format!("detached: {reason}"),
            Event::Draining(go_away) => format!("peer is draining: {}", go_away.code),
            Event::Lost {
                why,
                resent,
                in_doubt,
            } => {
                let in_doubt = in_doubt.len();
                format!("lost, {resent} to send again, {in_doubt} in doubt: {why}")
            }
            Event::Closed { why, in_doubt } => over(why, in_doubt.len()),
        };
        self.push(now, self.attach, What::Change(printable(&text)));
    }

    fn push(&mut self, now: Instant, attach: AttachNumber, what: What) {
        let micros = micros(now.saturating_duration_since(self.start));
        let entry = Entry {
            micros,
            attach,
            what,
        };
        if self.entries.len() < self.size {
            self.entries.push(entry);
            return;
        }
        if let Some(oldest) = self.entries.get_mut(self.oldest) {
            *oldest = entry;
        }
        self.oldest += 1;
        if self.oldest == self.size {
            self.oldest = 0;
        }
        self.dropped += 1;
    }

    /// The last `most` entries of what it holds, the oldest first.
    pub(super) fn record(&self, most: usize) -> FlightRecord {
        let (newer, older) = self.entries.split_at(self.oldest);
        let skipped = self.entries.len().saturating_sub(most);
        let entries = older.iter().chain(newer).skip(skipped);
        FlightRecord {
            side: self.side,
            session: self.session,
            micros: micros(now().saturating_duration_since(self.start)),
            dropped: self.dropped + u64::try_from(skipped).unwrap_or(u64::MAX),
            entries: entries.cloned().collect(),
        }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn over(why: &Ending, in_doubt: usize) -> String {
    match why {
        Ending::Local => "over: closed by this side".to_owned(),
        Ending::Peer { .. } | Ending::Error(_) => {
            let error = why.as_error().map(|error| error.to_string());
            format!("over, {in_doubt} in doubt: {}", error.unwrap_or_default())
        }
    }
}

/// Nothing that a terminal would act on, in one line.
fn printable(text: &str) -> Box<str> {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars().take(MAX_TEXT) {
        match character {
            '\'' | '"' => shown.push(character),
            other => shown.extend(other.escape_debug()),
        }
    }
    shown.into()
}

#[cfg(test)]
mod tests;
