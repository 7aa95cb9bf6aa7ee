use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use korinet_proto::Rate;
use korinet_session::v3::{
    Applicant, Authenticated, Authenticator, CallLimits, Refusal, ServerConfig,
};

use super::gate::GateLimits;
use super::stats::Refused;
use crate::settings::Settings;
use crate::{AckLevel, Protocol, Repeats, WhenDetached};

mod bind;

/// How a server's sessions behave, and what its peers may have of it.
///
/// All limits, with what happens beyond them, are in one table of the chapter on [security](crate::security).
#[derive(Debug, Clone, Default)]
pub struct ServerBuilder {
    /// All that go with the other settings, unless they are named.
    protocols: Option<Vec<Protocol>>,
    settings: Settings,
    repeats: Repeats,
    is_plaintext_allowed: bool,
    #[cfg(feature = "tls")]
    tls: Option<crate::tls::ServerTls>,
    authenticator: Option<Authenticator>,
    on_refused: Option<OnRefused>,
    gate: GateLimits,
    limits: ServerConfig,
    stalled_after: Option<Duration>,
}

/// Who is told of connections that are refused.
#[derive(Clone)]
pub(super) struct OnRefused(Arc<dyn Fn(Refused<'_>) + Send + Sync>);

impl fmt::Debug for OnRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnRefused(..)")
    }
}

impl OnRefused {
    pub(super) fn tell(&self, refused: Refused<'_>) {
        (self.0)(refused);
    }
}

impl ServerBuilder {
    /// The versions of the protocol that peers may speak, all of them on one port. By default both; with
    /// `tls` or [`authenticate`](Self::authenticate) v3 alone, since v2 has neither.
    ///
    /// A peer that has not sent anything for a second counts as one of v2, where that is allowed: it may wait to be
    /// spoken to.
    #[must_use]
    pub fn protocols(mut self, protocols: &[Protocol]) -> Self {
        self.protocols = Some(protocols.to_vec());
        self
    }

