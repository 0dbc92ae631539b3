//! The mappings of a process, `/proc/PID/maps`.

/// One line: a part of a mapping that has one protection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Mapping<'a> {
    /// The first address.
    pub start: u64,
    /// The address behind the last one.
    pub end: u64,
    /// Shared with whoever else has mapped the file.
    pub is_shared: bool,
    /// It can be executed.
    pub is_code: bool,
    /// Where in the file it begins.
    pub offset: u64,
    /// Which file it is. Anonymous memory has none.
    pub file: FileId<'a>,
    /// What the kernel calls it; escaped: a newline is `\012`.
    pub name: &'a [u8],
}

/// The file behind a mapping.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct FileId<'a> {
    /// Major and minor number, as they are written.
    pub device: &'a [u8],
    /// The number of the file there.
    pub inode: u64,
}

impl Mapping<'_> {
    /// Its length.
    pub(crate) fn bytes(&self) -> u64 {
        self.end - self.start
    }
}

/// The path that a name stands for: the kernel writes a newline as `\012`, and everything else as it is.
pub(crate) fn path(name: &[u8]) -> Vec<u8> {
    const NEWLINE: &[u8] = b"\\012";
    let mut path = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some((&first, behind)) = rest.split_first() {
        let is_newline = rest.starts_with(NEWLINE);
        path.push(if is_newline { b'\n' } else { first });
        rest = rest.strip_prefix(NEWLINE).unwrap_or(behind);
    }
    path
}

/// The lines of a file that can be understood; the kernel writes no others.
pub(crate) fn mappings(text: &[u8]) -> impl Iterator<Item = Mapping<'_>> {
    text.split(|byte| *byte == b'\n').filter_map(mapping)
}

/// `7f1c-7f1d rw-s 00000000 00:13 5772397                    /[aio] (deleted)`
fn mapping(line: &[u8]) -> Option<Mapping<'_>> {
    let (range, rest) = word(line)?;
    let (protection, rest) = word(rest)?;
    let (offset, rest) = word(rest)?;
    let (device, rest) = word(rest)?;
    let (inode, name) = word(rest).or(Some((rest, b"".as_slice())))?;
    let dash = range.iter().position(|byte| *byte == b'-')?;
    let (start, end) = (
        hexadecimal(range.get(..dash)?)?,
        hexadecimal(range.get(dash + 1..)?)?,
    );
    let inode = std::str::from_utf8(inode).ok()?.parse().ok()?;
    let blanks = name.iter().take_while(|byte| **byte == b' ').count();
    (start < end).then_some(())?;
    Some(Mapping {
        start,
        end,
        is_shared: protection.get(3) == Some(&b's'),
        is_code: protection.get(2) == Some(&b'x'),
        offset: hexadecimal(offset)?,
        file: FileId { device, inode },
        name: name.get(blanks..).unwrap_or_default(),
    })
}

/// What comes before the next blank, and what comes after it.
fn word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let blank = text.iter().position(|byte| *byte == b' ')?;
    Some((text.get(..blank)?, text.get(blank + 1..)?))
}

fn hexadecimal(digits: &[u8]) -> Option<u64> {
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(text: &[u8]) -> Option<Mapping<'_>> {
        let mut all = mappings(text);
        let first = all.next();
        assert_eq!(all.next(), None);
        first
    }

    #[test]
    fn a_ring() {
        let line = b"7ff099be9000-7ff099beb000 rw-s 00000000 00:13 5772397                    /[aio] (deleted)\n";
        let wanted = Mapping {
            start: 0x7ff0_99be_9000,
            end: 0x7ff0_99be_b000,
            is_shared: true,
            is_code: false,
            offset: 0,
            file: FileId {
                device: b"00:13",
                inode: 5_772_397,
            },
            name: b"/[aio] (deleted)",
        };
        assert_eq!(only(line), Some(wanted));
    }

    #[test]
    fn names_of_all_kinds() {
        for (line, name) in [
            (
                &b"1000-2000 r-xp 00001000 fe:00 77 /opt/a b\\012c\n"[..],
                &b"/opt/a b\\012c"[..],
            ),
            (
                b"1000-2000 r-xp 00001000 fe:00 77 /opt/\xff\xfe\n",
                b"/opt/\xff\xfe",
            ),
            (b"1000-2000 rw-p 00000000 00:00 0 \n", b""),
            (b"1000-2000 rw-p 00000000 00:00 0\n", b""),
            (
                b"1000-2000 rw-p 00000000 00:00 0          [heap]\n",
                b"[heap]",
            ),
        ] {
            let found = only(line);
            assert_eq!(found.map(|mapping| mapping.name), Some(name));
        }
    }

    #[test]
    fn newlines_in_a_path() {
        assert_eq!(path(b"/a\\012b\\040\xff"), b"/a\nb\\040\xff");
        assert_eq!(path(b"\\012"), b"\n");
        assert_eq!(path(b"/a\\01"), b"/a\\01");
    }

    #[test]
    fn what_is_no_mapping() {
        for line in [
            &b""[..],
            b"\n\n",
            b"2000-1000 rw-p 00000000 00:00 0 \n",
            b"1000 rw-p 00000000 00:00 0 \n",
            b"1000-2000 rw-p zero 00:00 0 \n",
            b"1000-2000 rw-p 00000000 00:00 x \n",
            b"1000-2000",
        ] {
            assert_eq!(only(line), None, "{}", String::from_utf8_lossy(line));
        }
    }
}
