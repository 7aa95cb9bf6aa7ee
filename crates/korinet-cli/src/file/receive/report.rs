//! What became of files, told.

use std::path::PathBuf;
use std::time::Instant;

use serde_json::json;

use super::Shared;
use crate::failure::Failure;
use crate::file::wire::Offer;
use crate::file::{Digest, hex};
use crate::output::printable;

/// A file that is at its place.
pub(super) struct Received {
    pub(super) target: PathBuf,
    pub(super) from: u64,
    pub(super) digest: Digest,
}

impl Shared {
    pub(super) fn report(
        &self,
        peer: &str,
        offer: &Offer,
        received: &Received,
        start: Instant,
    ) -> Result<(), Failure> {
        let Received {
            target,
            from,
            digest,
        } = received;
        let (size, digest) = (offer.size, hex(digest));
        let target = target.display();
        let resumed = match from {
            0 => String::new(),
            from => format!(", {from} of them were there"),
        };
        self.progress.print(
            format_args!("received {target}: {size} bytes{resumed}, SHA-256 {digest}"),
            &json!({
                "event": "received", "file": target.to_string(), "bytes": size, "from": from, "sha256": digest,
                "peer": peer, "seconds": start.elapsed().as_secs_f64(),
            }),
        )
    }

    pub(super) fn report_failure(
        &self,
        peer: &str,
        offer: &Offer,
        text: &str,
    ) -> Result<(), Failure> {
        let (name, text) = (printable(&offer.name), printable(text));
        self.progress.print_failure(
            format_args!("{peer} {name} not received: {text}"),
            &json!({"event": "failed", "name": offer.name, "error": text, "peer": peer}),
        )
    }
}
