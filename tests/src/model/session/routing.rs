use bytes::{Bytes, BytesMut};
use korinet_session::ConnectionError;
use korinet_session::v3::{
    Grant, Greeted, Greeter, Greeting, Principal, Refused, Route, ServerSession, SessionKey,
};
use korinet_wire::v3::{Code, InstanceId, Intent};
use std::sync::Arc;

use super::link::{Dialer, ServerEnd, Theft};
use super::seen::{Seen, Sight};
use super::server::{Log, as_u64, id_of, index_of};
use super::{Config, SessionState};
use crate::model::flaw::Flaw;
use crate::model::{frames, now};

impl SessionState {
    /// The first frame of a connection.
    pub(super) fn greet(
        &mut self,
        config: &Config,
        seen: &Seen,
        at: usize,
        frame: &Bytes,
    ) -> Result<(), Flaw> {
        let mut greeter = Greeter::new(now(), &config.server().settings);
        match greeter.handle_bytes(&mut BytesMut::from(&frame[..])) {
            Some(Greeted::Hello(greeting)) => self.route(config, seen, at, &greeting),
            Some(Greeted::Refused(_)) | None => Err(Flaw::Accused),
        }
    }

    fn route(
        &mut self,
        config: &Config,
        seen: &Seen,
        at: usize,
        greeting: &Greeting,
    ) -> Result<(), Flaw> {
        let channel = self.links[at].channel.clone();
        let principal = Principal::default();
        let accepted = match self.server.registry.route(greeting, &channel, &principal) {
            Route::New => return self.open(config, at, greeting, principal),
            Route::Refused(refused) => Err(refused),
            Route::Session(id, core) => {
                let answer = core.handle_greeting(now(), greeting, &channel);
                answer.map(|()| index_of(id))
            }
        };
        match accepted {
            Ok(session) => self.accept(seen, at, session, greeting),
            Err(refused) => self.refuse(seen, at, &refused, greeting),
        }
    }

    fn open(
        &mut self,
        config: &Config,
        at: usize,
        greeting: &Greeting,
        principal: Principal,
    ) -> Result<(), Flaw> {
        let session = usize::from(self.granted);
        self.granted += 1;
        let grant = Grant {
            session: id_of(session),
            key: SessionKey::from_bytes([self.granted; 32]),
            instance: InstanceId::from_bytes([self.instance; 16]),
        };
        let link = &mut self.links[at];
        let opened = ServerSession::open(
            now(),
            greeting,
            &link.channel,
            &grant,
            &Arc::new(config.server()),
        );
        let core = opened.map_err(|_| Flaw::LockedOut)?;
        link.server = ServerEnd::Bound(session);
        let id = core.id();
        self.server.logs.resize_with(session, Log::new);
        let nonce = match greeting.hello().map(|hello| hello.intent) {
            Some(Intent::Open(open)) => Some(open.nonce),
            _ => None,
        };
        for (log, other) in self.server.logs.iter().zip(0..) {
            let is_alive = self.server.registry.get_mut(id_of(other)).is_some();
            if log.nonce == nonce && is_alive && log.over.is_none() {
                return Err(Flaw::Nonce);
            }
        }
        self.server.logs.push(Log {
            nonce,
            attach: greeting.attach().get(),
            key_of: self.dialed,
            ..Log::new()
        });
        self.server.registry.insert(greeting, principal, id, core);
        Ok(())
    }

    /// The session has taken the connection.
    fn accept(
        &mut self,
        seen: &Seen,
        at: usize,
        session: usize,
        greeting: &Greeting,
    ) -> Result<(), Flaw> {
        let log = &mut self.server.logs[session];
        if greeting.attach().get() <= log.attach {
            return Err(Flaw::Owners);
        }
        log.attach = greeting.attach().get();
        if self.links.iter().any(|link| link.is_bound_to(session)) {
            seen.note(Sight::TakenOver);
        }
        let link = &mut self.links[at];
        link.server = ServerEnd::Bound(session);
        let may = match link.dialer {
            Dialer::Client(_) => true,
            // Without a secure channel who reads along may be first.
            Dialer::Thief(Theft::Recorded) => !link.is_secured(),
            Dialer::Thief(Theft::Guessed) => false,
        };
        if !may {
            return Err(Flaw::Stranger);
        }
        match greeting.hello().map(|hello| hello.intent) {
            Some(Intent::Resume(resume)) => {
                let (next, end) = (resume.positions.next.get(), resume.positions.end.get());
                let (sent, delivered) = (log.sent.len(), log.delivered.len());
                if next > as_u64(sent) + 1 || as_u64(delivered) + 1 > end {
                    return Err(Flaw::Reach);
                }
                if log.finished < delivered {
                    seen.note(Sight::Unfinished);
                }
            }
            _ => {
                seen.note(Sight::Reopened);
                log.key_of = self.dialed;
            }
        }
        Ok(())
    }

    fn refuse(
        &mut self,
        seen: &Seen,
        at: usize,
        refused: &Refused,
        greeting: &Greeting,
    ) -> Result<(), Flaw> {
        let ConnectionError::RefusedHere { code, .. } = refused.reason else {
            return Err(Flaw::Accused);
        };
        if code == Code::ATTACH_STALE {
            seen.note(Sight::Stale);
        }
        let link = &mut self.links[at];
        link.write_down(frames::split_bytes(refused.answer.clone()));
        link.close_server();
        match link.dialer {
            Dialer::Thief(theft) => {
                let is_guess = theft == Theft::Guessed;
                seen.note(if is_guess {
                    Sight::Guessed
                } else {
                    Sight::Replayed
                });
                let is_silent = super::hostile::tells_nothing(&refused.answer);
                let must_be_silent = is_guess || link.is_secured();
                if must_be_silent && (code != Code::SESSION_UNKNOWN || !is_silent) {
                    return Err(Flaw::Stranger);
                }
            }
            Dialer::Client(_) => {
                if let Some(Intent::Resume(resume)) = greeting.hello().map(|hello| hello.intent)
                    && let Some(log) = self.server.logs.get(index_of(resume.session))
                    && !log.is_forgotten
                {
                    return match log.over {
                        Some(over) if over != code => Err(Flaw::Tombstone),
                        None if code == Code::SESSION_UNKNOWN => Err(Flaw::LockedOut),
                        _ => Ok(()),
                    };
                }
            }
        }
        Ok(())
    }
}
