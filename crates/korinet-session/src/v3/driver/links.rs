use bytes::Bytes;
use korinet_wire::v3::AttachNumber;

/// The connections of a session that tasks have, or are about to have, and what they are told to do with them.
#[derive(Debug, Default)]
pub(super) struct Links {
    links: Vec<AttachNumber>,
    partings: Vec<(AttachNumber, Parting)>,
    /// The attempt that is to be made.
    dial: Option<AttachNumber>,
}

/// What is to become of a connection that the session is done with.
#[derive(Debug)]
pub(super) enum Parting {
    /// It is dropped.
    Abandon,
    /// These bytes are its last, and it is ended in good order.
    Finish(Bytes),
}

impl Links {
    /// Somebody is to dial.
    pub(super) fn dial(&mut self, attach: AttachNumber) {
        self.links.push(attach);
        self.dial = Some(attach);
    }

    /// The attempt that is to be made now.
    pub(super) const fn take_dial(&mut self) -> Option<AttachNumber> {
        self.dial.take()
    }

    /// The session is done with this connection, or with the attempt to get it.
    pub(super) fn part(&mut self, attach: AttachNumber, parting: Parting) {
        if self.dial == Some(attach) {
            self.dial = None;
            self.remove(attach);
        }
        if self.links.contains(&attach) {
            self.partings.push((attach, parting));
        }
    }

    /// A task has this connection.
    pub(super) fn add(&mut self, attach: AttachNumber) {
        self.links.reserve_exact(1);
        self.links.push(attach);
    }

    /// No task has this connection any more.
    pub(super) fn remove(&mut self, attach: AttachNumber) {
        self.links.retain(|link| *link != attach);
        self.partings.retain(|(link, _)| *link != attach);
    }

    /// What is to become of this connection, if the session is done with it.
    pub(super) fn take_parting(&mut self, attach: AttachNumber) -> Option<Parting> {
        let index = self.partings.iter().position(|(link, _)| *link == attach)?;
        Some(self.partings.swap_remove(index).1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_has_a_connection_is_told_what_becomes_of_it() {
        let attach = |number| AttachNumber::new(number).unwrap();
        let mut links = Links::default();
        links.part(attach(1), Parting::Abandon);
        links.add(attach(1));
        assert!(links.take_parting(attach(1)).is_none(), "it came later");
        links.part(attach(1), Parting::Abandon);
        assert!(links.take_parting(attach(2)).is_none());
        assert!(links.take_parting(attach(1)).is_some());
        assert!(links.take_parting(attach(1)).is_none());
        links.part(attach(1), Parting::Abandon);
        links.remove(attach(1));
        assert!(links.take_parting(attach(1)).is_none());
    }

    #[test]
    fn an_attempt_that_nobody_has_begun_is_not_made() {
        let mut links = Links::default();
        links.dial(AttachNumber::FIRST);
        links.part(AttachNumber::FIRST, Parting::Abandon);
        assert_eq!(links.take_dial(), None);
        assert!(links.take_parting(AttachNumber::FIRST).is_none());
    }
}
