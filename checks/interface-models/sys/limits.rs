//! What the process is limited to.

pub fn open_files() -> u32 {
    1024
}

pub fn file_size() -> Option<u64> {
    None
}
