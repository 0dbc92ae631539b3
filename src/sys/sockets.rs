//! A pair of sockets, by which files get into the descriptor table of other threads.

use core::ffi::{c_int, c_long};
use core::mem::MaybeUninit;
use core::ptr;

use super::errno::{Errno, result};
use super::files::Way;

/// So many files go with one message at most.
pub(crate) const FILES: usize = 32;

/// Room for a control message with [`FILES`] descriptors.
#[repr(C)]
struct Control {
    header: libc::cmsghdr,
    files: [c_int; FILES],
}

/// What came.
pub(crate) enum Received {
    /// A word, and so many files.
    Message(usize, usize),
    /// Nothing, for now.
    Nothing,
    /// Nothing any more: the other end is gone or shut.
    End,
}

/// Two connected sockets that keep messages apart, closed on exec.
pub(crate) fn pair() -> Result<[c_int; 2], Errno> {
    let mut ends = [0; 2];
    // SAFETY: there is room for two.
    result(|| unsafe {
        libc::syscall(
            libc::SYS_socketpair,
            c_long::from(libc::AF_UNIX),
            c_long::from(libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC),
            0usize,
            ends.as_mut_ptr(),
        )
    })?;
    Ok(ends)
}

/// The vector of a word, which must stay as long as it.
fn vector_of(word: &mut usize) -> libc::iovec {
    libc::iovec {
        iov_base: ptr::from_mut(word).cast(),
        iov_len: size_of::<usize>(),
    }
}

/// The message of a vector, which must stay as long as it; without files.
fn message_of(vector: &mut libc::iovec) -> libc::msghdr {
    // SAFETY: null pointers and zeroes are a message without anything.
    let mut message: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
    message.msg_iov = vector;
    message.msg_iovlen = 1;
    message
}

/// Sends a word and the files with it; it never waits.
pub(crate) fn send(socket: c_int, word: usize, files: &[c_int]) -> Result<(), Errno> {
    let mut word = word;
    let mut vector = vector_of(&mut word);
    let mut message = message_of(&mut vector);
    let mut control = MaybeUninit::<Control>::zeroed();
    let count = files.len().min(FILES);
    if count != 0 {
        let at = control.as_mut_ptr();
        let length = size_of::<libc::cmsghdr>() + count * size_of::<c_int>();
        // SAFETY: there is room for `count`.
        unsafe {
            (*at).header.cmsg_len = length as _;
            (*at).header.cmsg_level = libc::SOL_SOCKET;
            (*at).header.cmsg_type = libc::SCM_RIGHTS;
            ptr::copy_nonoverlapping(files.as_ptr(), (&raw mut (*at).files).cast(), count);
        }
        message.msg_control = at.cast();
        message.msg_controllen = length as _;
    }
    // SAFETY: everything that the message names is there.
    result(|| unsafe {
        libc::syscall(
            libc::SYS_sendmsg,
            c_long::from(socket),
            ptr::from_ref(&message),
            c_long::from(libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT),
        )
    })?;
    Ok(())
}

/// Takes the next message, and waits for it if `waits`: as long as [`set_patience`] says.
#[allow(clippy::unnecessary_cast)] // not the same types everywhere
pub(crate) fn receive(
    socket: c_int,
    waits: bool,
    files: &mut [c_int; FILES],
) -> Result<Received, Errno> {
    let mut word = 0usize;
    let mut vector = vector_of(&mut word);
    let mut message = message_of(&mut vector);
    let mut control = MaybeUninit::<Control>::zeroed();
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = size_of::<Control>() as _;
    let flags = libc::MSG_CMSG_CLOEXEC | if waits { 0 } else { libc::MSG_DONTWAIT };
    // SAFETY: everything that the message names is there.
    let received = result(|| unsafe {
        libc::syscall(
            libc::SYS_recvmsg,
            c_long::from(socket),
            ptr::from_mut(&mut message),
            c_long::from(flags),
        )
    });
    match received {
        Ok(0) => return Ok(Received::End),
        Ok(_) => {}
        Err(Errno::EAGAIN | Errno::EINTR) => return Ok(Received::Nothing),
        Err(error) => return Err(error),
    }
    // SAFETY: zeroes, where the kernel has written nothing.
    let control = unsafe { control.assume_init() };
    let bytes = (control.header.cmsg_len as usize).saturating_sub(size_of::<libc::cmsghdr>());
    let mut count = 0;
    if message.msg_controllen as usize >= size_of::<libc::cmsghdr>() {
        count = (bytes / size_of::<c_int>()).min(FILES);
        *files = control.files;
    }
    Ok(Received::Message(word, count))
}

