//! The cases, by what they are about.

mod crowds;
mod floods;
mod hellos;
mod limits;
mod memory;
mod messages;
mod opening;
mod owners;
mod resumes;
mod sessions;
mod silence;
mod tls;

use super::peer::Peer;
use super::{Arena, Case};

/// All of them, by groups.
#[must_use]
pub fn groups() -> Vec<(&'static str, Vec<Case>)> {
    vec![
        ("opening", opening::cases()),
        ("hellos", hellos::cases()),
        ("sessions", sessions::cases()),
        ("messages", messages::cases()),
        ("floods", floods::cases()),
        ("silence", silence::cases()),
        ("crowds", crowds::cases()),
        ("resumes", resumes::cases()),
        ("owners", owners::cases()),
        ("limits", limits::cases()),
        ("memory", memory::cases()),
        ("tls", tls::cases()),
    ]
}

/// These bytes come first on a connection without TLS; told is what is said then.
fn shot(name: &'static str, bytes: Vec<u8>) -> Case {
    shots(name, move || bytes.clone())
}

/// The same, with bytes that are made anew for each connection.
fn shots(name: &'static str, make: impl Fn() -> Vec<u8> + 'static) -> Case {
    Case::new(name, async move |arena: &Arena| {
        let fire = async || {
            let mut peer = Peer::plain(arena.dial().await);
            peer.send(&make()).await;
            peer.told().await
        };
        arena.repeat(fire).await
    })
}
