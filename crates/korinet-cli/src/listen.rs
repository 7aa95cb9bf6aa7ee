use std::sync::Arc;
use std::time::Duration;

use korinet::{Event, Events, Message, SendError, Session, SessionError, Value};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinSet, block_in_place};

use crate::args::Listen;
use crate::bind::{Binding, bind};
use crate::failure::Failure;
use crate::output::{Output, Printed, chain, tell};
use crate::refused::Refusals;
use crate::signal;

/// How long connections have to end in good order when the command ends.
const CLOSE_TIME: Duration = Duration::from_secs(2);

/// What all connections share.
struct Shared {
    output: Output,
    answer: Option<Answer>,
    /// Where a connection reports that the command is to end.
    over: mpsc::Sender<Result<(), Failure>>,
    /// Whether connections are to end.
    closing: watch::Receiver<bool>,
}

enum Answer {
    Echo,
    Reply(Value),
}

pub(crate) async fn run(args: Listen) -> Result<(), Failure> {
    let refusals = Refusals::default();
    let server = bind(&Binding::from(&args), &refusals).await?;

    let (over_sender, mut over) = mpsc::channel(1);
    let (close, closing) = watch::channel(false);
    let shared = Arc::new(Shared {
        output: Output::new(args.count),
        answer: match args.reply {
            Some(reply) => Some(Answer::Reply(reply)),
            None => args.echo.then_some(Answer::Echo),
        },
        over: over_sender,
        closing,
    });
    let mut connections = JoinSet::new();
    let mut ended = std::pin::pin!(signal::ended());
    let result = loop {
        tokio::select! {
            Some(session) = server.accept() => {
                connections.spawn(serve(session, Arc::clone(&shared)));
            }
            Some(_) = connections.join_next() => {}
            Some(result) = over.recv() => break result,
            failure = &mut ended => break Err(failure),
        }
    };
    if result.is_err() {
        // Clients of v3 look for their session at whoever comes next.
        server.shut_down(CLOSE_TIME, None).await;
    }
    close.send_replace(true);
    let all_closed = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(CLOSE_TIME, all_closed).await;
    // Who has closed its session waits for the answer, which is not written yet maybe.
    server.shut_down(CLOSE_TIME, None).await;
    refusals.sum_up();
    result
}

/// One connection from its beginning to its end.
async fn serve(mut session: Session, shared: Arc<Shared>) {
    let peer = match session.peer_addr() {
        Some(addr) => addr.to_string(),
        None => "peer".to_owned(),
    };
    tell(format_args!("{peer} connected"));
    let mut closing = shared.closing.clone();
    let mut events = session.events();
    loop {
        let received = tokio::select! {
            received = session.recv() => received,
            Some(event) = next_event(&mut events) => {
                tell_event(&peer, &session, &event);
                continue;
            }
            _ = closing.wait_for(|closing| *closing) => break,
        };
        match received {
            Ok(Some(message)) => match take(&session, &message, &shared) {
                Printed::Enough => break,
                Printed::Last => {
                    let answered = answer(&session, &message, &shared, &peer);
                    // A peer that does not acknowledge the answer does not keep the command from ending.
                    let _ = tokio::time::timeout(CLOSE_TIME, answered).await;
                    let _ = shared.over.send(Ok(())).await;
                    break;
                }
                Printed::Line => answer(&session, &message, &shared, &peer).await,
            },
            Ok(None) => {
                tell(format_args!("{peer} disconnected"));
                return;
            }
            Err(error) => {
                tell_end(&peer, &error);
                return;
            }
        }
    }
    let _ = session.close().await;
}

/// Prints a message and, once that is done, lets it be acknowledged.
fn take(session: &Session, message: &Message, shared: &Shared) -> Printed {
    match block_in_place(|| shared.output.print(message)) {
        Ok(printed) => {
            if printed != Printed::Enough {
                session.done(message);
            }
            printed
        }
        Err(error) => {
            let _ = shared.over.try_send(Err(Failure::from_stdout(&error)));
            Printed::Enough
        }
    }
}

async fn answer(session: &Session, message: &Message, shared: &Shared, peer: &str) {
    let mut closing = shared.closing.clone();
    let send = async {
        match &shared.answer {
            Some(Answer::Echo) => session.send(message).await,
            Some(Answer::Reply(reply)) => session.send(reply).await,
            None => Ok(()),
        }
    };
    tokio::select! {
        // What ended the session is told once, when it is read to its end.
        result = send => if let Err(SendError::Message(error)) = result {
            tell(format_args!("{peer} answer not sent: {error}"));
        },
        _ = closing.wait_for(|closing| *closing) => {}
    }
}

/// The next event of a session that has any.
async fn next_event(events: &mut Option<Events>) -> Option<Event> {
    match events {
        Some(events) => events.recv().await,
        None => std::future::pending().await,
    }
}

/// Tells of a session that has lost its connection, and of its way back.
fn tell_event(peer: &str, session: &Session, event: &Event) {
    if let Event::Detached { reason, wait } = event {
        let wait = humantime::format_duration(*wait);
        tell(format_args!(
            "{peer} lost its connection: {}; kept for {wait}",
            chain(reason)
        ));
        return;
    }
    if let Event::Attached(to) = event
        && to.resumed
    {
        let from = match session.peer_addr() {
            Some(addr) => format!(" from {addr}"),
            None => String::new(),
        };
        tell(format_args!("{peer} is back{from}"));
    }
}

/// A peer that did something wrong, or a network that did.
fn tell_end(peer: &str, error: &SessionError) {
    if let SessionError::ConnectionLost(korinet::ConnectionError::Decode(error)) = error {
        tell(format_args!("{peer} error: {error}"));
        return;
    }
    if let SessionError::ConnectionLost(error) = error {
        tell(format_args!("{peer} lost: {}", chain(error)));
        return;
    }
    tell(format_args!("{peer} error: {}", chain(error)));
}
