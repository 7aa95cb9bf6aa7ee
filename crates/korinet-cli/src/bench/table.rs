//! The figures as a table and as bars, for a terminal.

use std::fmt;

use super::figures::{Figures, Row, Spread};

/// The longest bar, in characters.
const WIDTH: f64 = 40.0;

pub(super) struct Table<'a>(pub(super) &'a Figures);

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figures {
            whom,
            rounds,
            duration,
            rows,
        } = self.0;
        let duration = humantime::format_duration(*duration);
        writeln!(
            f,
            "to {whom}; {rounds} rounds of {duration} each, their median (least to most)"
        )?;
        writeln!(f)?;
        writeln!(
            f,
            "{:>8}  {:>26}  {:>8}  {:>32}  {:>8}",
            "bytes", "round trip, µs", "p99, µs", "messages a second", "MB/s"
        )?;
        for row in rows {
            writeln!(
                f,
                "{:>8}  {:>26}  {:>8.1}  {:>32}  {:>8.1}",
                row.size,
                spread(row.round_trip, 1),
                row.p99.median,
                spread(row.rate, 0),
                row.megabytes().median
            )?;
        }
        bars(f, "round trip, µs", rows, |row| row.round_trip.median)?;
        bars(f, "messages a second", rows, |row| row.rate.median)?;
        bars(f, "MB/s", rows, |row| row.megabytes().median)
    }
}

fn spread(spread: Spread, digits: usize) -> String {
    let Spread {
        median,
        least,
        most,
    } = spread;
    format!("{median:.digits$} ({least:.digits$} to {most:.digits$})")
}

/// A bar for each size, as long as the figure.
fn bars(
    f: &mut fmt::Formatter<'_>,
    title: &str,
    rows: &[Row],
    figure: impl Fn(&Row) -> f64,
) -> fmt::Result {
    writeln!(f, "\n{title}")?;
    let most = rows.iter().map(&figure).fold(0.0, f64::max);
    for row in rows {
        let value = figure(row);
        let digits = usize::from(value < 1000.0);
        writeln!(
            f,
            "{:>8}  {} {value:.digits$}",
            row.size,
            bar(value / most * WIDTH)
        )?;
    }
    Ok(())
}

/// In eighths of a character.
fn bar(length: f64) -> String {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let mut bar = String::new();
    let mut left = (length * 8.0).round();
    while left >= 8.0 {
        bar.push('█');
        left -= 8.0;
    }
    let part = (0_u8..8)
        .zip(PARTS)
        .find(|(eighths, _)| f64::from(*eighths) >= left);
    bar.push_str(part.map_or("", |(_, part)| part));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_their_figures() {
        for (length, expect) in [
            (0.0, ""),
            (0.5, "▌"),
            (1.0, "█"),
            (2.25, "██▎"),
            (2.99, "███"),
            (f64::NAN, ""),
        ] {
            assert_eq!(bar(length), expect, "{length}");
        }
        assert_eq!(bar(WIDTH).chars().count(), 40);
    }
}
