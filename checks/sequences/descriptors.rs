//! The kinds of descriptors, how each is opened, and what makes it ready.
//!
//! A descriptor lies at a number that its slot alone decides, so that what an engine opens for itself changes nothing.
//! What stands at the other end of a pipe, socket and so on is the executor's own, at another such number.

use std::ffi::CString;
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

use libc::c_int;

use crate::line::Line;

pub const SLOTS: usize = 12;
const FIRST: c_int = 100;
const FIRST_PEER: c_int = 200;
/// Bytes of a file that is not empty.
pub const FILE: usize = 32768;

/// What makes a descriptor ready.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Feed {
    Nothing,
    /// Bytes written to the peer.
    Bytes,
    /// Eight bytes that say 1, written to the peer.
    One,
    Timer,
    /// A file made in the directory that is watched.
    Directory,
    /// The end of a child.
    Child,
    Signal,
    /// A connection.
    Connection,
}

#[derive(Clone)]
pub struct Descriptor {
    pub kind: String,
    pub fd: c_int,
    pub peer: c_int,
    /// What has the same contents, or becomes ready together, is one group.
    pub group: u64,
    pub feed: Feed,
    /// A read or write of it may wait inside io_submit.
    pub may_block: bool,
    child: c_int,
    port: u16,
    watched: PathBuf,
}

pub fn number_of(slot: usize) -> c_int {
    FIRST + slot as c_int
}

/// The files of a sequence. `h` has a hole in the middle.
pub const FILES: [&str; 4] = ["a", "b", "e", "h"];

fn contents(name: &str) -> Vec<u8> {
    let length = if name == "e" { 0 } else { FILE };
    let byte = |index: usize| (index % 251) as u8 ^ name.as_bytes()[0];
    (0..length).map(byte).collect()
}

/// Makes a file, if it is not there, with what a file of that name holds.
fn make_file(path: &Path, name: &str) {
    if path.exists() {
        return;
    }
    let bytes = contents(name);
    if name != "h" {
        std::fs::write(path, bytes).expect("a file can be made");
        return;
    }
    use std::os::unix::fs::FileExt as _;
    let file = std::fs::File::create(path).expect("a file can be made");
    for part in [0..8192, FILE - 8192..FILE] {
        file.write_all_at(&bytes[part.clone()], part.start as u64)
            .expect("a file can be written");
    }
}

/// What the words after the kind say, as flags of open(2).
fn flags_of(line: &Line) -> c_int {
    let flag = |word: &&str| match *word {
        "direct" => libc::O_DIRECT,
        "append" => libc::O_APPEND,
        "sync" => libc::O_SYNC,
        "dsync" => libc::O_DSYNC,
        "nonblock" => libc::O_NONBLOCK,
        _ => 0,
    };
    let access = if line.words().contains(&"rdonly") {
        libc::O_RDONLY
    } else if line.words().contains(&"wronly") {
        libc::O_WRONLY
    } else {
        libc::O_RDWR
    };
    line.words()
        .iter()
        .map(flag)
        .fold(access, |all, flag| all | flag)
}

fn open(path: &Path, flags: c_int) -> c_int {
    let path = CString::new(path.as_os_str().as_encoded_bytes()).expect("no zero byte");
    // SAFETY: it is a string.
    unsafe { libc::open(path.as_ptr(), flags | libc::O_CLOEXEC, 0o600) }
}

/// Writes the contents of a file, whatever its flags.
fn fill_file(fd: c_int) {
    // SAFETY: any number may be given; the contents are there.
    unsafe {
        let flags = libc::fcntl(fd, libc::F_GETFL);
        libc::fcntl(fd, libc::F_SETFL, flags & !libc::O_DIRECT);
        libc::pwrite(fd, contents("a").as_ptr().cast(), FILE, 0);
        libc::fcntl(fd, libc::F_SETFL, flags);
    }
}

fn socket_pair(kind: c_int) -> (c_int, c_int) {
    let mut ends = [0; 2];
    // SAFETY: there is room for two.
    unsafe {
        libc::socketpair(
            libc::AF_UNIX,
            kind | libc::SOCK_CLOEXEC,
            0,
            ends.as_mut_ptr(),
        )
    };
    (ends[0], ends[1])
}