    /// Takes connections with TLS, and those without no more; see [`tls`](crate::tls). Needs protocol v3.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: &crate::tls::ServerTls) -> Self {
        self.tls = Some(tls.clone());
        self
    }

    /// Takes connections without TLS where they would be refused: beside those with TLS, on the same port; and on
    /// addresses that others than this machine can reach. Who is on the way can read along then, change what is sent,
    /// and take sessions over.
    #[must_use]
    pub const fn allow_plaintext(mut self) -> Self {
        self.is_plaintext_allowed = true;
        self
    }

    /// Finds out who each client is, by what it shows. Asked anew for each connection, within the time of its handshake
    /// and before anything else that it says is believed; a session stays with the principal that opened it. Needs
    /// protocol v3.
    ///
    /// Without it, a client is whoever has its certificate, which is another one when it is renewed;
    /// and where it has none, nothing is known of it. [`Session::principal`](crate::Session::principal) says who it is.
    ///
    /// ```
    /// use korinet::{Authenticated, Refusal, Server};
    ///
    /// let server = Server::builder().authenticate(async |applicant| {
    ///     let Some(credential) = &applicant.credential else {
    ///         return Err(Refusal::required());
    ///     };
    ///     // The real thing looks it up, and compares in constant time.
    ///     match (credential.mechanism.as_str(), credential.bytes.as_slice()) {
    ///         ("token", b"open sesame") => Ok(Authenticated::new("ali baba")),
    ///         _ => Err(Refusal::failed()),
    ///     }
    /// });
    /// ```
    #[must_use]
    pub fn authenticate<A, F>(mut self, authenticate: A) -> Self
    where
        A: Fn(Applicant) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Authenticated, Refusal>> + Send + 'static,
    {
        self.authenticator = Some(Authenticator::new(authenticate));
        self
    }

    /// Tells of each connection that gets no session, from within the task that refuses it: it is not to block. Nothing
    /// limits how often that is. After a restart each client that comes back is told of once, as `session-unknown`: it
    /// asks for a new session with its next connection.
    #[must_use]
    pub fn on_refused(mut self, tell: impl Fn(Refused<'_>) + Send + Sync + 'static) -> Self {
        self.on_refused = Some(OnRefused(Arc::new(tell)));
        self
    }

    /// When received messages are acknowledged; [`AckLevel::Received`] by default. In protocol v3 the client chooses, up
    /// to this.
    #[must_use]
    pub const fn ack_level(mut self, level: AckLevel) -> Self {
        self.settings.ack_level = level;
        self
    }

    /// As [`ClientBuilder::max_message`](crate::ClientBuilder::max_message).
    #[must_use]
    pub const fn max_message(mut self, bytes: usize) -> Self {
        self.settings.max_message = Some(bytes);
        self
    }

    /// As [`ClientBuilder::window`](crate::ClientBuilder::window). Needs protocol v3.
    #[must_use]
    pub const fn window(mut self, messages: usize, bytes: usize) -> Self {
        self.settings.window = Some((messages, bytes));
        self
    }

    /// As [`ClientBuilder::ack_timeout`](crate::ClientBuilder::ack_timeout). Needs protocol v2.
    #[must_use]
    pub const fn ack_timeout(mut self, timeout: Duration) -> Self {
        self.settings.ack_timeout = Some(timeout);
        self
    }

    /// The longest [`keep_alive`](crate::ClientBuilder::keep_alive) interval that a client is granted; 15 s by default.
    /// Needs protocol v3.
    #[must_use]
    pub const fn keep_alive(mut self, interval: Duration) -> Self {
        self.settings.keep_alive = Some(interval);
        self
    }

    /// The longest [`session_expiry`](crate::ClientBuilder::session_expiry) that a client is granted; 5 minutes by
    /// default. Needs protocol v3.
    #[must_use]
    pub const fn session_expiry(mut self, expiry: Duration) -> Self {
        self.settings.session_expiry = Some(expiry);
        self
    }

    /// As [`ClientBuilder::when_detached`](crate::ClientBuilder::when_detached). Needs protocol v3.
    #[must_use]
    pub const fn when_detached(mut self, when: WhenDetached) -> Self {
        self.settings.when_detached = Some(when);
        self
    }

    /// As [`ClientBuilder::call_limits`](crate::ClientBuilder::call_limits). Needs protocol v3.
    #[must_use]
    pub const fn call_limits(mut self, limits: CallLimits) -> Self {
        self.settings.calls = Some(limits);
        self
    }

    /// As [`ClientBuilder::linger`](crate::ClientBuilder::linger). Needs protocol v3.
    #[must_use]
    pub const fn linger(mut self, linger: Duration) -> Self {
        self.settings.linger = Some(linger);
        self
    }

    /// As [`ClientBuilder::flight_recorder`](crate::ClientBuilder::flight_recorder), of each session. Needs protocol v3.
    #[must_use]
    pub const fn flight_recorder(mut self, entries: usize) -> Self {
        self.settings.flight_recorder = Some(entries);
        self
    }

    /// The most connections at one time, of both protocols; 10,000 by default. Further ones are closed at once.
    ///
    /// It is what bounds the memory of those that have no session yet, which is not part of [`max_memory`](Self::max_memory).
    #[must_use]
    pub const fn max_connections(mut self, connections: usize) -> Self {
        self.gate.connections = connections;
        self
    }

    /// The most connections that may be about to say what they want, in all and from one address; 256 and 16 by default.
    /// Further ones wait, no longer than a handshake may take. An address is the first 64 bits in IPv6.
    ///
    /// Addresses take turns: those that have the fewest under way come first. While all are taken, a newcomer takes the
    /// place of another whose address has more of them, or of any other where its own has none. What makes room is the
    /// oldest handshake of the address that has the most, once it was under way for 1.5 s and its HELLO is not complete:
    /// its connection is closed. Connections over Unix sockets have no address, and wait for each other.
    #[must_use]
    pub const fn max_handshakes(mut self, all: usize, per_address: usize) -> Self {
        self.gate.handshakes = all;
        self.gate.handshakes_per_address = per_address;
        self
    }

    /// How long it may take from the accepting of a connection until it has its session, TLS and authentication
    /// included; 10 s by default. Not zero.
    #[must_use]
    pub const fn handshake_timeout(mut self, timeout: Duration) -> Self {
        self.settings.handshake_timeout = Some(timeout);
        self
    }

    /// How often the connections of one address may come to nothing; 1,000 times at once and 100 a second by default.
    /// While there were more, its connections are closed at once.
    #[must_use]
    pub const fn max_failures(mut self, rate: Rate) -> Self {
        self.gate.failures_per_address = rate;
        self
    }

    /// The most sessions of protocol v3 at one time, those without a connection included; 10,000 by default.
    #[must_use]
    pub const fn max_sessions(mut self, sessions: usize) -> Self {
        self.limits.max_sessions = sessions;
        self
    }

    /// The most sessions of one principal; 1,000 by default. Where nothing is known of clients it does not count. Needs
    /// protocol v3.
    #[must_use]
    pub const fn max_sessions_per_principal(mut self, sessions: usize) -> Self {
        self.limits.max_sessions_per_principal = sessions;
        self
    }

    /// The most memory of all sessions together, in bytes; 256 MiB by default. It is what they hold for their peers and
    /// the application: messages that are not acknowledged or not read, some 360 bytes for each of them, 8 KiB for each
    /// session, and what is being read.
    ///
    /// Above four fifths of it there are no new sessions, and those that hold more than 64 KiB get no more; above all of
    /// it none does. What the application sends waits then, but for one message of a session that has none under way; a
    /// client that sends is disconnected, and may come back to its session when there is room.
    #[must_use]
    pub const fn max_memory(mut self, bytes: u64) -> Self {
        self.limits.max_memory = bytes;
        self
    }

    /// How often a client may come back to its session; 1,000 times at once and 100 a second by default. Beyond that it is
    /// told when to try again. Needs protocol v3.
    #[must_use]
    pub const fn max_resumes(mut self, rate: Rate) -> Self {
        self.limits.resumes = rate;
        self
    }

    /// How often it may do so while its last connection seems to be there; 100 times at once and 10 a second by default.
    /// Two copies of a client take the session from each other that way. Needs protocol v3.
    #[must_use]
    pub const fn max_take_overs(mut self, rate: Rate) -> Self {
        self.limits.take_overs = rate;
        self
    }

    /// How many frames may come in a second, or at once after a time without, that carry nothing forward: probes,
    /// acknowledgements of nothing, repeats; 100 by default. A peer that sends more loses its connection. Needs protocol
    /// v3.
    #[must_use]
    pub const fn max_control_frames(mut self, per_second: u32) -> Self {
        self.settings.max_control_frames = Some(per_second);
        self
    }

    /// How long a connection lasts at the most, give or take a tenth: then its client comes back to the session, and is
    /// authenticated anew. 24 hours by default; zero for as long as it holds. Needs protocol v3.
    #[must_use]
    pub const fn max_connection_age(mut self, age: Duration) -> Self {
        self.limits.max_connection_age = age;
        self
    }

    /// How long a client may be connected and not acknowledge anything that was sent to it. Then its connection is
    /// ended; and when that has happened three times in a row, its session. Needs protocol v3.
    ///
    /// Not limited by default: who does not keep up withholds acknowledgements, for as long as the one message takes
    /// that it is at; what waits for it is bounded by the [window](Self::window).
    #[must_use]
    pub const fn stall_timeout(mut self, timeout: Duration) -> Self {
        self.stalled_after = Some(timeout);
        self
    }

    /// What to do with a message that a client of the Python package sends again after a cut;
    /// [`Repeats::DeliverOnce`] by default.
    #[must_use]
    pub const fn repeats(mut self, repeats: Repeats) -> Self {
        self.repeats = repeats;
        self
    }
}
