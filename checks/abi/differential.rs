//! The same calls with the same arguments, valid and not, on the C library and on ours: return
//! value, `errno`, memory and events must be the same.
//!
//! Both libraries are in this process. Every pointer argument lies in one arena, which is put back
//! between the two calls, so what a call leaves in it can be compared byte for byte.
//!
//! The referee is the C library, except where it reads its ring without asking the kernel: there it
//! crashes on a bad address and overlooks a bad count or mask, and the referee is the system call.
//!
//! `LIBAIO_TEST_CASES` and `LIBAIO_TEST_SEED` choose how many cases, and which.

use abi_tests::{Library, Width, kernel_aio};
use std::env;
use std::ffi::{CString, c_int, c_long};
use std::ptr;

const PAGE: usize = 4096;
const ERRNO: c_int = 4242;

/// Every exported function, with its version; then the system call that it must amount to.
const SYMBOLS: [(&str, &str); 13] = [
    ("io_setup", "LIBAIO_0.4"),
    ("io_destroy", "LIBAIO_0.4"),
    ("io_submit", "LIBAIO_0.1"),
    ("io_cancel", "LIBAIO_0.4"),
    ("io_getevents", "LIBAIO_0.4"),
    ("io_pgetevents", "LIBAIO_0.5"),
    ("io_queue_init", "LIBAIO_0.1"),
    ("io_queue_release", "LIBAIO_0.1"),
    ("io_queue_run", "LIBAIO_0.1"),
    ("io_queue_wait", "LIBAIO_0.4"),
    ("io_cancel", "LIBAIO_0.1"),
    ("io_getevents", "LIBAIO_0.1"),
    ("io_queue_wait", "LIBAIO_0.1"),
];

/// All arguments are integers or pointers, which x86-64 passes alike, so one type serves for all.
type Function = unsafe extern "C" fn(usize, usize, usize, usize, usize, usize) -> c_int;

/// Loads the 13 functions of one library.
fn load(library: Library) -> Vec<Function> {
    let path = library
        .directory(Width::W64)
        .unwrap()
        .join("libaio.so.1.0.2");
    let path = CString::new(path.to_str().unwrap()).unwrap();
    let handle = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
    assert!(!handle.is_null(), "{path:?} can be loaded");
    let find = |(name, version): (&str, &str)| {
        let (name, version) = (CString::new(name).unwrap(), CString::new(version).unwrap());
        let function = unsafe { libc::dlvsym(handle, name.as_ptr(), version.as_ptr()) };
        assert!(!function.is_null(), "{name:?}@{version:?}");
        unsafe { std::mem::transmute::<*mut libc::c_void, Function>(function) }
    };
    SYMBOLS.map(find).to_vec()
}

unsafe fn kernel(number: c_long, a: [usize; 6]) -> c_int {
    let result = unsafe { libc::syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]) };
    if result == -1 {
        -unsafe { *libc::__errno_location() }
    } else {
        result as c_int
    }
}

/// What a function is if it asks the kernel and does nothing else.
unsafe fn by_system_call(symbol: usize, a: [usize; 6]) -> c_int {
    let (setup, destroy, getevents, submit, cancel) = (206, 207, 208, 209, 210);
    unsafe {
        match symbol {
            0 | 6 => kernel(setup, a),
            1 | 7 => kernel(destroy, a),
            2 => kernel(submit, a),
            3 | 10 => kernel(cancel, a),
            4 => kernel(getevents, a),
            5 => {
                let sigset = [a[5], 8];
                kernel(
                    333,
                    [a[0], a[1], a[2], a[3], a[4], sigset.as_ptr() as usize],
                )
            }
            9 | 12 => kernel(getevents, [a[0], 0, 0, 0, a[1], 0]),
            11 => kernel(getevents, [a[0], 1, a[1], a[2], a[3], 0]),
            8 => {
                let (mut event, zero) = ([0usize; 4], [0usize; 2]);
                let (event, zero) = (event.as_mut_ptr() as usize, zero.as_ptr() as usize);
                kernel(getevents, [a[0], 0, 1, event, zero, 0])
            }
            _ => unreachable!("there are 13 functions"),
        }
    }
}

