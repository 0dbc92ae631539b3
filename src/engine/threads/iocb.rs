//! Reading an iocb as the kernel does: the same on 32 and 64 bits.

use core::ffi::c_int;
use core::mem::offset_of;

use crate::abi::iocb;
use crate::sys::probe;
use crate::sys::proven_pages::ProvenPages;

/// What an iocb asks for: `IOCB_CMD_*` of `<linux/aio_abi.h>`.
#[allow(missing_docs)]
pub(crate) mod opcode {
    pub(crate) const PREAD: u16 = 0;
    pub(crate) const PWRITE: u16 = 1;
    pub(crate) const FSYNC: u16 = 2;
    pub(crate) const FDSYNC: u16 = 3;
    pub(crate) const POLL: u16 = 5;
    pub(crate) const PREADV: u16 = 7;
    pub(crate) const PWRITEV: u16 = 8;
}

/// `aio_resfd` is an eventfd.
pub(crate) const FLAG_RESFD: u32 = 1;
/// `aio_reqprio` is a priority.
pub(crate) const FLAG_IOPRIO: u32 = 2;

/// An iocb that is being submitted.
#[derive(Clone, Copy)]
#[allow(missing_docs)]
pub(crate) struct Submission {
    /// Where the program has it.
    pub at: *mut iocb,
    pub data: u64,
    pub rw_flags: u32,
    pub opcode: u16,
    pub priority: u16,
    pub fd: c_int,
    pub buf: u64,
    pub nbytes: u64,
    pub offset: i64,
    pub reserved: u64,
    pub flags: u32,
    pub resfd: c_int,
}

impl Submission {
    /// Copies the iocb.
    ///
    /// # Safety
    /// 64 bytes can be read; they may be misaligned, and change at any time.
    pub(crate) unsafe fn read(at: *mut iocb) -> Submission {
        let byte = |offset| at.cast_const().cast::<u8>().wrapping_add(offset);
        // SAFETY: within the 64 bytes.
        let word = |offset| unsafe { byte(offset).cast::<u64>().read_unaligned() };
        // SAFETY: as above.
        let half = |offset| unsafe { byte(offset).cast::<u32>().read_unaligned() };
        // SAFETY: as above.
        let quarter = |offset| unsafe { byte(offset).cast::<u16>().read_unaligned() };
        Submission {
            at,
            data: word(0),
            rw_flags: half(offset_of!(iocb, aio_rw_flags)),
            opcode: quarter(16),
            priority: quarter(18),
            fd: half(20) as c_int,
            buf: word(24),
            nbytes: word(32),
            offset: word(40) as i64,
            reserved: word(48),
            flags: half(56),
            resfd: half(60) as c_int,
        }
    }
}

impl Submission {
    /// Whether an eventfd is to be signalled.
    pub(crate) fn has_eventfd(&self) -> bool {
        self.flags & FLAG_RESFD != 0
    }
}

/// Where the `key` of an iocb is.
pub(crate) fn key_of(at: *mut iocb) -> *mut u32 {
    at.wrapping_byte_add(offset_of!(iocb, key)).cast()
}

/// Writes 0 to the key, as the kernel does with every iocb that it looks at. False if it cannot be
/// written.
///
/// # Safety
/// The key can be read.
pub(crate) unsafe fn clear_key(at: *mut iocb, writable: &ProvenPages) -> bool {
    let key = key_of(at);
    // SAFETY: the caller says so.
    let is_set = unsafe { key.read_unaligned() } != 0;
    if is_set {
        if !probe::is_writable(key.cast()) {
            return false;
        }
        // SAFETY: the kernel has just written there.
        unsafe { key.write_unaligned(0) };
        return true;
    }
    probe::are_writable(writable, key.cast(), size_of::<u32>())
}

/// Makes iocbs for other tests too.
#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The kernel's `struct iocb` (`include/uapi/linux/aio_abi.h`), written in this machine's byte
    /// order.
    fn iocb_bytes() -> [u8; 65] {
        // One byte on: an iocb may be misaligned.
        let mut bytes = [0u8; 65];
        let mut put = |offset: usize, value: &[u8]| {
            bytes[1 + offset..][..value.len()].copy_from_slice(value);
        };
        let (key, rw_flags) = if cfg!(target_endian = "little") {
            (8, 12)
        } else {
            (12, 8)
        };
        put(0, &0x1111_2222_3333_4444_u64.to_ne_bytes());
        put(key, &0x5555_u32.to_ne_bytes());
        put(rw_flags, &0x6666_u32.to_ne_bytes());
        put(16, &7_u16.to_ne_bytes());
        put(18, &8_u16.to_ne_bytes());
        put(20, &(-9_i32).to_ne_bytes());
        put(24, &0xaaaa_bbbb_cccc_dddd_u64.to_ne_bytes());
        put(32, &0xeeee_0000_0000_0001_u64.to_ne_bytes());
        put(40, &(-2_i64).to_ne_bytes());
        put(48, &3_u64.to_ne_bytes());
        put(56, &4_u32.to_ne_bytes());
        put(60, &(-5_i32).to_ne_bytes());
        bytes
    }

    #[test]
    fn reads_every_field_of_an_iocb() {
        let mut bytes = iocb_bytes();
        let at = bytes[1..].as_mut_ptr().cast::<iocb>();
        // SAFETY: 64 bytes are there.
        let read = unsafe { Submission::read(at) };
        assert_eq!(read.at, at);
        assert_eq!(read.data, 0x1111_2222_3333_4444);
        assert_eq!(read.rw_flags, 0x6666);
        assert_eq!((read.opcode, read.priority, read.fd), (7, 8, -9));
        assert_eq!(read.buf, 0xaaaa_bbbb_cccc_dddd);
        assert_eq!(read.nbytes, 0xeeee_0000_0000_0001);
        assert_eq!((read.offset, read.reserved), (-2, 3));
        assert_eq!((read.flags, read.resfd), (4, -5));
        // SAFETY: as above.
        assert_eq!(unsafe { key_of(at).read_unaligned() }, 0x5555);
    }

    /// An iocb with this buffer.
    pub(crate) fn submission(buf: u64, nbytes: u64) -> Submission {
        // SAFETY: 64 bytes are there.
        let read = unsafe { Submission::read(iocb_bytes()[1..].as_mut_ptr().cast()) };
        Submission {
            buf,
            nbytes,
            ..read
        }
    }
}
