use std::collections::BTreeMap;
use std::time::Duration;

use korinet_session::v3::{Ending, Event, OnLost};
use korinet_session::{ConnectionError, Loss, SessionError};
use korinet_wire::v3::{Code, SessionId};

use super::link::{LinkId, ProcessId};
use super::tally::Fault;
use super::world::World;

/// Whether what applications are told can be explained by what really happened.
///
/// Between honest programs on a network that only cuts and delays, a session is lost for a few
/// reasons, and nobody ever breaks the protocol.
#[derive(Debug, Clone, Default)]
pub struct Verdict {
    sessions: BTreeMap<SessionId, Facts>,
    /// Sessions in the order in which they came to their end.
    ended: Vec<SessionId>,
    /// How many ended sessions the server remembers, and how long.
    memory: (usize, Duration),
}

#[derive(Debug, Clone)]
struct Facts {
    process: ProcessId,
    detached_at: Option<u64>,
    ended: Option<(u64, Code)>,
}

impl Verdict {
    /// Nothing was told yet.
    #[must_use]
    pub const fn new(memory: (usize, Duration)) -> Self {
        Self {
            sessions: BTreeMap::new(),
            ended: Vec::new(),
            memory,
        }
    }

    /// Judges what was told since the last time.
    pub fn judge(&mut self, world: &mut World) -> Result<(), String> {
        for (session, event) in std::mem::take(&mut world.server.told) {
            self.judge_server(world, session, &event)
                .map_err(|error| format!("server {session}: {error}: {event:?}"))?;
        }
        for index in 0..world.clients.len() {
            for (link, session, event) in std::mem::take(&mut world.clients[index].told) {
                self.judge_client(world, index, (link, session), &event)
                    .map_err(|error| format!("client {index}: {error}: {event:?}"))?;
            }
        }
        Ok(())
    }

    fn judge_server(
        &mut self,
        world: &World,
        session: SessionId,
        event: &Event,
    ) -> Result<(), String> {
        let now = world.network.micros();
        match event {
            Event::Attached(_) => {
                let facts = Facts {
                    process: world.server.process,
                    detached_at: None,
                    ended: None,
                };
                self.sessions.insert(session, facts);
            }
            Event::Detached { reason, .. } => {
                check_reason(world, Some(session), reason)?;
                self.facts(session)?.detached_at = Some(now);
            }
            Event::Closed { why, in_doubt } => {
                let detached_at = self.facts(session)?.detached_at;
                let code = match why {
                    Ending::Error(SessionError::Expired { after }) => {
                        let lived = detached_at.map(|at| Duration::from_micros(now - at));
                        if lived.is_none_or(|lived| lived < *after) {
                            return Err(format!("expired after {lived:?} without a connection"));
                        }
                        Code::SESSION_EXPIRED
                    }
                    Ending::Local if in_doubt.is_empty() => Code::SESSION_ENDED,
                    Ending::Peer { code, .. } if code.get() == 0 => Code::SESSION_ENDED,
                    _ => return Err("nobody wanted that".to_owned()),
                };
                self.facts(session)?.ended = Some((now, code));
                self.ended.push(session);
            }
            _ => {}
        }
        Ok(())
    }

    fn judge_client(
        &self,
        world: &World,
        index: usize,
        (link, session): (LinkId, Option<SessionId>),
        event: &Event,
    ) -> Result<(), String> {
        let is_impostor = world
            .network
            .links
            .get(&link)
            .is_some_and(super::link::Link::is_impostor);
        match event {
            Event::Detached { reason, .. } if !is_impostor => check_reason(world, session, reason),
            Event::Lost { why, .. } if !is_impostor => self.check_loss(world, session, why),
            Event::Closed { why, in_doubt } => match why {
                Ending::Local if in_doubt.is_empty() => Ok(()),
                Ending::Peer { .. } => self.check_ended(session),
                Ending::Error(SessionError::GaveUp { after, .. })
                    if *after >= world.clients[index].config().give_up =>
                {
                    Ok(())
                }
                Ending::Error(SessionError::Lost(why))
                    if world.clients[index].config().on_lost != OnLost::Resend =>
                {
                    if is_impostor {
                        return Ok(());
                    }
                    self.check_loss(world, session, why)
                }
                _ => Err("nobody wanted that".to_owned()),
            },
            _ => Ok(()),
        }
    }

