//! What the one who measures says on standard input.

use std::io::{self, BufRead};
use std::sync::Arc;

use tokio::sync::oneshot;

use crate::report::{Line, say};
use crate::{Failure, Meter};

/// Answers marks from now on, from a thread that sleeps in between; resolves at the end of standard input.
pub(crate) fn start(meter: Arc<Meter>) -> oneshot::Receiver<Result<(), Failure>> {
    let (ended, end) = oneshot::channel();
    std::thread::spawn(move || {
        // Nobody listens any more where the program has failed otherwise.
        let _ = ended.send(answer(&meter));
    });
    end
}

fn answer(meter: &Meter) -> Result<(), Failure> {
    for line in io::stdin().lock().lines() {
        match line?.as_str() {
            "mark" => say(&Line::Snapshot(meter.snapshot()?)),
            other => return Err(format!("found \"{other}\", expected mark").into()),
        }
    }
    Ok(())
}
