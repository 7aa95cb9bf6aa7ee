use korinet_wire::v3::{Ack, Close, Data, Features, Frame, How, Intent, Seq, SessionId};

use super::link::{Link, LinkId, Side};
use super::network::Network;
use super::tap::{Written, kind_of};

impl Network {
    /// A side writes, as its session told its driver. All that is written is looked at: whether the
    /// frame may come here, and whether it says what is so.
    pub fn write(&mut self, id: LinkId, side: Side, bytes: &[u8]) -> Result<(), String> {
        let Some(link) = self.links.get_mut(&id) else {
            return Ok(());
        };
        let pieces = link
            .tap_mut(side)
            .split(bytes)
            .map_err(|error| format!("{id}: {side:?} writes: {error}"))?;
        if side == Side::Client && pieces.first().is_some_and(|piece| piece.frame.is_none()) {
            self.recorded.push(bytes::Bytes::copy_from_slice(bytes));
        }
        for piece in pieces {
            self.observe(id, side, &piece)
                .map_err(|error| format!("{id}: {side:?} writes: {error}"))?;
            self.put_tampered(id, side, &piece);
        }
        Ok(())
    }

    fn observe(&mut self, id: LinkId, side: Side, piece: &Written<'_>) -> Result<(), String> {
        let Some(frame) = &piece.frame else {
            return Ok(());
        };
        self.note(format_args!("{id} {side:?} writes {frame}"));
        if let Some(kind) = kind_of(frame) {
            self.report.frames.add(kind);
        }
        let Some(link) = self.links.get_mut(&id) else {
            return Ok(());
        };
        link.tap_mut(side).check(side, frame)?;
        match frame {
            Frame::Hello(hello) => {
                if let Intent::Resume(resume) = hello.intent {
                    link.session = Some(resume.session);
                }
            }
            Frame::Welcome(welcome) => {
                link.session = Some(welcome.session);
                link.has_checksum = Some(welcome.features.contains(Features::CHECKSUM));
            }
            Frame::Reject(reject) if reject.proof.is_some() => {
                if let (Some(session), Some(next)) = (link.session, reject.next) {
                    return self.observe_taken(session, side, next);
                }
            }
            Frame::Data(data) => return self.observe_data(id, side, data, piece.bytes),
            Frame::Ack(Ack { next, .. }) => {
                let session = session_of(link)?;
                return self.observe_taken(session, side, *next);
            }
            Frame::Close(close) => return self.observe_close(id, side, close),
            _ => {}
        }
        Ok(())
    }

    fn observe_data(
        &mut self,
        id: LinkId,
        side: Side,
        data: &Data<'_>,
        bytes: &[u8],
    ) -> Result<(), String> {
        let Some(link) = self.links.get_mut(&id) else {
            return Ok(());
        };
        if link.conditions.tamper > 0 {
            link.tap_mut(side).remember(bytes);
        }
        let session = session_of(link)?;
        self.ledger.written(session, side, data, bytes.len() as u64)
    }

    /// `side` has told what it took of what the other one sent.
    fn observe_taken(&mut self, session: SessionId, side: Side, next: Seq) -> Result<(), String> {
        // An answer about a session of which the other side has died may tell of nothing.
        if !self.ledger.is_open(session, side.peer()) {
            return if next == Seq::FIRST {
                Ok(())
            } else {
                Err(format!("{next} told as taken where nothing was sent"))
            };
        }
        self.ledger.told(session, side.peer(), next)
    }

    /// V3-39: who closes the session first has all acknowledged.
    fn observe_close(&mut self, id: LinkId, side: Side, close: &Close<'_>) -> Result<(), String> {
        let Some(link) = self.links.get(&id) else {
            return Ok(());
        };
        let session = session_of(link)?;
        let is_answer = link.tap(side.peer()).is_session_closed();
        let left = self.ledger.unacknowledged(session, side);
        if close.how == How::End && close.code.get() == 0 && !is_answer && left > 0 {
            return Err(format!("{close} while {left} messages are unacknowledged"));
        }
        self.observe_taken(session, side, close.next)
    }
}

fn session_of(link: &Link) -> Result<SessionId, String> {
    link.session
        .ok_or_else(|| format!("{} has no session yet", link.id))
}
