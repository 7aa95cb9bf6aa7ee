//! How long it takes until a session goes on: from the new connection to the first message that is sent again.

use std::time::Instant;

use crate::relay::Relay;
use crate::report::{Line, say};
use crate::{Failure, Meter, Options, Peer};

pub(crate) async fn again_and_again<P: Peer>(
    options: &Options,
    meter: &Meter,
) -> Result<(), Failure> {
    let relay = Relay::before(options.port).await?;
    let options = Options {
        port: relay.port(),
        ..options.clone()
    };
    let mut link = P::connect(&options).await?;
    let mut tally = meter.tally();
    say(&Line::Ready);
    loop {
        link = P::resume(link, &relay, &options).await?;
        let now = Instant::now();
        meter.record(now.saturating_duration_since(relay.connected_at()));
        tally.add(1);
    }
}
