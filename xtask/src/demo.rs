//! `cargo xtask demo`: a count that runs on without a hole while links are cut and servers are killed.

mod act;
mod hosts;
mod process;
mod screen;
mod stage;
mod tally;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use act::{Act, Counter, Trouble};
use hosts::Link;
use screen::Screen;

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

    FIRST_ACT.play(&screen, deadline)?;
    SECOND_ACT.play(&screen, deadline)?;
    match python {
        Ok(python) => third_act(python).play(&screen, deadline)?,
        Err(why) => screen.say(&format!("no act 3, there is no Python package ({why})")),
    }
    screen.good("that was the demo: no number was lost, and none was out of order");
    Ok(())
}

const FIRST_ACT: Act = Act {
    title: "act 1: a Rust client counts in protocol v3, through a proxy that breaks the link",
    counter: Counter::V3,
    numbers: 3_000,
    pace: Duration::from_millis(4),
    link: Some(Link {
        like: "cuts it at random, by FIN",
        faults: &["--cut-random", "4k", "--cut-by", "fin"],
    }),
    troubles: &[
        (600, Trouble::Link(BY_RST)),
        (1_200, Trouble::Link(BY_SILENCE)),
        (1_900, Trouble::Link(LONG_WAY)),
        (2_200, Trouble::Kill),
        (2_600, Trouble::KillAll(LONG_WAY)),
    ],
};

const BY_RST: Link = Link {
    like: "cuts it at random, by RST",
    faults: &["--cut-random", "4k", "--cut-by", "rst"],
};

const BY_SILENCE: Link = Link {
    like: "stops forwarding after a while, and says nothing",
    faults: &["--cut-every", "6k", "--cut-by", "silence"],
};

/// Acknowledgements are under way for a while, so that there are some to be lost.
const LONG_WAY: Link = Link {
    like: "cuts nothing, but takes 50 ms in each direction",
    faults: &["--delay", "50ms"],
};

const SECOND_ACT: Act = Act {
    title: "act 2: a Rust client counts in protocol v2, to a server started as before",
    counter: Counter::V2,
    numbers: 1_000,
    pace: Duration::from_millis(2),
    link: None,
    troubles: &[(333, Trouble::Kill), (666, Trouble::Kill)],
};

fn third_act(python: PathBuf) -> Act {
    Act {
        title: "act 3: the Python package counts, to a server started as before",
        counter: Counter::Python(python),
        numbers: 1_000,
        pace: Duration::from_millis(2),
        link: None,
        troubles: &[
            (250, Trouble::Kill),
            (500, Trouble::Kill),
            (750, Trouble::Kill),
        ],
    }
}
