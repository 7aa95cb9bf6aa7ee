use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use korinet_wire::v3::AttachNumber;
use tokio::sync::mpsc;
use tracing::Instrument;

use super::alarm::Alarm;
use super::config::{DriverConfig, FirstConnect};
use super::core::Core;
use super::link::Link;
use super::session::Session;
use super::shared::{Guard, Shared};
use crate::clock::now;
use crate::v3::{ClientConfig, ClientSession, Credential, Event};
use crate::{Dial, SessionError};

/// Opens a session over connections from `dial`, and keeps it over those that follow.
///
/// The session's work is done by a task of the current tokio runtime. `seed` is the session's randomness; it
/// must be different for each and not to be guessed. `observer` gets the session's events from the first
/// attempt on.
///
/// # Errors
///
/// [`SessionError::NotConnected`] if the first attempt failed and is to be the only one; why the server refuses
/// the session for good; or that there is none after the time to give up.
///
/// # Cancel safety
///
/// Giving up the future gives up the session.
///
/// # Panics
///
/// Outside of a tokio runtime with its time driver enabled.
pub async fn connect<D: Dial>(
    dial: D,
    config: ClientConfig,
    driver: DriverConfig,
    seed: [u8; 32],
    observer: Option<mpsc::UnboundedSender<Event>>,
) -> Result<Session, SessionError> {
    let core = Core::Client(Box::new(ClientSession::new(now(), config, seed)));
    let shared = Shared::new(core, Arc::new(driver), None);
    let session = Session::new(&shared);
    let mut events = session.events();
    shared.lock().observers.extend(observer);
    tokio::spawn(run(Arc::clone(&shared), dial));
    loop {
        match events.recv().await {
            Some(Event::Attached(_)) => return Ok(session),
            Some(Event::Detached { reason, .. }) if driver.first_connect == FirstConnect::Once => {
                return Err(SessionError::NotConnected(reason));
            }
            Some(Event::Closed { why, .. }) => {
                return Err(why.as_error().unwrap_or(SessionError::Abandoned));
            }
            Some(_) => {}
            None => return Err(SessionError::Stopped),
        }
    }
}

/// What a client's task has to do next.
enum Next {
    Dial(AttachNumber),
    Nothing,
}

async fn run<D: Dial>(shared: Arc<Shared>, mut dial: D) {
    let guard = Guard {
        shared,
        attach: None,
    };
    let shared = &*guard.shared;
    let mut alarm = Alarm::default();
    shared.with(|inner, wakes| inner.settle(wakes));
    while let Next::Dial(attach) = poll_fn(|cx| poll_next(cx, shared, &mut alarm)).await {
        let go_away = shared.lock().go_away.take();
        if let Some(go_away) = go_away {
            dial.handle_go_away(&go_away);
        }
        let io = attempt(&mut dial, shared, attach).await;
        match io {
            Some(Ok((io, credential))) => serve(&dial, shared, attach, io, credential).await,
            Some(Err(error)) => shared.with(|inner, wakes| {
                inner.links.remove(attach);
                if let Core::Client(client) = &mut inner.core {
                    client.handle_connect_failed(now(), attach, error.into());
                }
                inner.settle(wakes);
            }),
            None => shared.lock().links.remove(attach),
        }
    }
}

/// Waits until there is an attempt to make, or the session is over.
fn poll_next(cx: &mut Context<'_>, shared: &Shared, alarm: &mut Alarm) -> Poll<Next> {
    loop {
        let deadline = {
            let mut inner = shared.lock();
            if let Some(attach) = inner.links.take_dial() {
                return Poll::Ready(Next::Dial(attach));
            }
            if inner.ending.is_some() {
                return Poll::Ready(Next::Nothing);
            }
            inner.sleep(cx.waker());
            inner.poll_timeout()
        };
        std::task::ready!(alarm.poll(cx, deadline));
        shared.with(|inner, wakes| inner.handle_timeout(now(), wakes));
    }
}

/// Makes an attempt; nothing, if the session has given it up.
async fn attempt<D: Dial>(
    dial: &mut D,
    shared: &Shared,
    attach: AttachNumber,
) -> Option<io::Result<(D::Io, Option<Credential>)>> {
    let dialing = async {
        let credential = dial.credential().await?;
        Ok((dial.dial().await?, credential))
    };
    let mut dialing = pin!(dialing);
    let mut alarm = Alarm::default();
    poll_fn(|cx| {
        if let Poll::Ready(result) = Pin::as_mut(&mut dialing).poll(cx) {
            return Poll::Ready(Some(result));
        }
        loop {
            let deadline = {
                let mut inner = shared.lock();
                if inner.links.take_parting(attach).is_some() {
                    return Poll::Ready(None);
                }
                inner.sleep(cx.waker());
                inner.poll_timeout()
            };
            std::task::ready!(alarm.poll(cx, deadline));
            shared.with(|inner, wakes| inner.handle_timeout(now(), wakes));
        }
    })
    .await
}

/// One connection, from its beginning to its end.
async fn serve<D: Dial>(
    dial: &D,
    shared: &Shared,
    attach: AttachNumber,
    io: D::Io,
    credential: Option<Credential>,
) {
    let (channel, peer) = (dial.channel(&io), dial.peer_addr(&io));
    shared.with(|inner, wakes| {
        inner.peer = peer;
        if let Core::Client(client) = &mut inner.core {
            client.handle_connected(now(), attach, channel, credential.as_ref());
        }
        inner.settle(wakes);
    });
    drop(credential);
    let mut link = Link::new(io, attach);
    let span = link.span(peer);
    if let Some(last) = link.run(shared).instrument(span).await {
        tokio::spawn(link.end(last));
    }
}
