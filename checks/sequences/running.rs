//! Carries a sequence out in a process of its own, so that a crash or a hang is a result like any other.

use std::fs;
use std::io::Write as _;
use std::os::fd::AsRawFd as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::descriptors::FILES;
use crate::digest;

/// A sequence takes milliseconds.
const LIMIT: Duration = Duration::from_secs(10);

/// What carries sequences out.
#[derive(Clone)]
pub struct Side {
    pub library: PathBuf,
    pub engine: String,
    pub lie: Option<String>,
}

/// Carries a sequence out in a directory that is not there yet, and says all that came of it.
pub fn run(side: &Side, sequence: &str, directory: &Path) -> String {
    fs::create_dir_all(directory).expect("a directory can be made");
    let program = std::env::current_exe().expect("this program has a path");
    let mut child = Command::new(program)
        .arg("execute")
        .arg(&side.library)
        .arg(directory)
        .args(&side.lie)
        .env("LIBAIO_ENGINE", &side.engine)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("this program can be started");
    let mut input = child.stdin.take().expect("it has one");
    // One that has ended already does not read.
    let _ = input.write_all(sequence.as_bytes());
    drop(input);
    let mut transcript = read_all(&mut child);
    transcript += &end(&mut child).expect("a child can be waited for");
    // The contents once all is done, which may be after the process's last words.
    for name in FILES {
        if let Ok(bytes) = fs::read(directory.join(name)) {
            transcript += &format!(
                "file {name}: {} bytes {}\n",
                bytes.len(),
                digest::of(&bytes)
            );
        }
    }
    let _ = fs::remove_dir_all(directory);
    transcript
}

/// Reads until the other end is closed, or it is too late.
fn read_all(child: &mut Child) -> String {
    let begin = Instant::now();
    let output = child.stdout.take().expect("it has one");
    let mut text = Vec::new();
    let mut buffer = [0; 4096];
    while let Some(left) = LIMIT.checked_sub(begin.elapsed()) {
        let mut wanted = libc::pollfd {
            fd: output.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: one is there, and the buffer has its length.
        let count = unsafe {
            if libc::poll(&raw mut wanted, 1, left.as_millis() as i32 + 1) != 1 {
                continue;
            }
            libc::read(output.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len())
        };
        if count <= 0 {
            break;
        }
        text.extend_from_slice(&buffer[..count as usize]);
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// Waits for the end of the process, ends it if it does not end by itself, and says what was wrong with that.
fn end(child: &mut Child) -> std::io::Result<String> {
    let begin = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if begin.elapsed() > Duration::from_secs(3) {
            child.kill()?;
            child.wait()?;
            return Ok("hangs\n".to_owned());
        }
        std::thread::sleep(Duration::from_micros(200));
    };
    Ok(match (status.signal(), status.code()) {
        (Some(signal), _) => format!("killed by signal {signal}\n"),
        (None, Some(0)) => String::new(),
        (None, code) => format!("ended with {code:?}\n"),
    })
}
