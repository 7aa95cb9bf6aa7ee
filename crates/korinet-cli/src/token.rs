//! Tokens in files: one a line.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use data_encoding::HEXLOWER;
use korinet::{Applicant, Authenticated, Credential, Refusal};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};
use tokio::task::spawn_blocking;

use crate::output::tell;

/// How client and server call this way to authenticate.
const MECHANISM: &str = "token";

/// The most bytes of a token: what the protocol carries.
const MAX_TOKEN: usize = korinet::wire::v3::MAX_AUTHENTICATION;

/// When a client is to come back that cannot be told apart now.
const COME_BACK: Duration = Duration::from_secs(1);

/// The tokens in a file, at least one.
fn read(path: &Path) -> Result<Vec<Vec<u8>>, String> {
    let text =
        fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let lines = text.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    let tokens: Vec<Vec<u8>> = lines
        .filter(|line| !line.is_empty() && !line.starts_with(b"#"))
        .map(<[u8]>::to_vec)
        .collect();
    if tokens.is_empty() {
        return Err(format!(
            "no token found in {}, expected one a line",
            path.display()
        ));
    }
    match tokens.iter().find(|token| token.len() > MAX_TOKEN) {
        Some(token) => Err(format!(
            "a token in {} has {} bytes, expected at most {MAX_TOKEN}",
            path.display(),
            token.len()
        )),
        None => Ok(tokens),
    }
}

/// What a client shows: the first token in the file.
pub(crate) async fn credential(path: PathBuf) -> Result<Credential, String> {
    let tokens = read_apart(path).await?;
    match tokens.into_iter().next() {
        Some(token) => Ok(Credential::new(MECHANISM, token)),
        None => Err("no token found".to_owned()),
    }
}

/// The tokens that a server takes: whatever is in a file when a client comes.
#[derive(Debug)]
pub(crate) struct Tokens {
    path: PathBuf,
    /// What is wrong with the file, as far as that was told.
    trouble: Mutex<Option<String>>,
}

impl Tokens {
    /// Those in this file, which must have some now.
    pub(crate) fn new(path: PathBuf) -> Result<Self, String> {
        read(&path)?;
        Ok(Self {
            path,
            trouble: Mutex::default(),
        })
    }

    /// Finds out whether a client shows one of them.
    pub(crate) async fn authenticate(
        &self,
        applicant: Applicant,
    ) -> Result<Authenticated, Refusal> {
        let Some(credential) = applicant.credential else {
            return Err(Refusal::required());
        };
        if credential.mechanism != MECHANISM {
            return Err(Refusal::failed());
        }
        let tokens = read_apart(self.path.clone()).await;
        self.tell(tokens.as_ref().err());
        match tokens {
            Ok(tokens) => principal_of(&credential.bytes, &tokens)
                .map(Authenticated::new)
                .ok_or_else(Refusal::failed),
            Err(_) => Err(Refusal::retry_after(COME_BACK)),
        }
    }

    /// Tells of trouble with the file once, and not again for each client.
    fn tell(&self, trouble: Option<&String>) {
        let mut told = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        if told.as_ref() == trouble {
            return;
        }
        *told = trouble.cloned();
        match trouble {
            Some(text) => tell(format_args!("nobody can be authenticated: {text}")),
            None => tell("clients can be authenticated again"),
        }
    }
}

async fn read_apart(path: PathBuf) -> Result<Vec<Vec<u8>>, String> {
    let read = spawn_blocking(move || read(&path)).await;
    read.unwrap_or_else(|error| Err(error.to_string()))
}

/// Who shows this token, if it is one of these.
///
/// All are compared, by their digests, in a time that tells neither which it is nor how much of it is right.
fn principal_of(shown: &[u8], tokens: &[Vec<u8>]) -> Option<String> {
    let shown = Sha256::digest(shown);
    let is_known = tokens.iter().fold(Choice::from(0), |is_known, token| {
        is_known | Sha256::digest(token).ct_eq(&shown)
    });
    bool::from(is_known).then(|| format!("token:{}", HEXLOWER.encode(&shown[..8])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_told_by_its_digest() {
        let tokens = [b"one".to_vec(), b"two".to_vec()];
        // echo -n two | sha256sum
        let expect = "token:3fc4ccfe745870e2";
        assert_eq!(principal_of(b"two", &tokens).as_deref(), Some(expect));
        for wrong in [&b"three"[..], b"", b"tw", b"two\n", b"onetwo"] {
            assert_eq!(principal_of(wrong, &tokens), None);
        }
    }
}
