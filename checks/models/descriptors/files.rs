//! `crate::sys::files`: descriptors, whatever they are of.

use super::*;

/// Numbers that the library chooses begin here.
const HIGH: usize = 12;

pub fn duplicate(fd: c_int) -> Result<c_int, Errno> {
    step();
    with(|state| {
        let (file, table) = (state.at(fd)?, state.table());
        let numbers = &state.tables[table].numbers;
        let is_free = |&number: &usize| numbers.get(number).copied().flatten().is_none();
        let number = (HIGH..).find(is_free).unwrap();
        Ok(state.open(file, table, Some(number)))
    })
}

pub fn have_only(fd: c_int) -> Result<(), Errno> {
    if is_refused(Refused::OwnTable) {
        step();
        return Err(Errno::ENOSYS);
    }
    if is_refused(Refused::MemoryForTable) {
        step();
        return Err(Errno::ENOMEM);
    }
    let is_closed = is_refused(Refused::OtherEnd);
    let lock = lock();
    with(|state| {
        if is_closed {
            let file = state.tables[0].numbers[fd as usize].take();
            state.release(file.expect("it is open"));
        }
        // The kernel does not look whether it is there.
        let file = state.at(fd).ok();
        state.tables.push(Table {
            numbers: Vec::new(),
            threads: 1,
        });
        let table = state.tables.len() - 1;
        if let Some(file) = file {
            state.open(file, table, Some(fd as usize));
        }
        leave_table(state);
        let own = current().id();
        for thread in &mut state.threads {
            if thread.0 == own {
                thread.1 = table;
            }
        }
    });
    changed(lock);
    Ok(())
}

pub fn close(fd: c_int) {
    if fd < 0 {
        return;
    }
    let lock = lock();
    with(|state| {
        let file = state.at(fd).expect("it is open");
        let table = state.table();
        let is_plain = matches!(state.files[file].kind, Kind::Plain(_));
        assert!(table != 0 || !is_plain, "{fd} is the program's");
        state.tables[table].numbers[fd as usize] = None;
        state.release(file);
    });
    changed(lock);
}

/// Whether the other end is gone for ever: no file of the models has one.
pub fn poll(_: c_int, _: i16, _: i64) -> Result<u16, Errno> {
    Ok(0)
}
