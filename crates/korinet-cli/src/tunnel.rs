//! TCP connections carried over sessions.
//!
//! Each connection is a session of protocol v3, opened by the near end. After what the session is
//! [for](crate::purpose), each raw message is some of the bytes, an empty one the end of its direction (FIN). A message
//! counts as processed once it is written to the TCP connection of the receiving end. When both directions are at their
//! end, and all of it is acknowledged, the near end closes the session; whatever else ends it is the end of both TCP
//! connections by RST.

mod carry;
mod entry;
mod exit;
mod report;
mod tcp;

use std::time::Duration;

use korinet::Sender;
use korinet::wire::v3::Code;

use carry::Broken;

use crate::args::{Tunnel, TunnelEnd};
use crate::failure::Failure;

/// How long sessions have to end when the command ends, or when one is broken off.
const CLOSE_TIME: Duration = Duration::from_secs(2);

pub(crate) async fn run(args: Tunnel) -> Result<(), Failure> {
    match args.end {
        TunnelEnd::Listen(args) => exit::run(args).await,
        TunnelEnd::Connect(args) => entry::run(args).await,
    }
}

/// Ends a session so that the far side breaks its TCP connection off, too.
///
/// What was sent before is brought to it first, if that does not take long.
async fn break_off(sender: Sender, reason: &Broken) {
    let reason = reason.to_string();
    let closing = sender.close_with(Code::INTERNAL, &reason);
    let _ = tokio::time::timeout(CLOSE_TIME, closing).await;
}
