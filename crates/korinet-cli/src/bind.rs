//! How the commands listen that take sessions.

use std::sync::Arc;
use std::time::Duration;

use korinet::tls::ServerTls;
use korinet::{AckLevel, BindError, Protocol, Server, ServerBuilder};

use crate::args::{Listen, ListenSecurity, Protocols, Service};
use crate::failure::Failure;
use crate::output::{chain, tell};
use crate::refused::Refusals;
use crate::token::Tokens;
use crate::{signal, tls};

/// Where to listen, and how.
#[derive(Debug)]
pub(crate) struct Binding<'a> {
    addr: &'a str,
    protocols: Protocols,
    keepalive: Option<Duration>,
    timeout: Option<Duration>,
    security: &'a ListenSecurity,
    window: Option<(usize, usize)>,
}

impl<'a> Binding<'a> {
    /// More under way at a time than by default: so many messages, of so many bytes.
    pub(crate) const fn window(mut self, messages: usize, bytes: usize) -> Self {
        self.window = Some((messages, bytes));
        self
    }
}

impl<'a> From<&'a Listen> for Binding<'a> {
    fn from(args: &'a Listen) -> Self {
        Self {
            addr: &args.addr,
            protocols: args.protocol.clone(),
            keepalive: args.keepalive,
            timeout: args.timeout,
            security: &args.security,
            window: None,
        }
    }
}

impl<'a> From<&'a Service> for Binding<'a> {
    fn from(args: &'a Service) -> Self {
        Self {
            addr: &args.addr,
            protocols: Protocols::Only(Protocol::V3),
            keepalive: args.keepalive,
            timeout: args.timeout,
            security: &args.security,
            window: None,
        }
    }
}

/// Listens, and tells of it.
pub(crate) async fn bind(args: &Binding<'_>, refusals: &Refusals) -> Result<Server, Failure> {
    let tls = tls::server(args.security)?;
    let builder = builder(args, tls.as_ref(), refusals)?;
    let server = builder.bind(args.addr).await.map_err(|error| {
        let text = chain(&error);
        Failure::Told(match error {
            BindError::Listen(_) => format!("{}: {text}", args.addr),
            BindError::Exposed { addr } => format!(
                "{} is no loopback address, and without TLS anybody on the way can read along and take sessions \
                 over: expected --tls-cert, or --allow-plaintext",
                addr.ip()
            ),
            BindError::Config(_) | _ => text,
        })
    })?;
    let addr = server.local_addr();
    let addr = addr.map_err(|error| Failure::from_error(&error))?;
    let how = match (tls, args.security.allow_plaintext) {
        (Some(tls), is_also_plain) => {
            reload_on_hangup(args.security.clone(), tls)?;
            if is_also_plain {
                "with TLS and without"
            } else {
                "with TLS"
            }
        }
        (None, _) => "without TLS",
    };
    tell(format_args!("listening on {addr} {how}"));
    Ok(server)
}

fn builder(
    args: &Binding<'_>,
    tls: Option<&ServerTls>,
    refusals: &Refusals,
) -> Result<ServerBuilder, Failure> {
    let refusals = refusals.clone();
    let mut builder = Server::builder()
        .ack_level(AckLevel::Processed)
        .on_refused(move |refused| refusals.tell(refused));
    if let Protocols::Only(protocol) = args.protocols {
        builder = builder.protocols(&[protocol]);
    }
    if let Some(interval) = args.keepalive {
        builder = builder.keep_alive(interval);
    }
    if let Some(timeout) = args.timeout {
        builder = builder.session_expiry(timeout);
    }
    if let Some((messages, bytes)) = args.window {
        builder = builder.window(messages, bytes);
    }
    if let Some(tls) = tls {
        builder = builder.tls(tls);
    }
    if args.security.allow_plaintext {
        builder = builder.allow_plaintext();
    }
    if let Some(path) = &args.security.token_file {
        let tokens = Tokens::new(path.clone()).map_err(Failure::Told)?;
        let tokens = Arc::new(tokens);
        builder = builder.authenticate(move |applicant| {
            let tokens = Arc::clone(&tokens);
            async move { tokens.authenticate(applicant).await }
        });
    }
    Ok(builder)
}

/// Reads the files of TLS again whenever the system's way to ask for it comes, until the runtime ends.
fn reload_on_hangup(args: ListenSecurity, tls: ServerTls) -> Result<(), Failure> {
    let mut hangups = signal::Hangups::new().map_err(|error| Failure::from_error(&error))?;
    tokio::spawn(async move {
        while hangups.next().await {
            let (args, tls) = (args.clone(), tls.clone());
            let reloading = tokio::task::spawn_blocking(move || tls::reload(&args, &tls));
            match reloading.await {
                Ok(Ok(())) => tell("certificates read again"),
                Ok(Err(Failure::Told(text))) => {
                    tell(format_args!("certificates stay as they were: {text}"));
                }
                Ok(Err(Failure::BrokenPipe | Failure::Signal(_))) | Err(_) => {}
            }
        }
    });
    Ok(())
}
