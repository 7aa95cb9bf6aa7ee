//! Certificates for tests: an authority, and what it gives out. Keys are of Ed25519, whose signatures have one length,
//! so that a handshake has the same number of bytes each time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use korinet::tls::{ClientCertificates, ClientTls, Identity, Roots, ServerTls};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, PKCS_ED25519, RevokedCertParams, SerialNumber,
    date_time_ymd,
};

static AUTHORITIES: AtomicUsize = AtomicUsize::new(1);

/// An authority.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate, and the key to it.
#[derive(Clone)]
pub struct Leaf {
    pub chain_pem: String,
    pub key_pem: String,
    pub serial: u64,
}

impl Leaf {
    pub fn identity(&self) -> Identity {
        Identity::from_pem(self.chain_pem.as_bytes(), self.key_pem.as_bytes()).unwrap()
    }
}

fn key() -> KeyPair {
    KeyPair::generate_for(&PKCS_ED25519).unwrap()
}

fn params(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2100, 1, 1);
    params
}

impl Authority {
    #[expect(
        clippy::new_without_default,
        reason = "it makes a key, which is no default"
    )]
    pub fn new() -> Self {
        let mut params = params(&[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        // Authorities of one name would be taken for one another.
        let number = AUTHORITIES.fetch_add(1, Ordering::Relaxed);
        let name = format!("authority {number} of the tests");
        params.distinguished_name.push(DnType::CommonName, name);
        Self {
            issuer: CertifiedIssuer::self_signed(params, key()).unwrap(),
        }
    }

    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    pub fn roots(&self) -> Roots {
        Roots::from_pem(self.pem().as_bytes()).unwrap()
    }

    /// A certificate for these names.
    pub fn issue(&self, names: &[&str], serial: u64) -> Leaf {
        self.issue_with(names, serial, |_| {})
    }

    /// One that has expired.
    pub fn issue_expired(&self, names: &[&str], serial: u64) -> Leaf {
        self.issue_with(names, serial, |params| {
            params.not_after = date_time_ymd(2021, 1, 1);
        })
    }

    /// One that is not valid yet.
    pub fn issue_future(&self, names: &[&str], serial: u64) -> Leaf {
        self.issue_with(names, serial, |params| {
            params.not_before = date_time_ymd(2099, 1, 1);
        })
    }

    /// One that expires then, to the second.
    pub fn issue_until(&self, names: &[&str], serial: u64, end: SystemTime) -> Leaf {
        self.issue_with(names, serial, |params| params.not_after = end.into())
    }

    fn issue_with(
        &self,
        names: &[&str],
        serial: u64,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Leaf {
        let mut params = params(names);
        params.serial_number = Some(SerialNumber::from(serial));
        change(&mut params);
        let key = key();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Leaf {
            chain_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
            serial,
        }
    }

    /// The list of what was revoked, in PEM.
    pub fn revoke(&self, leaves: &[&Leaf]) -> String {
        let revoked = leaves.iter().map(|leaf| RevokedCertParams {
            serial_number: SerialNumber::from(leaf.serial),
            revocation_time: date_time_ymd(2024, 1, 1),
            reason_code: None,
            invalidity_date: None,
        });
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2024, 1, 1),
            next_update: date_time_ymd(2100, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).unwrap().pem().unwrap()
    }

    /// A server for the names of this machine.
    pub fn server(&self) -> ServerTls {
        let leaf = self.issue(&["localhost", "127.0.0.1", "::1"], 1);
        ServerTls::new(leaf.identity()).unwrap()
    }

    /// A server that wants certificates of its clients.
    pub fn server_for_clients(&self) -> ServerTls {
        let tls = self.server();
        tls.set_clients(ClientCertificates::from(self.roots()))
            .unwrap();
        tls
    }

    /// A client that trusts this authority.
    pub fn client(&self) -> ClientTls {
        ClientTls::new(self.roots()).unwrap()
    }
}
