//! What was measured, summed up.

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::measure::Stream;

/// One round of a size.
pub(super) struct Round {
    /// The shortest first.
    pub(super) round_trips: Vec<Duration>,
    pub(super) stream: Stream,
}

/// The middle of the rounds, and how far they are from each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) least: f64,
    pub(super) most: f64,
}

/// Of one size of message.
pub(super) struct Row {
    /// In bytes.
    pub(super) size: usize,
    /// The medians of the rounds, in microseconds.
    pub(super) round_trip: Spread,
    /// The 99th percentiles of the rounds, in microseconds.
    pub(super) p99: Spread,
    /// How many round trips were made.
    pub(super) round_trips: usize,
    /// Messages in a second.
    pub(super) rate: Spread,
    /// How many messages were streamed.
    pub(super) messages: usize,
}

pub(super) struct Figures {
    pub(super) whom: String,
    pub(super) rounds: u32,
    pub(super) duration: Duration,
    pub(super) rows: Vec<Row>,
}

impl Spread {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
        let middle = values.len() / 2;
        let median = match values.len() % 2 {
            0 => f64::midpoint(at(middle.wrapping_sub(1)), at(middle)),
            _ => at(middle),
        };
        Self {
            median,
            least: at(0),
            most: at(values.len().wrapping_sub(1)),
        }
    }

    fn to_json(self) -> Json {
        json!({ "median": self.median, "least": self.least, "most": self.most })
    }
}

impl Row {
    pub(super) fn of(size: usize, rounds: &[Round]) -> Self {
        let quantile = |percent: usize| {
            let of_round = move |round: &Round| {
                let rank = (round.round_trips.len() * percent).div_ceil(100).max(1);
                let time = round.round_trips.get(rank - 1);
                time.map_or(f64::NAN, |time| time.as_secs_f64() * 1e6)
            };
            Spread::of(rounds.iter().map(of_round))
        };
        let rate = |round: &Round| count(round.stream.messages) / round.stream.took.as_secs_f64();
        Self {
            size,
            round_trip: quantile(50),
            p99: quantile(99),
            round_trips: rounds.iter().map(|round| round.round_trips.len()).sum(),
            rate: Spread::of(rounds.iter().map(rate)),
            messages: rounds.iter().map(|round| round.stream.messages).sum(),
        }
    }

    /// Of the payloads, in a million bytes a second.
    pub(super) fn megabytes(&self) -> Spread {
        let size = count(self.size) / 1e6;
        Spread {
            median: self.rate.median * size,
            least: self.rate.least * size,
            most: self.rate.most * size,
        }
    }
}

impl Figures {
    pub(super) fn to_json(&self) -> Json {
        let rows: Vec<_> = self.rows.iter().map(row_to_json).collect();
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "peer": self.whom,
            "rounds": self.rounds,
            "round_seconds": self.duration.as_secs_f64(),
            "sizes": rows,
        })
    }
}

fn row_to_json(row: &Row) -> Json {
    json!({
        "bytes": row.size,
        "round_trips": row.round_trips,
        "round_trip_micros": row.round_trip.to_json(),
        "round_trip_p99_micros": row.p99.to_json(),
        "messages": row.messages,
        "messages_per_second": row.rate.to_json(),
        "megabytes_per_second": row.megabytes().to_json(),
    })
}

/// Far below where the numbers between are lost.
pub(super) fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::INFINITY, f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_are_summed_up_by_their_middle() {
        let spread = |values: &[f64]| Spread::of(values.iter().copied());
        let is = |median, least, most| Spread {
            median,
            least,
            most,
        };
        assert_eq!(spread(&[3.0, 1.0, 8.0]), is(3.0, 1.0, 8.0));
        assert_eq!(spread(&[4.0, 1.0, 2.0, 8.0]), is(3.0, 1.0, 8.0));
        assert_eq!(spread(&[5.0]), is(5.0, 5.0, 5.0));
    }

    #[test]
    fn a_row_has_what_its_rounds_have() {
        let round = |micros: &[u64], messages| Round {
            round_trips: micros.iter().copied().map(Duration::from_micros).collect(),
            stream: Stream {
                messages,
                took: Duration::from_millis(500),
            },
        };
        let rounds = [
            round(&[10, 20, 30], 1000),
            round(&[10, 40, 50], 3000),
            round(&[10, 30, 90], 2000),
        ];
        let row = Row::of(100, &rounds);
        assert_eq!((row.round_trips, row.messages), (9, 6000));
        assert_eq!(row.round_trip.median, 30.0);
        assert_eq!(row.p99.median, 50.0);
        assert_eq!(row.rate.median, 4000.0);
        assert_eq!((row.rate.least, row.rate.most), (2000.0, 6000.0));
        assert_eq!(row.megabytes().median, 0.4);
    }
}
