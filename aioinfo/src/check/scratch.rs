//! The file that is tried, and memory for its blocks.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::aio::{Context, Iocb, Opcode};

/// The length of every request.
pub(crate) const BLOCK: u64 = 4096;
/// Blocks of the file.
pub(crate) const BLOCKS: u64 = 256;
/// No request takes so long.
const PATIENCE: Duration = Duration::from_secs(20);

/// The file has no name any more when this is made.
pub(crate) struct Scratch {
    // First: it is destroyed before the memory of what may be in flight.
    context: Context,
    /// Through the page cache.
    pub cached: File,
    /// With O_DIRECT, where the file system has that.
    pub direct: io::Result<File>,
    memory: Vec<Block>,
}

/// A block as O_DIRECT wants it.
#[derive(Clone)]
#[repr(align(4096))]
struct Block([u8; BLOCK as usize]);

/// Which of two a request failed in.
#[derive(Debug)]
pub(crate) enum Failure {
    /// `io_submit`, or a call before it.
    Submitting(io::Error),
    /// The event.
    Event(io::Error),
    /// There was no event.
    NoEvent,
}

impl Failure {
    /// The error's number.
    pub(crate) fn errno(&self) -> Option<i32> {
        match self {
            Failure::Submitting(error) | Failure::Event(error) => error.raw_os_error(),
            Failure::NoEvent => None,
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Submitting(error)
    }
}

impl Scratch {
    /// Makes the file in this directory, and fills it.
    pub(crate) fn new(directory: &Path, context: Context) -> io::Result<Scratch> {
        // A file that may not become so large is an error like others.
        // SAFETY: no handler is set.
        unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
        let (path, mut cached) = create(directory)?;
        let direct = open_again(&path, &cached, libc::O_DIRECT);
        fs::remove_file(&path)?;
        let memory = vec![Block([0xa1; BLOCK as usize]); 2];
        for _ in 0..BLOCKS {
            cached.write_all(&[0xa1; BLOCK as usize])?;
        }
        cached.sync_all()?;
        Ok(Scratch {
            context,
            cached,
            direct,
            memory,
        })
    }

    /// The context.
    pub(crate) fn context(&self) -> &Context {
        &self.context
    }

    /// The address of one of two blocks of memory.
    pub(crate) fn block(&mut self, number: usize) -> u64 {
        let block = self.memory.get_mut(number % 2);
        block.map_or(0, |block| block.0.as_mut_ptr().expose_provenance() as u64)
    }

    /// The descriptor of the file with O_DIRECT.
    pub(crate) fn direct(&self) -> io::Result<i32> {
        match &self.direct {
            Ok(file) => Ok(file.as_raw_fd()),
            Err(error) => Err(io::Error::from_raw_os_error(
                error.raw_os_error().unwrap_or(libc::EIO),
            )),
        }
    }

    /// A read or write of a block of the file.
    pub(crate) fn transfer(&mut self, opcode: Opcode, descriptor: i32, block: u64) -> Iocb {
        let offset = (block * BLOCK) as i64;
        Iocb::new(opcode, descriptor).at(self.block(0), BLOCK, offset)
    }

    /// Submits a request and waits for its end.
    ///
    /// # Safety
    /// Its buffer is null, or the memory of this scratch, or lives as long.
    pub(crate) unsafe fn carry_out(&self, iocb: &mut Iocb) -> Result<i64, Failure> {
        // SAFETY: the caller says so; and nothing is freed before the context is destroyed.
        unsafe { self.context.submit(iocb)? };
        self.finish()
    }

    /// Takes the one event that is on its way.
    pub(crate) fn finish(&self) -> Result<i64, Failure> {
        loop {
            match self.context.event(PATIENCE) {
                Ok(Some(event)) => return ended(event.result),
                Ok(None) => return Err(Failure::NoEvent),
                Err(error) if error.raw_os_error() == Some(libc::EINTR) => {}
                Err(error) => return Err(Failure::Submitting(error)),
            }
        }
    }

    /// The same, by `io_pgetevents`.
    pub(crate) fn finish_with_mask(&self) -> Result<i64, Failure> {
        match self.context.event_with_mask(PATIENCE)? {
            Some(event) => ended(event.result),
            None => Err(Failure::NoEvent),
        }
    }
}

/// A new file. A name that is taken is another's: of a process in another namespace, or of one that was killed.
fn create(directory: &Path) -> io::Result<(PathBuf, File)> {
    const NAMES: u32 = 100;
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true).mode(0o600);
    for number in 1.. {
        let path = directory.join(format!(".aioinfo-{}-{number}", std::process::id()));
        match options.open(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < NAMES => {}
            result => return result.map(|file| (path, file)),
        }
    }
    Err(io::Error::from_raw_os_error(libc::EEXIST))
}

/// Opens the file once more. Whoever owns the directory may have put another one, or a link to one, in its place: nothing is
/// written into that.
fn open_again(path: &Path, same: &File, flags: i32) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    let file = options
        .custom_flags(flags | libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path)?;
    let identity = |file: &File| file.metadata().map(|of| (of.dev(), of.ino()));
    if identity(&file)? == identity(same)? {
        Ok(file)
    } else {
        Err(io::Error::from_raw_os_error(libc::ESTALE))
    }
}

fn ended(result: i64) -> Result<i64, Failure> {
    match i32::try_from(-result) {
        Ok(errno) if errno > 0 => Err(Failure::Event(io::Error::from_raw_os_error(errno))),
        _ => Ok(result),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// A directory that others may write to.
    #[test]
    fn a_file_that_was_exchanged_is_not_written() -> io::Result<()> {
        let name = format!("aioinfo-exchanged-{}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        fs::create_dir(&directory)?;
        let (path, file) = create(&directory)?;
        let (other, _) = create(&directory)?;
        assert_ne!(path, other);
        let error = || {
            let error = open_again(&path, &file, 0).err();
            error.and_then(|error| error.raw_os_error())
        };
        assert_eq!(error(), None);
        fs::rename(&other, &path)?;
        assert_eq!(error(), Some(libc::ESTALE));
        fs::rename(&path, &other)?;
        symlink(&other, &path)?;
        assert_eq!(error(), Some(libc::ELOOP));
        fs::remove_dir_all(&directory)
    }
}
