//! An internal API with typed requests: a store of counts.
//!
//! ```console
//! $ cargo run --example api -- serve 127.0.0.1:7000
//! $ cargo run --example api -- put 127.0.0.1:7000 screws 100
//! $ cargo run --example api -- take 127.0.0.1:7000 screws 130   # fails: there are 100
//! $ cargo run --example api -- list 127.0.0.1:7000
//! ```
//!
//! Requests survive a broken connection; where one fails, the error says whether it ran.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "for a terminal")]

use std::collections::BTreeMap;
use std::error::Error;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use korinet::call::{CallError, Failure, Ran};
use korinet::minicbor::{self, Decode, Encode};
use korinet::{Client, Server};

/// What can be asked.
#[derive(Debug, Encode, Decode)]
enum Ask {
    /// Adds to a count.
    #[n(0)]
    Put(#[n(0)] String, #[n(1)] u32),
    /// Takes from a count, if there is so much.
    #[n(1)]
    Take(#[n(0)] String, #[n(1)] u32),
    /// Tells all counts.
    #[n(2)]
    List,
}

/// What is answered: the counts that were asked for, as they are now.
type Counts = BTreeMap<String, u32>;

/// What a program can tell of a failure.
#[derive(Debug, Encode, Decode)]
struct Short {
    #[n(0)]
    available: u32,
}

fn answer(counts: &Mutex<Counts>, ask: Ask) -> Result<Counts, Failure> {
    let mut counts = counts.lock().map_err(|_| Failure::new("store is broken"))?;
    match ask {
        Ask::Put(name, count) => {
            let held = counts.entry(name.clone()).or_default();
            *held = held
                .checked_add(count)
                .ok_or("more than the store can hold")?;
            Ok(Counts::from([(name, *held)]))
        }
        Ask::Take(name, count) => {
            let held = counts.get(&name).copied().unwrap_or(0);
            let Some(left) = held.checked_sub(count) else {
                let failure = Failure::new(format!("there are {held} of {name}"));
                let detailed = failure.clone().detail(&Short { available: held });
                return Err(detailed.unwrap_or(failure));
            };
            counts.insert(name.clone(), left);
            Ok(Counts::from([(name, left)]))
        }
        Ask::List => Ok(counts.clone()),
    }
}

async fn serve(addr: &str) -> Result<(), Box<dyn Error>> {
    let server = Server::bind(addr).await?;
    println!("serving on {}", server.local_addr()?);
    let counts = Arc::new(Mutex::new(Counts::new()));
    while let Some(session) = server.accept().await {
        let counts = Arc::clone(&counts);
        let requests = session.requests();
        tokio::spawn(async move {
            let serving = requests.serve(move |ask: Ask| {
                let answer = answer(&counts, ask);
                async move { answer }
            });
            if let Err(error) = serving.await {
                eprintln!("a client is gone: {error}");
            }
        });
    }
    Ok(())
}

async fn ask(addr: &str, ask: Ask) -> Result<(), Box<dyn Error>> {
    let session = Client::connect(addr).await?;
    let asked = session.call(&ask).deadline(Duration::from_secs(10));
    match asked.answer::<Counts>().await {
        Ok(counts) => {
            for (name, count) in counts {
                println!("{count:>8} {name}");
            }
        }
        Err(CallError::Failed(failure)) if failure.code().ran() == Ran::Yes => {
            let available = failure.decode::<Short>()?.map(|short| short.available);
            let available = available.map(|count| format!("; available: {count}"));
            return Err(format!("{failure}{}", available.unwrap_or_default()).into());
        }
        // Whether it is safe to try again is in the error.
        Err(error) => return Err(error.into()),
    }
    session.close().await?;
    Ok(())
}

#[tokio::main]
async fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let ended = match args.as_slice() {
        ["serve", addr] => serve(addr).await,
        ["list", addr] => ask(addr, Ask::List).await,
        [put @ ("put" | "take"), addr, name, count] => match count.parse() {
            Ok(count) if *put == "put" => ask(addr, Ask::Put((*name).into(), count)).await,
            Ok(count) => ask(addr, Ask::Take((*name).into(), count)).await,
            Err(_) => Err(format!("count is {count:?}, expected 0 to {}", u32::MAX).into()),
        },
        _ => Err(
            "usage: api serve ADDR | put ADDR NAME COUNT | take ADDR NAME COUNT | list ADDR".into(),
        ),
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
