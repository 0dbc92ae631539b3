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
