use std::io::{self, Write};

use korinet_chaos::{Counts, Proxy};
use serde_json::{Value as Json, json};

use crate::args::Chaos;
use crate::failure::Failure;
use crate::output::tell;
use crate::signal;

pub(crate) async fn run(args: Chaos) -> Result<(), Failure> {
    let seed = match args.seed {
        Some(seed) => seed,
        None => getrandom::u64().map_err(|error| Failure::from_error(&error))?,
    };
    let (faults, words) = args.faults(seed);
    let proxy = Proxy::bind_observed(&args.listen, &args.target, faults, tell)
        .await
        .map_err(|error| Failure::Told(format!("{}: cannot listen: {error}", args.listen)))?;
    tell(format_args!(
        "listening on {}, forwarding to {}, seed {seed}",
        proxy.addr(),
        args.target
    ));
    if words.is_empty() {
        tell("faults: none, everything is forwarded as it is");
    } else {
        tell(format_args!("faults: {}", words.join(", ")));
    }
    let ended = signal::ended().await;
    // Counted to the end, with nothing more to come while it is printed.
    let counts = proxy.counts();
    drop(proxy);
    let summarised = match args.json {
        true => writeln!(io::stdout(), "{}", to_json(&counts, seed)),
        false => summarise(&counts, args.has_pieces()),
    };
    summarised.map_err(|error| Failure::from_stdout(&error))?;
    Err(ended)
}

fn summarise(counts: &Counts, has_pieces: bool) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    let Counts {
        connections,
        fin,
        reset,
        silence,
        unreachable,
        bytes_to_server,
        bytes_to_client,
        chunks,
        // Nothing here asks for them.
        refused: _,
        closed_port: _,
    } = counts;
    writeln!(
        stdout,
        "{connections} connections, the target could not be reached for {unreachable} of them"
    )?;
    writeln!(
        stdout,
        "{} cut: {fin} by FIN, {reset} by RST, {silence} by silence",
        counts.cuts()
    )?;
    write!(
        stdout,
        "{bytes_to_server} bytes to the server, {bytes_to_client} to the client"
    )?;
    if has_pieces {
        write!(stdout, ", in {chunks} pieces")?;
    }
    writeln!(stdout)?;
    stdout.flush()
}

fn to_json(counts: &Counts, seed: u64) -> Json {
    json!({
        "seed": seed,
        "connections": counts.connections,
        "unreachable": counts.unreachable,
        "fin": counts.fin,
        "reset": counts.reset,
        "silence": counts.silence,
        "bytes_to_server": counts.bytes_to_server,
        "bytes_to_client": counts.bytes_to_client,
        "pieces": counts.chunks,
    })
}
