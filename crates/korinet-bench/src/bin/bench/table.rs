use std::fmt::Write;

use crate::case::{Case, Headline};
use crate::figures::{Figures, Measured};
use crate::plan::Plan;
use crate::rows::Row;

/// What is said of one row in one case: medians over the rounds.
#[derive(Debug)]
pub(crate) struct Summary {
    pub(crate) rounds: usize,
    pub(crate) headline: f64,
    /// (max − min) / median.
    pub(crate) spread: f64,
    /// To the row's floor in the same round: the median, the least and the most.
    pub(crate) ratio: Option<[f64; 3]>,
    /// Messages a second.
    pub(crate) rate: f64,
    /// Of client and server, for each message.
    pub(crate) cpu_nanos: [f64; 2],
    p99_micros: Option<f64>,
    syscalls: Option<[f64; 2]>,
}

impl Summary {
    pub(crate) fn of(figures: &Figures, row: &Row, case: &Case) -> Option<Self> {
        let rounds = figures.of(row.name, case);
        let floor = figures.of(row.floor, case);
        let headlines: Vec<f64> = values(&rounds, |one| Some(one.headline(case)));
        let headline = median(&headlines)?;
        let ratios: Vec<f64> = rounds
            .iter()
            .filter_map(|(round, measured)| {
                let (_, floor) = floor.iter().find(|(other, _)| other == round)?;
                Some(measured.headline(case) / floor.headline(case))
            })
            .collect();
        let middle = |of: fn(&Measured) -> Option<f64>| median(&values(&rounds, of));
        Some(Self {
            rounds: rounds.len(),
            headline,
            spread: (most(&headlines) - least(&headlines)) / headline,
            ratio: median(&ratios).map(|median| [median, least(&ratios), most(&ratios)]),
            rate: middle(|one| Some(one.messages_per_second))?,
            cpu_nanos: [
                middle(|one| Some(one.client_cpu_nanos_per_message))?,
                middle(|one| Some(one.server_cpu_nanos_per_message))?,
            ],
            p99_micros: middle(|one| Some(micros(one.latency?.p99_nanos))),
            syscalls: middle(|one| one.client_syscalls_per_message)
                .zip(middle(|one| one.server_syscalls_per_message))
                .map(|(client, server)| [client, server]),
        })
    }
}

fn values(rounds: &[(usize, Measured)], of: impl Fn(&Measured) -> Option<f64>) -> Vec<f64> {
    rounds.iter().filter_map(|(_, one)| of(one)).collect()
}

fn micros(nanos: u64) -> f64 {
    std::time::Duration::from_nanos(nanos).as_secs_f64() * 1e6
}

/// The value in the middle, or the mean of the two that are; nothing of nothing.
fn median(values: &[f64]) -> Option<f64> {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    let lower = *values.get((values.len() - 1) / 2)?;
    Some(f64::midpoint(lower, upper))
}

fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

fn most(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

/// The whole table, a part for each case.
pub(crate) fn of(figures: &Figures, plan: &Plan) -> String {
    let mut text = String::new();
    for case in &plan.cases {
        let rows = plan.rows();
        let summaries: Vec<_> = rows
            .iter()
            .filter_map(|row| Some((row.name, Summary::of(figures, row, case)?)))
            .collect();
        if summaries.is_empty() {
            continue;
        }
        // A string takes whatever is written to it.
        let _ = writeln!(text, "\n{case}");
        let _ = writeln!(text, "{}", heading(case));
        for (name, summary) in summaries {
            let _ = writeln!(text, "{}", line(name, case, &summary));
        }
    }
    text
}

fn heading(case: &Case) -> String {
    let headline = case.unit();
    let [floor, spread, rounds] = ["/ floor (least-most)", "spread", "rounds"];
    let first = format!(
        "  {:<15} {headline:>14} {floor:>24} {spread:>7} {rounds:>6}",
        ""
    );
    if case.headline() == Headline::Memory {
        return first;
    }
    let [p99, rate, bytes] = ["p99 µs", "msgs/s", "MB/s"];
    let cpu = "CPU ns/msg client + server";
    format!("{first} {p99:>9} {rate:>12} {bytes:>9} {cpu:>28}")
}

fn line(name: &str, case: &Case, summary: &Summary) -> String {
    let ratio = summary
        .ratio
        .map_or_else(String::new, |[median, least, most]| {
            format!("{} ({}-{})", digits(median), digits(least), digits(most))
        });
    let first = format!(
        "  {name:<15} {:>14} {ratio:>24} {:>6.0}% {:>6}",
        digits(summary.headline),
        summary.spread * 100.0,
        summary.rounds,
    );
    if case.headline() == Headline::Memory {
        return first;
    }
    let [client, server] = summary.cpu_nanos.map(digits);
    let cpu = format!("{client} + {server}");
    let mut text = format!(
        "{first} {:>9} {:>12} {:>9} {cpu:>28}",
        summary.p99_micros.map_or_else(String::new, digits),
        digits(summary.rate),
        digits(summary.rate * size(case) / 1e6),
    );
    if let Some([client, server]) = summary.syscalls {
        let _ = write!(text, "   {client:.3} + {server:.3} syscalls/msg");
    }
    text
}

fn size(case: &Case) -> f64 {
    u32::try_from(case.size).map_or(f64::NAN, f64::from)
}

/// Three digits that count, and no more than the number has before its point.
fn digits(value: f64) -> String {
    match value.abs() {
        size if size >= 1000.0 => thousands(value),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        size if size >= 0.01 || size == 0.0 => format!("{value:.3}"),
        _ => format!("{value:.5}"),
    }
}

/// As 12,345.
fn thousands(value: f64) -> String {
    let plain = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in plain.chars().enumerate() {
        if index > 0 && (plain.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_in_the_digits_that_count() {
        let all = [1_234_567.0, 999.4, 12.34, 1.234, 0.1234, 0.001_234];
        let shown = all.map(digits);
        let expected = ["1,234,567", "999", "12.3", "1.23", "0.123", "0.00123"];
        assert_eq!(shown, expected);
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&[]), None);
    }
}