    /// The server has closed it, or was told to.
    fn check_ended(&self, session: Option<SessionId>) -> Result<(), String> {
        let facts = session.and_then(|session| self.sessions.get(&session));
        match facts {
            Some(_) => Ok(()),
            None => Err("there was no session".to_owned()),
        }
    }

    fn check_loss(
        &self,
        world: &World,
        session: Option<SessionId>,
        why: &Loss,
    ) -> Result<(), String> {
        let Loss::Refused { code, .. } = why else {
            let is_restarted = world.server.process != ProcessId(0);
            return match why {
                Loss::TooLarge { .. } if is_restarted => Ok(()),
                _ => Err("two honest sides do not fit together".to_owned()),
            };
        };
        let Some(facts) = session.and_then(|session| self.sessions.get(&session)) else {
            return Err("a session is lost that there never was".to_owned());
        };
        match (*code, facts.ended) {
            (Code::SESSION_UNKNOWN, _) if facts.process != world.server.process => Ok(()),
            (Code::SESSION_UNKNOWN, Some((at, _))) if self.is_forgotten(world, session, at) => {
                Ok(())
            }
            (code, Some((_, ended))) if code == ended => Ok(()),
            _ => Err(format!("the session is in fact {facts:?}")),
        }
    }

    fn is_forgotten(&self, world: &World, session: Option<SessionId>, at: u64) -> bool {
        let (most, life) = self.memory;
        let age = Duration::from_micros(world.network.micros() - at);
        let mut later = self.ended.iter().rev();
        let newer = later.position(|ended| Some(*ended) == session);
        age >= life || newer.is_none_or(|newer| newer >= most)
    }

    fn facts(&mut self, session: SessionId) -> Result<&mut Facts, String> {
        let facts = self.sessions.get_mut(&session);
        facts.ok_or_else(|| "no such session".to_owned())
    }
}

/// Why a connection may end where nobody tampers with it.
fn check_reason(
    world: &World,
    session: Option<SessionId>,
    reason: &ConnectionError,
) -> Result<(), String> {
    let is_tampered = session.is_some_and(|session| world.network.tampered.contains(&session));
    let is_sound = match reason {
        ConnectionError::Closed { code, .. } => {
            is_tampered
                || matches!(
                    *code,
                    Code::TIMEOUT | Code::DRAINING | Code::SESSION_EXPIRED
                )
        }
        ConnectionError::Violation(_) => is_tampered,
        // Somebody who listens along can play a HELLO back before it has arrived.
        ConnectionError::Refused { code, .. } if *code == Code::ATTACH_STALE => {
            world.network.report.faults.get(Fault::ReplayedHello) > 0
        }
        ConnectionError::Refused { code, .. } => matches!(
            *code,
            Code::OVERLOADED
                | Code::DRAINING
                | Code::STARTING
                | Code::INTERNAL
                | Code::TIMEOUT
                | Code::SESSION_UNKNOWN
                | Code::SESSION_EXPIRED
                | Code::SESSION_ENDED
        ),
        ConnectionError::Decode(_)
        | ConnectionError::Discontinuous(_)
        | ConnectionError::NotProven
        | ConnectionError::Preface(_)
        | ConnectionError::RefusedHere { .. }
        | ConnectionError::Truncated { .. }
        | ConnectionError::Unasked(_) => false,
        _ => true,
    };
    if is_sound {
        return Ok(());
    }
    Err("nobody has done anything to deserve that".to_owned())
}
