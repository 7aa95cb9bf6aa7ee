//! How far files are: for people as bars, where there is a terminal, and for programs as lines of JSON.

use std::fmt::Display;
use std::io::{self, Write};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;

use crate::failure::Failure;
use crate::output::tell;

/// Clones are the same.
#[derive(Debug, Clone)]
pub(super) struct Progress {
    bars: MultiProgress,
    is_json: bool,
}

impl Progress {
    pub(super) fn new(is_json: bool) -> Self {
        // Where stderr is no terminal nothing is drawn.
        let target = match is_json {
            true => ProgressDrawTarget::hidden(),
            false => ProgressDrawTarget::stderr(),
        };
        Self {
            bars: MultiProgress::with_draw_target(target),
            is_json,
        }
    }

    /// A bar for a file, that is gone when it is dropped.
    pub(super) fn file(&self, name: &str, size: u64) -> Bar {
        let bar = self.bars.add(ProgressBar::new(size));
        let template =
            "{msg} {bar:30} {percent:>3}% {bytes}/{total_bytes} {bytes_per_sec}, {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(name.to_owned());
        Bar(bar)
    }

    /// Tells on stderr, above the bars.
    pub(super) fn tell(&self, what: impl Display) {
        self.bars.suspend(|| tell(what));
    }

    /// Prints what became of a file, as text or as JSON.
    pub(super) fn print(&self, text: impl Display, json: &Value) -> Result<(), Failure> {
        let printed = self.bars.suspend(|| {
            let mut stdout = io::stdout().lock();
            match self.is_json {
                true => writeln!(stdout, "{json}"),
                false => writeln!(stdout, "{text}"),
            }?;
            stdout.flush()
        });
        printed.map_err(|error| Failure::from_stdout(&error))
    }

    /// Tells of a file that did not get to its place: as text on stderr, or as JSON on stdout.
    pub(super) fn print_failure(&self, text: impl Display, json: &Value) -> Result<(), Failure> {
        if self.is_json {
            return self.print(text, json);
        }
        self.tell(text);
        Ok(())
    }
}

#[derive(Debug)]
pub(super) struct Bar(ProgressBar);

impl Bar {
    pub(super) fn set(&self, position: u64) {
        self.0.set_position(position);
    }

    /// What was there before does not count for the rate.
    pub(super) fn start_at(&self, position: u64) {
        self.0.set_position(position);
        self.0.reset_eta();
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
