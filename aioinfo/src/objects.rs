//! What an ELF file says of itself.

use std::cell::Cell;
use std::fs::File;
use std::ops::Range;

use object::{Object as _, ObjectSection as _, ObjectSymbol as _, ReadCache, ReadRef};

/// What matters of a program or library.
#[derive(Default, PartialEq, Eq, Debug)]
pub(crate) struct Identity {
    /// The version of this project's library that is in it: `abi/state.S` has the note.
    pub ours: Option<String>,
    /// Its build id, in hexadecimal.
    pub build_id: Option<String>,
    /// Whether it has a function `io_setup` of its own. A program without symbols does not say.
    pub has_io_setup: bool,
}

/// What is read of a file, all in all. The symbols of the largest programs are less.
const MOST: u64 = 256 << 20;
/// What a name counts for.
const NAME: u64 = 64;

/// A file of which no more than [`MOST`] is read into memory. It is another process's: its tables may say that they have
/// gigabytes.
#[derive(Clone, Copy)]
struct Bounded<'a> {
    cache: &'a ReadCache<File>,
    left: &'a Cell<u64>,
}

impl Bounded<'_> {
    fn take(&self, bytes: u64) -> Result<(), ()> {
        self.left.set(self.left.get().checked_sub(bytes).ok_or(())?);
        Ok(())
    }
}

impl<'a> ReadRef<'a> for Bounded<'a> {
    fn len(self) -> Result<u64, ()> {
        self.cache.len()
    }

    fn read_bytes_at(self, offset: u64, size: u64) -> Result<&'a [u8], ()> {
        self.take(size)?;
        self.cache.read_bytes_at(offset, size)
    }

    fn read_bytes_at_until(self, range: Range<u64>, delimiter: u8) -> Result<&'a [u8], ()> {
        self.take(NAME)?;
        self.cache.read_bytes_at_until(range, delimiter)
    }
}

/// Reads as much of the file as it takes. None: it is no ELF file.
pub(crate) fn identify(file: File) -> Option<Identity> {
    let cache = ReadCache::new(file);
    let left = Cell::new(MOST);
    let elf = object::File::parse(Bounded {
        cache: &cache,
        left: &left,
    })
    .ok()?;
    let note = elf
        .section_by_name(".note.libaio-rs")
        .and_then(|section| section.data().ok());
    let build_id = elf.build_id().ok().flatten();
    let has_io_setup = elf
        .dynamic_symbols()
        .chain(elf.symbols())
        .any(|symbol| symbol.is_definition() && symbol.name() == Ok("io_setup"));
    Some(Identity {
        ours: note.and_then(version_of),
        build_id: build_id.map(hexadecimal),
        has_io_setup,
    })
}

/// A note has the lengths of its name and of its text, a type, and both, each filled up to four bytes.
fn version_of(note: &[u8]) -> Option<String> {
    const NAME: &[u8] = b"libaio-rs\0\0\0";
    let text = note.get(12..)?.strip_prefix(NAME)?;
    let text = text.split(|byte| *byte == 0).next()?;
    std::str::from_utf8(text).ok().map(str::to_owned)
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_in_a_note() {
        let note = b"\x0a\0\0\0\x06\0\0\0\x01\0\0\0libaio-rs\0\0\x000.4.0\0\0\0";
        assert_eq!(version_of(note).as_deref(), Some("0.4.0"));
        assert_eq!(version_of(b"\x0a\0\0\0"), None);
        assert_eq!(
            version_of(b"\x04\0\0\0\x06\0\0\0\x01\0\0\0GNU\x000.4.0\0"),
            None
        );
    }

    #[test]
    fn this_program_has_no_libaio() {
        let own = File::open("/proc/self/exe").ok().and_then(identify);
        assert!(own.is_some_and(|own| own.ours.is_none() && !own.has_io_setup));
        assert_eq!(
            File::open("/proc/self/status").ok().and_then(identify),
            None
        );
    }
}
