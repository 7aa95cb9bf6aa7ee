//! The server: receives the files of all who send some.

mod intake;
mod report;

use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use korinet::{Event, Events, Session};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::active::Active;
use super::place::is_there;
use super::progress::Progress;
use super::wire::Offer;
use super::{WINDOW, name};
use crate::args::ReceiveFile;
use crate::bind::{Binding, bind};
use crate::events::Quiet;
use crate::failure::Failure;
use crate::output::chain;
use crate::purpose::Purpose;
use crate::refused::Refusals;
use crate::signal;

use intake::Intake;

/// How long sessions have to end in good order when the command ends.
const CLOSE_TIME: Duration = Duration::from_secs(2);

/// What all sessions share.
struct Shared {
    to: To,
    may_replace: bool,
    active: Active,
    progress: Progress,
    /// Where it is reported that a file is at its place, or that the command is to end.
    placed: mpsc::UnboundedSender<Result<(), Failure>>,
}

/// Where files go.
enum To {
    Dir(PathBuf),
    /// Whatever name they have.
    File(PathBuf),
}

impl Shared {
    /// Where the file is to be.
    fn target(&self, offer: &Offer) -> Result<PathBuf, String> {
        Ok(match &self.to {
            To::File(path) => path.clone(),
            To::Dir(dir) => {
                name::check(&offer.name)?;
                dir.join(&offer.name)
            }
        })
    }

    /// Whether there is a file that may be this very one, which then need not be sent; the error says what else is there.
    fn is_there(&self, offer: &Offer, target: &Path) -> Result<bool, String> {
        match target.symlink_metadata() {
            Err(_) => Ok(false),
            Ok(found) if found.is_dir() => Err(format!("{} is a folder here", offer.name)),
            Ok(_) if self.may_replace => Ok(false),
            Ok(found) if found.is_file() && found.len() == offer.size => Ok(true),
            Ok(_) => Err(is_there(target)),
        }
    }
}

pub(crate) async fn run(args: ReceiveFile) -> Result<(), Failure> {
    let mut left = args.count;
    let to = match args.output {
        Some(path) => {
            left = Some(1);
            To::File(path)
        }
        None if args.dir.is_dir() => To::Dir(args.dir),
        None => {
            let text = format!("{} is no folder that is there", args.dir.display());
            return Err(Failure::Told(text));
        }
    };
    let refusals = Refusals::default();
    let binding = Binding::from(&args.service).window(WINDOW.0, WINDOW.1);
    let server = bind(&binding, &refusals).await?;
    let (placed_sender, mut placed) = mpsc::unbounded_channel();
    let shared = Arc::new(Shared {
        to,
        may_replace: args.force,
        active: Active::default(),
        progress: Progress::new(args.json),
        placed: placed_sender,
    });
    let mut sessions = JoinSet::new();
    let mut ended = pin!(signal::ended());
    let result = loop {
        tokio::select! {
            Some(session) = server.accept() => {
                sessions.spawn(serve(session, Arc::clone(&shared)));
            }
            Some(_) = sessions.join_next() => {}
            Some(result) = placed.recv() => match (result, &mut left) {
                (Ok(()), Some(0 | 1)) => break Ok(()),
                (Ok(()), Some(left)) => *left -= 1,
                (Ok(()), None) => {}
                (Err(failure), _) => break Err(failure),
            },
            failure = &mut ended => break Err(failure),
        }
    };
    if result.is_ok() {
        // The last sender hears that its file is at its place, and closes its session.
        let all_closed = async { while sessions.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(CLOSE_TIME, all_closed).await;
    }
    // Others look for their sessions at whoever comes next, who has the parts of their files.
    server.shut_down(CLOSE_TIME, None).await;
    refusals.sum_up();
    result
}

/// One session from its beginning to its end.
async fn serve(session: Session, shared: Arc<Shared>) {
    let peer = match session.peer_addr() {
        Some(addr) => addr.to_string(),
        None => "peer".to_owned(),
    };
    shared.progress.tell(format_args!("{peer} connected"));
    tokio::spawn(tell_events(
        peer.clone(),
        session.events(),
        shared.progress.clone(),
    ));
    let (sender, mut receiver) = session.split();
    let taken = match Purpose::File.answer(&sender, &mut receiver).await {
        Ok(()) => Intake::new(&sender, receiver, &peer, &shared).run().await,
        Err(text) => Err(text),
    };
    match taken {
        Ok(()) => shared.progress.tell(format_args!("{peer} disconnected")),
        Err(text) => {
            shared.progress.tell(format_args!("{peer} error: {text}"));
            // It is told what was wrong, if it can be told anything.
            let closing = sender.close_with(korinet::wire::v3::Code::INTERNAL, &text);
            let _ = tokio::time::timeout(CLOSE_TIME, closing).await;
        }
    }
}

async fn tell_events(peer: String, events: Option<Events>, progress: Progress) {
    let Some(mut events) = events else {
        return;
    };
    let mut quiet = Quiet::default();
    while let Some(event) = events.recv().await {
        let line = if let Event::Detached { reason, wait } = &event {
            let (reason, wait) = (chain(reason), humantime::format_duration(*wait));
            Some(format!("lost its connection: {reason}; kept for {wait}"))
        } else {
            quiet.line(&event)
        };
        if let Some(line) = line {
            progress.tell(format_args!("{peer} {line}"));
        }
    }
}
