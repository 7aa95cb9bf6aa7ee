//! `korinet bench`: what a message takes from here to there, as one user measures it.

mod drain;
mod figures;
mod measure;
mod plot;
mod table;

use std::io::{self, Write};
use std::path::Path;

use korinet::Client;

use crate::args::Bench;
use crate::failure::Failure;
use crate::{peer, signal};
use drain::Drain;
use figures::{Figures, Round, Row};

pub(crate) async fn run(args: Bench) -> Result<(), Failure> {
    if let Some(addr) = &args.serve {
        return drain::serve(addr, args.allow_plaintext).await;
    }
    tokio::select! {
        result = bench(args) => result,
        failure = signal::ended() => Err(failure),
    }
}

async fn bench(args: Bench) -> Result<(), Failure> {
    let (is_json, svg) = (args.json, args.svg.clone());
    let (sizes, rounds, duration) = (args.sizes.clone(), args.rounds, args.duration);
    let mut own = None;
    let (builder, addr, whom) = match args.into_peer() {
        Some(peer) => {
            let whom = peer.addr.clone();
            (peer::builder(&peer).await?, peer.addr, whom)
        }
        None => {
            let drain = own.insert(Drain::start()?);
            let addr = drain.addr().to_string();
            let whom = format!("a server of its own, on {addr}");
            (Client::builder(), addr, whom)
        }
    };
    let session = builder.connect(&addr).await;
    let session = session.map_err(|error| Failure::from_error(&error))?;
    // Nothing comes, but its end ends the session.
    let (sender, _receiver) = session.split();
    let mut rows = Vec::new();
    for size in sizes {
        let len = usize::try_from(size.get()).unwrap_or(usize::MAX);
        let mut measured = Vec::new();
        // The first is to warm up.
        for _ in 0..=rounds {
            let round_trips = measure::round_trips(&sender, len, duration).await?;
            let stream = measure::stream(&sender, len, duration).await?;
            measured.push(Round {
                round_trips,
                stream,
            });
        }
        measured.remove(0);
        rows.push(Row::of(len, &measured));
    }
    let figures = Figures {
        whom,
        rounds,
        duration,
        rows,
    };
    print(&figures, is_json).map_err(|error| Failure::from_stdout(&error))?;
    if let Some(file) = svg {
        write_svg(&figures, &file)?;
    }
    let closed = sender.close().await;
    closed.map_err(|error| Failure::from_error(&error))
}

fn print(figures: &Figures, is_json: bool) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match is_json {
        true => writeln!(stdout, "{}", figures.to_json())?,
        false => write!(stdout, "{}", table::Table(figures))?,
    }
    stdout.flush()
}

fn write_svg(figures: &Figures, file: &Path) -> Result<(), Failure> {
    let failed = |error: String| Failure::Told(format!("cannot draw {}: {error}", file.display()));
    let svg = plot::draw(figures).map_err(failed)?;
    std::fs::write(file, svg).map_err(|error| failed(error.to_string()))
}
