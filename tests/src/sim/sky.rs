use std::collections::VecDeque;

use super::conditions::{Conditions, Connect, Cut, Host, How, Other};
use super::draw::Draw;
use super::link::Side;

/// What is to become of new connections.
#[derive(Debug, Clone)]
pub enum Sky {
    /// These, in turn; then all is calm.
    Scripted(VecDeque<Conditions>),
    /// Anything.
    Wild(Climate),
}

/// How wild it is.
#[derive(Debug, Clone, Copy)]
pub struct Climate {
    /// Whether frames may be tampered with.
    pub tampers: bool,
    /// Whether somebody may pose as the server.
    pub has_impostors: bool,
    /// The longest time that bytes are held back, in microseconds.
    pub longest_stall: u64,
}

const SECOND: u64 = 1_000_000;

impl Sky {
    /// Nothing ever goes wrong.
    #[must_use]
    pub const fn calm() -> Self {
        Self::Scripted(VecDeque::new())
    }

    /// What is to become of the next connection.
    pub fn next(&mut self, draw: &mut Draw) -> Conditions {
        match self {
            Self::Scripted(script) => script.pop_front().unwrap_or(Conditions::CALM),
            Self::Wild(climate) => climate.draw(draw),
        }
    }
}

impl Climate {
    fn draw(&self, draw: &mut Draw) -> Conditions {
        let latency = draw.pick(&[10, 1000, 20_000, 200_000]);
        Conditions {
            connect: match draw.below(16) {
                0 => Connect::Fails(draw.between(1000, SECOND)),
                1 if draw.one_in(2) => Connect::Never,
                // Longer than it is waited for.
                1 => Connect::After(draw.between(SECOND, 15 * SECOND)),
                _ => Connect::After(draw.between(1, 4 * latency)),
            },
            host: if self.has_impostors && draw.one_in(24) {
                Host::Impostor
            } else {
                Host::Server
            },
            latency: (latency, latency * draw.between(1, 4)),
            slice: draw.pick(&[1, 5, 16, 64, 64, u64::MAX, u64::MAX, u64::MAX]),
            stall: match draw.below(4) {
                0 => (draw.between(2, 20), SECOND / 2),
                1 => (draw.between(10, 60), self.longest_stall),
                _ => (0, 0),
            },
            cut: (!draw.one_in(3)).then(|| draw_cut(draw)),
            cut_after: draw.one_in(2).then(|| {
                let wait = draw.between(1, 20 * SECOND);
                (wait, draw_how(draw), draw_other(draw))
            }),
            tamper: if self.tampers && draw.one_in(2) {
                draw.between(2, 30)
            } else {
                0
            },
            is_flushed: draw.one_in(2),
        }
    }
}

/// A third in the handshake, a third soon after it, a third late.
fn draw_cut(draw: &mut Draw) -> Cut {
    let most = draw.pick(&[240, 800, 6000]);
    Cut {
        from: draw.pick(&[Side::Client, Side::Server]),
        at: draw.below(most),
        how: draw_how(draw),
        other: draw_other(draw),
    }
}

fn draw_how(draw: &mut Draw) -> How {
    draw.pick(&[
        How::Fin,
        How::Fin,
        How::Reset,
        How::Reset,
        How::Silence,
        How::HalfSilence,
    ])
}

fn draw_other(draw: &mut Draw) -> Other {
    match draw.below(4) {
        0 | 1 => Other::AtOnce,
        2 => Other::Later(draw.between(1, 30 * SECOND)),
        _ => Other::Never,
    }
}
