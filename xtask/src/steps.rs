//! Named steps, each with its duration, and the summary at the end.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::failure::Failure;

pub(crate) struct Steps {
    title: &'static str,
    started: Instant,
    done: Vec<Step>,
    notes: Vec<String>,
}

struct Step {
    name: String,
    took: Duration,
    succeeded: bool,
}

impl Steps {
    pub(crate) fn new(title: &'static str) -> Self {
        Self {
            title,
            started: Instant::now(),
            done: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Runs a step and says whether it succeeded; the steps after it may still be worth running.
    pub(crate) fn run(
        &mut self,
        name: &str,
        step: impl FnOnce(&mut Self) -> Result<(), Failure>,
    ) -> bool {
        println!("\n== {name}");
        let started = Instant::now();
        let outcome = step(self);
        if let Err(failure) = &outcome {
            eprintln!("error: {failure}");
        }
        self.done.push(Step {
            name: name.to_owned(),
            took: started.elapsed(),
            succeeded: outcome.is_ok(),
        });
        outcome.is_ok()
    }

    pub(crate) fn command(&mut self, name: &str, command: &mut Command) -> bool {
        self.run(name, |_| run(command))
    }

    /// A line for the reader, now and again in the summary.
    pub(crate) fn note(&mut self, text: String) {
        println!("{text}");
        self.notes.push(text);
    }

    pub(crate) fn finish(self) -> Result<(), Failure> {
        println!("\n== summary of {}", self.title);
        for step in &self.done {
            let verdict = if step.succeeded { "ok" } else { "FAILED" };
            println!(
                "{verdict:>6}  {:>7.1} s  {}",
                step.took.as_secs_f64(),
                step.name
            );
        }
        for note in &self.notes {
            println!("  note  {note}");
        }
        let failed = self.done.iter().filter(|step| !step.succeeded).count();
        let (all, took) = (self.done.len(), self.started.elapsed().as_secs_f64());
        if failed > 0 {
            return Err(Failure::Failed(format!("{failed} of {all} steps failed")));
        }
        println!("all {all} steps succeeded in {took:.1} s");
        Ok(())
    }
}

/// Runs a command to its end; what it prints goes where this program's output goes.
pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    let status = command
        .status()
        .map_err(|error| Failure::Failed(format!("{}: {error}", shown(command))))?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure::Failed(format!("{}: {status}", shown(command))))
    }
}

/// The command as one would type it.
fn shown(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    let mut text = name.to_string_lossy().into_owned();
    for argument in command.get_args() {
        text.push(' ');
        text.push_str(&argument.to_string_lossy());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Failure, Steps};

    #[test]
    fn one_failed_step_fails_the_whole_but_not_the_steps_after_it() {
        let mut steps = Steps::new("a test");
        assert!(!steps.run("broken", |_| Err(Failure::Failed("on purpose".into()))));
        assert!(steps.run("sound", |_| Ok(())));
        let failure = steps.finish().unwrap_err();
        assert_eq!(failure.to_string(), "1 of 2 steps failed");
    }

    #[test]
    fn steps_that_all_succeed_succeed() {
        let mut steps = Steps::new("a test");
        assert!(steps.run("sound", |_| Ok(())));
        assert!(steps.finish().is_ok());
    }
}