/// Memory that the arguments point to: pages of every kind, whose contents can be put back.
struct Arena {
    base: usize,
    null: c_int,
    pipe: [c_int; 2],
}

// Pages of the arena.
const EVENTS: usize = 0;
const NOWHERE: usize = PAGE;
const READ_ONLY: usize = 2 * PAGE;
const DATA: usize = 3 * PAGE;
const AFTER_DATA: usize = 4 * PAGE;
const READY: usize = 5 * PAGE;
const SIZE: usize = 6 * PAGE;
// Inside DATA: iocbs, then times, the rest, and the pointer array that ends with the page.
const TIMES: usize = DATA + 2048;
const MASK: usize = DATA + 2560;
const SLOT: usize = DATA + 2624;
const COPY: usize = DATA + 2688;
const POINTERS: usize = AFTER_DATA - 8 * 8;

const IOCB_KINDS: usize = 16;

/// Timeouts, with what the kernel makes of them; none waits longer than a millisecond.
const TIMESPECS: [(i64, i64); 7] = [
    (0, 0),
    (0, 1),
    (0, 200_000),
    (-1, 1_000_000_001),
    (1, -999_900_000),
    (-1, 0),
    (0, -1),
];
const FOREVER: [usize; 2] = [5, 6];

impl Arena {
    fn new() -> Arena {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let base = unsafe { libc::mmap(ptr::null_mut(), SIZE, access, flags, -1, 0) };
        assert_ne!(base, libc::MAP_FAILED);
        let mut pipe = [0; 2];
        let null = unsafe { libc::open(c"/dev/null".as_ptr(), libc::O_RDWR) };
        assert!(null >= 0 && unsafe { libc::pipe(pipe.as_mut_ptr()) } == 0);
        let arena = Arena {
            base: base as usize,
            null,
            pipe,
        };
        for (page, access) in [
            (NOWHERE, libc::PROT_NONE),
            (AFTER_DATA, libc::PROT_NONE),
            (READ_ONLY, libc::PROT_READ),
        ] {
            assert_eq!(
                unsafe { libc::mprotect(arena.at(page) as *mut _, PAGE, access) },
                0
            );
        }
        arena
    }

    fn at(&self, offset: usize) -> usize {
        self.base + offset
    }

    fn page(&self, page: usize) -> Vec<u8> {
        unsafe { std::slice::from_raw_parts(self.at(page) as *const u8, PAGE) }.to_vec()
    }

