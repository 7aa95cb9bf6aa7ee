use bytes::Bytes;
use korinet_session::v3::{Grant, Greeting, Principal, Refused, Route, ServerSession, SessionKey};
use korinet_wire::v3::{AttachNumber, Code, Intent, PREFACE, Reject, SessionId};

use super::{Desk, Owned, ServerNode};
use crate::sim::client::hash_of;
use crate::sim::course::Course;
use crate::sim::link::{Dialler, LinkId, Side};
use crate::sim::network::Network;
use crate::sim::tally::Fault;

impl ServerNode {
    pub(super) fn handle_greeting(
        &mut self,
        network: &mut Network,
        link: LinkId,
        greeting: &Greeting,
    ) -> Result<(), String> {
        if let Some((code, retry_after)) = self.refusals.pop() {
            network.fault(Fault::Refusal);
            return self.refuse(network, link, &busy(code, retry_after));
        }
        let hello = greeting.hello().ok_or("a greeting without a HELLO")?;
        let name = hello.authentication.map_or(&[][..], |shown| shown.bytes);
        let principal = Principal(String::from_utf8_lossy(name).into_owned());
        let channel = network.links[&link].channel();
        let now = network.now();
        let id = match self.registry.route(greeting, &channel, &principal) {
            Route::Refused(refused) => return self.refuse(network, link, &refused),
            Route::Session(id, session) => {
                let before = hash_of(session);
                if let Err(refused) = session.handle_greeting(now, greeting, &channel) {
                    if before != hash_of(session) {
                        return Err(format!("a HELLO that was refused changed {id}"));
                    }
                    return self.refuse(network, link, &refused);
                }
                id
            }
            Route::New => {
                let grant = Grant {
                    session: SessionId::from_bytes(network.draw.bytes()),
                    key: SessionKey::from_bytes(network.draw.bytes()),
                    instance: self.instance,
                };
                match ServerSession::open(now, greeting, &channel, &grant, &self.config) {
                    Err(refused) => return self.refuse(network, link, &refused),
                    Ok(session) => self.insert(greeting, principal, session)?,
                }
            }
        };
        self.own(network, link, id, greeting.attach())
    }

    fn insert(
        &mut self,
        greeting: &Greeting,
        principal: Principal,
        session: ServerSession,
    ) -> Result<SessionId, String> {
        let id = session.id();
        let Intent::Open(open) = greeting.hello().ok_or("a greeting without a HELLO")?.intent
        else {
            return Err("a session is opened to be resumed".to_owned());
        };
        let opened_as = (principal.clone(), open.nonce);
        if let Some(other) = self.nonces.insert(opened_as.clone(), id) {
            return Err(format!("one open has two sessions, {other} and {id}"));
        }
        let desk = Desk {
            course: Course::new(Side::Server),
            limits: open.limits,
            level: open.level,
            opened_as,
            settled: 0,
        };
        self.courses.insert(id, desk);
        self.registry.insert(greeting, principal, id, session);
        Ok(id)
    }

    fn own(
        &mut self,
        network: &mut Network,
        link: LinkId,
        id: SessionId,
        attach: AttachNumber,
    ) -> Result<(), String> {
        let attack = network
            .links
            .get(&link)
            .and_then(|link| link.attack.clone());
        if let Some((fault @ (Fault::StolenId | Fault::WrongPrincipal), _)) = attack
            && network.ledger.is_open(id, Side::Client)
        {
            return Err(format!("{id} is taken over by an attacker: {fault:?}"));
        }
        let (_, input) = self.greeters.remove(&link).ok_or("no such connection")?;
        if let Some(other) = self.by_attach.insert((id, attach), link) {
            return Err(format!("{link} and {other} are both attempt {attach}"));
        }
        self.owned.insert(
            link,
            Owned {
                session: id,
                attach,
                input,
            },
        );
        self.pump(network, id)?;
        self.handle_bytes(network, link, &Bytes::new())
    }

    pub(super) fn refuse(
        &mut self,
        network: &mut Network,
        link: LinkId,
        refused: &Refused,
    ) -> Result<(), String> {
        network.note(format_args!("server refuses {link}: {}", refused.reason));
        let is_stale = refused.reason.to_string().contains("stale");
        let dialler = network.links.get(&link).map(|link| link.dialler);
        if is_stale && dialler.is_some_and(|dialler| dialler != Dialler::Attacker) {
            network.fault(Fault::LateHello);
        }
        self.greeters.remove(&link);
        if !refused.answer.is_empty() {
            network.write(link, Side::Server, &refused.answer)?;
        }
        network.finish(link, Side::Server);
        Ok(())
    }
}

/// What a server answers that has no time for anybody.
fn busy(code: Code, retry_after: Option<std::time::Duration>) -> Refused {
    let reject = Reject {
        code,
        text: "later",
        retry_after,
        versions: None,
        attach: None,
        next: None,
        digest: None,
        proof: None,
    };
    let mut answer = PREFACE.to_vec();
    korinet_wire::v3::Frame::Reject(reject)
        .encode(&mut answer)
        .unwrap();
    Refused {
        reason: korinet_session::ConnectionError::RefusedHere {
            code,
            text: "later".to_owned(),
        },
        answer: answer.into(),
    }
}
