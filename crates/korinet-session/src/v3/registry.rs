use std::collections::{BTreeMap, VecDeque};
use std::fmt::{self, Write};
use std::time::Instant;

use korinet_wire::v3::{Code, Digest, Intent, OpenNonce, Seq, SessionId};
use sha2::{Digest as _, Sha256};

use super::ServerConfig;
use super::channel::{Channel, SessionKey};
use super::deadline::later;
use super::denial::{Denial, Refused};
use super::greeting::Greeting;

/// Who a client is, as the server has found out: the same for all connections of a session.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Principal(pub String);

impl Principal {
    /// Whether nothing is known of who it is: so are all clients of a server that does not ask.
    #[must_use]
    pub const fn is_anonymous(&self) -> bool {
        self.0.is_empty()
    }

    /// Who has this certificate, in DER, and no other: its SHA-256 in hex.
    #[must_use]
    pub fn of_certificate(der: &[u8]) -> Self {
        let mut name = String::from("sha256:");
        for byte in Sha256::digest(der) {
            // Writing to a string cannot fail.
            let _ = write!(name, "{byte:02x}");
        }
        Self(name)
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which sessions a server has, and which it had (V3-13, V3-32, V3-38).
///
/// It holds for each whatever leads to it, a [`ServerSession`](super::ServerSession) or the way to the
/// task that owns one; what goes on in a session does not concern it.
#[derive(Debug, Clone, Hash)]
pub struct Registry<T> {
    max_sessions: usize,
    max_per_principal: usize,
    max_tombstones: usize,
    tombstone_life: std::time::Duration,
    sessions: BTreeMap<SessionId, Entry<T>>,
    nonces: BTreeMap<(Principal, OpenNonce), SessionId>,
    /// How many sessions each principal has.
    counts: BTreeMap<Principal, usize>,
    tombstones: BTreeMap<SessionId, (Principal, Tombstone)>,
    /// When each of the tombstones goes, the next one first.
    forgetting: VecDeque<(Instant, SessionId)>,
    /// The key of no session.
    decoy: SessionKey,
}

#[derive(Debug, Clone, Hash)]
struct Entry<T> {
    principal: Principal,
    nonce: OpenNonce,
    session: T,
}

/// What is remembered of a session that is over.
#[derive(Debug, Clone, Hash)]
pub struct Tombstone {
    /// With it the client proves that the session was its own.
    pub(super) key: SessionKey,
    /// How it came to its end.
    pub(super) code: Code,
    /// Every message below was taken.
    pub(super) next: Seq,
    /// The digest there.
    pub(super) digest: Option<Digest>,
}

impl Tombstone {
    pub(super) fn denial(&self) -> Denial {
        Denial {
            next: Some(self.next),
            digest: self.digest,
            ..Denial::of(self.code, String::new())
        }
    }
}

/// Where a HELLO leads.
#[derive(Debug)]
pub enum Route<'a, T> {
    /// To a new session: [`insert`](Registry::insert) it when it is open.
    New,
    /// To this one.
    Session(SessionId, &'a mut T),
    /// Nowhere.
    Refused(Refused),
}

impl<T> Registry<T> {
    /// A registry without sessions.
    #[must_use]
    pub const fn new(config: &ServerConfig) -> Self {
        Self {
            max_sessions: config.max_sessions,
            max_per_principal: config.max_sessions_per_principal,
            max_tombstones: config.max_tombstones,
            tombstone_life: config.tombstone_life,
            sessions: BTreeMap::new(),
            nonces: BTreeMap::new(),
            counts: BTreeMap::new(),
            tombstones: BTreeMap::new(),
            forgetting: VecDeque::new(),
            decoy: SessionKey::from_bytes([0; 32]),
        }
    }

    /// Finds out where a HELLO of this principal leads.
    pub fn route(
        &mut self,
        greeting: &Greeting,
        channel: &Channel,
        principal: &Principal,
    ) -> Route<'_, T> {
        let id = match &greeting.intent {
            Intent::Resume(resume) => Some(resume.session),
            Intent::Open(_) if mutated!(OpenNonceForgotten) => None,
            Intent::Open(open) => self.nonces.get(&(principal.clone(), open.nonce)).copied(),
        };
        let Some(id) = id else {
            return match self.check_room(principal) {
                Ok(()) => Route::New,
                Err(text) => {
                    let denial = Denial::of(Code::TOO_MANY_SESSIONS, text);
                    Route::Refused(greeting.refuse(&denial))
                }
            };
        };
        let refused = match self.sessions.get(&id) {
            Some(entry) if entry.principal == *principal => None,
            _ => Some(self.refuse(greeting, channel, principal, id)),
        };
        match (refused, self.sessions.get_mut(&id)) {
            (None, Some(entry)) => Route::Session(id, &mut entry.session),
            (Some(refused), _) => Route::Refused(refused),
            (None, None) => Route::New,
        }
    }

    /// Whether this principal can have another session; otherwise, which limit is in the way.
    fn check_room(&self, principal: &Principal) -> Result<(), String> {
        let count = self.counts.get(principal).copied().unwrap_or_default();
        if !principal.is_anonymous() && count >= self.max_per_principal {
            return Err(format!("limit {} of one client", self.max_per_principal));
        }
        if self.sessions.len() >= self.max_sessions {
            return Err(format!("limit {}", self.max_sessions));
        }
        Ok(())
    }

    /// The answer to a HELLO for a session that is not there, or not this principal's.
    fn refuse(
        &self,
        greeting: &Greeting,
        channel: &Channel,
        principal: &Principal,
        id: SessionId,
    ) -> Refused {
        match self.tombstones.get(&id) {
            Some((owner, tombstone))
                if owner == principal && greeting.is_proven(&tombstone.key, channel) =>
            {
                greeting.refuse_proven(&tombstone.denial(), &tombstone.key, channel)
            }
            _ => {
                // An unknown session takes as long as one with another key (V3-32).
                let _ = greeting.is_proven(&self.decoy, channel);
                greeting.refuse(&Denial::of(Code::SESSION_UNKNOWN, String::new()))
            }
        }
    }

    /// A session was opened for this HELLO.
    pub fn insert(&mut self, greeting: &Greeting, principal: Principal, id: SessionId, session: T) {
        let Intent::Open(open) = &greeting.intent else {
            return;
        };
        let nonce = open.nonce;
        self.nonces.insert((principal.clone(), nonce), id);
        *self.counts.entry(principal.clone()).or_default() += 1;
        self.sessions.insert(
            id,
            Entry {
                principal,
                nonce,
                session,
            },
        );
    }

    /// A session is over: it is handed back, and its tombstone stays for a while.
    pub fn retire(&mut self, now: Instant, id: SessionId, tombstone: Tombstone) -> Option<T> {
        let entry = self.sessions.remove(&id)?;
        self.nonces.remove(&(entry.principal.clone(), entry.nonce));
        if let Some(count) = self.counts.get_mut(&entry.principal) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&entry.principal);
            }
        }
        if !mutated!(TombstoneForgotten) {
            self.tombstones.insert(id, (entry.principal, tombstone));
            let at = later(now, self.tombstone_life);
            self.forgetting.push_back((at, id));
        }
        if self.forgetting.len() > self.max_tombstones {
            self.forget_oldest();
        }
        Some(entry.session)
    }

    fn forget_oldest(&mut self) {
        if let Some((_, id)) = self.forgetting.pop_front() {
            self.tombstones.remove(&id);
        }
    }

    /// Time has passed: what is remembered long enough is forgotten.
    pub fn handle_timeout(&mut self, now: Instant) {
        while self.forgetting.front().is_some_and(|(at, _)| *at <= now) {
            self.forget_oldest();
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called at the latest.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.forgetting.front().map(|(at, _)| *at)
    }

    /// The session with this name, to look at.
    #[must_use]
    pub fn get(&self, id: SessionId) -> Option<&T> {
        self.sessions.get(&id).map(|entry| &entry.session)
    }

    /// The session with this name.
    pub fn get_mut(&mut self, id: SessionId) -> Option<&mut T> {
        self.sessions.get_mut(&id).map(|entry| &mut entry.session)
    }

    /// All sessions.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (SessionId, &mut T)> {
        let entries = self.sessions.iter_mut();
        entries.map(|(id, entry)| (*id, &mut entry.session))
    }

    /// How many sessions there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Whether there is no session.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// How many ended sessions are remembered.
    #[must_use]
    pub fn tombstones(&self) -> usize {
        self.tombstones.len()
    }
}
