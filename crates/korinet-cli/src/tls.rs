//! From files to TLS.

use std::fs;
use std::path::Path;

use korinet::tls::{ClientCertificates, ClientTls, Identity, Roots, ServerTls, TlsError};

use crate::args::{ListenSecurity, PeerSecurity};
use crate::failure::Failure;
use crate::output::chain;

/// TLS of a listener, if it is to have any.
pub(crate) fn server(args: &ListenSecurity) -> Result<Option<ServerTls>, Failure> {
    Ok(match ServerFiles::read(args)? {
        Some(files) => Some(files.fresh()?),
        None => None,
    })
}

/// Reads the files again. If anything is wrong with them, nothing has changed.
pub(crate) fn reload(args: &ListenSecurity, tls: &ServerTls) -> Result<(), Failure> {
    let Some(files) = ServerFiles::read(args)? else {
        return Ok(());
    };
    // What they have together is tried first, so that there is never half of it.
    files.fresh()?;
    let told = |error| Failure::from_error(&error);
    tls.set_identity(files.identity).map_err(told)?;
    files
        .clients
        .map_or(Ok(()), |clients| tls.set_clients(clients).map_err(told))
}

/// What the files of a listener hold.
struct ServerFiles {
    identity: Identity,
    clients: Option<ClientCertificates>,
}

impl ServerFiles {
    fn read(args: &ListenSecurity) -> Result<Option<Self>, Failure> {
        let (Some(cert), Some(key)) = (&args.tls_cert, args.tls_key()) else {
            return Ok(None);
        };
        let identity = identity(cert, key)?;
        let clients = match &args.tls_client_ca {
            Some(path) => Some(ClientCertificates::from(roots(path)?)),
            None => None,
        };
        let clients = match (&args.tls_client_crl, clients) {
            (Some(path), Some(clients)) => Some(revoked(path, clients, &identity)?),
            (_, clients) => clients,
        };
        Ok(Some(Self { identity, clients }))
    }

    fn fresh(&self) -> Result<ServerTls, Failure> {
        let told = |error| Failure::from_error(&error);
        let tls = ServerTls::new(self.identity.clone()).map_err(told)?;
        if let Some(clients) = &self.clients {
            tls.set_clients(clients.clone()).map_err(told)?;
        }
        Ok(tls)
    }
}

/// TLS of a client, if it is to have any.
pub(crate) fn client(args: &PeerSecurity) -> Result<Option<ClientTls>, Failure> {
    if !args.has_tls() {
        return Ok(None);
    }
    let told = |error| Failure::from_error(&error);
    let roots = match &args.tls_ca {
        Some(path) => roots(path)?,
        None => Roots::platform(),
    };
    let mut tls = ClientTls::new(roots).map_err(told)?;
    if let Some(name) = &args.tls_name {
        tls = tls.server_name(name).map_err(told)?;
    }
    if let (Some(cert), Some(key)) = (&args.tls_cert, args.tls_key()) {
        tls.set_identity(identity(cert, key)?).map_err(told)?;
    }
    Ok(Some(tls))
}

fn identity(cert: &Path, key: &Path) -> Result<Identity, Failure> {
    Identity::from_pem_files(cert, key).map_err(|error| match error {
        // These two do not say of which files.
        TlsError::OtherKey | TlsError::Unusable(_) => Failure::Told(format!(
            "{} with {}: {error}",
            cert.display(),
            key.display()
        )),
        error
        @ (TlsError::Read { .. } | TlsError::Missing { .. } | TlsError::Broken { .. } | _) => {
            Failure::from_error(&error)
        }
    })
}

/// None that is on the lists in this file.
fn revoked(
    path: &Path,
    clients: ClientCertificates,
    identity: &Identity,
) -> Result<ClientCertificates, Failure> {
    let told = |error: &TlsError| Failure::Told(format!("{}: {}", path.display(), chain(error)));
    let pem = fs::read(path);
    let pem =
        pem.map_err(|error| Failure::Told(format!("cannot read {}: {error}", path.display())))?;
    let clients = clients.revoked(&pem).map_err(|error| told(&error))?;
    // Whether the lists can be gone by is found out by a server that does.
    let tried = ServerTls::new(identity.clone()).and_then(|tls| tls.set_clients(clients.clone()));
    tried.map_err(|error| told(&error))?;
    Ok(clients)
}

fn roots(path: &Path) -> Result<Roots, Failure> {
    Roots::from_pem_file(path).map_err(|error| Failure::from_error(&error))
}
