//! Which functions the program, and the libraries that it has loaded, ask others for; and keeping this
//! one loaded.
//!
//! What an object refers to is in its dynamic relocations (`elf(5)`), which every dynamic linker
//! needs and none removes.

use core::ffi::{CStr, c_char, c_int, c_void};
use core::mem::size_of;
use core::ptr;

use super::errno;

/// An entry of an object's dynamic section.
#[repr(C)]
struct Dyn {
    tag: usize,
    value: usize,
}

const DT_NULL: usize = 0;
const DT_PLTRELSZ: usize = 2;
const DT_STRTAB: usize = 5;
const DT_SYMTAB: usize = 6;
const DT_RELA: usize = 7;
const DT_RELASZ: usize = 8;
const DT_STRSZ: usize = 10;
const DT_REL: usize = 17;
const DT_RELSZ: usize = 18;
const DT_PLTREL: usize = 20;
const DT_JMPREL: usize = 23;

#[cfg(target_pointer_width = "64")]
type Symbol = libc::Elf64_Sym;
#[cfg(target_pointer_width = "32")]
type Symbol = libc::Elf32_Sym;

/// The part of `r_info` above these bits is the symbol's index.
const INFO_SHIFT: u32 = if size_of::<usize>() == 8 { 32 } else { 8 };
/// A symbol that another object defines.
const SHN_UNDEF: u16 = 0;

unsafe extern "C" {
    /// The addresses of `dlopen` and `dladdr`, or 0 in `libaio.a` and where the C library has none.
    /// The Makefile makes it.
    #[cfg(not(test))]
    #[link_name = "libaio_loader"]
    safe static LOADER: [usize; 2];
}

#[cfg(test)]
static LOADER: [usize; 2] = [0; 2];

/// Lets `libaio.so` stay loaded though the program closes it.
#[cold]
pub(crate) fn keep_this_one() {
    type Open = unsafe extern "C" fn(*const c_char, c_int) -> *mut c_void;
    type Find = unsafe extern "C" fn(*const c_void, *mut libc::Dl_info) -> c_int;
    let [open, find] = LOADER;
    if open == 0 || find == 0 {
        return;
    }
    // SAFETY: they are the functions, which have these types.
    let (open, find): (Open, Find) = unsafe {
        (
            core::mem::transmute::<usize, Open>(open),
            core::mem::transmute::<usize, Find>(find),
        )
    };
    errno::preserve(|| {
        let here: *const c_void = (&raw const LOADER).cast();
        // SAFETY: zero is a value of it.
        let mut object: libc::Dl_info = unsafe { core::mem::zeroed() };
        // SAFETY: there is room for the answer.
        if unsafe { find(here, &raw mut object) } != 0 && !object.dli_fname.is_null() {
            let flags = libc::RTLD_LAZY | libc::RTLD_NOLOAD | libc::RTLD_NODELETE;
            // SAFETY: it is loaded, or the main program, of which there is no such name.
            let _ = unsafe { open(object.dli_fname, flags) };
        }
    });
}

/// Bytes that each thread has for the thread-local variables of all loaded objects, and that some C
/// libraries take from its stack: not less than they are, in whole pages.
pub(crate) fn thread_local_bytes() -> usize {
    unsafe extern "C" fn visit(
        object: *mut libc::dl_phdr_info,
        _size: usize,
        bytes: *mut c_void,
    ) -> c_int {
        // SAFETY: the dynamic linker passes a description of an object, which stays loaded meanwhile.
        let object = unsafe { &*object };
        for index in 0..usize::from(object.dlpi_phnum) {
            // SAFETY: there are so many.
            let header = unsafe { &*object.dlpi_phdr.add(index) };
            if header.p_type == libc::PT_TLS {
                // SAFETY: `thread_local_bytes` passes it.
                unsafe { *bytes.cast::<usize>() += (header.p_memsz + header.p_align) as usize };
            }
        }
        0
    }
    let mut bytes = 0usize;
    // SAFETY: the number outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(visit), ptr::from_mut(&mut bytes).cast()) };
    bytes.next_multiple_of(super::memory::PAGE)
}

/// A set of names, as many as bits, and which of them were found.
struct Search<'a> {
    names: &'a [&'a CStr],
    found: u32,
}

/// Which of these at most 32 functions any loaded object asks another one for: the bits of their
/// places in `names`.
pub(crate) fn referenced(names: &[&CStr]) -> u32 {
    let mut search = Search { names, found: 0 };
    // SAFETY: the search outlives the call, and the callback treats it as what it is.
    unsafe { libc::dl_iterate_phdr(Some(visit), ptr::from_mut(&mut search).cast()) };
    search.found
}

