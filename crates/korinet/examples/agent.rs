//! Server management: an agent that runs the commands that it allows, and streams what they print.
//!
//! ```console
//! $ cargo run --example agent -- serve 127.0.0.1:7000 uptime df
//! $ cargo run --example agent -- run 127.0.0.1:7000 df -h
//! ```
//!
//! What a command prints comes as it is printed, and goes on after a broken connection. Ctrl-C at the asking side ends
//! the command at the agent, and so does the end of its session, some seconds after it was killed. On a real machine, add TLS and who may ask: `ServerBuilder::tls`, `authenticate`.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "for a terminal")]

use std::error::Error;
use std::io::Write;
use std::pin::pin;
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use korinet::call::{CallError, Failure, Request};
use korinet::minicbor::{self, Decode, Encode};
use korinet::{Client, Server};
use tokio::io::AsyncReadExt;
use tokio::process::Command;

/// What a command says while it runs, and at its end.
#[derive(Debug, Encode, Decode)]
enum Output {
    #[n(0)]
    Printed(#[cbor(n(0), with = "minicbor::bytes")] Vec<u8>),
    #[n(1)]
    Ended(#[n(0)] Option<i32>),
}

/// Runs the command of a request, unless it is not allowed.
async fn run(allowed: &[String], mut request: Request) -> Result<(), CallError> {
    let args: Vec<String> = match request.decode() {
        Ok(args) => args,
        Err(error) => return request.fail(Failure::refused(error.to_string())).await,
    };
    let Some((program, args)) = args.split_first().filter(|(it, _)| allowed.contains(it)) else {
        let text = format!("allowed are {}", allowed.join(", "));
        return request.fail(Failure::refused(text)).await;
    };
    println!("running {program} {args:?}");
    let spawned = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => return request.fail(Failure::refused(error.to_string())).await,
    };
    if let Some(mut stdout) = child.stdout.take() {
        let mut buffer = [0; 4_096];
        loop {
            let read = tokio::select! {
                read = stdout.read(&mut buffer) => read,
                // Nobody reads what it prints any more: it is ended.
                () = request.given_up() => return Err(CallError::Stopped),
            };
            match read {
                Ok(0) => break,
                Ok(len) => {
                    request
                        .send(&Output::Printed(buffer[..len].to_vec()))
                        .await?
                }
                Err(error) => return request.fail(error.to_string()).await,
            }
        }
    }
    match child.wait().await {
        Ok(status) => request.send(&Output::Ended(status.code())).await?,
        Err(error) => return request.fail(error.to_string()).await,
    }
    request.end().await
}

async fn serve(addr: &str, allowed: Vec<String>) -> Result<(), Box<dyn Error>> {
    // A client that does not come back is not waited for as long as by default, which is minutes.
    let server = Server::builder().session_expiry(Duration::from_secs(5));
    let server = server.bind(addr).await?;
    println!("serving on {}", server.local_addr()?);
    while let Some(session) = server.accept().await {
        let allowed = allowed.clone();
        let requests = session.requests();
        tokio::spawn(async move {
            let serving = requests.for_each(move |request| {
                let allowed = allowed.clone();
                async move {
                    if let Err(error) = run(&allowed, request).await {
                        println!("a command was given up: {error}");
                    }
                }
            });
            // Commands that still run end with it.
            if let Err(error) = serving.await {
                println!("a client is gone: {error}");
            }
        });
    }
    Ok(())
}

async fn ask(addr: &str, command: &[String]) -> Result<u8, Box<dyn Error>> {
    let session = Client::connect(addr).await?;
    let mut call = session.call(command).open().await?;
    let mut interrupted = pin!(tokio::signal::ctrl_c());
    let mut code = None;
    loop {
        let item = tokio::select! {
            item = call.recv() => item?,
            _ = &mut interrupted => {
                eprintln!("interrupted");
                break;
            }
        };
        match item.map(|item| item.decode()).transpose()? {
            None => break,
            Some(Output::Printed(bytes)) => {
                let mut stdout = std::io::stdout();
                stdout.write_all(&bytes)?;
                stdout.flush()?;
            }
            Some(Output::Ended(ended)) => code = ended,
        }
    }
    // Dropped before its end, it is given up, and the agent ends the command.
    drop(call);
    session.close().await?;
    Ok(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

#[tokio::main]
async fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let ended = match args.as_slice() {
        [role, addr, allowed @ ..] if role == "serve" && !allowed.is_empty() => {
            serve(addr, allowed.to_vec()).await.map(|()| 0)
        }
        [role, addr, command @ ..] if role == "run" && !command.is_empty() => {
            ask(addr, command).await
        }
        _ => Err("usage: agent serve ADDR ALLOWED... | run ADDR COMMAND ARG...".into()),
    };
    let error = match ended {
        Ok(code) => return ExitCode::from(code),
        Err(error) => error,
    };
    let mut cause: Option<&dyn Error> = Some(&*error);
    while let Some(error) = cause {
        eprintln!("{error}");
        cause = error.source();
    }
    ExitCode::FAILURE
}
