//! The contexts among a process's mappings.
//!
//! The kernel's have a name of their own. Those of the threads engine are shared anonymous memory, as much else is; but
//! each is mapped at two addresses, one for the program and one for the engine, and begins with a ring's header. So
//! they are found without any help from the library, on every kernel, and nothing else is taken for one.
//!
//! A process with a root of its own may have a file there that has the name of a ring. Root can ask what file system it is on.

use std::collections::BTreeMap;

use crate::proc::directory::Directory;
use crate::proc::maps::{FileId, Mapping};
use crate::proc::memory::{Memory, Unreadable};
use crate::proc::system;
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
    /// Its length; or as much of it as is mapped, if that is all that is known.
    pub bytes: u64,
    /// Its length, if that is known; or what its header says of it, which the program may have overwritten.
    pub most_bytes: u64,
    /// Its header.
    pub header: Result<Header, Unreadable>,
}

/// Of one file: where it is mapped, where that is from its beginning, and how far it goes.
#[derive(Default)]
struct Pieces {
    any: (u64, u64),
    beginnings: Vec<(u64, u64)>,
    length: u64,
}

impl Pieces {
    fn add(&mut self, mapping: &Mapping<'_>) {
        self.any = (mapping.start, mapping.end);
        if mapping.offset == 0 {
            self.beginnings.push((mapping.start, mapping.bytes()));
        }
        // A protection that holds for a part makes several mappings of one.
        self.length = self.length.max(mapping.offset + mapping.bytes());
    }

    /// The two addresses where it begins, if it is mapped twice, and the one length.
    fn twice(&self) -> Option<([u64; 2], u64)> {
        match *self.beginnings.as_slice() {
            [(first, bytes), (second, same)] if bytes == same => Some(([first, second], bytes)),
            _ => None,
        }
    }
}

/// What the kernel calls a ring, on a kernel that says so that its file has no name.
const KERNEL: &[u8] = b"/[aio]";
/// The file system that they are on: AIO_RING_MAGIC of the kernel.
const RING_FILES: u32 = 0xa10a_10a1;
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
    process: &impl MappedFiles,
    memory: &Memory,
    page: u64,
) -> Vec<Found> {
    let (kernels, candidates) = by_name(mappings);
    let mut found: Vec<_> = kernels
        .iter()
        .filter_map(|(file, pieces)| kernels_ring(*file, pieces, process, memory, page))
        .collect();
    found.extend(
        candidates
            .iter()
            .filter_map(|(file, pieces)| served_ring(*file, pieces, memory)),
    );
    found
}

/// Whether there is memory that may be a ring of the threads engine, as far as that can be told without reading it.
pub(crate) fn may_be_served<'a>(mappings: impl Iterator<Item = Mapping<'a>>) -> bool {
    let (_, candidates) = by_name(mappings);
    candidates.values().any(|pieces| pieces.twice().is_some())
}

type Files<'a> = BTreeMap<FileId<'a>, Pieces>;

