//! A chat room: one program that is the server or, with a nickname, a client of it.
//!
//! ```console
//! $ chat 127.0.0.1:1235
//! $ chat 127.0.0.1:1235 alice
//! ```
//!
//! A client that loses its connection comes back and misses nothing. One that does not keep up, by thousands of lines,
//! is shown out, and holds up nobody until then.

#![allow(clippy::print_stderr, reason = "for a terminal")]

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;
use std::io::{BufRead, Write, stdout};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use korinet::minicbor::{self, Decode, Encode};
use korinet::wire::v3::Code;
use korinet::{Client, Group, Server, Session};
use tokio::sync::mpsc;

/// What the room tells everybody.
#[derive(Debug, Encode, Decode)]
enum Line<'a> {
    #[n(0)]
    Joined(#[b(0)] &'a str),
    #[n(1)]
    Left(#[b(0)] &'a str),
    #[n(2)]
    Said(#[b(0)] &'a str, #[b(1)] &'a str),
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What others write must not reach the terminal as commands to it.
        match self {
            Self::Joined(nick) => write!(f, "* {} joined", nick.escape_debug()),
            Self::Left(nick) => write!(f, "* {} left", nick.escape_debug()),
            Self::Said(nick, text) => write!(f, "{}: {}", nick.escape_debug(), text.escape_debug()),
        }
    }
}

#[derive(Debug, Clone, Default)]
struct Room {
    group: Group,
    nicks: Arc<Mutex<BTreeSet<String>>>,
}

impl Room {
    fn nicks(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.nicks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Serves one client: its first message is its nickname, all others are what it says.
    async fn attend(self, mut session: Session) -> Result<(), Box<dyn Error>> {
        let Some(first) = session.recv().await? else {
            return Ok(());
        };
        let nick = first.decode::<&str>().unwrap_or_default();
        if nick.is_empty() || nick.len() > 32 || !self.nicks().insert(nick.to_owned()) {
            let text = "this nickname cannot be had";
            return Ok(session.close_with(Code::NOT_AUTHORIZED, text).await?);
        }
        let ended = self.listen(nick, &mut session).await;
        self.nicks().remove(nick);
        self.group.send(&Line::Left(nick))?;
        ended
    }

    async fn listen(&self, nick: &str, session: &mut Session) -> Result<(), Box<dyn Error>> {
        let _member = self.group.join(session.sender())?;
        self.group.send(&Line::Joined(nick))?;
        while let Some(message) = session.recv().await? {
            self.group.send(&Line::Said(nick, message.decode()?))?;
        }
        Ok(())
    }
}

async fn serve(addr: &str) -> Result<(), Box<dyn Error>> {
    let server = Server::bind(addr).await?;
    writeln!(stdout(), "listening on {}", server.local_addr()?)?;
    let room = Room::default();
    let serving = server.serve(|session| {
        let room = room.clone();
        async move {
            if let Err(error) = room.attend(session).await {
                eprintln!("a client is gone: {error}");
            }
        }
    });
    tokio::select! {
        () = serving => {}
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    server.shut_down(Duration::from_secs(5), None).await;
    Ok(())
}

async fn join(addr: &str, nick: &str) -> Result<(), Box<dyn Error>> {
    let (sender, mut receiver) = Client::connect(addr).await?.split();
    sender.send(nick).await?;
    let (lines, mut typed) = mpsc::channel(1);
    // Not by the runtime, which would wait at its end for one more line.
    std::thread::spawn(move || {
        let mut all = std::io::stdin().lock().lines().map_while(Result::ok);
        all.try_for_each(|line| lines.blocking_send(line))
    });
    loop {
        tokio::select! {
            line = typed.recv() => match line {
                Some(line) => sender.feed(&line).await?,
                None => return Ok(sender.close().await?),
            },
            message = receiver.recv() => match message? {
                Some(message) => writeln!(stdout(), "{}", message.decode::<Line<'_>>()?)?,
                None => return Ok(()),
            },
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let ended = match arguments.as_slice() {
        [addr] => serve(addr).await,
        [addr, nick] => join(addr, nick).await,
        _ => Err("usage: chat HOST:PORT [NICKNAME]".into()),
    };
    let Err(error) = ended else {
        return ExitCode::SUCCESS;
    };
    let mut cause: Option<&dyn Error> = Some(&*error);
    while let Some(error) = cause {
        eprintln!("{error}");
        cause = error.source();
    }
    ExitCode::FAILURE
}
