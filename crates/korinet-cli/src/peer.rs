//! How a client connects.

use korinet::{Client, ClientBuilder};

use crate::args::Peer;
use crate::failure::Failure;
use crate::output::tell;
use crate::{tls, token};

pub(crate) async fn builder(args: &Peer) -> Result<ClientBuilder, Failure> {
    let mut builder = Client::builder()
        .protocol(args.protocol)
        .timeout(args.timeout);
    if let Some(interval) = args.keepalive {
        builder = builder.keep_alive(interval);
    }
    let tls = tls::client(&args.security)?;
    if let Some(tls) = &tls {
        builder = builder.tls(tls);
    }
    if let Some(path) = &args.security.token_file {
        if tls.is_none() && !is_this_machine(&args.addr).await {
            tell(format_args!(
                "warning: without TLS the token can be read by anybody on the way to {}",
                args.addr
            ));
        }
        let path = path.clone();
        builder = builder.credentials(move || token::credential(path.clone()));
    }
    Ok(builder)
}

/// Whether nothing that is sent there leaves this machine, as far as is known.
async fn is_this_machine(addr: &str) -> bool {
    let Ok(mut found) = tokio::net::lookup_host(addr).await else {
        return false;
    };
    found.all(|addr| addr.ip().is_loopback())
}
