//! What the person in front of the demo sees: one line per event, with the time since the start.

use std::env;
use std::io::{self, IsTerminal};
use std::time::Instant;

const RED: &str = "31";
const GREEN: &str = "32";
const BOLD: &str = "1";
const DIM: &str = "2";

pub(crate) struct Screen {
    started: Instant,
    coloured: bool,
}

impl Screen {
    pub(crate) fn new() -> Self {
        let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
        let can = io::stdout().is_terminal() || is_set("CLICOLOR_FORCE");
        Self {
            started: Instant::now(),
            coloured: can && !is_set("NO_COLOR"),
        }
    }

    pub(crate) fn title(&self, text: &str) {
        println!();
        self.line(BOLD, text);
    }

    pub(crate) fn say(&self, text: &str) {
        self.line("", text);
    }

    pub(crate) fn good(&self, text: &str) {
        self.line(GREEN, text);
    }

    pub(crate) fn bad(&self, text: &str) {
        self.line(RED, text);
    }

    /// What a child process says by itself.
    pub(crate) fn aside(&self, text: &str) {
        self.line(DIM, text);
    }

    fn line(&self, colour: &str, text: &str) {
        let at = self.started.elapsed().as_secs_f64();
        if self.coloured && !colour.is_empty() {
            println!("{at:7.3} s  \x1b[{colour}m{text}\x1b[0m");
        } else {
            println!("{at:7.3} s  {text}");
        }
    }
}
