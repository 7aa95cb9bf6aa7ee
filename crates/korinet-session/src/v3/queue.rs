use std::collections::VecDeque;

/// The first of a queue that is mostly empty, and has no memory then: there is one in each session.
pub(super) fn pop<T>(queue: &mut VecDeque<T>) -> Option<T> {
    let first = queue.pop_front();
    if queue.is_empty() && first.is_some() {
        *queue = VecDeque::new();
    }
    first
}
