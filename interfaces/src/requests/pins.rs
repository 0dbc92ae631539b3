//! Files that a pool has in a descriptor table of its own, where the program cannot close them.
//!
//! A file is sent there once (SCM_RIGHTS), and stays as long as a request needs it. Requests of the same
//! file and number, opened in the same way, share it: a thousand writes are one message. A pipe, a socket and a file
//! are known by their inode; what has none of its own (an eventfd, a terminal) is sent for each request.
//!
//! | from | to | who |
//! |---|---|---|
//! | free | sent | whoever hands a request over, with the message |
//! | sent | here, bad | the helper that receives it, after a look whether it is that file |
//! | here, bad | free | the helper that ends its last request, once it has closed the file |
//! | sent, here | dropped | who cancels its last request |
//! | dropped | free | a helper, once it has closed the file |

use core::ffi::c_int;

use super::queue::Queue;
use super::slot::File;
use crate::sys::errno::Errno;
use crate::sys::files::Way;
use crate::sys::{limits, memory};

/// Files that a pool may have at a time, if the limit of open files allows.
pub(crate) const MOST: usize = 1024;
/// Numbers that are left for what a pool has beside.
const RESERVE: u32 = 8;

/// A file that is not there yet.
pub(crate) const SENT: c_int = -1;
/// One that is being closed.
pub(crate) const CLOSING: c_int = c_int::MIN;

/// A pin. All zero: free.
#[repr(C)]
pub(crate) struct Pin {
    pub(crate) is_used: bool,
    /// Nobody needs it; it is to be closed.
    pub(crate) is_dropped: bool,
    /// No other request may share it.
    is_alone: bool,
    /// It was sent later than the call that named it: another file is none of it.
    pub(crate) must_be_it: bool,
    /// It is the program's own descriptor, which nobody closes.
    pub(crate) is_borrowed: bool,
    /// Whether an earlier request of a direction waits.
    pub(crate) is_waited_for: [bool; 2],
    /// What `ppoll` has said, and in which direction a helper is at it.
    pub(crate) is_ready: [bool; 2],
    pub(crate) is_busy: [bool; 2],
    /// Whether there was no room for a write.
    pub(crate) was_full: bool,
    pub(crate) file: Option<File>,
    /// The program's number of it.
    fd: c_int,
    /// Its number in the pool's table, [`SENT`], [`CLOSING`], or `-errno` minus 1.
    pub(crate) number: c_int,
    /// Requests that need it.
    pub(crate) uses: u32,
    /// Requests that are carried out one after the other: whether one is in the pool's queue or a
    /// helper at it, and those behind it.
    pub(crate) is_chained: bool,
    pub(crate) chain: Queue,
    /// What the helper that watches asks of it.
    pub(crate) wanted: i16,
    /// How often in a row there was nothing although `ppoll` had said so; and until when it is left
    /// alone for that.
    pub(crate) alarms: u8,
    pub(crate) rests_until: i64,
}

/// The pins of a pool. All zero: none.
#[repr(C)]
pub(crate) struct Pins {
    address: usize,
    /// Pins in use; and the highest number that was, plus 1.
    pub(crate) count: u32,
    pub(crate) reach: u32,
}

impl Pins {
    fn all(&mut self) -> &mut [Pin] {
        let pins: *mut Pin = core::ptr::with_exposed_provenance_mut(self.address);
        if pins.is_null() {
            return &mut [];
        }
        // SAFETY: they were mapped, and `reach` is at most `MOST`.
        unsafe { core::slice::from_raw_parts_mut(pins, self.reach as usize) }
    }

    /// A pin in use.
    #[inline(never)]
    pub(crate) fn pin(&mut self, number: u32) -> &mut Pin {
        // SAFETY: the number is that of a pin in use.
        unsafe { self.all().get_unchecked_mut(number as usize) }
    }