fn pipe(flags: c_int) -> (c_int, c_int) {
    let mut ends = [0; 2];
    // SAFETY: there is room for two.
    unsafe { libc::pipe2(ends.as_mut_ptr(), flags | libc::O_CLOEXEC) };
    (ends[0], ends[1])
}

fn local_address(port: u16) -> libc::sockaddr_in {
    // SAFETY: zeros are an address.
    let mut address: libc::sockaddr_in = unsafe { std::mem::zeroed() };
    address.sin_family = libc::AF_INET as u16;
    address.sin_port = port.to_be();
    address.sin_addr.s_addr = u32::from_ne_bytes([127, 0, 0, 1]);
    address
}

fn listening() -> (c_int, u16) {
    let mut address = local_address(0);
    let mut length = size_of::<libc::sockaddr_in>() as u32;
    // SAFETY: the address is as long as it says.
    unsafe {
        let socket = libc::socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0);
        libc::bind(socket, (&raw const address).cast(), length);
        libc::listen(socket, 8);
        libc::getsockname(socket, (&raw mut address).cast(), &raw mut length);
        (socket, u16::from_be(address.sin_port))
    }
}

fn connect(port: u16) -> c_int {
    let address = local_address(port);
    // SAFETY: the address is as long as it says.
    unsafe {
        let socket = libc::socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0);
        libc::connect(
            socket,
            (&raw const address).cast(),
            size_of::<libc::sockaddr_in>() as u32,
        );
        let one: c_int = 1;
        libc::setsockopt(
            socket,
            libc::IPPROTO_TCP,
            libc::TCP_NODELAY,
            (&raw const one).cast(),
            4,
        );
        socket
    }
}

/// A child that waits to be killed, and has nothing of this process's open any more.
fn waiting_child() -> c_int {
    let (read, write) = pipe(0);
    // SAFETY: the child makes system calls only.
    unsafe {
        let child = libc::fork();
        if child == 0 {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            libc::syscall(libc::SYS_close_range, 0, u32::MAX, 0);
            loop {
                libc::pause();
            }
        }
        libc::close(write);
        // The end of the pipe: the child has closed all.
        let mut byte = 0_u8;
        libc::read(read, (&raw mut byte).cast(), 1);
        libc::close(read);
        child
    }
}

fn set_nonblocking(fd: c_int) {
    // SAFETY: any number may be given.
    unsafe {
        let flags = libc::fcntl(fd, libc::F_GETFL);
        libc::fcntl(fd, libc::F_SETFL, flags | libc::O_NONBLOCK);
    }
}

/// Moves a descriptor to a number of ours.
fn put(fd: c_int, at: c_int) -> c_int {
    if fd < 0 {
        return -1;
    }
    // SAFETY: any numbers may be given.
    unsafe {
        libc::dup3(fd, at, libc::O_CLOEXEC);
        libc::close(fd);
    }
    at
}

