//! Files sent over sessions.
//!
//! After what the session is [for](crate::purpose), the client offers one file after the other. The server answers each
//! offer with how much it has of it, and the SHA-256 of that; the client says where it begins, which is there if its own
//! file begins with the same, and at 0 otherwise. Raw messages follow with the bytes, and after them the SHA-256 of the
//! whole file. The server answers once the file is on its disk and in its place. Who cannot go on says so; a client
//! that was told within its bytes ends them by that, too, so that both know what the next message is for.

mod active;
mod name;
mod part;
mod place;
mod progress;
mod receive;
mod send;
mod source;
mod wire;

pub(crate) use receive::run as run_receive;
pub(crate) use send::run as run_send;

use data_encoding::HEXLOWER;

/// How many messages may be under way in a session, and of how many bytes: enough for a fast link that is long.
const WINDOW: (usize, usize) = (4096, 8 * 1024 * 1024);

/// A SHA-256.
type Digest = [u8; 32];

fn hex(digest: &Digest) -> String {
    HEXLOWER.encode(digest)
}