    fn write(&self, at: usize, bytes: &[u8]) {
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), self.at(at) as *mut u8, bytes.len()) }
    }

    fn iocb(&self, kind: usize) -> usize {
        self.at(DATA) + 64 * kind
    }

    /// Puts everything back to what each call starts with.
    fn fill(&self) {
        self.write(EVENTS, &[0xee; PAGE]);
        self.write(DATA, &[0; PAGE]);
        for kind in 0..IOCB_KINDS {
            let (mut opcode, mut fd, mut bytes, mut reserved) = (1u16, self.null, 8i64, 0u64);
            let (mut rw_flags, mut key, mut flags, mut resfd) = (0u32, 0u32, 0u32, 0i32);
            let (mut offset, mut buffer) = (0i64, self.at(READ_ONLY));
            match kind {
                1 => fd = -1,
                2 => opcode = 99,
                3 => reserved = 1,
                4 => bytes = -1,
                5 => rw_flags = 0x4000_0000,
                6 => (flags, resfd) = (1, -1),
                7 => (flags, resfd) = (1, self.null),
                8 => opcode = 6,
                9 => offset = -1,
                10 => buffer = usize::MAX & !0xfff,
                11 => key = 7,
                12 => (opcode, fd, bytes, buffer) = (5, self.pipe[0], 0, libc::POLLIN as usize),
                13 => (opcode, bytes, buffer) = (8, 2000, self.at(DATA)),
                14 => (opcode, bytes, buffer) = (2, 0, 0),
                15 => (opcode, fd) = (0, self.pipe[1]),
                _ => {}
            }
            let mut iocb = [0; 64];
            iocb[0..8].copy_from_slice(&(1000 + kind as u64).to_ne_bytes());
            iocb[8..12].copy_from_slice(&key.to_ne_bytes());
            iocb[12..16].copy_from_slice(&rw_flags.to_ne_bytes());
            iocb[16..18].copy_from_slice(&opcode.to_ne_bytes());
            iocb[20..24].copy_from_slice(&fd.to_ne_bytes());
            iocb[24..32].copy_from_slice(&(buffer as u64).to_ne_bytes());
            iocb[32..40].copy_from_slice(&bytes.to_ne_bytes());
            iocb[40..48].copy_from_slice(&offset.to_ne_bytes());
            iocb[48..56].copy_from_slice(&reserved.to_ne_bytes());
            iocb[56..60].copy_from_slice(&flags.to_ne_bytes());
            iocb[60..64].copy_from_slice(&resfd.to_ne_bytes());
            self.write(DATA + 64 * kind, &iocb);
        }
        for (index, (seconds, nanoseconds)) in TIMESPECS.iter().enumerate() {
            self.write(TIMES + 16 * index, &seconds.to_ne_bytes());
            self.write(TIMES + 16 * index + 8, &nanoseconds.to_ne_bytes());
        }
        // A ring header that no kernel made.
        let header = [0u32, 127, 3, 5, 0xa10a_10a1, 1, 0, 32];
        for (index, word) in header.iter().enumerate() {
            self.write(COPY + 4 * index, &word.to_ne_bytes());
        }
    }

    fn words(&self, at: usize, words: &[usize]) {
        for (index, word) in words.iter().enumerate() {
            unsafe { ptr::write_unaligned((self.at(at) as *mut usize).add(index), *word) };
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Arg {
    Number(usize),
    Context,
}

#[derive(Clone, Debug)]
struct Case {
    symbol: usize,
    args: [Arg; 6],
    /// Completed writes that wait in the ring when the call is made.
    ready: usize,
    /// A poll that is in flight when the call is made.
    poll: bool,
    /// The pointer array of io_submit, and what the context slot of io_setup holds.
    pointers: [usize; 8],
    slot: usize,
    /// The C library would not ask the kernel here.
    kernel_decides: bool,
}

struct Generator<'a> {
    random: fastrand::Rng,
    arena: &'a Arena,
}

impl Generator<'_> {
    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.random.usize(..from.len())]
    }

    fn bad_pointer(&mut self) -> usize {
        let arena = self.arena;
        self.pick(&[
            0,
            usize::MAX,
            0xffff_ffff_8100_0000,
            1 << 63,
            arena.at(NOWHERE),
            1,
        ])
    }

    /// A context that is none; one that the C library may not look at is left to the kernel.
    fn bad_context(&mut self, read_by_library: bool) -> (Arg, bool) {
        let arena = self.arena;
        let unreadable = [usize::MAX, 0xffff_ffff_8100_0000, 4095, arena.at(NOWHERE)];
        let readable = [0, arena.at(COPY), arena.at(EVENTS)];
        if self.random.bool() {
            (Arg::Number(self.pick(&unreadable)), read_by_library)
        } else {
            (Arg::Number(self.pick(&readable)), false)
        }
    }

    fn case(&mut self) -> Case {
        let mut case = Case {
            symbol: self.random.usize(..SYMBOLS.len()),
            args: [Arg::Number(0); 6],
            ready: self.random.usize(..7),
            poll: false,
            pointers: [0; 8],
            slot: 0,
            kernel_decides: false,
        };
        let reads_ring = [4, 5, 9, 11, 12].contains(&case.symbol);
        let live = self.random.u8(..100) < 80;
        let (context, blind) = if live {
            (Arg::Context, false)
        } else {
            self.bad_context(reads_ring || case.symbol == 8)
        };
        case.args[0] = context;
        case.kernel_decides = blind;
        match case.symbol {
            0 | 6 => self.setup(&mut case),
            // A live context is destroyed now and then: it takes 30 ms.
            1 | 7 => {
                if live && self.random.u8(..100) >= 2 {
                    case.args[0] = self.bad_context(false).0;
                }
            }
            2 => self.submit(&mut case),
            3 | 10 => self.cancel(&mut case),
            // The C library looks at the ring of any context but null.
            8 => case.kernel_decides = !live,
            _ => self.getevents(&mut case, live),
        }
        case
    }

    fn setup(&mut self, case: &mut Case) {
        let arena = self.arena;
        let counts = [
            0,
            1,
            -1,
            c_int::MAX,
            c_int::MIN,
            8_388_608,
            65_537,
            4_194_304,
        ];
        let mut count = self.pick(&counts);
        // One that works is rare: it has to be destroyed again.
        if count == 1 && self.random.u8(..100) >= 20 {
            count = 0;
        }
        let good = self.random.bool();
        let slot = if good {
            arena.at(SLOT)
        } else if case.symbol == 0 {
            self.pick(&[
                0,
                usize::MAX & !7,
                1 << 63,
                arena.at(NOWHERE),
                arena.at(READ_ONLY),
            ])
        } else {
            // io_queue_init writes there itself.
            arena.at(SLOT)
        };
        if self.random.u8(..100) < 30 {
            case.slot = self.pick(&[1, arena.at(COPY), usize::MAX]);
        }
        case.args = [Arg::Number(0); 6];
        case.args[0] = Arg::Number(count as usize);
        case.args[1] = Arg::Number(slot);
    }

    fn submit(&mut self, case: &mut Case) {
        let arena = self.arena;
        for pointer in &mut case.pointers {
            *pointer = match self.random.u8(..100) {
                0..60 => arena.iocb(0),
                60..90 => arena.iocb(self.random.usize(..IOCB_KINDS)),
                90..93 => arena.iocb(0) + 1,
                _ => [
                    0,
                    usize::MAX,
                    0xffff_ffff_8100_0000,
                    arena.at(NOWHERE),
                    arena.at(READ_ONLY),
                ][self.random.usize(..5)],
            };
            // The poll would stay in flight; the cancel cases have it.
            if *pointer == arena.iocb(12) {
                *pointer = arena.iocb(0);
            }
        }
        let used = self.random.usize(..9);
        let array = if self.random.u8(..100) < 90 {
            arena.at(POINTERS) + 8 * (8 - used)
        } else {
            self.bad_pointer()
        };
        let odd = [
            -1,
            c_long::MIN,
            c_long::MAX,
            127,
            128,
            1 << 32,
            (1 << 32) + 1,
        ];
        let count = if self.random.u8(..100) < 75 {
            used as c_long
        } else {
            self.pick(&odd)
        };
        case.args[1] = Arg::Number(count as usize);
        case.args[2] = Arg::Number(array);
    }

    fn cancel(&mut self, case: &mut Case) {
        let arena = self.arena;
        case.poll = self.random.bool();
        let iocb = match self.random.u8(..100) {
            0..50 => arena.iocb(12),
            50..70 => arena.iocb(self.random.usize(..IOCB_KINDS)),
            70..80 => arena.at(READY),
            _ => self.bad_pointer(),
        };
        case.args[1] = Arg::Number(iocb);
        case.args[2] = Arg::Number(if case.symbol == 10 || self.random.bool() {
            arena.at(EVENTS)
        } else {
            self.bad_pointer()
        });
    }

    fn getevents(&mut self, case: &mut Case, live: bool) {
        let arena = self.arena;
        let odd = [-1, c_long::MIN, c_long::MAX, 1 << 32];
        let small = [0, 1, 2, 3, 5, 6, 7, 100];
        let mut min_nr = if self.random.u8(..100) < 90 {
            self.pick(&small)
        } else {
            self.pick(&odd)
        };
        let mut nr = if self.random.u8(..100) < 90 {
            self.pick(&small)
        } else {
            self.pick(&odd)
        };
        match case.symbol {
            9 | 12 => (min_nr, nr) = (0, 0),
            11 => min_nr = 1,
            _ => {}
        }
        let satisfied = !live || min_nr < 0 || min_nr > nr || min_nr as usize <= case.ready;
        let index = loop {
            let index = self.random.usize(..TIMESPECS.len());
            if satisfied || !FOREVER.contains(&index) {
                break index;
            }
        };
        let mut timeout = arena.at(TIMES) + 16 * index;
        let mut zero = index == 0;
        match self.random.u8(..100) {
            0..10 => (timeout, zero) = (arena.at(READ_ONLY), true),
            10..20 if satisfied => (timeout, zero) = (0, false),
            20..26 => {
                // The C library reads the timeout of a live ring without care.
                let bad = [
                    1,
                    usize::MAX & !7,
                    1 << 63,
                    arena.at(NOWHERE),
                    arena.at(AFTER_DATA),
                ];
                timeout = self.pick(&bad);
                (zero, case.kernel_decides) = (false, true);
            }
            _ => {}
        }
        if zero && (!live || case.ready == 0) {
            // The C library looks at the ring only, whatever the counts and the context.
            case.kernel_decides = true;
        }
        let events = match self.random.u8(..100) {
            0..75 => arena.at(EVENTS),
            75..85 => arena.at(NOWHERE) - 32 * self.random.usize(..6) - 8 * self.random.usize(..2),
            _ => self.pick(&[
                0,
                1 << 63,
                arena.at(NOWHERE),
                arena.at(READ_ONLY),
                usize::MAX,
            ]),
        };
        match case.symbol {
            4 | 5 => {
                let mask = match self.random.u8(..100) {
                    0..40 => 0,
                    40..80 => arena.at(MASK),
                    _ => self.bad_pointer(),
                };
                let numbers = [min_nr as usize, nr as usize, events, timeout, mask];
                for (index, number) in numbers.into_iter().enumerate() {
                    case.args[index + 1] = Arg::Number(number);
                }
            }
            9 | 12 => case.args[1] = Arg::Number(timeout),
            _ => {
                for (index, number) in [nr as usize, events, timeout].into_iter().enumerate() {
                    case.args[index + 1] = Arg::Number(number);
                }
            }
        }
    }
}

