use korinet_session::v3::OnLost;
use korinet_wire::v3::Level;

use super::Config;
use super::config::Faults;
use super::seen::Sight;
use crate::model::Bounds;

/// The configurations to explore.
pub(super) fn all(bounds: Bounds) -> Vec<Config> {
    let mut all = resuming(bounds);
    all.extend(hostile(bounds));
    all.extend(ending(bounds));
    all.extend(combined(bounds));
    all
}

/// Lost replies, late HELLOs, take-over, and messages not yet finished.
fn resuming(bounds: Bounds) -> Vec<Config> {
    vec![
        Config {
            name: "session: lost replies and late HELLOs",
            client_messages: bounds.pick(1, 2, 2),
            faults: Faults {
                cuts: bounds.pick(1, 1, 2),
                give_ups: bounds.pick(1, 1, 2),
                ..Faults::NONE
            },
            sights: &[
                Sight::Resumed,
                Sight::TakenOver,
                Sight::Stale,
                Sight::Reopened,
            ],
            ..Config::base()
        },
        Config {
            name: "session: processed, and written whenever",
            level: Level::Processed,
            prompt: false,
            client_messages: bounds.pick(1, 2, 2),
            server_messages: bounds.pick(0, 0, 1),
            faults: Faults {
                cuts: bounds.pick(1, 1, 2),
                ..Faults::NONE
            },
            sights: &[Sight::Resumed, Sight::Unfinished],
            ..Config::base()
        },
        Config {
            name: "session: a server that forgets",
            client_messages: bounds.pick(1, 2, 2),
            faults: Faults {
                cuts: 1,
                restarts: bounds.pick(1, 1, 2),
                ..Faults::NONE
            },
            sights: &[Sight::Lost, Sight::Redelivered],
            ..Config::base()
        },
        Config {
            name: "session: a server that was set back",
            client_messages: bounds.pick(1, 2, 2),
            server_messages: bounds.pick(1, 1, 2),
            faults: Faults {
                rollbacks: 1,
                cuts: bounds.pick(0, 0, 1),
                ..Faults::NONE
            },
            sights: &[Sight::Lost],
            ..Config::base()
        },
        Config {
            name: "session: a server that was set back and has no digests",
            checksum: false,
            client_messages: bounds.pick(0, 1, 2),
            server_messages: bounds.pick(1, 1, 2),
            faults: Faults {
                rollbacks: 1,
                cuts: bounds.pick(0, 0, 1),
                ..Faults::NONE
            },
            sights: &[Sight::Lost],
            ..Config::base()
        },
    ]
}

/// A thief, an impostor, a copy.
fn hostile(bounds: Bounds) -> Vec<Config> {
    vec![
        Config {
            name: "session: a thief on plain connections",
            client_messages: bounds.pick(1, 1, 2),
            server_messages: bounds.pick(0, 1, 1),
            faults: Faults {
                cuts: bounds.pick(1, 1, 2),
                give_ups: bounds.pick(0, 1, 1),
                replays: 1,
                guesses: 1,
                ..Faults::NONE
            },
            sights: &[Sight::Resumed, Sight::Stale, Sight::Guessed],
            ..Config::base()
        },
        Config {
            name: "session: a thief on secured connections",
            secured: true,
            client_messages: 1,
            server_messages: bounds.pick(0, 1, 1),
            faults: Faults {
                cuts: bounds.pick(1, 1, 2),
                give_ups: bounds.pick(0, 1, 1),
                replays: 1,
                guesses: 1,
                ..Faults::NONE
            },
            sights: &[Sight::Resumed, Sight::Replayed, Sight::Guessed],
            ..Config::base()
        },
        Config {
            name: "session: an impostor",
            checksum: false,
            server_messages: bounds.pick(0, 1, 1),
            client_messages: bounds.pick(1, 1, 2),
            faults: Faults {
                cuts: bounds.pick(1, 1, 2),
                impostors: bounds.pick(1, 1, 2),
                ..Faults::NONE
            },
            sights: &[Sight::Resumed, Sight::Impersonated],
            ..Config::base()
        },
        Config {
            name: "session: a client that goes on as two",
            client_messages: bounds.pick(2, 2, 2),
            server_messages: bounds.pick(0, 0, 1),
            faults: Faults {
                cuts: bounds.pick(0, 0, 1),
                copies: 1,
                ..Faults::NONE
            },
            sights: &[Sight::Resumed, Sight::TakenOver, Sight::Lost],
            ..Config::base()
        },
    ]
}

