//! Carrying out a request, which takes as long as the model wants.

use std::ffi::c_int;

use super::requests::{Details, Work};
use crate::descriptors::{file_at, has_own_table};
use crate::sys::errno::Errno;

/// # Safety
/// The events are there.
pub unsafe fn in_helper(details: &Details) -> Result<c_int, Errno> {
    let events = unsafe { &*details.events };
    let number = details.data as u32;
    events.own(number);
    let wanted = details.offset as usize;
    assert_eq!(file_at(details.fd), Some(wanted), "of request {number}");
    // In its lane nobody else writes while somebody reads or writes.
    let contents = &events.lanes[details.lane as usize];
    let writes = details.work == Work::Write;
    let writing = (details.is_waited_for && writes).then(|| contents.get_mut());
    let reading = (details.is_waited_for && !writes).then(|| contents.get());
    events.begin(number);
    // A caller does it before it submits others.
    if has_own_table() {
        events.wait_for_other(number);
    }
    assert_eq!(file_at(details.fd), Some(wanted), "of request {number}");
    events.end(number);
    drop((writing, reading));
    Ok(0)
}
