use std::path::PathBuf;

use clap::Args;

use super::secure::parse_name;

/// The longest that a certificate is good for, in days: as long as the authority's own.
pub(crate) const MAX_DAYS: u16 = 3650;

/// What the names of clients consist of: they are names of files.
const MAX_CLIENT: usize = 64;

#[derive(Debug, Args)]
pub(crate) struct Cert {
    /// Where to put the files; made if it is not there
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) dir: PathBuf,
    /// A name or address of the server; may be given more than once
    /// [default: localhost, 127.0.0.1 and ::1]
    #[arg(long = "name", value_name = "NAME", value_parser = parse_server)]
    pub(crate) names: Vec<String>,
    /// Make a certificate for this client, NAME.pem and NAME.key; may be given more than once
    #[arg(long = "client", value_name = "NAME", value_parser = parse_client)]
    pub(crate) clients: Vec<String>,
    /// How many days the certificates are good for; the authority is for 3650
    #[arg(long, value_name = "N", default_value_t = 90,
          value_parser = clap::value_parser!(u16).range(1..=i64::from(MAX_DAYS)))]
    pub(crate) days: u16,
    /// Overwrite the files of servers and clients that are there; the authority stays
    #[arg(long)]
    pub(crate) force: bool,
    /// Print one JSON object a line, and no advice
    #[arg(long)]
    pub(crate) json: bool,
}

impl Cert {
    /// What does not go together.
    pub(super) fn check(&self) -> Result<(), String> {
        for (index, name) in self.clients.iter().enumerate() {
            let mut before = self.clients[..index].iter();
            if before.any(|other| other.eq_ignore_ascii_case(name)) {
                return Err(format!("--client {name} is given twice"));
            }
        }
        Ok(())
    }
}

/// As in a certificate, where one label may be left open.
fn parse_server(text: &str) -> Result<String, String> {
    parse_name(text.strip_prefix("*.").unwrap_or(text))?;
    Ok(text.to_owned())
}

fn parse_client(text: &str) -> Result<String, String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.@".contains(&byte);
    if !text.bytes().all(is_plain)
        || !text.starts_with(|first: char| first.is_ascii_alphanumeric())
        || text.len() > MAX_CLIENT
    {
        return Err(format!(
            "expected up to {MAX_CLIENT} letters, digits, and \"-_.@\" after the first"
        ));
    }
    if ["ca", "server"]
        .iter()
        .any(|taken| text.eq_ignore_ascii_case(taken))
    {
        return Err("the files of that name are those of the authority or the server".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_named_as_files_can_be() {
        for good in ["bob", "a", "bob.smith-2@home_1", "cab", "7"] {
            assert_eq!(parse_client(good).as_deref(), Ok(good));
        }
        for bad in [
            "",
            ".",
            "..",
            "../bob",
            "a/b",
            "a\\b",
            ".bob",
            "-bob",
            "bob smith",
            "bö",
            "ca",
            "CA",
            "Server",
            "a\0",
        ] {
            assert!(parse_client(bad).is_err(), "{bad}");
        }
        assert!(parse_client(&"a".repeat(64)).is_ok());
        assert!(parse_client(&"a".repeat(65)).is_err());
    }

    #[test]
    fn servers_are_named_as_in_certificates() {
        for good in ["localhost", "a.example", "*.example", "127.0.0.1", "::1"] {
            assert_eq!(parse_server(good).as_deref(), Ok(good));
        }
        for bad in [
            "",
            "*",
            "*.",
            "a b",
            "[::1]",
            "localhost:1235",
            "*.*.example",
        ] {
            assert!(parse_server(bad).is_err(), "{bad}");
        }
    }
}
