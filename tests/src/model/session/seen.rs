use std::sync::atomic::{AtomicU32, Ordering};

use stateright::Property;

use super::{Config, SessionModel, SessionState};

macro_rules! sights {
    ($($name:ident: $text:literal,)+) => {
        /// Something that has to happen in a model, for it to mean something.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Sight { $(#[doc = concat!("It happened that ", $text, ".")] $name,)+ }

        /// That what a configuration needs to see is seen.
        pub(super) fn properties(config: &Config) -> Vec<Property<SessionModel>> {
            let is_asked = |sight: &Sight| config.sights.contains(sight);
            let mut properties = Vec::new();
            $(if is_asked(&Sight::$name) {
                properties.push(Property::sometimes(
                    $text,
                    |model: &SessionModel, _: &SessionState| model.seen.has(Sight::$name),
                ));
            })+
            properties
        }
    };
}

sights! {
    Resumed: "a session was resumed",
    Reopened: "a client whose welcome was lost got the same session",
    TakenOver: "a connection was taken over",
    Stale: "an attach was refused that came too late",
    Unfinished: "a session was resumed with a message that was received and not processed",
    Lost: "a session was lost",
    Redelivered: "a message came again in another session, flagged",
    Replayed: "a recorded HELLO was refused",
    Guessed: "a guess was refused",
    Impersonated: "an impostor was not believed",
    Expired: "a session expired",
    ToldExpired: "a client was told that its session had expired",
    ClosedHere: "a client's close came to its end",
    ClosedByPeer: "a server's close came to its end",
    ClosedAfterCut: "a session was closed over a second connection",
}

/// What was seen so far, in any state: what has happened once does not have to tell two states apart.
#[derive(Debug, Default)]
pub struct Seen(AtomicU32);

impl Seen {
    pub(super) fn note(&self, sight: Sight) {
        self.0.fetch_or(1 << sight as u32, Ordering::Relaxed);
    }

    fn has(&self, sight: Sight) -> bool {
        self.0.load(Ordering::Relaxed) & (1 << sight as u32) != 0
    }
}
