//! One request.
//!
//! | from | to | who |
//! |---|---|---|
//! | free | placing | a call that submits |
//! | placing | kernel | the same, before `io_submit` |
//! | placing | queued, chained, waiting, deferred | whoever hands it over to a pool |
//! | kernel | placing | whoever reads that the kernel would have had to wait |
//! | chained, deferred | queued | whoever ends the request that it waited for |
//! | queued | running | a helper |
//! | waiting | trying | the helper that watches streams |
//! | trying | waiting, queued | the same, when there is nothing yet, or another helper is to do it |
//! | any but placing, running, trying, kernel | ended | `aio_cancel` |
//! | any | ended | who carried it out |
//! | ended | free | the same, or an attendant that has told the program |

use core::ffi::c_int;

use crate::sync::AtomicUsize;
use crate::sys::files::Way;

/// The number of a slot; 0 is none.
pub(crate) type Index = u32;

/// What is to be done.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Action {
    /// Read.
    Read = 0,
    /// Write.
    Write,
    /// `fsync(2)`.
    Sync,
    /// `fdatasync(2)`.
    SyncData,
}

impl Action {
    /// Whether it is one of the two syncs.
    pub(crate) fn is_sync(self) -> bool {
        matches!(self, Action::Sync | Action::SyncData)
    }

    /// Which way its data goes.
    pub(crate) fn way(self) -> Way {
        match self {
            Action::Read => Way::In,
            _ => Way::Out,
        }
    }
}

/// Where a request is: see the table above.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum State {
    /// Not in use.
    Free = 0,
    /// In the hands of the call that submits it, or hands it over.
    Placing,
    /// Submitted to libaio.
    Kernel,
    /// In a pool's queue.
    Queued,
    /// Behind another one of its file that must be first.
    Chained,
    /// A helper is at it.
    Running,
    /// A stream's, until there is data or room.
    Waiting,
    /// A helper looks whether there is.
    Trying,
    /// Until earlier requests have ended.
    Deferred,
    /// Ended. The program is still to be told; before it is, it does not see the result either.
    Ended,
    /// No request: the notification of a list.
    List,
}

/// How the program wants to be told, of `struct sigevent`. All zero: not at all.
#[derive(Clone, Copy)]
pub(crate) struct Notification {
    /// Which way.
    pub kind: Kind,
    /// The signal.
    pub signal: c_int,
    /// The thread that gets it.
    pub thread: c_int,
    /// `sigev_value`
    pub value: usize,
    /// The function to call, and the attributes of its thread or 0.
    pub function: usize,
    pub attributes: usize,
}

/// See [`Notification`].
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// Not at all.
    None = 0,
    /// A signal to the process.
    Signal,
    /// A signal to a thread.
    ThreadSignal,
    /// A call in a new thread.
    Call,
    /// The signal, if nobody waits to collect the request: [`super::collecting`].
    Collection,
}

impl Notification {
    /// Not at all.
    pub(crate) const NONE: Notification = Notification {
        kind: Kind::None,
        signal: 0,
        thread: 0,
        value: 0,
        function: 0,
        attributes: 0,
    };
}

/// Where a slot stands in a list.
#[derive(Clone, Copy, Default)]
pub(crate) struct Links {
    pub next: Index,
    pub previous: Index,
}

/// Which file a descriptor named. Its number may be another file's later.
#[derive(Clone, Copy)]
pub(crate) struct File {
    pub device: u64,
    pub inode: u64,
    /// `F_GETFL`
    pub flags: c_int,
    /// Type and permissions.
    pub mode: u32,
    /// Whether it has no positions, and one waits for its data or room.
    pub is_stream: bool,
}

/// Stores a result in the program's structure: its address, the slot's number, and a count or
/// `-errno`. That is the last access to it.
pub(crate) type Store = unsafe fn(usize, Index, i64);

/// A slot. All zero: free.
#[repr(C)]
pub(crate) struct Slot {
    /// The program's structure, whose request this is; 0: none. Read without the lock.
    pub target: AtomicUsize,
    /// The same, as long as the slot is in use.
    pub target_there: usize,
    pub store: Option<Store>,
    pub state: State,
    pub action: Action,
    /// Whether its file is a stream: it waits for data or room.
    pub is_stream: bool,
    /// Whether it is read or written as by `read(2)`, because the file knows no other way.
    pub is_plain: bool,
    /// Whether the call that submits it to the kernel has not returned: if it comes back, that call hands it
    /// over, while its descriptor is what the program named. Or else it has come back later.
    pub is_submitting: bool,
    pub is_late: bool,
    /// Whether later syncs wait for it.
    pub is_counted: bool,
    /// Whether it is carried out in the order of the calls: [`super::ordering`].
    pub is_ordered: bool,
    /// Whether it was tried.
    pub was_tried: bool,
    /// Whether it is in its pin's chain.
    pub in_chain: bool,
    /// The pool that has it, and the pin of its file there.
    pub pool: u8,
    pub pin: u32,
    pub fd: c_int,
    pub file: File,
    pub buffer: usize,
    pub length: usize,
    pub offset: i64,
    /// Bytes of a stream that are written already.
    pub done: usize,
    /// When a socket's own time limit is over; 0: never.
    pub deadline: i64,
    /// Counts the requests of the process.
    pub sequence: u64,
    /// Of one that is deferred: earlier requests that have not ended. Of a list: members.
    pub pending: u32,
    /// Whether it stays when it has ended, until the program collects it; and the next one whose
    /// structure's address hashes as this one's.
    pub is_collected: bool,
    pub of_target: Index,
    /// Whether the program may look at its structure alone, and call nothing.
    pub is_polled: bool,
    /// The list that it is a member of, or 0.
    pub list: Index,
    /// How it has ended: a count or `-errno`. Whether the program's structure has that already.
    pub result: i64,
    pub is_published: bool,
    /// The words of threads that wait for it.
    pub waiters: u64,
    pub notification: Notification,
    /// In the queue that goes with the state.
    pub links: Links,
    /// Among the requests of its descriptor.
    pub of_descriptor: Links,
}
