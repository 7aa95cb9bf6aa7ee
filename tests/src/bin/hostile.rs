//! Attacks a server in every way that there is a case for, and prints a table; called by `cargo xtask hostile`.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool talks through them"
)]

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use korinet_tests::hostile::{Case, Papers, Report, Size, apart, cases, run};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let is_meant = |case: &Case| words.iter().all(|word| case.name.contains(word.as_str()));
    let groups = cases::groups().into_iter().map(|(name, mut cases)| {
        cases.retain(is_meant);
        (name, cases)
    });
    let groups: Vec<_> = groups.filter(|(_, cases)| !cases.is_empty()).collect();
    if groups.is_empty() {
        eprintln!("error: no case with the words {words:?} in its name");
        return ExitCode::from(2);
    }
    apart().block_on(attack(groups))
}

async fn attack(groups: Vec<(&'static str, Vec<Case>)>) -> ExitCode {
    let papers = Arc::new(Papers::new());
    let (mut count, mut bad) = (0, 0);
    println!("| {} |", Report::COLUMNS.join(" | "));
    println!("|{}", " --- |".repeat(Report::COLUMNS.len()));
    for case in groups.iter().flat_map(|(_, cases)| cases) {
        let report = run(case, &server(), &papers, Size::Full).await;
        println!("| {} |", report.row(case).join(" | "));
        count += 1;
        let complaints = report.complaints(case);
        bad += usize::from(!complaints.is_empty());
        for complaint in complaints {
            eprintln!("{}: {complaint}", case.name);
        }
    }
    println!("{count} cases, {bad} not as they have to be");
    ExitCode::from(u8::from(bad > 0))
}

/// The program beside this one.
fn server() -> PathBuf {
    let own = std::env::current_exe().expect("the system knows this program");
    own.with_file_name("hostile_server")
}
