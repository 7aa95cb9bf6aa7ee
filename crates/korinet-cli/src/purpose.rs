//! What a session is for: said by who opens it, in its first message, and answered with the same text.
//!
//! Nothing of the user's is sent before the answer, so none of it gets to a server that would do something else with
//! it.

use std::time::Duration;

use korinet::wire::v3::Code;
use korinet::{Message, Receiver, SendError, Sender, SessionError};

use crate::output::{chain, printable};

/// How long to wait for a word of the peer while nothing is wrong with the link.
const PATIENCE: Duration = Duration::from_secs(30);

/// How much of what a peer says is repeated.
const MAX_QUOTED: usize = 80;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Tunnel,
    File,
}

impl Purpose {
    /// The text on the wire; what is said after it follows from it.
    const fn text(self) -> &'static str {
        match self {
            Self::Tunnel => "korinet tunnel 1",
            Self::File => "korinet file 1",
        }
    }

    /// The command of who answers.
    const fn server(self) -> &'static str {
        match self {
            Self::Tunnel => "korinet tunnel listen",
            Self::File => "korinet receive-file",
        }
    }

    /// The command of who asks.
    const fn client(self) -> &'static str {
        match self {
            Self::Tunnel => "korinet tunnel connect",
            Self::File => "korinet send-file",
        }
    }

    /// Says what the session is for; the error tells what the peer is instead.
    ///
    /// The link may be lost for as long as `outage` meanwhile.
    pub(crate) async fn ask(
        self,
        sender: &Sender,
        receiver: &mut Receiver,
        outage: Duration,
    ) -> Result<(), String> {
        let asked = sender.feed(self.text()).await;
        asked.map_err(|error| why_not_sent(&error))?;
        let answer = hear(receiver, outage.max(PATIENCE)).await?;
        receiver.done(&answer);
        self.compare(&answer, self.server())
    }

    /// Hears what the session is for, and answers; the error tells what the peer is instead.
    pub(crate) async fn answer(
        self,
        sender: &Sender,
        receiver: &mut Receiver,
    ) -> Result<(), String> {
        let asked = hear(receiver, PATIENCE).await?;
        receiver.done(&asked);
        self.compare(&asked, self.client())?;
        let answer = sender.feed(self.text()).await;
        answer.map_err(|error| why_not_sent(&error))
    }

    fn compare(self, said: &Message, expected: &str) -> Result<(), String> {
        match said.decode::<&str>() {
            Ok(text) if text == self.text() => Ok(()),
            Ok(text) => {
                let text: String = text.chars().take(MAX_QUOTED).collect();
                let text = printable(&text);
                Err(format!("peer is no {expected}: it says \"{text}\""))
            }
            Err(_) => Err(format!("peer is no {expected}")),
        }
    }
}

async fn hear(receiver: &mut Receiver, within: Duration) -> Result<Message, String> {
    match tokio::time::timeout(within, receiver.recv()).await {
        Ok(Ok(Some(message))) => Ok(message),
        Ok(Ok(None)) => Err("session was closed by the peer".to_owned()),
        Ok(Err(error)) => Err(why(&error)),
        Err(_) => Err(format!(
            "peer says nothing within {}: it may have another purpose",
            humantime::format_duration(within)
        )),
    }
}

/// Why a session is over: the peer's own words, where it has any.
pub(crate) fn why(error: &SessionError) -> String {
    if let SessionError::EndedByPeer {
        code: Code::INTERNAL,
        text,
    } = error
        && !text.is_empty()
    {
        return format!("peer: {}", printable(text));
    }
    chain(error)
}

/// Why a message does not go: where the session is over, the reason for that.
pub(crate) fn why_not_sent(error: &SendError) -> String {
    if let SendError::NotSent(error) | SendError::Unacknowledged(error) = error {
        return why(error);
    }
    chain(error)
}
