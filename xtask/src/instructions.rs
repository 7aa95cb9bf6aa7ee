//! `cargo xtask instructions`: how many instructions a message takes, counted by valgrind.

use crate::failure::{Failure, while_doing};
use crate::workspace;

/// What is counted, and how many instructions a message may take: what was counted with Rust 1.95 on x86-64, and a
/// sixth more for other compilers.
const CASES: [Case; 8] = [
    Case::new("korinet-proto", "encode", 145),
    Case::new("korinet-proto", "decode", 195),
    Case::new("korinet-proto", "send", 460),
    Case::new("korinet-proto", "receive", 860),
    Case::new("korinet", "stream", 1_370),
    Case::new("korinet", "batches", 480),
    Case::new("korinet", "typed", 2_260),
    Case::new("korinet", "round-trip", 20_400),
];

struct Case {
    package: &'static str,
    name: &'static str,
    most: u64,
}

impl Case {
    const fn new(package: &'static str, name: &'static str, most: u64) -> Self {
        Self {
            package,
            name,
            most,
        }
    }

    /// The instructions of a whole run.
    fn count(&self, messages: u64) -> Result<u64, Failure> {
        let mut command = workspace::cargo(&["--config", RUNNER, "bench", "--quiet"]);
        command.args(["--package", self.package, "--bench", "instructions", "--"]);
        command.args([self.name, &messages.to_string()]);
        let output = command.output().map_err(while_doing("running cargo"))?;
        let told = String::from_utf8_lossy(&output.stderr);
        match collected(&told) {
            Some(count) if output.status.success() => Ok(count),
            _ => Err(Failure::Failed(format!(
                "counting {} (is valgrind installed?): {}\n{told}",
                self.name, output.status
            ))),
        }
    }
}

/// The counts of two runs, whose difference is counted.
const FEW: u64 = 4_096;
const MANY: u64 = 5 * FEW;

/// valgrind, with what tells how much it counted and keeps nothing.
const RUNNER: &str = r#"target."cfg(all())".runner = [
    "valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
]"#;

/// Counts all cases, or those that are named.
pub(crate) fn run(names: &[String]) -> Result<(), Failure> {
    if let Some(unknown) = names
        .iter()
        .find(|name| CASES.iter().all(|case| case.name != *name))
    {
        let cases = CASES.map(|case| case.name).join(", ");
        return Err(Failure::Usage(format!(
            "no such case: {unknown}; there are {cases}"
        )));
    }
    let mut over = Vec::new();
    println!("{:>12}  instructions  at most", "message");
    for case in CASES {
        if !names.is_empty() && names.iter().all(|name| name != case.name) {
            continue;
        }
        let more = case.count(MANY)?.saturating_sub(case.count(FEW)?);
        let each = more / (MANY - FEW);
        println!("{:>12}  {each:>12}  {:>7}", case.name, case.most);
        if each > case.most {
            over.push(case.name);
        }
    }
    if over.is_empty() {
        return Ok(());
    }
    let over = over.join(", ");
    Err(Failure::Failed(format!(
        "more instructions than allowed: {over}"
    )))
}

/// The number in valgrind's line `==1== Collected : 123`.
fn collected(told: &str) -> Option<u64> {
    let (_, rest) = told.split_once("Collected :")?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{Failure, collected, run};

    #[test]
    fn the_count_is_found_among_what_valgrind_tells() {
        let told = "==7== Callgrind\n==7== Events    : Ir\n==7== Collected : 1234\n==7==\n";
        assert_eq!(collected(told), Some(1234));
        assert_eq!(collected("error: no such command"), None);
    }

    #[test]
    fn unknown_cases_are_answered_with_the_list() {
        match run(&["strem".to_owned()]) {
            Err(Failure::Usage(text)) => assert!(text.contains("strem; there are encode,")),
            other => panic!("expected a usage error, got {other:?}"),
        }
    }
}
