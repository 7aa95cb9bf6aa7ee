use std::sync::Arc;
use std::time::Instant;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::report::{Line, say};
use crate::{Failure, Flow, Meter, Options, Peer, Tally, Workload, resume};

/// How many sessions are opened at one time: fewer than the servers let one address have under way.
pub const DRIVEN_AT_ONCE: usize = 10;

/// Puts the workload on the server, until something fails.
pub(crate) async fn drive<P: Peer>(options: Options, meter: Arc<Meter>) -> Result<(), Failure> {
    let options = Arc::new(options);
    match options.workload {
        Workload::Connect => {
            say(&Line::Ready);
            return connect_again_and_again::<P>(&options, &meter).await;
        }
        Workload::Resume => return resume::again_and_again::<P>(&options, &meter).await,
        Workload::Rtt | Workload::Stream | Workload::Duplex | Workload::Idle => {}
    }
    let links = open::<P>(&options).await?;
    let mut tasks = JoinSet::new();
    for mut link in links {
        let (meter, tally) = (Arc::clone(&meter), meter.tally());
        match options.workload {
            Workload::Rtt => {
                tasks.spawn(async move { ask_again_and_again::<P>(link, &meter, tally).await });
            }
            Workload::Stream | Workload::Duplex => {
                let flow = Flow {
                    sends: true,
                    receives: options.workload == Workload::Duplex,
                    size: options.size,
                    tally,
                };
                tasks.spawn(P::pump(link, flow));
            }
            Workload::Connect | Workload::Resume | Workload::Idle => {
                tasks.spawn(async move {
                    P::ask(&mut link).await?;
                    std::future::pending().await
                });
            }
        }
    }
    say(&Line::Ready);
    match tasks.join_next().await {
        Some(ended) => ended?.and(Err("a session ended".into())),
        None => Err("found no sessions, expected one or more".into()),
    }
}

async fn open<P: Peer>(options: &Arc<Options>) -> Result<Vec<P::Link>, Failure> {
    let turns = Arc::new(Semaphore::new(DRIVEN_AT_ONCE));
    let mut opening = JoinSet::new();
    for _ in 0..options.sessions {
        let (options, turns) = (Arc::clone(options), Arc::clone(&turns));
        opening.spawn(async move {
            let _turn = turns.acquire().await?;
            P::connect(&options).await
        });
    }
    let mut links = Vec::with_capacity(options.sessions);
    while let Some(link) = opening.join_next().await {
        links.push(link??);
    }
    Ok(links)
}

async fn ask_again_and_again<P: Peer>(
    mut link: P::Link,
    meter: &Meter,
    mut tally: Tally,
) -> Result<(), Failure> {
    loop {
        let start = Instant::now();
        P::ask(&mut link).await?;
        meter.record(start.elapsed());
        tally.add(1);
    }
}

async fn connect_again_and_again<P: Peer>(options: &Options, meter: &Meter) -> Result<(), Failure> {
    let mut tally = meter.tally();
    loop {
        let start = Instant::now();
        let mut link = P::connect(options).await?;
        P::ask(&mut link).await?;
        meter.record(start.elapsed());
        tally.add(1);
        P::close(link).await?;
    }
}
