use std::path::Path;

use super::files::Pair;

/// What can be done now, in commands that work as they stand.
pub(super) fn lines(dir: &Path, names: &[String], client: Option<&String>) -> Vec<String> {
    let (ca, server) = (Pair::new(dir, "ca"), Pair::new(dir, "server"));
    let mut listen = format!(
        "korinet listen 127.0.0.1:1235 --tls-cert {} --tls-key {}",
        quoted(&server.cert),
        quoted(&server.key)
    );
    let mut connect = format!(
        "echo '\"hello\"' | korinet connect 127.0.0.1:1235 --tls-ca {}",
        quoted(&ca.cert)
    );
    match names.first() {
        Some(name) if !names.iter().any(|name| name == "127.0.0.1") => {
            let name = name.replacen('*', "any", 1);
            connect += &format!(" --tls-name {name}");
        }
        _ => {}
    }
    if let Some(name) = client {
        let client = Pair::new(dir, name);
        listen += &format!(" --tls-client-ca {}", quoted(&ca.cert));
        connect += &format!(
            " --tls-cert {} --tls-key {}",
            quoted(&client.cert),
            quoted(&client.key)
        );
    }
    vec![
        format!(
            "Whoever has {} is trusted by all that trust {}: for development only.",
            ca.key.display(),
            ca.cert.display()
        ),
        "Try it, each in a terminal of its own:".to_owned(),
        format!("  {listen}"),
        format!("  {connect}"),
    ]
}

/// As a shell takes it for one word.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./@+,:=".contains(&byte);
    if text.bytes().all(is_plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_words_of_a_shell() {
        for (path, expect) in [
            ("certs/a-b_c.pem", "certs/a-b_c.pem"),
            ("my certs/ca.pem", "'my certs/ca.pem'"),
            ("it's/$HOME", r"'it'\''s/$HOME'"),
        ] {
            assert_eq!(quoted(Path::new(path)), expect);
        }
    }
}
