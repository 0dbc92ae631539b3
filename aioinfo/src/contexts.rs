//! The contexts among a process's mappings.
//!
//! The kernel's have a name of their own. Those of the threads engine are shared anonymous memory, as much else is; but
//! each is mapped at two addresses, one for the program and one for the engine, and begins with a ring's header. So
//! they are found without any help from the library, on every kernel, and nothing else is taken for one.

use std::collections::BTreeMap;

use crate::proc::maps::{FileId, Mapping};
use crate::proc::memory::{Memory, Unreadable};
use crate::report::Engine;
use crate::ring::{HEADER, Header};

/// What tells one ring from all others of the system: the device and the number of its file.
pub(crate) type Ring = (Vec<u8>, u64);

/// A ring that a process has mapped.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Found {
    /// Which ring it is.
    pub ring: Ring,
    /// Who fills it.
    pub engine: Engine,
    /// Where it begins: at two addresses, if the threads engine fills it.
    pub addresses: Vec<u64>,
    /// Its length.
    pub bytes: u64,
    /// Its header.
    pub header: Result<Header, Unreadable>,
}

/// Of one file: where it is mapped from its beginning, and how far that goes.
#[derive(Default)]
struct Pieces {
    beginnings: Vec<(u64, u64)>,
    length: u64,
}

impl Pieces {
    fn add(&mut self, mapping: &Mapping<'_>) {
        if mapping.offset == 0 {
            self.beginnings.push((mapping.start, mapping.bytes()));
        }
        // A protection that holds for a part makes several mappings of one.
        self.length = self.length.max(mapping.offset + mapping.bytes());
    }
}

/// What the kernel calls a ring, on a kernel that says so that its file has no name.
const KERNEL: &[u8] = b"/[aio]";
/// What it calls shared anonymous memory, and the file that is used where a mapping cannot be duplicated.
const SHARED: [&[u8]; 2] = [b"/dev/zero", b"/memfd:libaio"];

/// The name without what is added to that of a file that has none any more.
pub(crate) fn without_deleted(name: &[u8]) -> (&[u8], bool) {
    match name.strip_suffix(b" (deleted)") {
        Some(name) => (name, true),
        None => (name, false),
    }
}

/// The rings that a process has mapped.
pub(crate) fn find<'a>(
    mappings: impl Iterator<Item = Mapping<'a>>,
    memory: &Memory,
    page: u64,
) -> Vec<Found> {
    let mut kernels: BTreeMap<FileId<'_>, Pieces> = BTreeMap::new();
    let mut candidates: BTreeMap<FileId<'_>, Pieces> = BTreeMap::new();
    for mapping in mappings.filter(|mapping| mapping.is_shared) {
        match without_deleted(mapping.name) {
            (KERNEL, _) => kernels.entry(mapping.file).or_default().add(&mapping),
            (name, true) if SHARED.contains(&name) => {
                candidates.entry(mapping.file).or_default().add(&mapping);
            }
            _ => {}
        }
    }
    let mut found: Vec<_> = kernels
        .iter()
        .map(|(file, pieces)| kernels_ring(*file, pieces, memory, page))
        .collect();
    found.extend(
        candidates
            .iter()
            .filter_map(|(file, pieces)| served_ring(*file, pieces, memory)),
    );
    found
}

/// Which of the kernel's rings are there.
pub(crate) fn kernels_rings<'a>(mappings: impl Iterator<Item = Mapping<'a>>) -> Vec<Ring> {
    mappings
        .filter(|mapping| mapping.is_shared && without_deleted(mapping.name).0 == KERNEL)
        .map(|mapping| ring_of(mapping.file))
        .collect()
}

fn ring_of(file: FileId<'_>) -> Ring {
    (file.device.to_vec(), file.inode)
}

fn kernels_ring(file: FileId<'_>, pieces: &Pieces, memory: &Memory, page: u64) -> Found {
    let header = match pieces.beginnings.first() {
        Some((start, _)) => header_at(*start, memory),
        None => Err(Unreadable::Nothing),
    };
    // The program may have unmapped the end.
    let by_header = header
        .ok()
        .filter(|header| header.is_genuine)
        .map(|header| HEADER + HEADER * u64::from(header.nr))
        .filter(|bytes| bytes % page == 0);
    Found {
        ring: ring_of(file),
        engine: Engine::Kernel,
        addresses: pieces.beginnings.iter().map(|(start, _)| *start).collect(),
        bytes: pieces.length.max(by_header.unwrap_or(0)),
        header,
    }
}

/// Two mappings of the same length with the header of a ring that fills them.
fn served_ring(file: FileId<'_>, pieces: &Pieces, memory: &Memory) -> Option<Found> {
    let [(first, bytes), (second, same)] = pieces.beginnings.as_slice() else {
        return None;
    };
    let header = (bytes == same)
        .then(|| header_at(*first, memory))?
        .ok()
        .filter(|header| header.is_genuine)?;
    (HEADER + HEADER * u64::from(header.nr) == *bytes).then_some(())?;
    Some(Found {
        ring: ring_of(file),
        engine: Engine::Threads,
        addresses: vec![*first, *second],
        bytes: *bytes,
        header: Ok(header),
    })
}

fn header_at(address: u64, memory: &Memory) -> Result<Header, Unreadable> {
    let mut bytes = [0; HEADER as usize];
    memory.read(address, &mut bytes)?;
    Ok(Header::of(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proc::maps::mappings;

    /// A ring of which a page is protected, one whose beginning was unmapped, a file of the ring's name, and shared
    /// memory.
    const MAPS: &[u8] = b"\
        1000-2000 rw-s 00000000 00:13 7                    /[aio] (deleted)\n\
        2000-3000 ---s 00001000 00:13 7                    /[aio] (deleted)\n\
        3000-5000 rw-s 00002000 00:13 7                    /[aio] (deleted)\n\
        6000-7000 rw-s 00003000 00:13 8                    /[aio] (deleted)\n\
        8000-9000 rw-p 00000000 00:13 9                    /[aio] (deleted)\n\
        a000-b000 rw-s 00000000 00:01 5                    /dev/zero (deleted)\n\
        b000-c000 rw-s 00000000 00:01 5                    /dev/zero (deleted)\n";

    #[test]
    fn rings_in_pieces() {
        let found = find(mappings(MAPS), &Memory::closed(), 4096);
        let found: Vec<_> = found
            .into_iter()
            .map(|ring| (ring.ring.1, ring.addresses, ring.bytes, ring.header))
            .collect();
        let wanted = [
            (7, vec![0x1000], 0x4000, Err(Unreadable::Denied)),
            (8, vec![], 0x4000, Err(Unreadable::Nothing)),
        ];
        assert_eq!(found, wanted);
        let rings = kernels_rings(mappings(MAPS));
        let rings: Vec<_> = rings.into_iter().map(|(_, inode)| inode).collect();
        assert_eq!(rings, [7, 7, 7, 8]);
    }
}
