//! What happens in a tunnel, for people or for programs.

use std::io::{self, Write};
use std::net::SocketAddr;

use korinet::{Event, Events};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::carry::{Broken, Bytecount};
use crate::events::Quiet;
use crate::output::tell;

/// Where to tell: as text on stderr, or as lines of JSON on stdout.
#[derive(Debug, Clone, Copy)]
pub(super) struct Report {
    is_json: bool,
}

impl Report {
    pub(super) const fn new(is_json: bool) -> Self {
        Self { is_json }
    }

    pub(super) fn listening(self, addr: &str, to: &str) {
        if self.is_json {
            print(&json!({"event": "listening", "addr": addr, "to": to}));
        }
    }

    pub(super) fn opened(self, connection: u64, peer: Option<SocketAddr>) {
        let peer = peer.map_or_else(|| "peer".to_owned(), |peer| peer.to_string());
        if self.is_json {
            print(&json!({"event": "opened", "connection": connection, "peer": peer}));
        } else {
            tell(format_args!("connection {connection} came from {peer}"));
        }
    }

    /// What happens to the session of a connection; does not end before the session has.
    pub(super) async fn session(self, connection: u64, mut events: mpsc::UnboundedReceiver<Event>) {
        let mut quiet = Quiet::default();
        while let Some(event) = events.recv().await {
            self.event(connection, quiet.line(&event));
        }
    }

    /// As [`session`](Self::session), on the side that does not dial.
    pub(super) async fn accepted(self, connection: u64, events: Option<Events>) {
        let Some(mut events) = events else {
            return;
        };
        let mut quiet = Quiet::default();
        while let Some(event) = events.recv().await {
            self.event(connection, quiet.line(&event));
        }
    }

    fn event(self, connection: u64, text: Option<String>) {
        let Some(text) = text else {
            return;
        };
        if self.is_json {
            print(&json!({"event": "session", "connection": connection, "text": text}));
        } else {
            tell(format_args!("connection {connection}: {text}"));
        }
    }

    pub(super) fn ended(self, connection: u64, ended: Result<(), &Broken>, count: &Bytecount) {
        let (read, written) = (count.read(), count.written());
        let error = ended.err().map(ToString::to_string);
        if self.is_json {
            print(&json!({
                "event": "ended", "connection": connection, "read": read, "written": written, "error": error,
            }));
            return;
        }
        let bytes = format_args!("after {read} bytes read and {written} written");
        match error {
            None => tell(format_args!("connection {connection} ended {bytes}")),
            Some(error) => tell(format_args!(
                "connection {connection} reset {bytes}: {error}"
            )),
        }
    }
}

/// One line on stdout; if nobody reads that, connections go on all the same.
fn print(line: &Value) {
    let mut stdout = io::stdout().lock();
    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
}
