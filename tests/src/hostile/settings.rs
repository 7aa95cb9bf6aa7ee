//! The settings of a server under attack, as arguments of its program: `name=value`, or a name alone.

use std::path::Path;
use std::time::Duration;

use korinet::tls::{ClientCertificates, Identity, Roots, ServerTls};
use korinet::{AckLevel, Applicant, Authenticated, Protocol, Rate, Refusal, Server, ServerBuilder};

/// What a server has unless it is said otherwise: little memory, so that it is soon used up, and little patience, also
/// with the sessions of those who have left.
pub(crate) const DEFAULTS: &[&str] = &[
    "protocols=v3",
    "max_memory=33554432",
    "handshake_timeout=5000",
    "session_expiry=500",
];

/// A server with these settings, the later ones counting.
///
/// # Errors
///
/// Names what cannot be understood.
pub(crate) fn builder(arguments: &[String]) -> Result<ServerBuilder, String> {
    let mut builder = Server::builder();
    for argument in arguments {
        let (name, value) = argument.split_once('=').unwrap_or((argument, ""));
        builder = set(builder, name, value)
            .ok_or_else(|| format!("cannot understand the setting {argument}"))?;
    }
    Ok(builder)
}

fn set(builder: ServerBuilder, name: &str, value: &str) -> Option<ServerBuilder> {
    Some(match name {
        "protocols" => {
            let protocols: Option<Vec<_>> = value.split(',').map(protocol).collect();
            builder.protocols(&protocols?)
        }
        "tls" => builder.tls(&tls(Path::new(value), false)),
        "tls_with_clients" => builder.tls(&tls(Path::new(value), true)),
        "plaintext" => builder.allow_plaintext(),
        "tokens" => builder.authenticate(authenticate),
        "ack_level" => builder.ack_level(match value {
            "processed" => AckLevel::Processed,
            _ => return None,
        }),
        "max_memory" => builder.max_memory(value.parse().ok()?),
        "max_message" => builder.max_message(value.parse().ok()?),
        "window" => {
            let (messages, bytes) = pair(value)?;
            builder.window(messages, bytes)
        }
        "keep_alive" => builder.keep_alive(time(value)?),
        "session_expiry" => builder.session_expiry(time(value)?),
        "handshake_timeout" => builder.handshake_timeout(time(value)?),
        "stall_timeout" => builder.stall_timeout(time(value)?),
        "max_connections" => builder.max_connections(value.parse().ok()?),
        "max_handshakes" => {
            let (all, per_address) = pair(value)?;
            builder.max_handshakes(all, per_address)
        }
        "max_failures" => builder.max_failures(rate(value)?),
        "max_resumes" => builder.max_resumes(rate(value)?),
        "max_take_overs" => builder.max_take_overs(rate(value)?),
        "max_sessions" => builder.max_sessions(value.parse().ok()?),
        "max_sessions_per_principal" => builder.max_sessions_per_principal(value.parse().ok()?),
        _ => return None,
    })
}

fn protocol(name: &str) -> Option<Protocol> {
    name.parse().ok()
}

fn time(value: &str) -> Option<Duration> {
    value.parse().ok().map(Duration::from_millis)
}

/// Two numbers, with a slash in between.
fn pair(value: &str) -> Option<(usize, usize)> {
    let (first, second) = value.split_once('/')?;
    Some((first.parse().ok()?, second.parse().ok()?))
}

/// So many at once, so many a second.
fn rate(value: &str) -> Option<Rate> {
    let (burst, per_second) = value.split_once('/')?;
    Some(Rate {
        burst: burst.parse().ok()?,
        per_second: per_second.parse().ok()?,
    })
}

/// By what [`Papers`](super::Papers) has left in this directory.
fn tls(papers: &Path, of_clients: bool) -> ServerTls {
    let file = |name: &str| papers.join(name);
    let identity = Identity::from_pem_files(file("server.pem"), file("server.key")).unwrap();
    let tls = ServerTls::new(identity).unwrap();
    if of_clients {
        let roots = Roots::from_pem_file(file("authority.pem")).unwrap();
        let revoked = std::fs::read(file("revoked.pem")).unwrap();
        let clients = ClientCertificates::from(roots).revoked(&revoked).unwrap();
        tls.set_clients(clients).unwrap();
    }
    tls
}

/// Whoever shows a token is who the token says, but for some.
async fn authenticate(applicant: Applicant) -> Result<Authenticated, Refusal> {
    let Some(shown) = applicant.credential else {
        return Err(Refusal::required());
    };
    match shown.bytes.as_slice() {
        b"forged" => Err(Refusal::failed()),
        b"barred" => Err(Refusal::not_authorized()),
        b"hangs" => std::future::pending().await,
        b"panics" => panic!("this authenticator is broken"),
        token => Ok(Authenticated::new(String::from_utf8_lossy(token))),
    }
}
