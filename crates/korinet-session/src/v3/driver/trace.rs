use std::net::SocketAddr;

use korinet_wire::v3::SessionId;

use crate::v3::Event;

/// Tells whoever listens to `tracing` what happened to a session; never what it carries, nor a secret of it.
pub(super) fn trace(event: &Event, session: Option<SessionId>, peer: Option<SocketAddr>) {
    let session = session.map(|id| id.short().to_string());
    let session = tracing::field::display(session.as_deref().unwrap_or("none"));
    let peer = peer.map(tracing::field::display);
    match event {
        Event::Connecting(attach) => {
            tracing::debug!(session, attach = attach.get(), "connecting");
        }
        Event::Attached(to) => tracing::debug!(
            session,
            peer,
            attach = to.attach.get(),
            resumed = to.resumed,
            replayed = to.replayed,
            "attached"
        ),
        Event::Detached { reason, wait } => {
            tracing::debug!(session, peer, %reason, ?wait, "detached");
        }
        Event::Draining(go_away) => {
            tracing::debug!(session, peer, code = %go_away.code, "peer is draining");
        }
        Event::Lost {
            why,
            resent,
            in_doubt,
        } => {
            tracing::info!(session, peer, %why, resent, in_doubt = in_doubt.len(), "session lost")
        }
        Event::Closed { why, in_doubt } => {
            let error = why.as_error();
            let error = error.as_ref().map(tracing::field::display);
            tracing::debug!(
                session,
                peer,
                error,
                in_doubt = in_doubt.len(),
                "session over"
            );
        }
    }
}
