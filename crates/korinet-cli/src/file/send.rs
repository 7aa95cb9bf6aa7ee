//! The client: sends files, one after the other, and the same ones again to a receiver that was restarted.

use std::path::Path;
use std::time::Instant;

use korinet::{
    AckLevel, ClientBuilder, FirstConnect, Message, OnLost, Receiver, SendError, Sender,
    SessionError,
};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::block_in_place;

use super::progress::{Bar, Progress};
use super::source::Source;
use super::wire::{self, FromReceiver, FromSender};
use super::{WINDOW, hex};
use crate::args::{Peer, SendFile};
use crate::events::Quiet;
use crate::failure::Failure;
use crate::output::{chain, printable};
use crate::purpose::{Purpose, why, why_not_sent};
use crate::{peer, signal};

pub(crate) async fn run(args: SendFile) -> Result<(), Failure> {
    tokio::select! {
        result = send_all(args) => result,
        failure = signal::ended() => Err(failure),
    }
}

/// Why a file is not at its place.
enum Trouble {
    /// Others may get there.
    File(String),
    /// Nothing more gets through this session.
    Session(String),
    /// Whoever is there now knows nothing of the session. It may have the part.
    Lost(String),
}

impl From<SessionError> for Trouble {
    fn from(error: SessionError) -> Self {
        if let SessionError::Lost(_) = error {
            return Self::Lost(chain(&error));
        }
        Self::Session(why(&error))
    }
}

impl From<SendError> for Trouble {
    fn from(error: SendError) -> Self {
        if let SendError::NotSent(error) | SendError::Unacknowledged(error) = error {
            return error.into();
        }
        Self::Session(why_not_sent(&error))
    }
}

async fn send_all(args: SendFile) -> Result<(), Failure> {
    let progress = Progress::new(args.json);
    let peer = args.remote.into_peer();
    let builder = peer::builder(&peer).await?;
    let client = Client {
        builder: builder
            .ack_level(AckLevel::Processed)
            .window(WINDOW.0, WINDOW.1)
            // Another session begins with an offer, and not in the middle of a file.
            .on_lost(OnLost::Fail)
            .first_connect(FirstConnect::Retry),
        peer,
        progress: progress.clone(),
    };
    let mut session = client.open().await?;
    let mut failed = 0;
    for path in &args.files {
        let start = Instant::now();
        let sent = loop {
            match session.send(path, &progress).await {
                Err(Trouble::Lost(why)) => {
                    progress.tell(format_args!("{why}; starting another"));
                    session = client.open().await?;
                }
                sent => break sent,
            }
        };
        match sent {
            Ok(sent) => report(&progress, path, &sent, start)?,
            Err(Trouble::File(text)) => {
                failed += 1;
                let json =
                    json!({"event": "failed", "file": path.to_string_lossy(), "error": text});
                progress.print_failure(format_args!("{}: {text}", path.display()), &json)?;
            }
            Err(Trouble::Session(text) | Trouble::Lost(text)) => {
                let json =
                    json!({"event": "failed", "file": path.to_string_lossy(), "error": text});
                progress.print_failure(format_args!("{} was not sent", path.display()), &json)?;
                return Err(Failure::Told(text));
            }
        }
    }
    // Every file is where it belongs, or is not and was told of.
    let _ = session.sender.close().await;
    match failed {
        0 => Ok(()),
        failed => Err(Failure::Told(format!(
            "{failed} of {} files were not sent",
            args.files.len()
        ))),
    }
}

/// A file that is at its place.
struct Sent {
    source: Source,
    from: u64,
}

fn report(progress: &Progress, path: &Path, sent: &Sent, start: Instant) -> Result<(), Failure> {
    let (bytes, digest) = (sent.source.position(), hex(&sent.source.digest()));
    let (from, seconds) = (sent.from, start.elapsed().as_secs_f64());
    let path = path.display();
    let resumed = match from {
        0 => String::new(),
        from => format!(", {from} of them were there"),
    };
    progress.print(
        format_args!("sent {path}: {bytes} bytes{resumed}, SHA-256 {digest}"),
        &json!({
            "event": "sent", "file": path.to_string(), "bytes": bytes, "from": from, "sha256": digest,
            "seconds": seconds,
        }),
    )
}

struct Client {
    builder: ClientBuilder,
    peer: Peer,
    progress: Progress,
}

