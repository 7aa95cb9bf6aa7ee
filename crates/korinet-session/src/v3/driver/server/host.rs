use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use korinet_wire::v3::{Code, InstanceId, SessionId};
use tokio::sync::{mpsc, watch};

use super::authenticator::{Authenticated, Authenticator};
use crate::budget::{Account, Budget};
use crate::clock::now;
use crate::v3::deadline::later;
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
    pub(super) authenticator: Option<Authenticator>,
    pub(super) budget: Budget,
    pub(super) config: Arc<ServerConfig>,
    pub(super) driver: Arc<DriverConfig>,
    pub(super) instance: InstanceId,
    pub(super) registry: Mutex<Registry<Arc<Shared>>>,
    pub(super) entropy: Mutex<Entropy>,
    pub(super) new_sessions: mpsc::Sender<Session>,
    /// How many connections are being served.
    pub(super) serving: watch::Sender<usize>,
}

/// A connection that is being served.
pub(super) struct Serving(Arc<Host>);

impl Serving {
    pub(super) fn new(host: &Arc<Host>) -> Self {
        host.serving.send_modify(|count| *count += 1);
        Self(Arc::clone(host))
    }
}

impl Drop for Serving {
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
        who: &Authenticated,
        peer: Option<SocketAddr>,
        deadline: Instant,
    ) -> Result<Arc<Shared>, Refused> {
        let principal = &who.principal;
        let age = self.age(who);
        if let Some(shared) = self.find(greeting, channel, principal)? {
            return shared
                .with(|inner, wakes| {
                    let now = now();
                    if !inner.is_admitted() {
                        return Err(greeting.refuse_for_now(Code::OVERLOADED));
                    }
                    let Core::Server(session) = &mut inner.core else {
                        return Ok(());
                    };
                    session.handle_greeting(now, greeting, channel)?;
                    inner.handle_welcomed(greeting.attach(), peer, age.map(|age| later(now, age)));
                    inner.settle(wakes);
                    inner.wake_task(wakes);
                    Ok(())
                })
                .map(|()| shared);
        }
        if !self.budget.admits(0) {
            return Err(greeting.refuse_for_now(Code::OVERLOADED));
        }
        // A new session needs somebody to take it.
        let reserved = tokio::time::timeout_at(deadline.into(), self.new_sessions.reserve());
        let permit = match reserved.await {
            Ok(Ok(permit)) => permit,
            Ok(Err(_)) => return Err(greeting.refuse_for_now(Code::DRAINING)),
            Err(_) => return Err(greeting.refuse_for_now(Code::OVERLOADED)),
        };
        let grant = self.grant();
        let opened = ServerSession::open(now(), greeting, channel, &grant, &self.config)?;
        let core = Core::Server(Box::new(opened));
        let account = Account::new(self.budget.clone());
        let shared = Shared::new(core, Arc::clone(&self.driver), Some(account));
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
            inner.principal = principal.clone();
            let expire_at = age.map(|age| later(now(), age));
            inner.handle_welcomed(greeting.attach(), peer, expire_at);
            inner.settle(wakes);
            // A client that says nothing more has it, too.
            inner.charge();
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

    /// How long a connection of this client may last.
    fn age(&self, who: &Authenticated) -> Option<Duration> {
        let age = self.config.max_connection_age;
        let age = (!age.is_zero()).then(|| {
            let mut drawn = [0; 1];
            self.draw(&mut drawn);
            // From nine tenths to eleven, so that clients that came together do not come back together.
            let part = (age / 5).mul_f64(f64::from(drawn[0]) / f64::from(u8::MAX));
            (age - age / 10).saturating_add(part)
        });
        [age, who.valid_for].into_iter().flatten().min()
    }

    fn draw(&self, bytes: &mut [u8]) {
        let mut entropy = self.entropy.lock().unwrap_or_else(PoisonError::into_inner);
        entropy(bytes);
    }

    fn grant(&self) -> Grant {
        let (mut id, mut key) = ([0; 16], [0; 32]);
        self.draw(&mut id);
        self.draw(&mut key);
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
pub(super) struct Retire {
    pub(super) host: Arc<Host>,
    pub(super) shared: Arc<Shared>,
}

impl Drop for Retire {
    fn drop(&mut self) {
        self.host.retire(&self.shared);
    }
}
