use bytes::BytesMut;
use korinet_wire::v3::{Ack, Digest, Frame, PREFIX_LEN, Seq};

use super::link::{LinkId, Side};
use super::network::Network;
use super::tally::Fault;
use super::tap::Written;

impl Network {
    /// Puts what was written into the pipe, changed if it has to be.
    pub(super) fn put_tampered(&mut self, id: LinkId, side: Side, piece: &Written<'_>) {
        let Some(fault) = self.draw_tampering(id, piece) else {
            return self.put(id, side, piece.bytes);
        };
        let mut bytes = BytesMut::from(piece.bytes);
        match fault {
            Fault::BitFlip => {
                let body = (piece.bytes.len() - PREFIX_LEN) as u64;
                let bit = self.draw.below(8 * body);
                let index = PREFIX_LEN + usize::try_from(bit / 8).unwrap();
                bytes[index] ^= 1 << (bit % 8);
            }
            Fault::LengthFlip => {
                let bit = self.draw.below(8 * PREFIX_LEN as u64);
                bytes[usize::try_from(bit / 8).unwrap()] ^= 1 << (bit % 8);
            }
            _ => self.put_extra(id, side, fault, &mut bytes),
        }
        self.fault(fault);
        self.note(format_args!("{id} {fault:?} in what {side:?} writes"));
        if let Some(link) = self.links.get_mut(&id) {
            link.is_tampered |=
                matches!(fault, Fault::BitFlip | Fault::LengthFlip | Fault::ForgedAck);
            self.tampered
                .extend(link.session.filter(|_| link.is_tampered));
        }
        self.put(id, side, &bytes);
    }

    /// What is to be done to this piece, if anything.
    fn draw_tampering(&mut self, id: LinkId, piece: &Written<'_>) -> Option<Fault> {
        let Some(Frame::Data(_) | Frame::Ack(_)) = piece.frame else {
            return None;
        };
        let link = self.links.get(&id)?;
        let has_checksum = link.has_checksum?;
        if !self.draw.one_in(link.conditions.tamper) {
            return None;
        }
        let faults = if has_checksum {
            &[
                Fault::BitFlip,
                Fault::LengthFlip,
                Fault::Duplicate,
                Fault::ForgedAck,
                Fault::UnknownFrame,
            ][..]
        } else {
            // What nothing protects is not touched.
            &[Fault::Duplicate, Fault::ForgedAck, Fault::UnknownFrame][..]
        };
        Some(self.draw.pick(faults))
    }

    /// Appends a frame that this side never wrote here.
    fn put_extra(&mut self, id: LinkId, side: Side, fault: Fault, bytes: &mut BytesMut) {
        let Some(link) = self.links.get(&id) else {
            return;
        };
        let mut extra = Vec::new();
        match fault {
            Fault::Duplicate => {
                let recent = link.tap(side).recent();
                if let Some(last) = recent.len().checked_sub(1) {
                    let index = usize::try_from(self.draw.below(last as u64 + 1)).unwrap();
                    extra.extend_from_slice(&recent[index]);
                }
            }
            Fault::ForgedAck => {
                let ack = Ack {
                    next: Seq::new(1 << 40).unwrap(),
                    digest: link
                        .has_checksum
                        .unwrap_or_default()
                        .then_some(Digest::ZERO),
                };
                Frame::Ack(ack).encode(&mut extra).unwrap();
            }
            // An array of a type from 128 on, and nothing else.
            _ => extra.extend_from_slice(&[0, 0, 0, 3, 0x81, 0x18, 0xc8]),
        }
        bytes.extend_from_slice(&extra);
    }
}
