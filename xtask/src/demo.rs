//! `cargo xtask demo`: a count that runs on without a hole while its server is killed again and again.

mod act;
mod process;
mod screen;
mod stage;
mod tally;

use std::time::{Duration, Instant};

use act::{Act, Counter};
use screen::Screen;
use tally::Resend;

use crate::failure::Failure;
use crate::{python, steps, workspace};

/// Nothing here waits beyond this, so a demo that goes wrong ends with an error.
const LONGEST: Duration = Duration::from_secs(90);

pub(crate) fn run() -> Result<(), Failure> {
    println!("building the korinet command");
    steps::run(&mut workspace::build_command())?;
    let python = python::prepare();
    let screen = Screen::new();
    let deadline = Instant::now() + LONGEST;

    let first = Act {
        title: "act 1: a Rust client counts, a Rust server prints",
        counter: Counter::Rust,
        numbers: 3_000,
        kills: 5,
        resend: Resend::SameId,
    };
    first.play(&screen, deadline)?;
    match python {
        Ok(python) => second_act(python).play(&screen, deadline)?,
        Err(why) => screen.say(&format!("no act 2, there is no Python package ({why})")),
    }
    screen.good("that was the demo: no number was lost, and none was out of order");
    Ok(())
}

fn second_act(python: std::path::PathBuf) -> Act {
    Act {
        title: "act 2: the Python package counts, a Rust server prints",
        counter: Counter::Python(python),
        numbers: 1_000,
        kills: 3,
        resend: Resend::NewId,
    }
}
