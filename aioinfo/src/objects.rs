//! What an ELF file says of itself.

use std::fs::File;

use object::{Object as _, ObjectSection as _, ObjectSymbol as _, ReadCache};

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

/// Reads as much of the file as it takes. None: it is no ELF file.
pub(crate) fn identify(file: File) -> Option<Identity> {
    let cache = ReadCache::new(file);
    let elf = object::File::parse(&cache).ok()?;
    let note = elf
        .section_by_name(".note.libaio-rs")
        .and_then(|section| section.data().ok());
    let build_id = elf.build_id().ok().flatten();
    let has_io_setup = elf
        .symbols()
        .chain(elf.dynamic_symbols())
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
