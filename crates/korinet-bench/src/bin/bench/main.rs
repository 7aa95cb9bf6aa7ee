//! Runs the peers side by side and compares them; called by `cargo xtask bench`, which builds them first.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool talks through them"
)]

mod case;
mod far;
mod figures;
mod json;
mod measure;
mod plan;
mod plot;
mod process;
mod rows;
mod syscalls;
mod table;

use std::process::ExitCode;

use korinet_bench::Failure;

use figures::Figures;
use plan::Plan;
use rows::Row;

fn main() -> ExitCode {
    let arguments = std::env::args().skip(1);
    let plan = match Plan::parse(arguments) {
        Ok(plan) => plan,
        Err(failure) => {
            eprintln!("error: {failure}");
            return ExitCode::from(2);
        }
    };
    match run(&plan) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(plan: &Plan) -> Result<(), Failure> {
    let rows = plan.rows();
    let rows = present(&rows);
    if plan.syscalls {
        syscalls::check()?;
    }
    let figures = measure_all(plan, &rows);
    print!("{}", table::of(&figures, plan));
    if let Some(file) = &plan.json {
        json::write(&figures, plan, file)?;
    }
    if let Some(file) = &plan.svg {
        plot::write(&figures, plan, file)?;
    }
    for failure in figures.failures() {
        eprintln!("{failure}");
    }
    match figures.failures().count() {
        0 => Ok(()),
        count => Err(format!("{count} measurements failed").into()),
    }
}

/// Those that can be run here; of the others, one line says what is missing.
fn present<'a>(rows: &[&'a Row]) -> Vec<&'a Row> {
    let (here, missing): (Vec<_>, Vec<_>) = rows
        .iter()
        .map(|row| (*row, row.missing()))
        .partition(|(_, missing)| missing.is_none());
    for (row, what) in missing {
        eprintln!("{} skipped: {}", row.name, what.unwrap_or_default());
    }
    here.into_iter().map(|(row, _)| row).collect()
}

fn measure_all(plan: &Plan, rows: &[&'static Row]) -> Figures {
    let mut figures = Figures::default();
    for round in 0..plan.rounds {
        for case in plan.cases.iter().filter(|case| case.is_in(round)) {
            let mut taking_part: Vec<_> = rows.iter().filter(|row| row.takes(case)).collect();
            if taking_part.is_empty() {
                continue;
            }
            eprintln!("round {} of {}: {case}", round + 1, plan.rounds);
            // What goes first or follows another may be at an advantage.
            let turn = round % taking_part.len();
            taking_part.rotate_left(turn);
            for row in taking_part {
                let measured = measure::measure(row, case, plan);
                figures.add(row, *case, round, measured.map_err(|why| why.to_string()));
            }
        }
    }
    figures
}