unsafe extern "C" fn visit(
    object: *mut libc::dl_phdr_info,
    _size: usize,
    search: *mut c_void,
) -> c_int {
    // SAFETY: the dynamic linker passes a description of an object, which stays loaded meanwhile.
    let object = unsafe { &*object };
    // SAFETY: `referenced` passes it.
    let search = unsafe { &mut *search.cast::<Search>() };
    for index in 0..usize::from(object.dlpi_phnum) {
        // SAFETY: there are so many.
        let header = unsafe { &*object.dlpi_phdr.add(index) };
        if header.p_type == libc::PT_DYNAMIC {
            let base = object.dlpi_addr as usize;
            let dynamic = base.wrapping_add(header.p_vaddr as usize);
            // SAFETY: it is where the object's headers say.
            unsafe { search.look_into(base, ptr::with_exposed_provenance(dynamic)) };
        }
    }
    0
}

/// A table of relocations: where it is, its bytes, and the bytes of an entry.
#[derive(Clone, Copy, Default)]
struct Table {
    address: usize,
    bytes: usize,
    entry: usize,
}

/// An entry begins with a place and the info; RELA's have one word more.
const REL: usize = 2 * size_of::<usize>();
const RELA: usize = 3 * size_of::<usize>();

impl Search<'_> {
    /// # Safety
    /// `dynamic` is the dynamic section of an object that is loaded at `base`.
    unsafe fn look_into(&mut self, base: usize, mut dynamic: *const Dyn) {
        let (mut symbols, mut strings, mut strings_bytes) = (0, 0, 0);
        let mut rel = Table {
            entry: REL,
            ..Table::default()
        };
        let mut rela = Table {
            entry: RELA,
            ..Table::default()
        };
        let mut plt = Table::default();
        // Some dynamic linkers add the base to the addresses here, others leave them.
        let at = |value: usize| if value < base { value + base } else { value };
        loop {
            // SAFETY: the section ends with DT_NULL.
            let Dyn { tag, value } = *unsafe { &*dynamic };
            match tag {
                DT_NULL => break,
                DT_SYMTAB => symbols = at(value),
                DT_STRTAB => strings = at(value),
                DT_STRSZ => strings_bytes = value,
                DT_REL => rel.address = at(value),
                DT_RELSZ => rel.bytes = value,
                DT_RELA => rela.address = at(value),
                DT_RELASZ => rela.bytes = value,
                DT_JMPREL => plt.address = at(value),
                DT_PLTRELSZ => plt.bytes = value,
                DT_PLTREL => plt.entry = if value == DT_RELA { RELA } else { REL },
                _ => {}
            }
            dynamic = dynamic.wrapping_add(1);
        }
        if symbols == 0 || strings == 0 {
            return;
        }
        for table in [rel, rela, plt] {
            if table.address == 0 || table.entry == 0 {
                continue;
            }
            // Without a division, for which some architectures need a function.
            let end = table.address + table.bytes;
            let mut next = table.address;
            while next < end {
                let entry: *const usize = ptr::with_exposed_provenance(next);
                next += table.entry;
                // SAFETY: the entry lies in the table.
                let info = unsafe { entry.wrapping_add(1).read() };
                let symbol: *const Symbol = ptr::with_exposed_provenance(symbols);
                // SAFETY: the relocation names a symbol of the object's table.
                let symbol = unsafe { &*symbol.add(info >> INFO_SHIFT) };
                let name = symbol.st_name as usize;
                if symbol.st_shndx == SHN_UNDEF && name != 0 && name < strings_bytes {
                    // SAFETY: the name lies in the object's strings, which end with a zero.
                    unsafe { self.note(ptr::with_exposed_provenance(strings + name)) };
                }
            }
        }
    }

    /// # Safety
    /// `name` ends with a zero.
    unsafe fn note(&mut self, name: *const c_char) {
        for (place, wanted) in self.names.iter().enumerate() {
            let bytes = wanted.to_bytes_with_nul();
            // SAFETY: up to a difference, or the zero at the end.
            let is_equal = (0..bytes.len()).all(|at| unsafe { *name.add(at) } as u8 == bytes[at]);
            if is_equal {
                self.found |= 1 << place;
            }
        }
    }
}

#[cfg(all(test, not(miri)))]
mod tests {
    use super::*;