    /// The pin that a request of this file shares, under the same number: another number may stand for the
    /// file opened once more, whose flags the program changes alone. One that is still on its way may turn out to be of
    /// another file; only who must keep the order of the calls takes that.
    pub(crate) fn find(&mut self, fd: c_int, file: &File, on_its_way: bool) -> Option<u32> {
        let is_shared = |pin: &Pin| {
            let is_free = pin.is_used && !pin.is_dropped && !pin.is_alone;
            let is_there = pin.number >= 0 || on_its_way && pin.number == SENT;
            is_free && is_there && pin.fd == fd && pin.is_of(file)
        };
        Some(self.all().iter().position(is_shared)? as u32)
    }

    /// Whether the limit of open files leaves room for one more.
    pub(crate) fn have_room(&self) -> bool {
        self.count < limits::open_files().saturating_sub(RESERVE)
    }

    /// Maps the room for them. False: there is no memory.
    pub(crate) fn prepare(&mut self) -> bool {
        if self.address == 0 {
            let room = memory::map_zeroes(MOST * size_of::<Pin>());
            self.address = room.map_or(0, |room| room.expose_provenance());
        }
        self.address != 0
    }

    /// A new one, for one request. None: there are as many as there may be.
    pub(crate) fn add(&mut self, fd: c_int, file: File, is_alone: bool) -> Option<u32> {
        let free = self.all().iter().position(|pin| !pin.is_used);
        let number = free.unwrap_or(self.reach as usize);
        if number >= MOST {
            return None;
        }
        self.reach = self.reach.max(number as u32 + 1);
        self.count += 1;
        let pin = self.pin(number as u32);
        // SAFETY: zero is a free pin, but for its file, which comes here.
        unsafe { core::ptr::from_mut(pin).write_bytes(0, 1) };
        pin.is_used = true;
        pin.is_alone = is_alone;
        pin.file = Some(file);
        pin.fd = fd;
        pin.number = SENT;
        pin.uses = 1;
        Some(number as u32)
    }

    /// Frees a pin whose file is closed.
    pub(crate) fn free(&mut self, number: u32) {
        self.pin(number).is_used = false;
        self.count -= 1;
        while let Some(last) = self.all().last() {
            if last.is_used {
                break;
            }
            self.reach -= 1;
        }
    }

    /// One that is to be closed, and is there.
    pub(crate) fn dropped(&mut self) -> Option<u32> {
        let is_there = |pin: &Pin| pin.number != SENT && pin.number != CLOSING;
        let is_dropped = |pin: &Pin| pin.is_used && pin.is_dropped && is_there(pin);
        Some(self.all().iter().position(is_dropped)? as u32)
    }

    /// Those that are on their way do not come any more.
    pub(crate) fn fail_sent(&mut self) {
        for pin in self.all() {
            if pin.is_used && pin.number == SENT {
                pin.fail(Errno::EAGAIN);
            }
        }
    }

    /// Whether there is one that is to be closed.
    pub(crate) fn is_any_dropped(&mut self) -> bool {
        self.all().iter().any(|pin| pin.is_used && pin.is_dropped)
    }
}

impl Pin {
    /// Whether it is a file's, opened in that way.
    fn is_of(&self, file: &File) -> bool {
        self.file.as_ref().is_some_and(|own| {
            (own.inode, own.device, own.flags) == (file.inode, file.device, file.flags)
        })
    }

    /// Its number in the pool's table, or why it has none.
    pub(crate) fn file_number(&self) -> Result<c_int, Errno> {
        if self.number >= 0 {
            Ok(self.number)
        } else if self.number == SENT {
            // Nothing can be received.
            Err(Errno::EAGAIN)
        } else {
            Err(Errno::of_negated(self.number + 1))
        }
    }

    /// Says why it has none.
    pub(crate) fn fail(&mut self, error: Errno) {
        self.number = error.negated() - 1;
    }
}

/// What belongs to a direction.
pub(crate) fn of(both: &mut [bool; 2], way: Way) -> &mut bool {
    let [input, output] = both;
    match way {
        Way::In => input,
        Way::Out => output,
    }
}