/// What a call left behind.
#[derive(PartialEq, Eq, Debug)]
struct Outcome {
    result: c_int,
    errno: c_int,
    callbacks: usize,
    memory: Vec<u8>,
    /// What was still in the ring, as (data, iocb, res, res2).
    left: Vec<[usize; 4]>,
}

static CALLBACKS: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

unsafe extern "C" fn callback(_: usize, iocb: usize, res: c_long, res2: c_long) {
    let seen = iocb.wrapping_mul(31) + res as usize + res2 as usize;
    CALLBACKS.fetch_add(seen, std::sync::atomic::Ordering::Relaxed);
}

fn new_context() -> usize {
    let mut ctx = 0usize;
    let made = unsafe { kernel(206, [64, &raw mut ctx as usize, 0, 0, 0, 0]) };
    assert_eq!(made, 0, "io_setup for the test");
    ctx
}

/// Takes everything out of the ring, at least `at_least` events.
fn drain(ctx: usize, at_least: usize) -> Vec<[usize; 4]> {
    let mut events = [[0usize; 4]; 128];
    let arguments = [ctx, at_least, 128, events.as_mut_ptr() as usize, 0, 0];
    let taken = unsafe { kernel(208, arguments) };
    assert!(taken >= 0, "io_getevents for the test: {taken}");
    events[..taken as usize].to_vec()
}

