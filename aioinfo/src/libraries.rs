//! Which files of a process contain a libaio.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::fs::File;
use std::os::unix::fs::MetadataExt as _;

use crate::contexts::without_deleted;
use crate::foreign::Foreign;
use crate::objects::{self, Identity};
use crate::proc::directory::{self, Directory};
use crate::proc::maps::{self, FileId, Mapping};
use crate::report::{Family, Library};

/// The files with a libaio by their names; if there is none of them, and `has_contexts`, those that contain one
/// without its name: static programs, and plug-ins.
pub(crate) fn find<'a>(
    mappings: impl Iterator<Item = Mapping<'a>>,
    process: &Directory,
    has_contexts: bool,
) -> Vec<Library> {
    let mut code: BTreeMap<FileId<'_>, Mapping<'_>> = BTreeMap::new();
    for mapping in mappings.filter(|mapping| mapping.is_code && mapping.file.inode != 0) {
        code.entry(mapping.file).or_insert(mapping);
    }
    let mut named: Vec<_> = code
        .values()
        .filter_map(|mapping| Some((mapping, family_of(base_name(mapping.name))?)))
        .flat_map(|(mapping, family)| libraries_in(mapping, family, process))
        .collect();
    if has_contexts && !named.iter().any(|library| library.family.is_libaio()) {
        named.extend(code.values().filter_map(|mapping| inside(mapping, process)));
    }
    named.sort_by(|a, b| a.path.cmp(&b.path));
    named
}

/// Whether one of the files has the name of a libaio.
pub(crate) fn are_named_in<'a>(mut mappings: impl Iterator<Item = Mapping<'a>>) -> bool {
    mappings.any(|mapping| family_of(base_name(mapping.name)).is_some())
}

fn base_name(name: &[u8]) -> &[u8] {
    let (name, _) = without_deleted(name);
    name.rsplit(|byte| *byte == b'/').next().unwrap_or(name)
}

/// What a file's name says that it is.
fn family_of(base_name: &[u8]) -> Option<Family> {
    if base_name.starts_with(b"libaio.so") || base_name.starts_with(b"libaio-") {
        Some(Family::C)
    } else if base_name.starts_with(b"libposixaio") {
        Some(Family::Posix)
    } else if base_name.starts_with(b"libsolarisaio") {
        Some(Family::Solaris)
    } else {
        None
    }
}

/// A file whose name says that it is a library. One that is on libaio may have it inside.
fn libraries_in(mapping: &Mapping<'_>, by_name: Family, process: &Directory) -> Vec<Library> {
    let identity = opened(mapping, process).and_then(objects::identify);
    let is_known = identity.is_some();
    let identity = identity.unwrap_or_default();
    let one = |family, is_inside| library(mapping, family, is_inside, is_known, &identity);
    match by_name {
        family if !family.is_libaio() => {
            let mut both = vec![one(family, false)];
            both.extend(identity.ours.is_some().then(|| one(Family::Ours, true)));
            both
        }
        _ if identity.ours.is_some() => vec![one(Family::Ours, false)],
        _ if is_known => vec![one(Family::C, false)],
        _ => vec![one(Family::Unknown, false)],
    }
}

/// A file of another name that contains one.
fn inside(mapping: &Mapping<'_>, process: &Directory) -> Option<Library> {
    family_of(base_name(mapping.name)).is_none().then_some(())?;
    let identity = objects::identify(opened(mapping, process)?)?;
    let family = match &identity.ours {
        Some(_) => Family::Ours,
        None if identity.has_io_setup => Family::C,
        None => return None,
    };
    Some(library(mapping, family, true, true, &identity))
}

fn library(
    mapping: &Mapping<'_>,
    family: Family,
    is_inside: bool,
    is_known: bool,
    identity: &Identity,
) -> Library {
    let (path, is_deleted) = without_deleted(mapping.name);
    let version = match family {
        Family::Ours => identity.ours.clone(),
        _ => None,
    };
    Library {
        family,
        path: Foreign::from(maps::path(path).as_ref()),
        inside: is_inside,
        deleted: is_deleted,
        readable: is_known,
        version,
        build_id: identity.build_id.clone(),
    }
}

/// The very file that is mapped. It may have been replaced, or lie in another mount namespace.
fn opened(mapping: &Mapping<'_>, process: &Directory) -> Option<File> {
    if let Ok(found) = process.mapped_file(mapping.start, mapping.end) {
        return directory::regular(&found).ok();
    }
    let path = maps::path(without_deleted(mapping.name).0);
    let in_its_root = CString::new([b"root".as_slice(), &path].concat()).ok()?;
    let is_it = |file: &File| {
        file.metadata()
            .is_ok_and(|metadata| metadata.ino() == mapping.file.inode)
    };
    process
        .linked_file(&in_its_root)
        .ok()
        .filter(is_it)
        // The path of a process that has changed its root is told from ours.
        .or_else(|| {
            let path = CString::new(path).ok()?;
            directory::regular_file(&path).ok().filter(is_it)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_libraries() {
        let family = |name: &[u8]| family_of(base_name(name));
        assert_eq!(family(b"/usr/lib/libaio.so.1.0.2"), Some(Family::C));
        assert_eq!(
            family(b"/lib/libaio.so.1t64.0.2 (deleted)"),
            Some(Family::C)
        );
        assert_eq!(family(b"/lib/libaio-0.3.so"), Some(Family::C));
        assert_eq!(family(b"/lib/libposixaio.so.1.0.0"), Some(Family::Posix));
        assert_eq!(family(b"/lib/libposixaio-preload.so"), Some(Family::Posix));
        assert_eq!(family(b"/lib/libsolarisaio.so.1"), Some(Family::Solaris));
        assert_eq!(family(b"/lib/libc.so.6"), None);
        assert_eq!(family(b"/libaio.so.1/program"), None);
    }
}