/// Two faults that have more to do with each other than with a network.
fn combined(bounds: Bounds) -> Vec<Config> {
    vec![
        Config {
            name: "session: one of two copies closes",
            client_messages: 2,
            server_messages: bounds.pick(0, 0, 1),
            faults: Faults {
                cuts: bounds.pick(0, 0, 1),
                copies: 1,
                client_closes: 1,
                ..Faults::NONE
            },
            sights: &[Sight::ClosedHere, Sight::Lost],
            ..Config::base()
        },
        Config {
            name: "session: two copies at a server that forgets",
            client_messages: bounds.pick(1, 1, 2),
            server_messages: 0,
            faults: Faults {
                restarts: 1,
                copies: 1,
                ..Faults::NONE
            },
            sights: &[Sight::Lost, Sight::TakenOver],
            ..Config::base()
        },
        Config {
            name: "session: both sides close, and the server forgets",
            server_messages: bounds.pick(0, 1, 1),
            faults: Faults {
                cuts: bounds.pick(0, 1, 1),
                restarts: 1,
                client_closes: 1,
                server_closes: 1,
                ..Faults::NONE
            },
            sights: &[Sight::ClosedHere, Sight::Lost],
            ..Config::base()
        },
    ]
}

/// Expiry against resume, close against cut, and what is remembered.
fn ending(bounds: Bounds) -> Vec<Config> {
    let closing = Config {
        name: "session: both sides close, and write whenever",
        prompt: false,
        client_messages: 1,
        server_messages: bounds.pick(0, 1, 1),
        faults: Faults {
            cuts: bounds.pick(1, 1, 2),
            client_closes: 1,
            server_closes: 1,
            ..Faults::NONE
        },
        sights: &[
            Sight::ClosedHere,
            Sight::ClosedByPeer,
            Sight::ClosedAfterCut,
        ],
        ..Config::base()
    };
    vec![
        Config {
            name: "session: expiry against resume",
            client_messages: bounds.pick(1, 2, 2),
            faults: Faults {
                cuts: bounds.pick(1, 2, 2),
                expiries: 1,
                forgets: 1,
                give_ups: bounds.pick(0, 0, 1),
                ..Faults::NONE
            },
            sights: &[
                Sight::Resumed,
                Sight::Expired,
                Sight::ToldExpired,
                Sight::Lost,
            ],
            ..Config::base()
        },
        Config {
            name: "session: expiry ends the client that wants it so",
            on_lost: OnLost::Fail,
            client_messages: bounds.pick(1, 2, 2),
            faults: Faults {
                cuts: bounds.pick(1, 2, 2),
                expiries: 1,
                client_closes: bounds.pick(0, 1, 1),
                ..Faults::NONE
            },
            sights: &[Sight::Expired, Sight::ToldExpired],
            ..Config::base()
        },
        Config {
            name: "session: expiry, and what was in doubt is handed back",
            on_lost: OnLost::Fresh,
            client_messages: bounds.pick(1, 2, 2),
            faults: Faults {
                cuts: bounds.pick(1, 1, 2),
                expiries: 1,
                ..Faults::NONE
            },
            sights: &[Sight::Expired, Sight::Lost],
            ..Config::base()
        },
        Config {
            name: "session: the client closes while replies are lost",
            client_messages: bounds.pick(1, 2, 2),
            server_messages: bounds.pick(0, 1, 1),
            faults: Faults {
                cuts: bounds.pick(1, 2, 2),
                give_ups: bounds.pick(1, 0, 1),
                client_closes: 1,
                ..Faults::NONE
            },
            sights: &[Sight::ClosedHere, Sight::ClosedAfterCut],
            ..Config::base()
        },
        closing,
    ]
}
