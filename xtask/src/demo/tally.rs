//! The judge of the demo: what the servers printed must be the count, without a hole.

mod flagged;

use std::collections::HashMap;
use std::fmt;

/// A number that a server printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// Which of the server processes printed it.
    pub(crate) run: u32,
    pub(crate) id: String,
    pub(crate) number: u64,
    /// Whether the server said that it may have come before.
    pub(crate) redelivered: bool,
}

/// What a client does with a message whose acknowledgement was lost with the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resend {
    /// Protocol v3: a new session has ids of its own, and tells that they are repeats.
    Flagged,
    SameId,
    NewId,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Lines that a later server printed again, recognised by their id and left out.
    pub(crate) same_id: usize,
    /// Numbers that came again under a new id, first thing at a later server.
    pub(crate) new_id: usize,
    /// Numbers that came again at a later server, with the flag.
    pub(crate) flagged_again: usize,
    /// Numbers with the flag that came once: the earlier server was killed before it printed them.
    pub(crate) flagged_once: usize,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Missing { number: u64 },
    OutOfOrder { number: u64, after: u64 },
    DoubledByOneServer { number: u64, run: u32 },
    DoubledUnderNewId { number: u64 },
    OneIdTwoNumbers { id: String, numbers: [u64; 2] },
    NotSent { number: u64 },
    AgainUnflagged { number: u64 },
    FlaggedWithoutCause { number: u64 },
    SessionChanged { number: u64, run: u32 },
    IdAgain { id: String },
}

/// Checks that the lines are 1 to `upto` in order, or names the first fault.
pub(crate) fn tally(lines: &[Line], upto: u64, resend: Resend) -> Result<Tally, Fault> {
    match resend {
        Resend::Flagged => flagged::tally(lines, upto),
        Resend::SameId | Resend::NewId => tally_v2(lines, upto, resend),
    }
}

fn tally_v2(lines: &[Line], upto: u64, resend: Resend) -> Result<Tally, Fault> {
    let mut tally = Tally::default();
    let mut seen: HashMap<&str, &Line> = HashMap::new();
    let mut last: Option<&Line> = None;
    let mut run = None;
    for line in lines {
        let opens_run = run.replace(line.run) != Some(line.run);
        if let Some(earlier) = seen.insert(&line.id, line) {
            printed_again(earlier, line)?;
            tally.same_id += 1;
            continue;
        }
        let before = last.map_or(0, |last| last.number);
        if line.number == before && opens_run && resend == Resend::NewId {
            tally.new_id += 1;
        } else if line.number != before + 1 || line.number > upto {
            return Err(fault(lines, line, before, upto));
        }
        last = Some(line);
    }
    match last.map_or(0, |last| last.number) {
        number if number == upto => Ok(tally),
        number => Err(Fault::Missing { number: number + 1 }),
    }
}

/// The same id twice is right only for the same number at two servers.
fn printed_again(earlier: &Line, line: &Line) -> Result<(), Fault> {
    if earlier.number != line.number {
        return Err(Fault::OneIdTwoNumbers {
            id: line.id.clone(),
            numbers: [earlier.number, line.number],
        });
    }
    if earlier.run == line.run {
        return Err(Fault::DoubledByOneServer {
            number: line.number,
            run: line.run,
        });
    }
    Ok(())
}

