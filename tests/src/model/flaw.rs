use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

macro_rules! flaws {
    ($($name:ident: $invariant:literal,)+) => {
        /// What a model has found to be wrong; a state with a flaw is the last on its way.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Flaw { $(#[doc = concat!("Not true: ", $invariant, ".")] $name,)+ }

        impl Flaw {
            /// The invariant that does not hold.
            #[must_use]
            pub const fn invariant(self) -> &'static str {
                match self { $(Self::$name => $invariant,)+ }
            }
        }

        /// That no state has any of these flaws, one property for each.
        macro_rules! never {
            ($of:expr) => {
                vec![$(stateright::Property::always($invariant, |_, state| $of(state) != Some($crate::model::Flaw::$name)),)+]
            };
        }
    };
}

flaws! {
    Order: "each message is delivered once and in order",
    Untaken: "an acknowledged message was taken",
    Owners: "a session never has two owners",
    OldLink: "old links change nothing",
    Stranger: "a session is for who has its key, and nobody learns of it otherwise",
    Impostor: "a client resumes its session with its server only",
    Histories: "who go on with a session agree on its history",
    Reach: "nobody goes on where the other has no messages",
    Accused: "an honest peer is never accused",
    Window: "no more is under way, or unread, than the windows allow",
    Nonce: "one nonce opens one session",
    Tombstone: "who comes back to a session that is over is told so",
    Expiry: "a session expires without a connection only",
    CloseLost: "closing loses nothing",
    Account: "an end accounts for every message",
    Leak: "an old connection is ended, not forgotten",
    Stuck: "every run can still finish",
    LockedOut: "an honest client is never locked out",
    Panicked: "nothing panics",
}

pub(super) use never;

/// Runs a step of a model; a panic in it is a flaw like others.
pub(super) fn catching<T>(step: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(step)).map_err(|panic| text_of(panic.as_ref()))
}

fn text_of(panic: &(dyn Any + Send)) -> String {
    if let Some(text) = panic.downcast_ref::<String>() {
        text.clone()
    } else if let Some(text) = panic.downcast_ref::<&str>() {
        (*text).to_owned()
    } else {
        "a panic without words".to_owned()
    }
}