/// What has the name of the kernel's rings, and what those of the threads engine may be.
fn by_name<'a>(mappings: impl Iterator<Item = Mapping<'a>>) -> (Files<'a>, Files<'a>) {
    let (mut kernels, mut candidates) = (Files::new(), Files::new());
    for mapping in mappings.filter(|mapping| mapping.is_shared) {
        match without_deleted(mapping.name) {
            (KERNEL, _) => kernels.entry(mapping.file).or_default().add(&mapping),
            (name, true) if SHARED.contains(&name) => {
                candidates.entry(mapping.file).or_default().add(&mapping);
            }
            _ => {}
        }
    }
    (kernels, candidates)
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

/// None: it is another file of that name.
fn kernels_ring(
    file: FileId<'_>,
    pieces: &Pieces,
    process: &impl MappedFiles,
    memory: &Memory,
    page: u64,
) -> Option<Found> {
    let (start, end) = pieces.any;
    let known = match process.ring_file(start, end) {
        RingFile::Ring { bytes } => Some(bytes),
        RingFile::Unknown => None,
        RingFile::Other => return None,
    };
    let header = match pieces.beginnings.first() {
        Some((start, _)) => header_at(*start, memory),
        None => Err(Unreadable::Nothing),
    };
    // The program may have unmapped the end. It may have overwritten the header too.
    let by_header = header
        .ok()
        .filter(|header| header.is_genuine)
        .map(|header| HEADER + HEADER * u64::from(header.nr))
        .filter(|bytes| bytes % page == 0);
    // That of a context that is gone is empty.
    let known = known.filter(|bytes| *bytes != 0);
    let bytes = known.unwrap_or(pieces.length);
    Some(Found {
        ring: ring_of(file),
        engine: Engine::Kernel,
        addresses: pieces.beginnings.iter().map(|(start, _)| *start).collect(),
        bytes,
        most_bytes: known.or(by_header).unwrap_or(0).max(bytes),
        header,
    })
}

/// What is behind a mapping that has the name of the kernel's rings.
#[derive(Clone, Copy)]
pub(crate) enum RingFile {
    /// A ring, of this length.
    Ring {
        /// See above.
        bytes: u64,
    },
    /// Something else.
    Other,
    /// Only root may ask.
    Unknown,
}

/// Who can be asked what is mapped.
pub(crate) trait MappedFiles {
    /// What is mapped from one address to the other.
    fn ring_file(&self, start: u64, end: u64) -> RingFile;
}

impl MappedFiles for Directory {
    fn ring_file(&self, start: u64, end: u64) -> RingFile {
        let file = self.mapped_file(start, end).ok();
        match file.and_then(|file| Some((system::kind_of_file(&file)?, file.metadata().ok()?))) {
            Some((RING_FILES, metadata)) => RingFile::Ring {
                bytes: metadata.len(),
            },
            Some(_) => RingFile::Other,
            None => RingFile::Unknown,
        }
    }
}

/// Two mappings of the same length with the header of a ring that fills them.
fn served_ring(file: FileId<'_>, pieces: &Pieces, memory: &Memory) -> Option<Found> {
    let (addresses, bytes) = pieces.twice()?;
    let header = header_at(addresses[0], memory)
        .ok()
        .filter(|header| header.is_genuine)?;
    (HEADER + HEADER * u64::from(header.nr) == bytes).then_some(())?;
    Some(Found {
        ring: ring_of(file),
        engine: Engine::Threads,
        addresses: addresses.to_vec(),
        bytes,
        most_bytes: bytes,
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

    /// Says the same of every file.
    struct Says(RingFile);

    impl MappedFiles for Says {
        fn ring_file(&self, _: u64, _: u64) -> RingFile {
            self.0
        }
    }

    #[test]
    fn rings_in_pieces() {
        let find = |says| find(mappings(MAPS), &Says(says), &Memory::closed(), 4096);
        let found: Vec<_> = find(RingFile::Unknown)
            .into_iter()
            .map(|ring| (ring.ring.1, ring.addresses, ring.bytes, ring.header))
            .collect();
        let wanted = [
            (7, vec![0x1000], 0x4000, Err(Unreadable::Denied)),
            (8, vec![], 0x4000, Err(Unreadable::Nothing)),
        ];
        assert_eq!(found, wanted);
        // What is unmapped at the end is known of the file.
        let lengths: Vec<_> = find(RingFile::Ring { bytes: 0x9000 })
            .into_iter()
            .map(|ring| (ring.bytes, ring.most_bytes))
            .collect();
        assert_eq!(lengths, [(0x9000, 0x9000); 2]);
        assert_eq!(find(RingFile::Other), []);
        assert!(may_be_served(mappings(MAPS)));
        let without_last = MAPS.strip_suffix(
            b"b000-c000 rw-s 00000000 00:01 5                    /dev/zero (deleted)\n",
        );
        assert!(without_last.is_some_and(|maps| !may_be_served(mappings(maps))));
        let rings = kernels_rings(mappings(MAPS));
        let rings: Vec<_> = rings.into_iter().map(|(_, inode)| inode).collect();
        assert_eq!(rings, [7, 7, 7, 8]);
    }
}