    #[test]
    fn finds_what_this_program_asks_for() {
        let found = referenced(&[
            c"dl_iterate_phdr",
            c"dl_iterate_phd",
            c"no such name",
            c"syscall",
        ]);
        assert_eq!(found, 0b1001);
    }

    /// An object in memory: three symbols, two of them another object's, and a table of relocations
    /// that names one symbol.
    struct Object {
        dynamic: Vec<Dyn>,
        symbols: Vec<Symbol>,
        strings: Vec<u8>,
        table: Vec<usize>,
    }

    const STRINGS: &[u8] = b"\0asked\0own\0other\0";
    const ASKED: u32 = 1;
    const OWN: u32 = 7;
    const OTHER: u32 = 11;

    impl Object {
        /// `words`: of a relocation; `names`: the symbols that are relocated.
        fn new(words: usize, names: &[usize]) -> Object {
            let symbol = |name, section| {
                // SAFETY: zero is a symbol.
                let mut symbol: Symbol = unsafe { core::mem::zeroed() };
                symbol.st_name = name;
                symbol.st_shndx = section;
                symbol
            };
            let relocation = |&symbol: &usize| {
                let mut relocation = vec![0; words];
                relocation[1] = symbol << INFO_SHIFT | 6;
                relocation
            };
            Object {
                dynamic: Vec::new(),
                symbols: vec![
                    symbol(0, 0),
                    symbol(ASKED, 0),
                    symbol(OWN, 12),
                    symbol(OTHER, 0),
                ],
                strings: STRINGS.to_vec(),
                table: names.iter().flat_map(relocation).collect(),
            }
        }

        /// What is found if the dynamic section has these entries besides, and `base` was added to
        /// the addresses or not.
        fn search(&mut self, base: usize, is_added: bool, entries: &[(usize, usize)]) -> u32 {
            let at = |address: usize| if is_added { address } else { address - base };
            let entry = |tag, value| Dyn { tag, value };
            self.dynamic = vec![
                entry(DT_SYMTAB, at(self.symbols.as_ptr().expose_provenance())),
                entry(DT_STRTAB, at(self.strings.as_ptr().expose_provenance())),
                entry(DT_STRSZ, self.strings.len()),
            ];
            let table = at(self.table.as_ptr().expose_provenance());
            for &(tag, value) in entries {
                let value = if value == TABLE { table } else { value };
                self.dynamic.push(entry(tag, value));
            }
            self.dynamic.push(entry(DT_NULL, 0));
            let names = [c"asked", c"own", c"other", c"aske"];
            let mut search = Search {
                names: &names,
                found: 0,
            };
            // SAFETY: it describes what is in memory.
            unsafe { search.look_into(base, self.dynamic.as_ptr()) };
            search.found
        }
    }

    /// In the place of the table's address.
    const TABLE: usize = usize::MAX;

    #[test]
    fn reads_every_kind_of_table() {
        for (words, kind, size_tag) in [(3, DT_RELA, DT_RELASZ), (2, DT_REL, DT_RELSZ)] {
            // The object's own symbols are nobody else's.
            let mut object = Object::new(words, &[0, 1, 2]);
            let bytes = object.table.len() * size_of::<usize>();
            // Below all of it, which lies near together.
            let below = object
                .symbols
                .as_ptr()
                .addr()
                .min(object.strings.as_ptr().addr())
                .min(object.table.as_ptr().addr())
                - 0x1000;
            for is_added in [true, false] {
                let base = if is_added { 0x1000 } else { below };
                assert_eq!(
                    object.search(base, is_added, &[(kind, TABLE), (size_tag, bytes)]),
                    0b1
                );
                let plt = [(DT_JMPREL, TABLE), (DT_PLTRELSZ, bytes), (DT_PLTREL, kind)];
                assert_eq!(object.search(base, is_added, &plt), 0b1);
            }
            assert_eq!(
                object.search(0, true, &[(kind, TABLE), (size_tag, 0)]),
                0,
                "empty"
            );
            assert_eq!(object.search(0, true, &[(size_tag, bytes)]), 0, "no table");
        }
    }

    #[test]
    fn all_that_is_asked_for_is_found() {
        let mut object = Object::new(3, &[3, 1]);
        let bytes = object.table.len() * size_of::<usize>();
        assert_eq!(
            object.search(0, true, &[(DT_RELA, TABLE), (DT_RELASZ, bytes)]),
            0b101
        );
    }
}