impl Client {
    async fn open(&self) -> Result<Conversation, Failure> {
        let (observer, mut events) = mpsc::unbounded_channel();
        let progress = self.progress.clone();
        tokio::spawn(async move {
            let mut quiet = Quiet::default();
            while let Some(event) = events.recv().await {
                if let Some(line) = quiet.line(&event) {
                    progress.tell(line);
                }
            }
        });
        let builder = self.builder.clone().events(observer);
        let session = builder.connect(&self.peer.addr).await;
        let session = session.map_err(|error| Failure::from_error(&error))?;
        let (sender, mut receiver) = session.split();
        let asked = Purpose::File.ask(&sender, &mut receiver, self.peer.timeout);
        asked.await.map_err(Failure::Told)?;
        Ok(Conversation { sender, receiver })
    }
}

struct Conversation {
    sender: Sender,
    receiver: Receiver,
}

impl Conversation {
    async fn send(&mut self, path: &Path, progress: &Progress) -> Result<Sent, Trouble> {
        let mut source = block_in_place(|| Source::open(path)).map_err(Trouble::File)?;
        let offer = source.offer().clone();
        let bar = progress.file(&offer.name, offer.size);
        self.say(FromSender::Offer(offer)).await?;
        let from = match self.hear().await? {
            FromReceiver::Has(len, digest) => block_in_place(|| begin(&mut source, len, &digest)),
            FromReceiver::Failed(text) => return Err(refused(&text)),
            FromReceiver::Placed => return Err(misplaced()),
        };
        let from = match from {
            Ok(from) => from,
            Err(text) => return self.stop(text).await,
        };
        bar.start_at(from);
        self.say(FromSender::From(from)).await?;
        match self.send_bytes(&mut source, &bar).await {
            Err(Trouble::File(text)) => return self.stop(text).await,
            sent => sent?,
        }
        if let Err(text) = source.check() {
            return self.stop(text).await;
        }
        self.say(FromSender::End(source.digest())).await?;
        match self.hear().await? {
            FromReceiver::Placed => Ok(Sent { source, from }),
            FromReceiver::Failed(text) => Err(refused(&text)),
            FromReceiver::Has(..) => Err(misplaced()),
        }
    }

    /// Sends what is left, unless the receiver has enough of it.
    async fn send_bytes(&mut self, source: &mut Source, bar: &Bar) -> Result<(), Trouble> {
        loop {
            let bytes = block_in_place(|| source.read()).map_err(Trouble::File)?;
            if bytes.is_empty() {
                return Ok(());
            }
            let said = tokio::select! {
                biased;
                fed = self.sender.feed_raw(bytes) => {
                    fed?;
                    bar.set(source.position());
                    self.receiver.try_recv()
                }
                said = self.receiver.recv() => Some(said?.ok_or_else(early_end)?),
            };
            let Some(said) = said else { continue };
            return match self.take(&said)? {
                FromReceiver::Failed(text) => Err(refused(&text)),
                FromReceiver::Has(..) | FromReceiver::Placed => Err(misplaced()),
            };
        }
    }

    /// Gives a file up.
    async fn stop(&self, text: String) -> Result<Sent, Trouble> {
        self.say(FromSender::Stop(text.clone())).await?;
        Err(Trouble::File(text))
    }

    async fn say(&self, words: FromSender) -> Result<(), Trouble> {
        Ok(self.sender.feed(&words).await?)
    }

    async fn hear(&mut self) -> Result<FromReceiver, Trouble> {
        let message = self.receiver.recv().await?.ok_or_else(early_end)?;
        self.take(&message)
    }

    fn take(&self, message: &Message) -> Result<FromReceiver, Trouble> {
        self.receiver.done(message);
        wire::read(message).map_err(Trouble::Session)
    }
}

/// Where to begin: where the receiver's part ends, if the file begins with it.
fn begin(source: &mut Source, len: u64, digest: &super::Digest) -> Result<u64, String> {
    if source.begins_with(len, digest)? {
        return Ok(len);
    }
    source.rewind()?;
    Ok(0)
}

fn refused(text: &str) -> Trouble {
    Trouble::File(format!("receiver: {}", printable(text)))
}

fn misplaced() -> Trouble {
    Trouble::Session("peer says something that does not belong here".to_owned())
}

fn early_end() -> Trouble {
    Trouble::Session("session was closed by the peer".to_owned())
}
