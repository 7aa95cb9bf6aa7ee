//! Messages that are told apart by a number, so that a lost, doubled or reordered one shows.

use korinet::{Message, Value};

/// `{"number": number}`.
pub fn message(number: u64) -> Value {
    Value::Map(vec![("number".into(), number.into())])
}

/// The number of a message that [`message`] made.
///
/// # Panics
///
/// If it is another message.
pub fn number_of(message: &Message) -> u64 {
    let value = message.value().expect("the message is valid CBOR");
    let number = value.get("number").and_then(Value::as_u64);
    number.unwrap_or_else(|| panic!("no numbered message: {value:?}"))
}

/// Checks that all of `1..=last` came, once each and in order.
///
/// # Panics
///
/// Naming the first number that did not.
pub fn assert_gapless(numbers: &[u64], last: u64) {
    for (expect, found) in (1..).zip(numbers) {
        assert_eq!(*found, expect, "lost, doubled or reordered: {numbers:?}");
    }
    assert_eq!(numbers.len() as u64, last, "the last ones are missing");
}

/// Checks that all of `1..=last` came in order, where a number may come again before the next one.
/// Says how many came again.
///
/// # Panics
///
/// Naming the first number that is out of order.
pub fn assert_gapless_with_repeats(numbers: &[u64], last: u64) -> usize {
    let mut reached = 0;
    let mut repeats = 0;
    for found in numbers {
        if *found == reached {
            repeats += 1;
        } else {
            assert_eq!(*found, reached + 1, "lost or reordered: {numbers:?}");
            reached = *found;
        }
    }
    assert_eq!(reached, last, "the last ones are missing");
    repeats
}

#[cfg(test)]
mod tests {
    use super::{assert_gapless, assert_gapless_with_repeats};

    fn fails(check: impl FnOnce() + std::panic::UnwindSafe) -> bool {
        std::panic::catch_unwind(check).is_err()
    }

    #[test]
    fn what_is_lost_doubled_or_reordered_is_found() {
        assert_gapless(&[1, 2, 3], 3);
        for wrong in [
            &[1, 3][..],
            &[1, 2],
            &[1, 2, 2, 3],
            &[1, 3, 2],
            &[2, 3],
            &[],
        ] {
            assert!(fails(|| assert_gapless(wrong, 3)), "{wrong:?}");
        }
    }

    #[test]
    fn repeats_are_counted_only_where_they_are_allowed() {
        assert_eq!(assert_gapless_with_repeats(&[1, 2, 3], 3), 0);
        assert_eq!(assert_gapless_with_repeats(&[1, 1, 2, 3, 3, 3], 3), 3);
        for wrong in [&[1, 3][..], &[1, 2], &[1, 2, 1, 3], &[1, 3, 2], &[]] {
            let check = || {
                assert_gapless_with_repeats(wrong, 3);
            };
            assert!(fails(check), "{wrong:?}");
        }
    }
}
