use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use korinet_wire::v3::{Code, InstanceId, SessionId};
use tokio::sync::{mpsc, watch};

use crate::clock::now;
use crate::v3::driver::config::DriverConfig;
use crate::v3::driver::core::Core;
use crate::v3::driver::session::Session;
use crate::v3::driver::shared::Shared;
use crate::v3::{
    Channel, Grant, Greeting, Principal, Refused, Registry, Route, ServerConfig, ServerSession,
    SessionKey,
};

/// Fills memory with random bytes.
pub(super) type Entropy = Box<dyn FnMut(&mut [u8]) + Send>;

/// What a server's connections share.
pub(super) struct Host {
    pub(super) config: ServerConfig,
    pub(super) driver: DriverConfig,
    pub(super) instance: InstanceId,
    pub(super) registry: Mutex<Registry<Arc<Shared>>>,
    pub(super) entropy: Mutex<Entropy>,
    pub(super) new_sessions: mpsc::Sender<Session>,
    /// How many connections are being served.
    pub(super) serving: watch::Sender<usize>,
}

/// A connection that is being served.
pub(super) struct Serving<'a>(&'a Host);

impl<'a> Serving<'a> {
    pub(super) fn new(host: &'a Host) -> Self {
        host.serving.send_modify(|count| *count += 1);
        Self(host)
    }
}

impl Drop for Serving<'_> {
    fn drop(&mut self) {
        self.0.serving.send_modify(|count| *count -= 1);
    }
}

impl Host {
    pub(super) fn registry(&self) -> MutexGuard<'_, Registry<Arc<Shared>>> {
        let mut registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        registry.handle_timeout(now());
        registry
    }

    /// The session of a HELLO, with its connection being this one's.
    pub(super) async fn route(
        &self,
        greeting: &Greeting,
        channel: &Channel,
        principal: &Principal,
        peer: Option<SocketAddr>,
    ) -> Result<Arc<Shared>, Refused> {
        if let Some(shared) = self.find(greeting, channel, principal)? {
            return shared
                .with(|inner, wakes| {
                    let Core::Server(session) = &mut inner.core else {
                        return Ok(());
                    };
                    session.handle_greeting(now(), greeting, channel)?;
                    inner.links.add(greeting.attach());
                    inner.peer = peer;
                    inner.settle(wakes);
                    inner.wake_task(wakes);
                    Ok(())
                })
                .map(|()| shared);
        }
        // A new session needs somebody to take it.
        let limit = self.config.settings.handshake_timeout;
        let permit = match tokio::time::timeout(limit, self.new_sessions.reserve()).await {
            Ok(Ok(permit)) => permit,
            Ok(Err(_)) => return Err(greeting.refuse_for_now(Code::DRAINING)),
            Err(_) => return Err(greeting.refuse_for_now(Code::OVERLOADED)),
        };
        let grant = self.grant();
        let opened = ServerSession::open(now(), greeting, channel, &grant, &self.config)?;
        let shared = Shared::new(Core::Server(Box::new(opened)), self.driver);
        {
            let mut registry = self.registry();
            // Another connection of the same client may have come first.
            match registry.route(greeting, channel, principal) {
                Route::New => {}
                Route::Refused(refused) => return Err(refused),
                Route::Session(..) => return Err(greeting.refuse_for_now(Code::OVERLOADED)),
            }
            registry.insert(
                greeting,
                principal.clone(),
                grant.session,
                Arc::clone(&shared),
            );
        }
        let session = Session::new(&shared);
        shared.with(|inner, wakes| {
            inner.links.add(greeting.attach());
            inner.peer = peer;
            inner.settle(wakes);
        });
        permit.send(session);
        Ok(shared)
    }

    /// The session that a HELLO is for, if it is there already.
    fn find(
        &self,
        greeting: &Greeting,
        channel: &Channel,
        principal: &Principal,
    ) -> Result<Option<Arc<Shared>>, Refused> {
        match self.registry().route(greeting, channel, principal) {
            Route::New => Ok(None),
            Route::Session(_, shared) => Ok(Some(Arc::clone(shared))),
            Route::Refused(refused) => Err(refused),
        }
    }

    fn grant(&self) -> Grant {
        let mut entropy = self.entropy.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut id, mut key) = ([0; 16], [0; 32]);
        entropy(&mut id);
        entropy(&mut key);
        Grant {
            session: SessionId::from_bytes(id),
            key: SessionKey::from_bytes(key),
            instance: self.instance,
        }
    }

    /// Has the registry remember a session that is over as such.
    pub(super) fn retire(&self, shared: &Shared) {
        let ended = match &shared.lock().core {
            Core::Server(session) => session
                .tombstone()
                .map(|tombstone| (session.id(), tombstone.clone())),
            Core::Client(_) => None,
        };
        if let Some((id, tombstone)) = ended {
            self.registry().retire(now(), id, tombstone);
        }
    }
}

/// Retires a session that is over when its task ends, in whatever way.
pub(super) struct Retire<'a> {
    pub(super) host: &'a Host,
    pub(super) shared: &'a Shared,
}

impl Drop for Retire<'_> {
    fn drop(&mut self) {
        self.host.retire(self.shared);
    }
}