/// Makes the call on one side. `functions` none means the system call itself.
fn perform(case: &Case, functions: Option<&[Function]>, ctx: &mut usize, arena: &Arena) -> Outcome {
    arena.fill();
    arena.words(POINTERS, &case.pointers);
    arena.words(SLOT, &[case.slot]);
    for index in 0..case.ready {
        let iocb = arena.at(READY) + 64 * index;
        let data = if case.symbol == 8 {
            callback as *const () as usize
        } else {
            500 + index
        };
        unsafe {
            ptr::copy_nonoverlapping(arena.iocb(0) as *const u8, iocb as *mut u8, 64);
            *(iocb as *mut usize) = data;
            assert_eq!(kernel(209, [*ctx, 1, &raw const iocb as usize, 0, 0, 0]), 1);
        }
    }
    let poll = arena.iocb(12);
    if case.poll {
        assert_eq!(
            unsafe { kernel(209, [*ctx, 1, &raw const poll as usize, 0, 0, 0]) },
            1
        );
    }
    let a = case.args.map(|arg| match arg {
        Arg::Number(number) => number,
        Arg::Context => *ctx,
    });
    CALLBACKS.store(0, std::sync::atomic::Ordering::Relaxed);
    unsafe { *libc::__errno_location() = ERRNO };
    let result = match functions {
        Some(functions) => unsafe { functions[case.symbol](a[0], a[1], a[2], a[3], a[4], a[5]) },
        None => unsafe { by_system_call(case.symbol, a) },
    };
    let errno = unsafe { *libc::__errno_location() };
    let errno = if functions.is_some() { errno } else { ERRNO };
    let callbacks = CALLBACKS.load(std::sync::atomic::Ordering::Relaxed);

    // A context that the call made is taken down, and only that there was one is compared.
    if [0, 6].contains(&case.symbol) && result == 0 {
        let made = unsafe { *(arena.at(SLOT) as *const usize) };
        assert_eq!(unsafe { kernel(207, [made, 0, 0, 0, 0, 0]) }, 0);
        arena.words(SLOT, &[0xc0de]);
    }
    let mut left = Vec::new();
    if [1, 7].contains(&case.symbol) && result == 0 {
        *ctx = new_context();
    } else {
        if case.poll {
            // -EINPROGRESS: the event is on its way. Otherwise the poll is still there.
            let already = result == -libc::EINPROGRESS;
            let again = unsafe { kernel(210, [*ctx, poll, arena.at(EVENTS), 0, 0, 0]) };
            assert_eq!(again == -libc::EINPROGRESS, !already, "{case:?}");
            left = drain(*ctx, case.ready + 1);
            left.sort_unstable();
        } else {
            left = drain(*ctx, 0);
        }
    }
    let memory = [arena.page(EVENTS), arena.page(DATA)].concat();
    Outcome {
        result,
        errno,
        callbacks,
        memory,
        left,
    }
}

