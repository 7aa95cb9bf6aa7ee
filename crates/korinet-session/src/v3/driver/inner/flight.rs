//! What a session's flight recorder is told, and when it tells.

use std::time::Instant;

use bytes::Bytes;
use korinet_proto::v3::Transmit;
use korinet_wire::v3::{AttachNumber, Code};

use super::Inner;
use crate::ConnectionError;
use crate::clock::now;
use crate::v3::Event;
use crate::v3::driver::core::Core;
use crate::v3::driver::flight::{FlightRecord, Recorder};

/// How many entries go to the log.
const TOLD: usize = 16;

/// A session's recorder, where it has one.
#[derive(Debug)]
pub(super) struct Flight {
    recorder: Recorder,
    /// Why the log is to have what happened.
    to_tell: Option<&'static str>,
    /// The log has what led to a violation: who can have them one after the other would fill it.
    is_violation_told: bool,
}

impl Flight {
    /// One of so many entries; none of no entries.
    pub(super) fn new(core: &Core, entries: usize) -> Option<Box<Self>> {
        let side = match core {
            Core::Client(_) => "client",
            Core::Server(_) => "server",
        };
        (entries > 0).then(|| {
            Box::new(Self {
                recorder: Recorder::new(side, entries),
                to_tell: None,
                is_violation_told: false,
            })
        })
    }

    pub(super) fn held(&self) -> u64 {
        self.recorder.held()
    }

    pub(super) fn handle_event(&mut self, event: &Event) {
        self.recorder.handle_event(now(), event);
        let why = match event {
            Event::Detached { reason, .. } if is_violation(reason) => {
                let is_told = std::mem::replace(&mut self.is_violation_told, true);
                (!is_told).then_some("connection ended by a violation")
            }
            Event::Lost { .. } => Some("session lost"),
            Event::Closed { why, .. } if !why.is_done() => Some("session over, not in good order"),
            Event::Attached(_)
            | Event::Closed { .. }
            | Event::Connecting(_)
            | Event::Detached { .. }
            | Event::Draining(_) => None,
        };
        self.to_tell = why.or(self.to_tell);
    }

    /// Notes the last frame of a connection.
    pub(super) fn handle_last(&mut self, attach: AttachNumber, last: &Bytes) {
        self.recorder.handle_last(now(), attach, last);
    }
}

impl Inner {
    /// To be called before the session is told of what was read.
    pub(in crate::v3::driver) fn note_input(
        &mut self,
        now: Instant,
        attach: AttachNumber,
        input: &[u8],
    ) {
        // What comes on a connection that was taken over is dropped, wherever it is cut.
        if let Some(flight) = &mut self.flight
            && self.core.is_current(attach)
        {
            flight.recorder.handle_input(now, attach, input);
        }
    }

    /// To be called with what is to be written next, all of it and nothing else.
    pub(in crate::v3::driver) fn note_output(
        &mut self,
        now: Instant,
        attach: AttachNumber,
        out: &Transmit,
    ) {
        if let Some(flight) = &mut self.flight {
            flight.recorder.handle_output(now, attach, out);
        }
    }

    /// Has the log have what happened last, if there is reason for it.
    pub(super) fn tell_flight(&mut self) {
        if let Some(flight) = &mut self.flight
            && let Some(why) = flight.to_tell.take()
        {
            let session = self.core.id().map(|id| id.short().to_string());
            let peer = self.peer.map(tracing::field::display);
            let record = flight.recorder.record(TOLD);
            tracing::warn!(session, peer, "{why}; the last that happened:\n{record}");
        }
    }

    /// What happened last, if it is recorded.
    pub(in crate::v3::driver) fn flight_record(&self) -> Option<FlightRecord> {
        let flight = self.flight.as_ref()?;
        Some(flight.recorder.record(usize::MAX))
    }
}

/// Whether one side found what the other sent to break the protocol.
fn is_violation(reason: &ConnectionError) -> bool {
    /// The codes by which a peer says so, besides that of a digest.
    const VIOLATIONS: std::ops::Range<u16> = 110..200;
    if let ConnectionError::Closed { code, .. } = reason {
        return *code == Code::DIGEST_MISMATCH || VIOLATIONS.contains(&code.get());
    }
    matches!(
        reason,
        ConnectionError::Decode(_)
            | ConnectionError::Discontinuous(_)
            | ConnectionError::NotProven
            | ConnectionError::Preface(_)
            | ConnectionError::Unasked(_)
            | ConnectionError::Violation(_)
    )
}
