//! The judge of protocol v3: only a killed server makes numbers come again, and then they are flagged.

use std::collections::HashSet;

use super::{Fault, Line, Tally, fault};

/// Checks that the lines are 1 to `upto` in order, where a later server may begin with flagged repeats.
pub(super) fn tally(lines: &[Line], upto: u64) -> Result<Tally, Fault> {
    let mut tally = Tally::default();
    let mut seen = HashSet::new();
    let mut before: Option<&Line> = None;
    let mut highest = 0;
    // Flagged messages are the first of a session that follows a lost one, and come in one piece.
    let mut may_be_flagged = false;
    for line in lines {
        let number = line.number;
        let same_server = before.filter(|before| before.run == line.run);
        may_be_flagged = match same_server {
            Some(before) => may_be_flagged && before.redelivered,
            None => before.is_some(),
        };
        check_identity(line, same_server, !seen.insert(&line.id))?;
        if line.redelivered && !may_be_flagged {
            return Err(Fault::FlaggedWithoutCause { number });
        }
        if number <= highest && number > 0 && !line.redelivered {
            return Err(Fault::AgainUnflagged { number });
        }
        if same_server.is_some() || !(1..=highest).contains(&number) {
            let previous = same_server.map_or(highest, |before| before.number);
            check_next(lines, line, previous, upto)?;
        }
        if number <= highest {
            tally.flagged_again += 1;
        } else if line.redelivered {
            tally.flagged_once += 1;
        }
        highest = highest.max(number);
        before = Some(line);
    }
    if highest == upto {
        return Ok(tally);
    }
    Err(Fault::Missing {
        number: highest + 1,
    })
}

/// Where the count cannot step back, one number follows another.
fn check_next(lines: &[Line], line: &Line, previous: u64, upto: u64) -> Result<(), Fault> {
    let number = line.number;
    if (1..=previous).contains(&number) {
        let after = previous;
        return Err(Fault::OutOfOrder { number, after });
    }
    if number != previous + 1 || number > upto {
        return Err(fault(lines, line, previous, upto));
    }
    Ok(())
}

/// An id is session and sequence number: a server keeps the first through all cuts, and nobody gives both twice.
fn check_identity(line: &Line, same_server: Option<&Line>, is_again: bool) -> Result<(), Fault> {
    if is_again {
        return Err(Fault::IdAgain {
            id: line.id.clone(),
        });
    }
    let session = |line: &Line| line.id.split('/').next().map(str::to_owned);
    if same_server.is_some_and(|before| session(before) != session(line)) {
        return Err(Fault::SessionChanged {
            number: line.number,
            run: line.run,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{Fault, Line, Resend, Tally};

    const FLAGGED: bool = true;
    const NOT: bool = false;

    fn tally(lines: &[Line], upto: u64) -> Result<Tally, Fault> {
        super::super::tally(lines, upto, Resend::Flagged)
    }

    /// Lines as (server, number, flagged), with one session for each server.
    fn lines(rows: &[(u32, u64, bool)]) -> Vec<Line> {
        let mut seq = 0;
        let line = |&(run, number, redelivered): &(u32, u64, bool)| {
            seq += 1;
            Line {
                run,
                id: format!("session{run}/{seq}"),
                number,
                redelivered,
            }
        };
        rows.iter().map(line).collect()
    }

    #[test]
    fn a_later_server_may_begin_with_flagged_repeats() {
        let start = [(1, 1, NOT), (1, 2, NOT), (1, 3, NOT)];
        let repeats = [(2, 2, FLAGGED), (2, 3, FLAGGED), (2, 4, FLAGGED)];
        let rest = [(2, 5, NOT), (3, 6, NOT)];
        let lines = lines(&[start.as_slice(), &repeats, &rest].concat());
        let expected = Tally {
            flagged_again: 2,
            flagged_once: 1,
            ..Tally::default()
        };
        assert_eq!(tally(&lines, 6), Ok(expected));
    }

    #[test]
    fn a_repeat_without_a_flag_is_found_at_one_server_and_at_the_next() {
        let within = lines(&[(1, 1, NOT), (1, 1, NOT), (1, 2, NOT)]);
        let next = lines(&[(1, 1, NOT), (2, 1, NOT), (2, 2, NOT)]);
        for lines in [within, next] {
            assert_eq!(tally(&lines, 2), Err(Fault::AgainUnflagged { number: 1 }));
        }
        let half_flagged = lines(&[(1, 1, NOT), (1, 2, NOT), (2, 1, FLAGGED), (2, 2, NOT)]);
        let fault = Fault::AgainUnflagged { number: 2 };
        assert_eq!(tally(&half_flagged, 2), Err(fault));
    }

    #[test]
    fn a_flag_is_right_only_first_thing_at_a_later_server() {
        let from_the_start = lines(&[(1, 1, FLAGGED), (1, 2, NOT)]);
        let through_a_cut = lines(&[(1, 1, NOT), (1, 1, FLAGGED), (1, 2, NOT)]);
        let late = lines(&[(1, 1, NOT), (2, 2, NOT), (2, 1, FLAGGED)]);
        for lines in [from_the_start, through_a_cut, late] {
            let fault = Fault::FlaggedWithoutCause { number: 1 };
            assert_eq!(tally(&lines, 2), Err(fault));
        }
    }

    #[test]
    fn flagged_repeats_leave_nothing_out() {
        let skips = lines(&[(1, 1, NOT), (1, 2, NOT), (2, 1, FLAGGED), (2, 3, FLAGGED)]);
        let fault = Fault::OutOfOrder {
            number: 3,
            after: 1,
        };
        assert_eq!(tally(&skips, 3), Err(fault));
        let hole = lines(&[(1, 1, NOT), (2, 3, FLAGGED)]);
        assert_eq!(tally(&hole, 3), Err(Fault::Missing { number: 2 }));
    }

    #[test]
    fn flagged_repeats_keep_their_order() {
        let start = [(1, 1, NOT), (1, 2, NOT), (1, 3, NOT)];
        let back = [(2, 3, FLAGGED), (2, 2, FLAGGED)];
        let lines = lines(&[start.as_slice(), &back].concat());
        let fault = Fault::OutOfOrder {
            number: 2,
            after: 3,
        };
        assert_eq!(tally(&lines, 3), Err(fault));
    }

    #[test]
    fn a_hole_is_found_inside_and_at_the_end() {
        let inside = lines(&[(1, 1, NOT), (1, 3, NOT)]);
        let end = lines(&[(1, 1, NOT)]);
        for lines in [inside, end] {
            assert_eq!(tally(&lines, 3), Err(Fault::Missing { number: 2 }));
        }
    }

    #[test]
    fn numbers_that_were_never_sent_are_found() {
        for number in [0, 2] {
            let lines = lines(&[(1, 1, NOT), (1, number, NOT)]);
            assert_eq!(tally(&lines, 1), Err(Fault::NotSent { number }));
        }
    }

    #[test]
    fn a_server_keeps_its_session_and_no_id_comes_twice() {
        let mut lines = lines(&[(1, 1, NOT), (1, 2, NOT)]);
        lines[1].id = "other/2".to_owned();
        let changed = Fault::SessionChanged { number: 2, run: 1 };
        assert_eq!(tally(&lines, 2), Err(changed));
        let id = lines[0].id.clone();
        lines[1].id.clone_from(&id);
        assert_eq!(tally(&lines, 2), Err(Fault::IdAgain { id }));
    }
}
