//! All slots. A program's structure holds the number of its slot, and is believed only if the slot
//! names that structure: whatever is in the structure, nothing but a slot is found.

use crate::sync::AtomicUsize;
use crate::sync::Ordering::{Acquire, Relaxed, Release};
use crate::sys::memory;

use super::slot::{Index, Slot};

/// Slots that are mapped at a time.
const CHUNK: usize = 256;
/// So many times: 65,536 requests in flight.
const CHUNKS: usize = 256;

/// All zero: no slots.
#[repr(C)]
pub(crate) struct Table {
    chunks: [AtomicUsize; CHUNKS],
}

impl Table {
    fn address(&self, index: Index) -> Option<*mut Slot> {
        let place = (index as usize).checked_sub(1)?;
        // Acquire: pairs with `grow`.
        let chunk = self.chunks.get(place / CHUNK)?.load(Acquire);
        let chunk: *mut Slot = core::ptr::with_exposed_provenance_mut(chunk);
        (!chunk.is_null()).then(|| chunk.wrapping_add(place % CHUNK))
    }

    /// The slot of a number that this table gave. The caller holds the lock, and uses one at a time.
    #[allow(clippy::mut_from_ref)] // The lock is what makes it the only one.
    pub(crate) fn slot(&self, index: Index) -> &mut Slot {
        // SAFETY: numbers come from `grow`, whose chunks stay; and the lock is held.
        unsafe { &mut *self.address(index).unwrap_unchecked() }
    }

    /// Whether a slot is this structure's. May be asked without the lock.
    pub(crate) fn is_of(&self, index: Index, target: usize) -> bool {
        // SAFETY: chunks stay, and this word is atomic.
        self.address(index)
            .is_some_and(|slot| unsafe { &(*slot).target }.load(Relaxed) == target)
    }

    /// Maps slots more: the first of them and the last. None: there is no memory, or there are enough.
    pub(crate) fn grow(&self) -> Option<(Index, Index)> {
        let (number, chunk) = self
            .chunks
            .iter()
            .enumerate()
            .find(|(_, chunk)| chunk.load(Relaxed) == 0)?;
        let slots = memory::map_zeroes(CHUNK * size_of::<Slot>())?;
        // Release: pairs with `address`.
        chunk.store(slots.expose_provenance(), Release);
        let first = (number * CHUNK) as Index + 1;
        Some((first, first + CHUNK as Index - 1))
    }
}
