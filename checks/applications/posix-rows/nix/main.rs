//! nix, Rust's crate of POSIX, on a file and on sockets: blocks are written many at a time, made safe, read
//! and compared; and a read that waits for its bytes is served. usage: aio-file FILE

use std::fs::OpenOptions;
use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::pin::Pin;

use nix::errno::Errno;
use nix::libc::aiocb;
use nix::sys::aio::{Aio, AioFsync, AioFsyncMode, AioRead, AioWrite, aio_suspend};
use nix::sys::signal::SigevNotify;

const BLOCK: usize = 8192;
const BLOCKS: usize = 2048;
const AT_ONCE: usize = 64;

fn content(number: usize) -> Vec<u8> {
    (0..BLOCK)
        .map(|i| (number * 37 + i * 11 + i / 256) as u8)
        .collect()
}

/// Waits for all, in `aio_suspend`, and asks each for its result.
fn finish<A: Aio + AsRef<aiocb>>(requests: &mut [Pin<Box<A>>]) -> Vec<A::Output> {
    loop {
        let pending: Vec<&dyn AsRef<aiocb>> = requests
            .iter_mut()
            .filter_map(|request| match request.as_mut().error() {
                Err(Errno::EINPROGRESS) => Some(&**request as &dyn AsRef<aiocb>),
                Err(error) => panic!("a request failed: {error}"),
                Ok(()) => None,
            })
            .collect();
        if pending.is_empty() {
            break;
        }
        aio_suspend(&pending, None).expect("aio_suspend");
    }
    requests
        .iter_mut()
        .map(|request| request.as_mut().aio_return().expect("aio_return"))
        .collect()
}

fn main() {
    let name = std::env::args().nth(1).expect("usage: aio-file FILE");
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(name)
        .expect("open");

    for begin in (0..BLOCKS).step_by(AT_ONCE) {
        let blocks: Vec<Vec<u8>> = (begin..begin + AT_ONCE).map(content).collect();
        let mut writes: Vec<_> = blocks
            .iter()
            .enumerate()
            .map(|(i, block)| {
                let offset = ((begin + i) * BLOCK) as i64;
                let notify = SigevNotify::SigevNone;
                Box::pin(AioWrite::new(file.as_fd(), offset, block, 0, notify))
            })
            .collect();
        for write in &mut writes {
            write.as_mut().submit().expect("aio_write");
        }
        assert_eq!(finish(&mut writes), [BLOCK; AT_ONCE]);
    }

    let notify = SigevNotify::SigevNone;
    let mut sync = [Box::pin(AioFsync::new(
        file.as_fd(),
        AioFsyncMode::O_SYNC,
        0,
        notify,
    ))];
    sync[0].as_mut().submit().expect("aio_fsync");
    finish(&mut sync);

    for begin in (0..BLOCKS).step_by(AT_ONCE) {
        let mut blocks = vec![vec![0; BLOCK]; AT_ONCE];
        let mut reads: Vec<_> = blocks
            .iter_mut()
            .enumerate()
            .map(|(i, block)| {
                let offset = ((begin + i) * BLOCK) as i64;
                let notify = SigevNotify::SigevNone;
                Box::pin(AioRead::new(file.as_fd(), offset, block, 0, notify))
            })
            .collect();
        for read in &mut reads {
            read.as_mut().submit().expect("aio_read");
        }
        assert_eq!(finish(&mut reads), [BLOCK; AT_ONCE]);
        drop(reads);
        for (i, block) in blocks.iter().enumerate() {
            assert!(*block == content(begin + i), "block {} differs", begin + i);
        }
    }

    let (mut here, there) = UnixStream::pair().expect("socketpair");
    let mut served = 0;
    for number in 0..1000_u32 {
        let mut bytes = [0; 4];
        let notify = SigevNotify::SigevNone;
        let mut read = [Box::pin(AioRead::new(
            there.as_fd(),
            0,
            &mut bytes,
            0,
            notify,
        ))];
        read[0].as_mut().submit().expect("aio_read of a socket");
        here.write_all(&number.to_ne_bytes()).expect("write");
        assert_eq!(finish(&mut read), [4]);
        drop(read);
        assert_eq!(u32::from_ne_bytes(bytes), number);
        served += 1;
    }
    println!("{BLOCKS} blocks, {served} reads of a socket");
}
