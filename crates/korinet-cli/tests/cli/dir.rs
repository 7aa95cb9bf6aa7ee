//! A folder of a test's own.

use std::fs;
use std::path::{Path, PathBuf};

use crate::run::Korinet;

/// It stays when the test fails, to be looked at, and is empty when the test begins.
pub(crate) struct Dir(PathBuf);

impl Dir {
    /// Called as the test, of which there is one at a time.
    pub(crate) fn new(test: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
        if path.exists() {
            fs::remove_dir_all(&path).unwrap();
        }
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// One with what `korinet cert` makes.
    pub(crate) fn with_certs(test: &str, args: &[&str]) -> Self {
        let dir = Self::new(test);
        dir.cert(args);
        dir
    }

    /// Runs `korinet cert` here.
    pub(crate) fn cert(&self, args: &[&str]) {
        let path = self.path("");
        let (code, _, err) = Korinet::start(&[&["cert", "--dir", &path], args].concat()).end();
        assert_eq!((code, err), (0, vec![]));
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Writes a file, at its path.
    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    /// Starts a listener that shows the certificate in here; and its address.
    pub(crate) fn listen(&self, args: &[&str]) -> (Korinet, String) {
        let (cert, key) = (self.path("server.pem"), self.path("server.key"));
        let own = ["--tls-cert", &cert, "--tls-key", &key];
        Korinet::listen(&[&own[..], args].concat())
    }
}