#[test]
fn thousands_of_calls_are_alike() {
    if !kernel_aio("differential test") {
        return;
    }
    let number = |name: &str, otherwise: u64| {
        env::var(name).map_or(otherwise, |text| text.parse().expect("a number"))
    };
    let cases = number("LIBAIO_TEST_CASES", 60_000);
    let seed = number("LIBAIO_TEST_SEED", 20_221_128);
    let arena = Arena::new();
    let (theirs, ours) = (load(Library::C), load(Library::Ours));
    for (index, (a, b)) in theirs.iter().zip(&ours).enumerate() {
        assert!(
            !ptr::fn_addr_eq(*a, *b),
            "{:?} is one function in both",
            SYMBOLS[index]
        );
    }
    let (mut reference, mut tested) = (new_context(), new_context());
    let mut generator = Generator {
        random: fastrand::Rng::with_seed(seed),
        arena: &arena,
    };
    let mut calls = [[0usize; 2]; SYMBOLS.len()];
    let mut succeeded = 0;
    for index in 0..cases {
        let case = generator.case();
        let referee = (!case.kernel_decides).then_some(theirs.as_slice());
        let wanted = perform(&case, referee, &mut reference, &arena);
        let got = perform(&case, Some(&ours), &mut tested, &arena);
        assert!(
            got == wanted,
            "case {index}, seed {seed}: {:?} {case:x?}\nwanted {} errno {} callbacks {} left {:x?}\n\
             got {} errno {} callbacks {} left {:x?}\nmemory differs at {:?}",
            SYMBOLS[case.symbol],
            wanted.result,
            wanted.errno,
            wanted.callbacks,
            wanted.left,
            got.result,
            got.errno,
            got.callbacks,
            got.left,
            wanted
                .memory
                .iter()
                .zip(&got.memory)
                .position(|(a, b)| a != b)
        );
        calls[case.symbol][usize::from(case.kernel_decides)] += 1;
        succeeded += usize::from(got.result >= 0);
    }
    for (symbol, [by_library, by_kernel]) in SYMBOLS.iter().zip(calls) {
        let (name, version) = symbol;
        println!(
            "{name}@{version}: {by_library} calls as the C library, {by_kernel} as the kernel"
        );
        assert!(
            cases < 10_000 || by_library > 1000,
            "{name}@{version} is hardly tested"
        );
    }
    println!("{cases} calls, {succeeded} of them successful, 0 differences");
    assert!(cases < 10_000 || (succeeded > 5000 && cases - succeeded as u64 > 5000));
}
