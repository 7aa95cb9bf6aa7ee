//! Names that a peer may give to files here.

use std::path::{Component, Path};

use super::part::SUFFIX;
use crate::output::printable;

/// The most bytes of a name: what most file systems take.
const MAX: usize = 255;

/// What is wrong with a name, of which the peer is told.
///
/// A good one is a single part of a path, and of no other folder than the one it is appended to.
pub(super) fn check(name: &str) -> Result<(), String> {
    if name.len() > MAX {
        return Err(format!(
            "name has {} bytes, expected at most {MAX}",
            name.len()
        ));
    }
    let shown = printable(name);
    let mut components = Path::new(name).components();
    let is_one = matches!(components.next(), Some(Component::Normal(part)) if part == name)
        && components.next().is_none();
    // Of another system's paths, too: what is moved there later is to stay in its folder.
    let forbidden = |c: char| matches!(c, '/' | '\\' | ':') || c.is_control();
    if !is_one || name.chars().any(forbidden) {
        return Err(format!(
            "name \"{shown}\" is refused: expected a name without a folder, colons and control characters"
        ));
    }
    // Such a file is seldom seen, and often read by programs.
    if name.starts_with('.') {
        return Err(format!(
            "name \"{shown}\" is refused: it begins with a dot, which only --output of the receiver allows"
        ));
    }
    if name.ends_with(SUFFIX) {
        return Err(format!(
            "name \"{shown}\" is refused: it ends in {SUFFIX}, as files do that are not complete"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out_of_its_folder() {
        for good in ["a", "a b.tar.gz", "ümläut", "-rf", "a..b", &"x".repeat(255)] {
            assert_eq!(check(good), Ok(()));
        }
        for bad in [
            "",
            ".",
            "..",
            "/",
            "/etc/passwd",
            "../a",
            "a/..",
            "a/b",
            "a/",
            "./a",
            "a\\b",
            "C:a",
            "c:",
            "a\0",
            "a\nb",
            "\u{1b}[2J",
            ".profile",
            "a.korinet-part",
            &"x".repeat(256),
        ] {
            let error = check(bad).unwrap_err();
            assert!(!error.contains(char::is_control), "{error}");
        }
    }
}
