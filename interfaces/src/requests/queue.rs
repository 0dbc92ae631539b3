//! A list of requests, oldest first.

use super::slot::{Index, Links, Slot};
use super::table::Table;

/// Which links of a slot a queue goes by.
type Choose = fn(&mut Slot) -> &mut Links;

/// All zero: empty.
#[derive(Default)]
#[repr(C)]
pub(crate) struct Queue {
    pub(crate) first: Index,
    last: Index,
}

/// The links that go with a slot's state.
pub(crate) fn by_state(slot: &mut Slot) -> &mut Links {
    &mut slot.links
}

/// The links among the requests of a descriptor.
pub(crate) fn by_descriptor(slot: &mut Slot) -> &mut Links {
    &mut slot.of_descriptor
}

impl Queue {
    /// Whether there is nothing in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.first == 0
    }

    /// Adds a slot that is in no queue with these links.
    pub(crate) fn push(&mut self, table: &Table, index: Index, links: Choose) {
        *links(table.slot(index)) = Links {
            next: 0,
            previous: self.last,
        };
        if self.last == 0 {
            self.first = index;
        } else {
            links(table.slot(self.last)).next = index;
        }
        self.last = index;
    }

    /// Takes out a slot that is in it.
    pub(crate) fn remove(&mut self, table: &Table, index: Index, links: Choose) {
        let Links { next, previous } = *links(table.slot(index));
        if previous == 0 {
            self.first = next;
        } else {
            links(table.slot(previous)).next = next;
        }
        if next == 0 {
            self.last = previous;
        } else {
            links(table.slot(next)).previous = previous;
        }
        *links(table.slot(index)) = Links::default();
    }

    /// Takes out the oldest.
    pub(crate) fn pop(&mut self, table: &Table, links: Choose) -> Option<Index> {
        let first = self.first;
        (first != 0).then(|| {
            self.remove(table, first, links);
            first
        })
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// A table of the test's own, with slots.
    fn table() -> Box<Table> {
        // SAFETY: zero is the empty table.
        let table: Box<Table> = unsafe { Box::new(core::mem::zeroed()) };
        assert_eq!(table.grow(), Some((1, 256)));
        assert_eq!(table.grow(), Some((257, 512)));
        table
    }

    #[test]
    fn the_oldest_comes_first_and_any_can_be_taken_out() {
        let table = table();
        let mut queue = Queue::default();
        assert!(queue.is_empty() && queue.pop(&table, by_state).is_none());
        for index in [7, 300, 1, 512, 2] {
            queue.push(&table, index, by_state);
        }
        // The middle, the first and the last.
        for index in [1, 7, 2] {
            queue.remove(&table, index, by_state);
        }
        queue.push(&table, 7, by_state);
        let all: Vec<_> = std::iter::from_fn(|| queue.pop(&table, by_state)).collect();
        assert_eq!(all, [300, 512, 7]);
        assert!(queue.is_empty());
    }

    #[test]
    fn a_slot_is_in_two_queues_with_different_links() {
        let table = table();
        let (mut one, mut other) = (Queue::default(), Queue::default());
        for index in [1, 2, 3] {
            one.push(&table, index, by_state);
            other.push(&table, 4 - index, by_descriptor);
        }
        one.remove(&table, 2, by_state);
        let others: Vec<_> = std::iter::from_fn(|| other.pop(&table, by_descriptor)).collect();
        assert_eq!(others, [3, 2, 1]);
        assert_eq!(one.pop(&table, by_state), Some(1));
        assert_eq!(one.pop(&table, by_state), Some(3));
    }

    #[test]
    fn only_a_slot_that_names_a_structure_is_its() {
        let table = table();
        table
            .slot(9)
            .target
            .store(0x1234, core::sync::atomic::Ordering::Relaxed);
        assert!(table.is_of(9, 0x1234));
        for (index, target) in [
            (9, 0x1238),
            (8, 0x1234),
            (0, 0),
            (513, 0),
            (u32::MAX, 0x1234),
        ] {
            assert!(!table.is_of(index, target), "{index}");
        }
    }
}
