use std::collections::VecDeque;

/// A queue that is mostly empty: it has no memory then, and is as large as a pointer. There are some in each session.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Queue<T>(
    /// There is something in it, if it is there.
    #[expect(
        clippy::box_collection,
        reason = "a queue itself is four times as large"
    )]
    Option<Box<VecDeque<T>>>,
);

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Queue<T> {
    pub(super) fn push_back(&mut self, item: T) {
        self.0.get_or_insert_default().push_back(item);
    }

    pub(super) fn pop_front(&mut self) -> Option<T> {
        self.remove(0)
    }

    /// Takes out the item at this place.
    pub(super) fn remove(&mut self, at: usize) -> Option<T> {
        let queue = self.0.as_mut()?;
        let item = queue.remove(at);
        if queue.is_empty() {
            self.0 = None;
        }
        item
    }

    pub(super) fn front(&self) -> Option<&T> {
        self.0.as_ref()?.front()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().flat_map(|queue| queue.iter())
    }

    pub(super) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |queue| queue.len())
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}

impl<T> Extend<T> for Queue<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, items: I) {
        items.into_iter().for_each(|item| self.push_back(item));
    }
}

impl<T> FromIterator<T> for Queue<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut queue = Self::default();
        queue.extend(items);
        queue
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_queue_is_a_pointer_and_what_was_put_in_comes_out_in_order() {
        assert_eq!(size_of::<Queue<[u8; 100]>>(), size_of::<usize>());
        let mut queue = Queue::default();
        assert!(queue.is_empty() && queue.pop_front().is_none());
        for number in 1..=3 {
            queue.push_back(number);
        }
        assert_eq!(queue, (1..=3).collect());
        assert_eq!((queue.front(), queue.len()), (Some(&1), 3));
        assert_eq!((queue.remove(1), queue.remove(7)), (Some(2), None));
        assert_eq!(queue.iter().copied().collect::<Vec<_>>(), [1, 3]);
        while queue.pop_front().is_some() {}
        assert!(queue.is_empty());
        assert_eq!(queue, std::iter::empty().collect());
    }
}
