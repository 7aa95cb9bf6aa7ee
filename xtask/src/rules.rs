//! `cargo xtask rules`: which rule of PROTOCOL.md is cited by which test.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, while_doing};
use crate::workspace;

const PROTOCOL: &str = "crates/korinet-wire/PROTOCOL.md";

/// Where the code and its tests are.
const FOLDERS: [&str; 2] = ["crates", "tests"];

/// A rule, as `V3-17`.
type Rule = (u32, u32);

#[derive(Debug, Default, PartialEq, Eq)]
struct Citations {
    /// Files of the code that is published.
    code: BTreeSet<String>,
    /// Files of tests, and of what they read.
    tests: BTreeSet<String>,
}

/// Prints each rule with the tests that cite it.
///
/// # Errors
///
/// A rule that no test cites, and a citation of a rule that there is not.
pub(crate) fn run() -> Result<(), Failure> {
    let root = workspace::root();
    let protocol = read(&root.join(PROTOCOL))?;
    let mut cited: BTreeMap<Rule, Citations> = defined(&protocol)
        .into_iter()
        .map(|rule| (rule, Citations::default()))
        .collect();
    let mut unknown = Vec::new();
    for folder in FOLDERS {
        for path in files(&root.join(folder))? {
            let name = path
                .strip_prefix(&root)
                .unwrap_or(&path)
                .display()
                .to_string();
            for (rule, is_test) in citations(&name, &read(&path)?) {
                match cited.get_mut(&rule) {
                    Some(found) if is_test => _ = found.tests.insert(name.clone()),
                    Some(found) => _ = found.code.insert(name.clone()),
                    None => unknown.push(format!("{} in {name}", shown(rule))),
                }
            }
        }
    }
    print(&cited);
    let without: Vec<String> = cited
        .iter()
        .filter(|(_, found)| found.tests.is_empty())
        .map(|(rule, _)| shown(*rule))
        .collect();
    let mut complaints = Vec::new();
    if !without.is_empty() {
        complaints.push(format!("no test cites {}", without.join(", ")));
    }
    if !unknown.is_empty() {
        complaints.push(format!("{PROTOCOL} has no rule {}", unknown.join(", ")));
    }
    if complaints.is_empty() {
        println!("{} rules, each cited by a test", cited.len());
        return Ok(());
    }
    Err(Failure::Failed(complaints.join("; ")))
}

fn print(cited: &BTreeMap<Rule, Citations>) {
    for (rule, found) in cited {
        let tests: Vec<&str> = found.tests.iter().map(String::as_str).collect();
        let code = found.code.len();
        println!(
            "{:>6}  code {code}  tests: {}",
            shown(*rule),
            tests.join(" ")
        );
    }
}

fn shown((version, number): Rule) -> String {
    format!("V{version}-{number}")
}

/// The rules that the text sets up: `- **V3-17** …`.
fn defined(protocol: &str) -> BTreeSet<Rule> {
    let lines = protocol.lines();
    let starts = lines.filter_map(|line| line.strip_prefix("- **"));
    starts
        .filter_map(|start| rule_at(start).map(|(rule, _)| rule))
        .collect()
}

/// The rules that a file names, and whether a test does it.
fn citations(name: &str, text: &str) -> Vec<(Rule, bool)> {
    let is_test_file = name.starts_with("tests/")
        || name.contains("/tests/")
        || name.ends_with("/tests.rs")
        || name.ends_with(".txt");
    let mut found = Vec::new();
    let mut is_test = is_test_file;
    for line in text.lines() {
        // The tests of a file stand at its foot.
        is_test |= line.trim() == "#[cfg(test)]";
        let mut rest = line;
        while let Some(at) = rest.find('V') {
            rest = &rest[at..];
            match rule_at(rest) {
                Some((rule, len)) => {
                    found.push((rule, is_test));
                    rest = &rest[len..];
                }
                None => rest = &rest[1..],
            }
        }
    }
    found
}

/// The rule that `text` starts with, and how long its name is.
fn rule_at(text: &str) -> Option<(Rule, usize)> {
    let rest = text.strip_prefix('V')?;
    let (version, rest) = number_at(rest)?;
    let (number, rest) = number_at(rest.strip_prefix('-')?)?;
    Some(((version, number), text.len() - rest.len()))
}

fn number_at(text: &str) -> Option<(u32, &str)> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    Some((digits.parse().ok()?, rest))
}

/// All files that can cite a rule.
fn files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    let reading = || while_doing(format!("reading {}", folder.display()));
    for entry in fs::read_dir(folder).map_err(reading())? {
        let path = entry.map_err(reading())?.path();
        if path.is_dir() {
            if path.file_name().is_none_or(|name| name != "target") {
                found.extend(files(&path)?);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(while_doing(format!("reading {}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::{citations, defined};

    #[test]
    fn rules_are_those_at_the_start_of_a_paragraph() {
        let text = "- **V3-1** A client MUST.\n- **V3-12** See **V3-1**.\n**V3-9** not here";
        assert_eq!(
            defined(text).into_iter().collect::<Vec<_>>(),
            [(3, 1), (3, 12)]
        );
    }

    #[test]
    fn citations_are_told_by_whether_they_are_in_a_test() {
        let text = "/// V3-1, (V3-2)\nfn a() {}\n#[cfg(test)]\nmod tests {\n    // V3-3\n}";
        let found = citations("crates/a/src/b.rs", text);
        assert_eq!(found, [((3, 1), false), ((3, 2), false), ((3, 3), true)]);
        for name in [
            "tests/tests/a.rs",
            "crates/a/src/b/tests.rs",
            "tests/vectors/a.txt",
        ] {
            assert!(
                citations(name, text).iter().all(|(_, is_test)| *is_test),
                "{name}"
            );
        }
        assert!(citations("crates/a/src/b.rs", "Vec V V3 V3- VX-1").is_empty());
    }
}