/// Lets nothing more be sent to this end; what was sent can still be received.
pub(crate) fn refuse_more(socket: c_int) {
    shut_down(socket, libc::SHUT_RD);
}

/// Lets the other end see that nothing more comes, whoever else has this one.
pub(crate) fn send_no_more(socket: c_int) {
    shut_down(socket, libc::SHUT_WR);
}

fn shut_down(socket: c_int, how: c_int) {
    // SAFETY: no memory is involved.
    let _ = result(|| unsafe {
        libc::syscall(libc::SYS_shutdown, c_long::from(socket), c_long::from(how))
    });
}

/// How long [`receive`] waits: so many seconds.
pub(crate) fn set_patience(socket: c_int, seconds: usize) {
    // `struct timeval`, or the kernel's old one.
    let limit = [seconds as libc::c_ulong, 0];
    // SAFETY: the structure is there.
    let _ = result(|| unsafe {
        libc::syscall(
            libc::SYS_setsockopt,
            c_long::from(socket),
            c_long::from(libc::SOL_SOCKET),
            c_long::from(RECEIVE_LIMIT),
            limit.as_ptr(),
            size_of_val(&limit),
        )
    });
}

/// SO_RCVTIMEO with a `struct timeval` of two longs.
#[cfg(not(any(target_arch = "powerpc", target_arch = "powerpc64")))]
const RECEIVE_LIMIT: c_int = 20;
/// As above.
#[cfg(any(target_arch = "powerpc", target_arch = "powerpc64"))]
const RECEIVE_LIMIT: c_int = 18;

/// Sends an empty datagram, which a write of no bytes is to the kernel's AIO; a stream gets nothing.
pub(crate) fn send_nothing(socket: c_int, waits: bool) -> Result<c_int, Errno> {
    let nothing: *const u8 = ptr::null();
    let flags = if waits { 0 } else { libc::MSG_DONTWAIT };
    // SAFETY: no memory is involved.
    result(|| unsafe {
        libc::syscall(
            libc::SYS_sendto,
            c_long::from(socket),
            nothing,
            0usize,
            c_long::from(flags),
            nothing,
            0usize,
        )
    })
}

/// Reads or writes without waiting, and without SIGPIPE.
#[allow(dead_code)] // The interfaces' alone.
pub(crate) fn transfer(
    way: Way,
    socket: c_int,
    buffer: usize,
    length: usize,
) -> Result<c_int, Errno> {
    let number = match way {
        Way::In => libc::SYS_recvfrom,
        Way::Out => libc::SYS_sendto,
    };
    let nothing: *const u8 = ptr::null();
    // SAFETY: the kernel checks the buffer.
    result(|| unsafe {
        libc::syscall(
            number,
            c_long::from(socket),
            buffer,
            length,
            c_long::from(libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL),
            nothing,
            nothing,
        )
    })
}

/// How long a socket's own limit lets it wait, in nanoseconds; None: for ever.
#[allow(dead_code)] // The interfaces' alone.
pub(crate) fn time_limit(socket: c_int, way: Way) -> Option<i64> {
    let option = match way {
        Way::In => RECEIVE_LIMIT,
        Way::Out => RECEIVE_LIMIT + 1,
    };
    // `struct timeval`, or the kernel's old one.
    let mut limit: [libc::c_long; 2] = [0; 2];
    let mut size = size_of_val(&limit) as libc::socklen_t;
    // SAFETY: there is room for the structure.
    result(|| unsafe {
        libc::syscall(
            libc::SYS_getsockopt,
            c_long::from(socket),
            c_long::from(libc::SOL_SOCKET),
            c_long::from(option),
            limit.as_mut_ptr(),
            ptr::from_mut(&mut size),
        )
    })
    .ok()?;
    #[allow(clippy::useless_conversion)] // A long has 32 or 64 bits.
    let [seconds, micros] = limit.map(i64::from);
    let total = seconds
        .saturating_mul(1_000_000_000)
        .saturating_add(micros.saturating_mul(1000));
    (total != 0).then_some(total)
}