/// What is wrong with a line that is not the one after `before`.
fn fault(lines: &[Line], line: &Line, before: u64, upto: u64) -> Fault {
    let expected = before + 1;
    let comes = |number| lines.iter().any(|line| line.number == number);
    if line.number == 0 || line.number > upto {
        Fault::NotSent {
            number: line.number,
        }
    } else if line.number <= before {
        Fault::DoubledUnderNewId {
            number: line.number,
        }
    } else if comes(expected) {
        Fault::OutOfOrder {
            number: line.number,
            after: before,
        }
    } else {
        Fault::Missing { number: expected }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { number } => write!(f, "number {number} is missing"),
            Self::OutOfOrder { number, after } => {
                write!(f, "number {number} is out of order, it came after {after}")
            }
            Self::DoubledByOneServer { number, run } => {
                write!(f, "server {run} printed number {number} twice under one id")
            }
            Self::DoubledUnderNewId { number } => {
                write!(f, "number {number} came again under another id")
            }
            Self::OneIdTwoNumbers { id, numbers } => {
                write!(
                    f,
                    "numbers {} and {} came under one id, {id}",
                    numbers[0], numbers[1]
                )
            }
            Self::NotSent { number } => write!(f, "number {number} came, but was never sent"),
            Self::AgainUnflagged { number } => {
                write!(f, "number {number} came again, and was not flagged")
            }
            Self::FlaggedWithoutCause { number } => {
                write!(f, "number {number} was flagged, but no server was killed")
            }
            Self::SessionChanged { number, run } => {
                write!(
                    f,
                    "server {run} has lost the session before number {number}"
                )
            }
            Self::IdAgain { id } => write!(f, "the id {id} came twice"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Fault, Line, Resend, Tally, tally};

    /// Lines as (server, id, number).
    fn lines(rows: &[(u32, &str, u64)]) -> Vec<Line> {
        rows.iter()
            .map(|&(run, id, number)| Line {
                run,
                id: id.to_owned(),
                number,
                redelivered: false,
            })
            .collect()
    }

    #[test]
    fn a_whole_count_over_two_servers_passes() {
        let lines = lines(&[(1, "a", 1), (1, "b", 2), (2, "c", 3)]);
        assert_eq!(tally(&lines, 3, Resend::SameId), Ok(Tally::default()));
    }

    #[test]
    fn an_id_that_a_later_server_prints_again_is_counted_and_left_out() {
        let lines = lines(&[(1, "a", 1), (1, "b", 2), (2, "b", 2), (2, "c", 3)]);
        let tally = tally(&lines, 3, Resend::SameId).unwrap();
        assert_eq!((tally.same_id, tally.new_id), (1, 0));
    }

    #[test]
    fn a_new_id_at_the_boundary_is_right_only_where_the_client_gives_one() {
        let lines = lines(&[(1, "a", 1), (2, "b", 1), (2, "c", 2)]);
        assert_eq!(tally(&lines, 2, Resend::NewId).unwrap().new_id, 1);
        let doubled = Fault::DoubledUnderNewId { number: 1 };
        assert_eq!(tally(&lines, 2, Resend::SameId), Err(doubled));
    }

    #[test]
    fn a_new_id_away_from_the_boundary_is_a_fault_for_every_client() {
        let within = lines(&[(1, "a", 1), (1, "b", 1), (1, "c", 2)]);
        let late = lines(&[(1, "a", 1), (2, "b", 2), (2, "c", 2)]);
        let old = lines(&[(1, "a", 1), (1, "b", 2), (2, "c", 1)]);
        for (lines, number) in [(within, 1), (late, 2), (old, 1)] {
            let doubled = Fault::DoubledUnderNewId { number };
            assert_eq!(tally(&lines, 2, Resend::NewId), Err(doubled));
        }
    }

    #[test]
    fn a_hole_is_found_at_the_start_inside_and_at_the_end() {
        let start = lines(&[(1, "b", 2), (1, "c", 3)]);
        let inside = lines(&[(1, "a", 1), (2, "c", 3)]);
        let end = lines(&[(1, "a", 1), (1, "b", 2)]);
        for (lines, number) in [(start, 1), (inside, 2), (end, 3), (Vec::new(), 1)] {
            let missing = Fault::Missing { number };
            assert_eq!(tally(&lines, 3, Resend::SameId), Err(missing));
        }
    }

    #[test]
    fn numbers_that_change_places_are_found() {
        let lines = lines(&[(1, "a", 1), (1, "c", 3), (1, "b", 2)]);
        let fault = Fault::OutOfOrder {
            number: 3,
            after: 1,
        };
        assert_eq!(tally(&lines, 3, Resend::SameId), Err(fault));
    }

    #[test]
    fn one_server_must_not_print_one_message_twice() {
        let lines = lines(&[(1, "a", 1), (1, "a", 1), (1, "b", 2)]);
        let fault = Fault::DoubledByOneServer { number: 1, run: 1 };
        assert_eq!(tally(&lines, 2, Resend::SameId), Err(fault));
    }

    #[test]
    fn one_id_must_not_carry_two_numbers() {
        let lines = lines(&[(1, "a", 1), (2, "a", 2)]);
        let fault = Fault::OneIdTwoNumbers {
            id: "a".into(),
            numbers: [1, 2],
        };
        assert_eq!(tally(&lines, 2, Resend::SameId), Err(fault));
    }

    #[test]
    fn a_number_that_was_never_sent_is_found() {
        let lines = lines(&[(1, "a", 1), (1, "b", 2)]);
        let fault = Fault::NotSent { number: 2 };
        assert_eq!(tally(&lines, 1, Resend::SameId), Err(fault));
    }
}