impl Descriptor {
    /// Opens `open SLOT KIND WORD...`. `fresh` is a group that nothing is in yet.
    pub fn open(line: &Line, directory: &Path, fresh: u64) -> Descriptor {
        let slot = line.number(0) % SLOTS;
        let kind = line.place(1);
        let flags = flags_of(line);
        let blocking = flags & libc::O_NONBLOCK;
        let socket_flags = if blocking == 0 {
            0
        } else {
            libc::SOCK_NONBLOCK
        };
        let mut made = Descriptor {
            kind: kind.to_owned(),
            fd: -1,
            peer: -1,
            group: fresh,
            feed: Feed::Nothing,
            may_block: false,
            child: 0,
            port: 0,
            watched: directory.join("watched"),
        };
        // SAFETY: nothing but constants is given to these calls.
        let (fd, peer) = unsafe {
            match kind {
                "file" => {
                    let name = FILES
                        .into_iter()
                        .find(|name| *name == line.place(2))
                        .unwrap_or("a");
                    made.group = u64::from(name.as_bytes()[0]);
                    make_file(&directory.join(name), name);
                    (open(&directory.join(name), flags), -1)
                }
                "tmpfs" => {
                    let fd = open(Path::new("/dev/shm"), flags | libc::O_TMPFILE);
                    fill_file(fd);
                    (fd, -1)
                }
                "memfd" => {
                    let fd = libc::memfd_create(
                        c"memory".as_ptr(),
                        libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING,
                    );
                    fill_file(fd);
                    if line.words().contains(&"sealed") {
                        libc::fcntl(fd, libc::F_ADD_SEALS, libc::F_SEAL_WRITE);
                    }
                    (fd, -1)
                }
                "stat" => (open(Path::new("/proc/self/stat"), libc::O_RDONLY), -1),
                "mounts" => (open(Path::new("/proc/self/mounts"), libc::O_RDONLY), -1),
                "procmem" => (open(Path::new("/proc/self/mem"), libc::O_RDWR), -1),
                "sysctl" => (
                    open(Path::new("/proc/sys/kernel/ostype"), libc::O_RDONLY),
                    -1,
                ),
                "swaps" => (open(Path::new("/proc/swaps"), libc::O_RDONLY), -1),
                "null" => (open(Path::new("/dev/null"), flags), -1),
                "zero" => (open(Path::new("/dev/zero"), flags), -1),
                "full" => (open(Path::new("/dev/full"), flags), -1),
                "directory" => (open(directory, libc::O_RDONLY | libc::O_DIRECTORY), -1),
                "path" => {
                    make_file(&directory.join("a"), "a");
                    (open(&directory.join("a"), libc::O_PATH), -1)
                }
                "pipe-read" | "packet-read" | "pipe-write" | "packet-write" => {
                    let packets = if kind.starts_with("packet") {
                        libc::O_DIRECT
                    } else {
                        0
                    };
                    let (read, write) = pipe(packets | blocking);
                    if kind.ends_with("read") {
                        made.feed = Feed::Bytes;
                        (read, write)
                    } else {
                        (write, read)
                    }
                }
                "fifo" => {
                    let path = directory.join("fifo");
                    let name =
                        CString::new(path.as_os_str().as_encoded_bytes()).expect("no zero byte");
                    libc::mkfifo(name.as_ptr(), 0o600);
                    let fd = open(&path, libc::O_RDWR | blocking);
                    let peer = open(&path, libc::O_RDWR | libc::O_NONBLOCK);
                    libc::unlink(name.as_ptr());
                    made.feed = Feed::Bytes;
                    (fd, peer)
                }
                "stream" | "datagram" | "seqpacket" => {
                    made.feed = Feed::Bytes;
                    socket_pair(
                        socket_flags
                            | match kind {
                                "stream" => libc::SOCK_STREAM,
                                "datagram" => libc::SOCK_DGRAM,
                                _ => libc::SOCK_SEQPACKET,
                            },
                    )
                }
                "tcp" => {
                    let (listener, port) = listening();
                    let peer = connect(port);
                    let fd = libc::accept4(
                        listener,
                        ptr::null_mut(),
                        ptr::null_mut(),
                        socket_flags | libc::SOCK_CLOEXEC,
                    );
                    libc::close(listener);
                    made.feed = Feed::Bytes;
                    (fd, peer)
                }
                "unconnected" => (
                    libc::socket(
                        libc::AF_UNIX,
                        libc::SOCK_STREAM | libc::SOCK_CLOEXEC | socket_flags,
                        0,
                    ),
                    -1,
                ),
                "listening" => {
                    let (fd, port) = listening();
                    made.port = port;
                    made.feed = Feed::Connection;
                    (fd, -1)
                }
                "eventfd" | "semaphore" => {
                    let semaphore = if kind == "semaphore" {
                        libc::EFD_SEMAPHORE
                    } else {
                        0
                    };
                    let start = if line.words().contains(&"data") { 3 } else { 0 };
                    let fd = libc::eventfd(start, libc::EFD_CLOEXEC | semaphore | blocking);
                    made.feed = Feed::One;
                    (fd, libc::dup(fd))
                }
                "timerfd" => {
                    made.feed = Feed::Timer;
                    (
                        libc::timerfd_create(libc::CLOCK_MONOTONIC, libc::TFD_CLOEXEC | blocking),
                        -1,
                    )
                }
                "epoll" => {
                    let fd = libc::epoll_create1(libc::EPOLL_CLOEXEC);
                    let peer = libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK);
                    let peer = put(peer, FIRST_PEER + slot as c_int);
                    let mut wanted = libc::epoll_event {
                        events: libc::EPOLLIN as u32,
                        u64: 0,
                    };
                    libc::epoll_ctl(fd, libc::EPOLL_CTL_ADD, peer, &raw mut wanted);
                    made.feed = Feed::One;
                    made.fd = put(fd, number_of(slot));
                    made.peer = peer;
                    return made;
                }
                "inotify" => {
                    let fd = libc::inotify_init1(libc::IN_CLOEXEC | blocking);
                    let _ = std::fs::create_dir(&made.watched);
                    let name = CString::new(made.watched.as_os_str().as_encoded_bytes())
                        .expect("no zero byte");
                    libc::inotify_add_watch(fd, name.as_ptr(), libc::IN_CREATE);
                    made.feed = Feed::Directory;
                    (fd, -1)
                }
                "pidfd" => {
                    made.child = waiting_child();
                    made.feed = Feed::Child;
                    (
                        libc::syscall(libc::SYS_pidfd_open, made.child, 0) as c_int,
                        -1,
                    )
                }
                "signalfd" => {
                    let mut set: libc::sigset_t = std::mem::zeroed();
                    libc::sigaddset(&raw mut set, libc::SIGUSR2);
                    libc::sigprocmask(libc::SIG_BLOCK, &raw const set, ptr::null_mut());
                    made.feed = Feed::Signal;
                    (
                        libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | blocking),
                        -1,
                    )
                }
                "terminal" | "master" => {
                    let master =
                        libc::posix_openpt(libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC);
                    libc::grantpt(master);
                    libc::unlockpt(master);
                    let mut name = [0; 64];
                    libc::ptsname_r(master, name.as_mut_ptr(), name.len());
                    let slave = libc::open(
                        name.as_ptr(),
                        libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC | blocking,
                    );
                    // Without echo, which comes when it likes.
                    let mut raw: libc::termios = std::mem::zeroed();
                    libc::tcgetattr(slave, &raw mut raw);
                    libc::cfmakeraw(&raw mut raw);
                    libc::tcsetattr(slave, libc::TCSANOW, &raw const raw);
                    made.feed = Feed::Bytes;
                    if kind == "terminal" {
                        (slave, master)
                    } else {
                        (master, slave)
                    }
                }
                // The slot stays as it is: a number that is not open.
                _ => (-1, -1),
            }
        };
        made.may_block = matches!(
            kind,
            "pipe-read"
                | "packet-read"
                | "pipe-write"
                | "packet-write"
                | "fifo"
                | "stream"
                | "datagram"
                | "seqpacket"
                | "tcp"
                | "unconnected"
                | "listening"
                | "eventfd"
                | "semaphore"
                | "timerfd"
                | "signalfd"
                | "terminal"
                | "master"
        );
        made.fd = if fd >= 0 {
            put(fd, number_of(slot))
        } else if kind == "minus" {
            -1
        } else {
            number_of(slot)
        };
        made.peer = put(peer, FIRST_PEER + slot as c_int);
        if made.peer >= 0 && !matches!(kind, "eventfd" | "semaphore") {
            set_nonblocking(made.peer);
        }
        if line.words().contains(&"data") && !matches!(kind, "eventfd" | "semaphore") {
            made.feed(10);
        }
        if line.words().contains(&"full") {
            made.fill_up();
        }
        made
    }

    /// Makes it ready, and says whether something was done.
    pub fn feed(&self, bytes: usize) -> bool {
        let data: Vec<u8> = (0..bytes)
            .map(|index| {
                if index % 10 == 9 {
                    b'\n'
                } else {
                    b'a' + (index % 26) as u8
                }
            })
            .collect();
        // SAFETY: what is given to these calls is there.
        unsafe {
            match self.feed {
                Feed::Nothing => return false,
                Feed::Bytes if self.is_terminal() => self.feed_terminal(&data),
                Feed::Bytes => {
                    libc::write(self.peer, data.as_ptr().cast(), data.len());
                }
                Feed::One => {
                    libc::write(self.peer, (&raw const ONE).cast(), 8);
                }
                Feed::Timer => {
                    let mut soon: libc::itimerspec = std::mem::zeroed();
                    soon.it_value.tv_nsec = 1;
                    libc::timerfd_settime(self.fd, 0, &raw const soon, ptr::null_mut());
                    let mut wanted = libc::pollfd {
                        fd: self.fd,
                        events: libc::POLLIN,
                        revents: 0,
                    };
                    libc::poll(&raw mut wanted, 1, 100);
                }
                Feed::Directory => {
                    let number = MADE.fetch_add(1, Relaxed);
                    let _ = std::fs::write(self.watched.join(number.to_string()), "");
                }
                Feed::Child => {
                    libc::kill(self.child, libc::SIGKILL);
                    let mut wanted = libc::pollfd {
                        fd: self.fd,
                        events: libc::POLLIN,
                        revents: 0,
                    };
                    libc::poll(&raw mut wanted, 1, 1000);
                }
                Feed::Signal => {
                    libc::raise(libc::SIGUSR2);
                }
                Feed::Connection => {
                    connect(self.port);
                }
            }
        }
        self.calm();
        true
    }

    fn is_terminal(&self) -> bool {
        matches!(self.kind.as_str(), "terminal" | "master")
    }

    /// A terminal holds [`HELD`] bytes. One more comes when the kernel has seen that others were read, which may
    /// be later than the next line of the sequence. And those that have room come by a worker of the kernel's.
    fn feed_terminal(&self, data: &[u8]) {
        let before = bytes_held(self.fd);
        let data = &data[..data.len().min(HELD.saturating_sub(before))];
        // SAFETY: the bytes are there.
        let written = unsafe { libc::write(self.peer, data.as_ptr().cast(), data.len()) };
        for _ in 0..100 {
            if bytes_held(self.fd) >= before + written.max(0) as usize {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }

    /// Writes until there is no room.
    fn fill_up(&self) {
        let block = [b'f'; 4096];
        // SAFETY: the block is there.
        unsafe {
            let flags = libc::fcntl(self.fd, libc::F_GETFL);
            libc::fcntl(self.fd, libc::F_SETFL, flags | libc::O_NONBLOCK);
            while libc::write(self.fd, block.as_ptr().cast(), block.len()) > 0 {}
            libc::fcntl(self.fd, libc::F_SETFL, flags);
        }
    }

    /// What is written to a terminal or a TCP socket goes through queues of the kernel's own to the other end.
    pub fn calm(&self) {
        if self.is_terminal() || matches!(self.kind.as_str(), "tcp" | "listening") {
            std::thread::sleep(std::time::Duration::from_millis(3));
        }
    }

    pub fn end_child(&self) {
        if self.child > 0 {
            // SAFETY: the child is ours.
            unsafe { libc::kill(self.child, libc::SIGKILL) };
        }
    }
}

static ONE: u64 = 1;
/// Files made in the directory that is watched.
static MADE: AtomicU32 = AtomicU32::new(0);

/// How many bytes of input a terminal holds: `N_TTY_BUF_SIZE`, less one.
const HELD: usize = 4095;

/// How many bytes a read of a terminal finds.
fn bytes_held(fd: c_int) -> usize {
    let mut count: c_int = 0;
    // SAFETY: the number is there.
    unsafe { libc::ioctl(fd, libc::FIONREAD, &raw mut count) };
    count.max(0) as usize
}

/// Which of the events of poll(2) a descriptor has.
pub fn readiness(fd: c_int, events: i16) -> i16 {
    let mut wanted = libc::pollfd {
        fd,
        events,
        revents: 0,
    };
    // SAFETY: one is there.
    unsafe { libc::poll(&raw mut wanted, 1, 0) };
    wanted.revents
}

/// The flags of an open file; -1 if there is none.
pub fn status_flags(fd: c_int) -> c_int {
    // SAFETY: any number may be given.
    unsafe { libc::fcntl(fd, libc::F_GETFL) }
}

/// The size of a regular file.
pub fn size_of_file(fd: c_int) -> Option<u64> {
    // SAFETY: zeros are a status, and the call writes one.
    let (result, status) = unsafe {
        let mut status: libc::stat = std::mem::zeroed();
        (libc::fstat(fd, &raw mut status), status)
    };
    let is_regular = status.st_mode & libc::S_IFMT == libc::S_IFREG;
    (result == 0 && is_regular && status_flags(fd) & libc::O_PATH == 0)
        .then_some(status.st_size as u64)
}
