//! The same tests over plain connections and over TLS.

use std::sync::LazyLock;

use korinet::tls::ServerTls;
use korinet::{ClientBuilder, ServerBuilder};

use crate::pki::Authority;

/// What sessions go over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    Plain,
    Tls,
}

/// Making keys takes longer than most of what is done with them.
static AUTHORITY: LazyLock<(Authority, ServerTls)> = LazyLock::new(|| {
    let authority = Authority::new();
    let tls = authority.server();
    (authority, tls)
});

impl Over {
    pub fn server(self, builder: ServerBuilder) -> ServerBuilder {
        match self {
            Self::Plain => builder,
            Self::Tls => builder.tls(&AUTHORITY.1),
        }
    }

    /// A client without a ticket: its first handshake is a whole one.
    pub fn client(self, builder: ClientBuilder) -> ClientBuilder {
        match self {
            Self::Plain => builder,
            Self::Tls => builder.tls(&AUTHORITY.0.client()),
        }
    }
}
