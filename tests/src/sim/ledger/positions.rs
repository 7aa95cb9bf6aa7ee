use bytes::Bytes;
use korinet_proto::v3::Message;
use korinet_session::v3::Delivery;
use korinet_wire::v3::{Data, Level, Role, Seq, SessionId};

use super::{Frame, Ledger};
use crate::sim::link::Side;
use crate::sim::tally::Fate;

impl Ledger {
    /// A DATA was written (V3-16): on whatever connection, a number has one content, with one
    /// digest.
    pub fn written(
        &mut self,
        session: SessionId,
        writer: Side,
        data: &Data<'_>,
        len: u64,
    ) -> Result<(), String> {
        let stream = self.stream(session, writer)?;
        let seq = data.seq.get();
        if seq > stream.order.len() as u64 {
            return Err(format!("{data} was never accepted"));
        }
        let payload = Bytes::copy_from_slice(data.payload);
        let content = (data.kind, data.re, payload, data.digest);
        let index = usize::try_from(seq - 1).unwrap();
        match stream.frames.get(index) {
            Some(frame) if frame.content == content => Ok(()),
            Some(_) => Err(format!("{data} was written before with other content")),
            None if index == stream.frames.len() => {
                stream.frames.push(Frame { content, len });
                Ok(())
            }
            None => Err(format!("{data} is written before the ones below it")),
        }
    }

    /// The application was handed a message.
    pub fn delivered(&mut self, writer: Side, delivery: &Delivery) -> Result<(), String> {
        let Message {
            seq,
            kind,
            re,
            payload,
        } = &delivery.message;
        let stream = self.stream(delivery.session, writer)?;
        if seq.get() != stream.delivered + 1 {
            let expected = stream.delivered + 1;
            return Err(format!(
                "message {seq} delivered where {expected} is expected"
            ));
        }
        let index = usize::try_from(stream.delivered).unwrap();
        let Some((id, is_resent)) = stream.order.get(index).copied() else {
            return Err(format!("message {seq} delivered, which was never accepted"));
        };
        stream.delivered += 1;
        let record = &mut self.messages[id.0];
        if is_resent && record.kind.role != Role::Message {
            let is_nothing = (kind.role, kind.own, *re) == (Role::Cancel, true, Some(*seq));
            if !is_nothing || !payload.is_empty() || kind.redelivered {
                return Err(format!(
                    "message {seq} of a call of a lost session came again"
                ));
            }
            return Ok(());
        }
        let is_whole = *payload == record.payload
            && *re == record.re
            && (kind.role, kind.raw, kind.own)
                == (record.kind.role, record.kind.raw, record.kind.own);
        if !is_whole {
            return Err(format!("message {seq} delivered with other content"));
        }
        if kind.redelivered != (is_resent || record.kind.redelivered) {
            return Err(format!("message {seq} of a lost session is not flagged"));
        }
        // The application of a session that its client gave up for lost may read late: then the copy
        // with the flag comes first.
        if !kind.redelivered && std::mem::replace(&mut record.is_delivered_unflagged, true) {
            return Err(format!("message {seq} delivered twice without a flag"));
        }
        record.deliveries += 1;
        self.fates.add(match record.deliveries {
            1 => Fate::Delivered,
            _ => Fate::Redelivered,
        });
        Ok(())
    }

    /// The application is done with a message.
    pub fn finished(&mut self, session: SessionId, writer: Side, seq: Seq) -> Result<(), String> {
        let stream = self.stream(session, writer)?;
        stream.finished_beyond.insert(seq.get());
        while stream.finished_beyond.remove(&(stream.finished + 1)) {
            stream.finished += 1;
        }
        Ok(())
    }

    /// The reader of what `writer` sends says that all below `next` is taken (V3-18, V3-19).
    pub fn told(&mut self, session: SessionId, writer: Side, next: Seq) -> Result<(), String> {
        let position = next.get() - 1;
        if position == 0 {
            return Ok(());
        }
        let stream = self.stream(session, writer)?;
        if position > stream.frames.len() as u64 {
            return Err(format!("{next} told as taken, which was never written"));
        }
        match stream.level {
            Level::Received => stream.check_received(position)?,
            Level::Processed | Level::Durable if position > stream.finished => {
                let finished = stream.finished;
                return Err(format!(
                    "{next} told as processed, but only {finished} are finished"
                ));
            }
            Level::Processed | Level::Durable => {}
        }
        stream.told = stream.told.max(position);
        Ok(())
    }

    /// The sender counts the first `count` messages of the session as acknowledged.
    pub fn acknowledged(
        &mut self,
        session: SessionId,
        writer: Side,
        count: u64,
    ) -> Result<(), String> {
        let stream = self.stream(session, writer)?;
        if count > stream.told {
            let told = stream.told;
            return Err(format!(
                "{count} messages count as acknowledged where {told} are"
            ));
        }
        if count < stream.acknowledged {
            return Err(format!(
                "{count} acknowledged after {}",
                stream.acknowledged
            ));
        }
        let first = usize::try_from(stream.acknowledged).unwrap();
        let end = usize::try_from(count).unwrap();
        stream.acknowledged = count;
        let news: Vec<_> = stream.order[first..end].to_vec();
        for (id, _) in news {
            self.messages[id.0].is_acknowledged = true;
            self.fates.add(Fate::Acknowledged);
        }
        Ok(())
    }
}
