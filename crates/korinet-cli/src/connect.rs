use std::io::{self, BufRead, Read};

use korinet::{AckLevel, Receiver, Sender, State};
use tokio::sync::{mpsc, watch};
use tokio::task::block_in_place;

use crate::args::Connect;
use crate::failure::Failure;
use crate::output::{Output, chain, tell};
use crate::{json, signal};

/// The most bytes of a line: far more than a message can have, and little enough for memory.
const MAX_LINE: u64 = 16 * 1024 * 1024;

pub(crate) async fn run(args: Connect) -> Result<(), Failure> {
    let builder = args.peer.builder().ack_level(AckLevel::Processed);
    tokio::select! {
        result = converse(builder, &args) => result,
        failure = signal::ended() => Err(failure),
    }
}

async fn converse(builder: korinet::ClientBuilder, args: &Connect) -> Result<(), Failure> {
    let session = builder
        .connect(&args.peer.addr)
        .await
        .map_err(|error| Failure::from_error(&error))?;
    let mut telling = std::pin::pin!(tell_states(session.state()));
    let (sender, receiver) = session.split();
    let (count_sender, mut count) = watch::channel(0_u64);
    let sending = async {
        send_lines(&sender).await?;
        // The receiving side is polled beside this and fails by itself.
        let _ = count.wait_for(|count| *count >= args.receive).await;
        Ok(())
    };
    tokio::select! {
        result = sending => result?,
        Err(failure) = print_all(receiver, count_sender) => return Err(failure),
        () = &mut telling => {}
    }
    let closing = sender.close();
    tokio::select! {
        result = closing => result.map_err(|error| Failure::from_error(&error)),
        () = &mut telling => Ok(()),
    }
}

/// Sends the lines of stdin, each after the one before it is acknowledged.
async fn send_lines(sender: &Sender) -> Result<(), Failure> {
    let mut lines = read_stdin();
    let mut number = 0_u64;
    while let Some(line) = lines.recv().await {
        number += 1;
        let line =
            line.map_err(|error| Failure::Told(format!("cannot read standard input: {error}")))?;
        let line = line.trim_ascii_end();
        if line.is_empty() {
            continue;
        }
        let value =
            json::parse(line).map_err(|error| Failure::Told(format!("line {number}: {error}")))?;
        sender
            .send(&value)
            .await
            .map_err(|error| Failure::Told(format!("line {number}: {}", chain(&error))))?;
    }
    Ok(())
}

/// The lines of stdin, read by a thread of its own and at most one ahead.
fn read_stdin() -> mpsc::Receiver<io::Result<Vec<u8>>> {
    let (sender, lines) = mpsc::channel(1);
    std::thread::spawn(move || {
        let mut stdin = io::stdin().lock();
        loop {
            let mut line = Vec::new();
            let read = match (&mut stdin).take(MAX_LINE).read_until(b'\n', &mut line) {
                Ok(0) => return,
                Ok(read) if read as u64 == MAX_LINE => Err(io::Error::other(format!(
                    "line is longer than {MAX_LINE} bytes"
                ))),
                Ok(_) => Ok(line),
                Err(error) => Err(error),
            };
            let is_over = read.is_err();
            if sender.blocking_send(read).is_err() || is_over {
                return;
            }
        }
    });
    lines
}

/// Prints what is received, to the end of the conversation, and counts it.
async fn print_all(mut receiver: Receiver, count: watch::Sender<u64>) -> Result<(), Failure> {
    let output = Output::new(None);
    loop {
        match receiver.recv().await {
            Ok(Some(message)) => {
                block_in_place(|| output.print(&message))
                    .map_err(|error| Failure::from_stdout(&error))?;
                receiver.done(&message);
                count.send_modify(|count| *count += 1);
            }
            Ok(None) => return Ok(()),
            Err(error) => return Err(Failure::from_error(&error)),
        }
    }
}

/// Tells of each loss and of each way back; does not end.
async fn tell_states(mut states: watch::Receiver<State>) {
    let mut is_lost = false;
    loop {
        let state = states.borrow_and_update().clone();
        if let State::Detached { reason, .. } = &state
            && !is_lost
        {
            is_lost = true;
            tell(format_args!(
                "connection lost: {}; reconnecting",
                chain(reason)
            ));
        }
        if state == State::Attached && is_lost {
            is_lost = false;
            tell("connected again");
        }
        if states.changed().await.is_err() {
            return std::future::pending().await;
        }
    }
}
