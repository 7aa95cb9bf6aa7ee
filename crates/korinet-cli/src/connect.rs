use std::collections::VecDeque;
use std::io::{self, BufRead, Read};

use korinet::{AckLevel, Receipt, Receiver, SendError, Sender};
use tokio::sync::{mpsc, watch};
use tokio::task::block_in_place;

use crate::args::Connect;
use crate::events::{Quiet, tell_states};
use crate::failure::Failure;
use crate::output::{Output, chain, tell};
use crate::{json, peer, signal};

/// The most bytes of a line: far more than a message can have, and little enough for memory.
const MAX_LINE: u64 = 16 * 1024 * 1024;

pub(crate) async fn run(args: Connect) -> Result<(), Failure> {
    tokio::select! {
        result = converse(&args) => result,
        failure = signal::ended() => Err(failure),
    }
}

async fn converse(args: &Connect) -> Result<(), Failure> {
    let builder = peer::builder(&args.peer).await?;
    let session = builder
        .ack_level(AckLevel::Processed)
        .connect(&args.peer.addr)
        .await
        .map_err(|error| Failure::from_error(&error))?;
    let (sender, receiver) = session.split();
    let mut telling = std::pin::pin!(tell_all(sender.clone()));
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

/// Sends the lines of stdin; ends when all are acknowledged.
async fn send_lines(sender: &Sender) -> Result<(), Failure> {
    // In the order in which they will be acknowledged.
    let mut receipts = VecDeque::new();
    let mut result = enqueue_lines(sender, &mut receipts).await;
    // What came before a line that cannot be sent goes its way all the same.
    while !receipts.is_empty() {
        let acknowledged = first_of(&mut receipts).await;
        result = result.and(acknowledged);
    }
    result
}

async fn enqueue_lines(
    sender: &Sender,
    receipts: &mut VecDeque<(u64, Receipt)>,
) -> Result<(), Failure> {
    let mut lines = read_stdin();
    let mut number = 0_u64;
    loop {
        let line = tokio::select! {
            biased;
            acknowledged = first_of(receipts) => {
                acknowledged?;
                continue;
            }
            line = lines.recv() => line,
        };
        let Some(line) = line else { return Ok(()) };
        number += 1;
        let line =
            line.map_err(|error| Failure::Told(format!("cannot read standard input: {error}")))?;
        let line = line.trim_ascii_end();
        if line.is_empty() {
            continue;
        }
        let value =
            json::parse(line).map_err(|error| Failure::Told(format!("line {number}: {error}")))?;
        let receipt = sender.enqueue(&value).await;
        receipts.push_back((number, receipt.map_err(|error| not_sent(number, &error))?));
    }
}

/// Waits for the first of the acknowledgements; for ever, if there is none to wait for. Cancel safe.
async fn first_of(receipts: &mut VecDeque<(u64, Receipt)>) -> Result<(), Failure> {
    let Some((number, receipt)) = receipts.front_mut() else {
        return std::future::pending().await;
    };
    let (number, acknowledged) = (*number, receipt.await);
    receipts.pop_front();
    acknowledged.map_err(|error| not_sent(number, &error))
}

fn not_sent(number: u64, error: &SendError) -> Failure {
    Failure::Told(format!("line {number}: {}", chain(error)))
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

/// Tells what happens to the session; does not end.
async fn tell_all(session: Sender) {
    let Some(mut events) = session.events() else {
        return tell_states(session.state()).await;
    };
    let mut quiet = Quiet::default();
    while let Some(event) = events.recv().await {
        if let Some(line) = quiet.line(&event) {
            tell(line);
        }
    }
    std::future::pending().await
}
