//! Asks a server whether it is there, in protocol v3 or, as with a server of the Python package, in v2.
//!
//! ```console
//! $ ping serve 127.0.0.1:1235
//! $ ping 127.0.0.1:1235
//! $ ping 127.0.0.1:1235 v2
//! ```
//!
//! The question is the map `{"type": "ping"}`, the answer whatever map the server sends back: here, `{"status": true}`.

#![allow(clippy::print_stderr, reason = "for a terminal")]

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{Write, stdout};
use std::process::ExitCode;
use std::time::Instant;

use korinet::{Client, Protocol, Server, Session, Value};

async fn ping(addr: &str, protocol: Protocol) -> Result<(), Box<dyn Error>> {
    let client = Client::builder().protocol(protocol);
    let mut session = client.connect(addr).await?;
    let asked = Instant::now();
    session.send(&BTreeMap::from([("type", "ping")])).await?;
    writeln!(
        stdout(),
        "{protocol}: acknowledged after {:?}",
        asked.elapsed()
    )?;
    let answer = session.recv().await?.ok_or("the server said nothing")?;
    writeln!(stdout(), "{protocol}: answered after {:?}", asked.elapsed())?;
    if let Value::Map(entries) = answer.value()? {
        for (key, value) in entries {
            writeln!(stdout(), "{key:?}: {value:?}")?;
        }
    }
    Ok(session.close().await?)
}

async fn answer(mut session: Session) -> Result<(), Box<dyn Error>> {
    while let Some(message) = session.recv().await? {
        let is_ping = message.value()?.get("type") == Some(&Value::from("ping"));
        session.send(&BTreeMap::from([("status", is_ping)])).await?;
    }
    Ok(())
}

async fn serve(addr: &str) -> Result<(), Box<dyn Error>> {
    let server = Server::bind(addr).await?;
    writeln!(stdout(), "listening on {}", server.local_addr()?)?;
    let serving = server.serve(async |session| {
        if let Err(error) = answer(session).await {
            eprintln!("a client is gone: {error}");
        }
    });
    serving.await;
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let ended = match arguments.as_slice() {
        ["serve", addr] => serve(addr).await,
        [addr] => ping(addr, Protocol::V3).await,
        [addr, protocol] => match protocol.parse() {
            Ok(protocol) => ping(addr, protocol).await,
            Err(error) => Err(error.into()),
        },
        _ => Err("usage: ping serve HOST:PORT | ping HOST:PORT [v2|v3]".into()),
    };
    let Err(error) = ended else {
        return ExitCode::SUCCESS;
    };
    let mut cause: Option<&dyn Error> = Some(&*error);
    while let Some(error) = cause {
        eprintln!("{error}");
        cause = error.source();
    }
    ExitCode::FAILURE
}
