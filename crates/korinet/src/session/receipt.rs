use std::pin::Pin;
use std::task::{Context, Poll, ready};

use korinet_session::{v2, v3};

use crate::SendError;

/// Resolves when the peer has acknowledged a message, or when it is known that this will not happen.
///
/// Dropping it changes nothing: the message goes its way.
#[derive(Debug)]
#[must_use = "the message is on its way; a receipt tells when it is acknowledged"]
pub struct Receipt(Side);

#[derive(Debug)]
enum Side {
    V2(v2::Receipt),
    V3(v3::Receipt),
}

impl Receipt {
    pub(super) const fn from_v2(receipt: v2::Receipt) -> Self {
        Self(Side::V2(receipt))
    }

    pub(super) const fn from_v3(receipt: v3::Receipt) -> Self {
        Self(Side::V3(receipt))
    }

    /// Stands for a later message of the same session, too.
    pub(super) fn join(&mut self, later: Self) {
        match (&mut self.0, later.0) {
            (Side::V3(receipt), Side::V3(later)) => receipt.join(&later),
            // In v2 a message is accepted when the one before it is acknowledged, or has failed for good.
            (side, later) => *side = later,
        }
    }
}

impl Future for Receipt {
    type Output = Result<(), SendError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let result = match &mut self.0 {
            Side::V2(receipt) => ready!(Pin::new(receipt).poll(cx)),
            Side::V3(receipt) => ready!(Pin::new(receipt).poll(cx)),
        };
        Poll::Ready(result.map_err(SendError::from))
    }
}
