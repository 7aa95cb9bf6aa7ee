//! The program of a server under attack. It says on its standard output what comes of connections and sessions, a line
//! each, and answers every line on its standard input with its figures; at the end of that it is over.

use std::fmt::Display;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use korinet::{Event, Sender, Server, Session, State};
use tokio::io::{AsyncBufReadExt, BufReader};

use super::settings::builder;
use crate::measure::idle::of_status;

/// Serves until its standard input ends.
///
/// # Errors
///
/// The arguments are none, or there is nothing to listen on.
pub async fn serve(arguments: &[String]) -> Result<(), String> {
    // What panics is the authenticator, when a case wants it to.
    std::panic::set_hook(Box::new(|_| {}));
    let builder = builder(arguments)?.on_refused(|refused| {
        let peer = refused.peer.map_or_else(String::new, |it| it.to_string());
        say(format_args!("refused {peer} {:?}", refused.reason));
    });
    let server = builder
        .bind("127.0.0.1:0")
        .await
        .map_err(|error| crate::chain(&error))?;
    let server = Arc::new(server);
    say(format_args!("listening {}", server.local_addr().unwrap()));
    let accepting = Arc::clone(&server);
    tokio::spawn(async move { accepting.serve(play).await });
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Ok(Some(_)) = lines.next_line().await {
        say(figures(&server));
    }
    Ok(())
}

/// Nobody reads what is written after the parent is gone.
fn say(line: impl Display) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

fn figures(server: &Server) -> String {
    let stats = server.stats();
    let memory = [("peak_rss", "VmHWM:"), ("rss", "VmRSS:")];
    let memory = memory.map(|(name, line)| (name, of_status(line)));
    let counts = [
        ("sessions", stats.sessions as u64),
        ("connections", stats.connections as u64),
        ("handshakes", stats.handshakes as u64),
        ("counted", stats.memory),
        ("peak_counted", stats.peak_memory),
        ("accepted", stats.accepted),
        ("admitted", stats.admitted),
        ("refused", stats.refused),
    ];
    let all = memory.iter().chain(&counts);
    let all: Vec<String> = all.map(|(name, value)| format!("{name}={value}")).collect();
    format!("figures {}", all.join(" "))
}

/// What the application does with a session: what its first message says.
async fn play(mut session: Session) {
    if let Some(mut events) = session.events() {
        let sender = session.sender().clone();
        let mut peer = sender.peer_addr();
        tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                tell(&event, &mut peer, &sender);
            }
        });
    }
    let Ok(Some(role)) = session.recv().await else {
        return;
    };
    if session.send_raw("ready").await.is_err() {
        return;
    }
    match &role.data()[..] {
        b"echo" => echo(session).await,
        b"mute" => until_closed(&session).await,
        b"talk" => talk(&session).await,
        b"decode" => decode(session).await,
        _ => while let Ok(Some(_)) = session.recv().await {},
    }
}

fn tell(event: &Event, peer: &mut Option<SocketAddr>, sender: &Sender) {
    let shown = |peer: &Option<SocketAddr>| peer.map_or_else(String::new, |it| it.to_string());
    match event {
        // What comes next is of this connection.
        Event::Attached(_) => *peer = sender.peer_addr(),
        Event::Detached { reason, .. } => say(format_args!("detached {} {reason:?}", shown(peer))),
        Event::Closed { why, .. } => say(format_args!("closed {} {why:?}", shown(peer))),
        _ => {}
    }
}

/// Says everything again.
async fn echo(mut session: Session) {
    while let Ok(Some(message)) = session.recv().await {
        let said = session.sender().enqueue_raw(message.data().clone()).await;
        if said.is_err() {
            return;
        }
    }
}

/// Holds the session, and reads nothing.
async fn until_closed(session: &Session) {
    let mut state = session.state();
    let is_closed = |state: &State| matches!(state, State::Closed { .. });
    // It ends with the session.
    let _ = state.wait_for(is_closed).await;
}

/// Sends and never stops.
async fn talk(session: &Session) {
    let message = Bytes::from(vec![7; 32 * 1024]);
    while session.sender().enqueue_raw(message.clone()).await.is_ok() {}
}

/// Takes everything for a value, and says what is wrong where it is none.
async fn decode(mut session: Session) {
    while let Ok(Some(message)) = session.recv().await {
        let said = match message.value() {
            Ok(_) => "it is a value".to_owned(),
            Err(error) => error.to_string(),
        };
        if session.sender().enqueue_raw(said).await.is_err() {
            return;
        }
    }
}
