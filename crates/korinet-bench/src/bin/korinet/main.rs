//! Sessions of protocol v3, through the public interface alone.

mod raw;
#[cfg(feature = "tls")]
mod secured;
mod typed;

use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::time::Duration;

use korinet::{Client, Rate, Server, Session};
use korinet_bench::{Endpoint, Failure, Flavour, Options, run, tell};

/// The default limit of a message is the largest payload measured, and a typed one has a few bytes more.
const MAX_MESSAGE: usize = 2 * 1024 * 1024;

/// More than any workload opens.
const SESSIONS: usize = 20_000;

/// The messages of the window, where its bytes are not the default.
const WINDOW_MESSAGES: usize = 65_536;

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(failure) => return tell(&failure),
    };
    match options.variant.as_str() {
        "" | "nosum" => run::<raw::Raw>(options, Flavour::CurrentThread),
        #[cfg(feature = "tls")]
        "tls" => run::<raw::Raw>(options, Flavour::CurrentThread),
        "typed" => run::<typed::Typed>(options, Flavour::MultiThread),
        _ => tell(&options.unknown_variant(&[
            "none",
            "nosum",
            "typed",
            "tls, with the feature of that name",
        ])),
    }
}

async fn listen(options: &Options) -> Result<(Server, Endpoint), Failure> {
    let mut builder = Server::builder()
        .max_message(MAX_MESSAGE)
        .max_connections(SESSIONS)
        .max_sessions(SESSIONS)
        .max_memory(4 << 30)
        .max_resumes(Rate::UNLIMITED)
        .max_take_overs(Rate::UNLIMITED);
    if let Some(window) = options.window {
        builder = builder.window(WINDOW_MESSAGES, window);
    }
    #[cfg_attr(not(feature = "tls"), expect(unused_mut, reason = "it has none then"))]
    let mut certificate = None;
    #[cfg(feature = "tls")]
    if options.variant == "tls" {
        let own = korinet_bench::Certificate::new()?;
        builder = builder.tls(&secured::server(&own)?);
        certificate = Some(own.certificate);
    }
    let server = builder.bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let port = server.local_addr()?.port();
    let endpoint = Endpoint {
        certificate,
        ..Endpoint::plain(port)
    };
    Ok((server, endpoint))
}

async fn accept(server: &Server) -> Result<Session, Failure> {
    let session = server.accept().await;
    session.ok_or_else(|| "the server is shut down".into())
}

async fn connect(options: &Options) -> Result<Session, Failure> {
    let mut builder = Client::builder()
        .max_message(MAX_MESSAGE)
        // What is measured is coming back, not the wait for the server to recover.
        .backoff(Duration::from_millis(1), Duration::from_millis(1));
    if let Some(window) = options.window {
        builder = builder.window(WINDOW_MESSAGES, window);
    }
    if options.variant == "nosum" {
        builder = builder.checksum(false);
    }
    #[cfg(feature = "tls")]
    if let Some(certificate) = &options.certificate {
        builder = builder.tls(&secured::client(certificate)?);
    }
    let addr = format!("{}:{}", Ipv4Addr::LOCALHOST, options.port);
    Ok(builder.connect(addr).await?)
}
