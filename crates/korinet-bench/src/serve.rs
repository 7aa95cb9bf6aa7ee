use std::pin::Pin;
use std::sync::Arc;

use crate::report::{Line, say};
use crate::{Failure, Flow, Meter, Options, Peer, Tally, Workload};

/// Listens and serves whoever comes.
pub(crate) async fn serve<P: Peer>(options: Options, meter: Arc<Meter>) -> Result<(), Failure> {
    let (mut listener, endpoint) = P::listen(&options).await?;
    if let Some(process) = endpoint.process {
        meter.watch(process);
    }
    say(&Line::Listening(endpoint));
    // Clients of these come and go; the others stay until there is nobody to tell.
    let goes = matches!(options.workload, Workload::Connect | Workload::Resume);
    loop {
        let link = P::accept(&mut listener).await?;
        let serving = serve_one::<P>(link, &options, meter.tally());
        let meter = Arc::clone(&meter);
        tokio::spawn(async move {
            if let (Err(failure), false) = (serving.await, goes) {
                meter.fail(failure);
            }
        });
    }
}

type Serving = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>>;

/// Each workload has its memory apart, so that none takes what only another needs.
fn serve_one<P: Peer>(link: P::Link, options: &Options, tally: Tally) -> Serving {
    match options.workload {
        Workload::Rtt | Workload::Connect | Workload::Idle => Box::pin(P::answer(link, tally)),
        Workload::Resume => Box::pin(P::echo(link, tally)),
        Workload::Stream | Workload::Duplex => {
            let flow = Flow {
                sends: options.workload == Workload::Duplex,
                receives: true,
                size: options.size,
                tally,
            };
            Box::pin(P::pump(link, flow))
        }
    }
}
