use std::hash::Hash;

use bytes::BytesMut;
use korinet_session::ConnectionError;
use korinet_wire::v3::{AttachNumber, Close, Code, Digest, Frame, How, Seq};

use super::client::Client;
use super::{Config, SessionState};
use crate::model::flaw::Flaw;
use crate::model::{fingerprint, frames, now};

/// What has to be true of every state.
pub(super) fn check(state: &SessionState, config: &Config) -> Result<(), Flaw> {
    for session in 0..state.server.logs.len() {
        check_owner(state, session)?;
        check_server(state, config, session)?;
    }
    for client in &state.clients {
        check_client(state, config, client)?;
    }
    Ok(())
}

/// A session has one connection at the most, and the server holds no other for it.
fn check_owner(state: &SessionState, session: usize) -> Result<(), Flaw> {
    let attached = state.server.get(session).and_then(|core| core.attached());
    let bound = state.links.iter().filter(|link| link.is_bound_to(session));
    let mut owners = 0;
    for link in bound {
        if Some(link.attach) != attached {
            return Err(Flaw::Leak);
        }
        owners += 1;
    }
    if owners > 1 {
        Err(Flaw::Owners)
    } else {
        Ok(())
    }
}

fn check_server(state: &SessionState, config: &Config, session: usize) -> Result<(), Flaw> {
    let Some(core) = state.server.get(session) else {
        return Ok(());
    };
    if !state.has_lost_state {
        let acknowledged = usize::try_from(core.acknowledged().0).unwrap();
        let has_taken = |client: &Client| {
            client.has_had(session) && client.received_in(session) >= acknowledged
        };
        if acknowledged > 0 && !state.clients.iter().any(has_taken) {
            return Err(Flaw::Untaken);
        }
    }
    // What was the session's last connection is old while it has none.
    let current = core.attached().map(AttachNumber::get);
    let last = state.server.logs[session].attach;
    for attach in [last - 1, last] {
        if attach == 0 || Some(attach) == current {
            continue;
        }
        unchanged(core, |core| {
            let attach = AttachNumber::new(attach).unwrap();
            core.handle_bytes(now(), attach, &mut close_frame(config));
            core.handle_disconnected(now(), attach, ConnectionError::ClosedByPeer);
        })?;
    }
    Ok(())
}

fn check_client(state: &SessionState, config: &Config, client: &Client) -> Result<(), Flaw> {
    if !state.has_lost_state {
        check_acknowledged(state, config, client)?;
    }
    if let Some(session) = client.session()
        && client.core.is_attached()
        && let Some(core) = state.server.get(session)
        && core.attached() == Some(client.attach)
    {
        check_histories(state, client, session)?;
    }
    if let Some(attach) = AttachNumber::new(client.attach.get() - 1) {
        unchanged(&client.core, |core| {
            core.handle_bytes(now(), attach, &mut close_frame(config));
            core.handle_disconnected(now(), attach, ConnectionError::ClosedByPeer);
            core.handle_connect_failed(now(), attach, ConnectionError::ClosedByPeer);
        })?;
    }
    Ok(())
}

/// Every message that counts as acknowledged was taken, in some session, or was handed back.
fn check_acknowledged(state: &SessionState, config: &Config, client: &Client) -> Result<(), Flaw> {
    for ticket in 1..=client.core.acknowledged().0 {
        let content = client.history[usize::try_from(ticket).unwrap() - 1];
        let mut logs = state.server.logs.iter();
        let is_taken = logs.any(|log| {
            let mut taken = log.taken(config.level).iter();
            taken.any(|(other, _)| *other == content)
        });
        if !is_taken && !client.handed_back.contains(&ticket) {
            return Err(Flaw::Untaken);
        }
    }
    Ok(())
}

/// What each has read is what the other has sent.
fn check_histories(state: &SessionState, client: &Client, session: usize) -> Result<(), Flaw> {
    let log = &state.server.logs[session];
    let delivered: Vec<u8> = log.delivered.iter().map(|(content, _)| *content).collect();
    let sent = client.history_in(session).unwrap_or_default();
    if sent.starts_with(&delivered) && log.sent.starts_with(&client.received) {
        Ok(())
    } else {
        Err(Flaw::Histories)
    }
}

/// Shows something old to a copy.
fn unchanged<T: Clone + Hash>(core: &T, show: impl FnOnce(&mut T)) -> Result<(), Flaw> {
    let mut copy = core.clone();
    show(&mut copy);
    if fingerprint(core) == fingerprint(&copy) {
        Ok(())
    } else {
        Err(Flaw::OldLink)
    }
}

/// The frame that would change the most.
fn close_frame(config: &Config) -> BytesMut {
    let frame = frames::encoded(&Frame::Close(Close {
        code: Code::DONE,
        text: "",
        how: How::End,
        next: Seq::FIRST,
        digest: config.checksum.then_some(Digest::ZERO),
    }));
    BytesMut::from(&frame[..])
}
