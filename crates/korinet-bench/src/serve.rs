use std::sync::Arc;

use tokio::task::JoinSet;

use crate::report::{Line, say};
use crate::{Failure, Flow, Meter, Options, Peer, Workload};

/// Listens and serves whoever comes.
pub(crate) async fn serve<P: Peer>(options: Options, meter: Arc<Meter>) -> Result<(), Failure> {
    let (mut listener, endpoint) = P::listen(&options).await?;
    say(&Line::Listening(endpoint));
    let mut links = JoinSet::new();
    // Clients of these come and go; the others stay until there is nobody to tell.
    let goes = matches!(options.workload, Workload::Connect | Workload::Resume);
    loop {
        tokio::select! {
            link = P::accept(&mut listener) => {
                links.spawn(serve_one::<P>(link?, options.clone(), meter.tally()));
            }
            Some(ended) = links.join_next() => match ended? {
                Err(failure) if !goes => meter.fail(failure),
                Ok(()) | Err(_) => {}
            }
        }
    }
}

async fn serve_one<P: Peer>(
    link: P::Link,
    options: Options,
    tally: crate::Tally,
) -> Result<(), Failure> {
    match options.workload {
        Workload::Rtt | Workload::Connect | Workload::Resume | Workload::Idle => {
            P::answer(link, tally).await
        }
        Workload::Stream | Workload::Duplex => {
            let flow = Flow {
                sends: options.workload == Workload::Duplex,
                receives: true,
                size: options.size,
                tally,
            };
            P::pump(link, flow).await
        }
    }
}
