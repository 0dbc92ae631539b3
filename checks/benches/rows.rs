//! The work-loads, one per row of the table.

use std::ffi::c_int;
use std::fs::File;
use std::hint::{black_box, spin_loop};
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd};
use std::ptr;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::{array, mem};

use crate::context::{Context, Events, Iocb, Requests, ZERO};
use crate::libraries::Library;
use crate::measurement::time;

/// Does the work so many times, and tells how long the part that matters took.
pub type Work = Box<dyn FnMut(u32) -> Duration>;

/// A row of the table.
pub struct Row {
    pub name: String,
    /// The ratio that it should reach: the C library's time / our time.
    pub target: Option<f64>,
    pub prepare: Box<dyn Fn(&'static Library) -> Work>,
    /// How long one library works before it is the other's turn.
    pub slice: Duration,
    /// For the whole row.
    pub budget: Duration,
    /// How often the work-loads are made anew.
    pub batches: u32,
    /// Whether criterion reports it as well.
    pub detailed: bool,
}

impl Row {
    fn new(name: impl Into<String>, prepare: impl Fn(&'static Library) -> Work + 'static) -> Self {
        Self {
            name: name.into(),
            target: None,
            prepare: Box::new(prepare),
            slice: Duration::from_micros(50),
            budget: Duration::from_millis(2000),
            batches: 5,
            detailed: false,
        }
    }

    fn target(self, ratio: f64) -> Self {
        Self {
            target: Some(ratio),
            ..self
        }
    }

    fn detailed(self) -> Self {
        Self {
            detailed: true,
            ..self
        }
    }

    /// For work that starts threads: the slice must be long against the start.
    fn threads(self) -> Self {
        Self {
            slice: Duration::from_micros(1000),
            ..self
        }
    }

    /// For work that needs tens of milliseconds to prepare or do.
    fn slow(self, slice: Duration) -> Self {
        Self {
            slice,
            budget: Duration::from_millis(6000),
            batches: 1,
            ..self
        }
    }
}

/// What "within 2 %" and "not slower" allow.
const WITHIN_2_PERCENT: f64 = 0.98;
const NOT_SLOWER: f64 = 1.0;

/// All rows, in the order of the table.
pub fn all() -> Vec<Row> {
    let mut rows = Vec::new();
    for (ready, target) in [(1, 20.0), (8, 8.0), (32, 4.0), (128, 2.0)] {
        rows.push(
            Row::new(format!("io_getevents {ready} ready"), move |library| {
                getevents(library, ready, Timeout::None)
            })
            .target(target)
            .detailed(),
        );
    }
    rows.push(
        Row::new(
            "io_getevents 1 ready: zero timeout on the stack",
            |library| getevents(library, 1, Timeout::Stack),
        )
        .target(20.0),
    );
    rows.push(
        Row::new("io_getevents 1 ready: static zero timeout", |library| {
            getevents(library, 1, Timeout::Static)
        })
        .target(20.0),
    );
    rows.push(
        Row::new("io_getevents empty ring: zero timeout", empty)
            .target(NOT_SLOWER)
            .detailed(),
    );
    for ready in [1, 8] {
        rows.push(
            Row::new(format!("io_queue_run {ready} ready"), move |library| {
                queue_run(library, ready)
            })
            .detailed(),
        );
    }
    for count in [1, 8, 32] {
        let row = Row::new(
            format!("submit {count} + reap {count} on /dev/null"),
            move |library| submit_and_reap(library, count),
        );
        rows.push(if count == 1 {
            row.target(1.5).detailed()
        } else {
            row
        });
    }
    for count in [1, 8] {
        rows.push(
            Row::new(format!("io_submit {count} on /dev/null"), move |library| {
                submit(library, count)
            })
            .target(WITHIN_2_PERCENT)
            .detailed(),
        );
    }
    rows.push(
        Row::new("io_cancel: no such request", cancel_nothing)
            .target(WITHIN_2_PERCENT)
            .detailed(),
    );
    rows.push(Row::new("io_cancel: a poll: CPU time", cancel_poll).target(WITHIN_2_PERCENT));
    rows.push(
        Row::new(
            "blocking wait: submit 1 and sleep until it is done",
            blocking_wait,
        )
        .target(WITHIN_2_PERCENT)
        .detailed(),
    );
    rows.push(Row {
        budget: Duration::from_millis(12_000),
        ..Row::new("io_setup", setup)
            .target(WITHIN_2_PERCENT)
            .slow(Duration::from_micros(300))
    });
    rows.push(
        Row::new("io_destroy", |library| {
            destroy(library, libc::CLOCK_MONOTONIC)
        })
        .target(WITHIN_2_PERCENT)
        .slow(Duration::from_micros(1)),
    );
    rows.push(
        Row::new("io_destroy: CPU time", |library| {
            destroy(library, libc::CLOCK_THREAD_CPUTIME_ID)
        })
        .target(WITHIN_2_PERCENT)
        .slow(Duration::from_micros(1)),
    );
    for threads in [1, 2, 4] {
        let row = Row::new(
            match threads {
                1 => "1 thread empties a context".to_owned(),
                _ => format!("{threads} threads empty one context"),
            },
            move |library| empty_together(library, threads),
        );
        rows.push(row.target(NOT_SLOWER).threads());
    }
    rows.push(
        Row::new("2 threads submit 8 + reap 8 on one context", |library| {
            submit_and_reap_together(library, 2)
        })
        .target(NOT_SLOWER)
        .threads(),
    );
    rows.push(
        Row::new("4 contexts on 2 threads", |library| {
            contexts_on_threads::<4, 2>(library)
        })
        .target(NOT_SLOWER)
        .threads(),
    );
    // Last, because these contexts stay until the process ends: destroying each takes 30 ms.
    for count in [10, 100, 1000, 4000] {
        rows.push(Row {
            batches: 1,
            ..Row::new(
                format!("{count} live contexts: 1 ready in each"),
                move |library| live_contexts(library, count),
            )
            .target(NOT_SLOWER)
        });
    }
    rows
}

/// Which timeout a call gets.
#[derive(Clone, Copy)]
enum Timeout {
    None,
    Stack,
    Static,
}

/// io_getevents with so many events ready; `head` is moved back before each call.
fn getevents(library: &'static Library, ready: usize, timeout: Timeout) -> Work {
    let context = Context::with_ready(library, ready);
    let mut events = Events::new();
    Box::new(move |times| {
        let stack = black_box(ZERO);
        let timeout = match timeout {
            Timeout::None => None,
            Timeout::Stack => Some(&stack),
            Timeout::Static => Some(&ZERO),
        };
        let mut taken = 0;
        let head = context.head();
        let duration = time(|| {
            for _ in 0..times {
                context.set_head(head);
                taken += context.reap(1, 128, &mut events, timeout) as usize;
            }
        });
        context.set_head(head);
        assert_eq!(taken, ready * times as usize);
        duration
    })
}

fn empty(library: &'static Library) -> Work {
    let context = Context::new(library, 1);
    let mut events = Events::new();
    Box::new(move |times| {
        let zero = black_box(ZERO);
        let mut taken = 0;
        let duration = time(|| {
            for _ in 0..times {
                taken |= context.reap(1, 128, &mut events, Some(&zero));
            }
        });
        assert_eq!(taken, 0);
        duration
    })
}

fn queue_run(library: &'static Library, ready: usize) -> Work {
    let context = Context::with_ready(library, ready);
    Box::new(move |times| {
        let mut failed = 0;
        let head = context.head();
        let duration = time(|| {
            for _ in 0..times {
                context.set_head(head);
                failed |= context.queue_run();
            }
        });
        context.set_head(head);
        assert_eq!(failed, 0);
        duration
    })
}

fn submit_and_reap(library: &'static Library, count: usize) -> Work {
    let context = Context::new(library, count as c_int);
    let mut requests = Requests::new(Iocb::null_write(), count);
    let mut events = Events::new();
    Box::new(move |times| {
        let mut taken = 0;
        let duration = time(|| {
            for _ in 0..times {
                context.fill(&mut requests);
                taken += context.reap(1, 128, &mut events, None) as usize;
            }
        });
        assert_eq!(taken, count * times as usize);
        duration
    })
}

/// How many events are gathered before the clock stops to remove them.
const GATHERED: usize = 256;

fn submit(library: &'static Library, count: usize) -> Work {
    let context = Context::new(library, GATHERED as c_int);
    let mut requests = Requests::new(Iocb::null_write(), count);
    Box::new(move |times| {
        in_chunks(times, GATHERED / count, |calls| {
            let duration = time(|| {
                for _ in 0..calls {
                    context.fill(&mut requests);
                }
            });
            context.drain();
            duration
        })
    })
}

/// Does `work` as often as asked, at most `limit` times at once.
fn in_chunks(times: u32, limit: usize, mut work: impl FnMut(usize) -> Duration) -> Duration {
    let mut left = times as usize;
    let mut duration = Duration::ZERO;
    while left > 0 {
        let calls = left.min(limit);
        duration += work(calls);
        left -= calls;
    }
    duration
}

fn cancel_nothing(library: &'static Library) -> Work {
    let context = Context::new(library, 1);
    let request = Requests::new(Iocb::null_write(), 1);
    Box::new(move |times| {
        let mut refused = 0;
        let duration = time(|| {
            for _ in 0..times {
                refused += u32::from(context.cancel(&request, 0) == -libc::EINVAL);
            }
        });
        assert_eq!(refused, times);
        duration
    })
}

fn cancel_poll(library: &'static Library) -> Work {
    const POLLS: usize = 32;
    let context = Context::new(library, POLLS as c_int);
    let never = eventfd();
    let mut requests = Requests::new(Iocb::poll(never.as_raw_fd()), POLLS);
    let mut events = Events::new();
    Box::new(move |times| {
        // Or it were closed while the context uses it.
        let _open = &never;
        in_chunks(times, POLLS, |calls| {
            context.fill_some(&mut requests, calls);
            let mut cancelled = 0;
            // Processor time: the kernel's worker that ends the polls is woken up meanwhile, and
            // may run here first.
            let start = now(libc::CLOCK_THREAD_CPUTIME_ID);
            for index in 0..calls {
                let result = context.cancel(&requests, index);
                cancelled += usize::from(result == -libc::EINPROGRESS);
            }
            let duration = now(libc::CLOCK_THREAD_CPUTIME_ID) - start;
            assert_eq!(cancelled, calls);
            let taken = context.reap(calls, POLLS, &mut events, None);
            assert_eq!(taken, calls as c_int);
            duration
        })
    })
}

fn eventfd() -> File {
    // SAFETY: it has no memory to touch.
    let descriptor = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC) };
    assert!(descriptor >= 0, "eventfd");
    // SAFETY: nobody else has it.
    unsafe { File::from_raw_fd(descriptor) }
}

/// The ring is empty, so io_getevents sleeps until another thread makes a request complete.
///
/// Both threads are bound to one processor, and the other one does not preempt: it runs when this
/// one sleeps, so every call does sleep.
fn blocking_wait(library: &'static Library) -> Work {
    let context = Context::new(library, 1);
    let partner = Partner::new();
    let mut request = Requests::new(Iocb::poll(partner.reply.as_raw_fd()), 1);
    let mut events = Events::new();
    Box::new(move |times| {
        let everywhere = bind(&one_processor());
        let mut attempts = 0;
        let duration = loop {
            let mut taken = 0;
            let sleeps = sleeps_of_this_thread();
            let duration = time(|| {
                for _ in 0..times {
                    context.fill(&mut request);
                    partner.call();
                    taken += context.reap(1, 1, &mut events, None) as u32;
                    partner.take_reply();
                }
            });
            assert_eq!(taken, times);
            // Another process may have taken the processor, so that the partner ran first.
            if sleeps_of_this_thread() - sleeps == i64::from(times) {
                break duration;
            }
            attempts += 1;
            assert!(attempts < 10_000, "io_getevents does not sleep");
        };
        bind(&everywhere);
        duration
    })
}

/// A thread that answers each call with a reply.
struct Partner {
    call: File,
    reply: File,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Partner {
    fn new() -> Self {
        let (call, reply) = (eventfd(), eventfd());
        let over = Arc::new(AtomicBool::new(false));
        let (mut called, mut replies) = (call.try_clone().unwrap(), reply.try_clone().unwrap());
        let ending = Arc::clone(&over);
        let thread = thread::spawn(move || {
            bind(&one_processor());
            let parameters = libc::sched_param { sched_priority: 0 };
            // SCHED_BATCH: waking up does not preempt the caller.
            // SAFETY: the parameters are there.
            let result = unsafe { libc::sched_setscheduler(0, libc::SCHED_BATCH, &parameters) };
            assert_eq!(result, 0, "sched_setscheduler");
            let mut count = [0; 8];
            while called.read_exact(&mut count).is_ok() && !ending.load(SeqCst) {
                replies.write_all(&1u64.to_ne_bytes()).unwrap();
            }
        });
        Self {
            call,
            reply,
            over,
            thread: Some(thread),
        }
    }

    #[inline]
    fn call(&self) {
        (&self.call).write_all(&1u64.to_ne_bytes()).unwrap();
    }

    #[inline]
    fn take_reply(&self) {
        (&self.reply).read_exact(&mut [0; 8]).unwrap();
    }
}

impl Drop for Partner {
    fn drop(&mut self) {
        self.over.store(true, SeqCst);
        self.call();
        self.thread.take().unwrap().join().unwrap();
    }
}

/// The first processor that the process may use.
fn one_processor() -> libc::cpu_set_t {
    static PROCESS: Mutex<Option<usize>> = Mutex::new(None);
    let first = *PROCESS.lock().unwrap().get_or_insert_with(|| {
        let allowed = affinity();
        // SAFETY: the numbers are below the size of the set.
        let is_allowed = |&number: &usize| unsafe { libc::CPU_ISSET(number, &allowed) };
        (0..libc::CPU_SETSIZE as usize).find(is_allowed).unwrap()
    });
    // SAFETY: zero is the empty set, and the number is below its size.
    unsafe {
        let mut set = mem::zeroed();
        libc::CPU_SET(first, &mut set);
        set
    }
}

fn affinity() -> libc::cpu_set_t {
    // SAFETY: zero is the empty set.
    let mut set = unsafe { mem::zeroed() };
    // SAFETY: the set is of that size.
    let result = unsafe { libc::sched_getaffinity(0, size_of_val(&set), &mut set) };
    assert_eq!(result, 0, "sched_getaffinity");
    set
}

/// Binds the thread to processors; gives those it was bound to.
fn bind(processors: &libc::cpu_set_t) -> libc::cpu_set_t {
    let before = affinity();
    // SAFETY: the set is of that size.
    let result = unsafe { libc::sched_setaffinity(0, size_of_val(processors), processors) };
    assert_eq!(result, 0, "sched_setaffinity");
    before
}

fn sleeps_of_this_thread() -> i64 {
    // SAFETY: zero is a set of numbers, and getrusage fills it in.
    unsafe {
        let mut usage: libc::rusage = mem::zeroed();
        assert_eq!(libc::getrusage(libc::RUSAGE_THREAD, &mut usage), 0);
        usage.ru_nvcsw
    }
}

fn setup(library: &'static Library) -> Work {
    Box::new(move |times| {
        let mut contexts = Vec::with_capacity(times as usize);
        let duration = time(|| {
            for _ in 0..times {
                contexts.push(Context::new(library, 128));
            }
        });
        // io_destroy waits for the kernel's other processors; many waits at once take as long as
        // one.
        thread::scope(|scope| {
            for context in contexts {
                scope.spawn(|| drop(context));
            }
        });
        duration
    })
}

/// io_destroy, by one clock. Most of it is a wait of random length; the processor time is the work.
fn destroy(library: &'static Library, clock: libc::clockid_t) -> Work {
    Box::new(move |times| {
        let mut duration = Duration::ZERO;
        for _ in 0..times {
            let context = Context::new(library, 128);
            let start = now(clock);
            drop(context);
            duration += now(clock) - start;
        }
        duration
    })
}

fn now(clock: libc::clockid_t) -> Duration {
    let mut time = ZERO;
    // SAFETY: there is room for the time.
    let result = unsafe { libc::clock_gettime(clock, &mut time) };
    assert_eq!(result, 0, "clock_gettime");
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Runs `work` in threads that start together; tells when the first started, the first ended, and
/// the last ended.
fn together(threads: usize, work: impl Fn(usize) + Sync) -> [Instant; 3] {
    let waiting = AtomicUsize::new(threads);
    let run = |index| {
        waiting.fetch_sub(1, SeqCst);
        let mut turns = 0;
        while waiting.load(Relaxed) > 0 {
            turns += 1;
            // There may be fewer processors than threads.
            if turns % 1000 == 0 {
                thread::yield_now();
            }
            spin_loop();
        }
        let start = Instant::now();
        work(index);
        (start, Instant::now())
    };
    thread::scope(|scope| {
        let run = &run;
        let threads: Vec<_> = (0..threads)
            .map(|index| scope.spawn(move || run(index)))
            .collect();
        let (starts, ends): (Vec<_>, Vec<_>) = threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .unzip();
        [starts.iter().min(), ends.iter().min(), ends.iter().max()].map(|time| *time.unwrap())
    })
}

/// Threads take single events from one context until it is empty. It is filled off the clock.
fn empty_together(library: &'static Library, threads: usize) -> Work {
    const EVENTS: usize = 8192;
    let context = Context::new(library, EVENTS as c_int);
    let mut requests = Requests::new(Iocb::null_write(), EVENTS);
    let arrays: Vec<_> = (0..threads).map(|_| Mutex::new(Events::new())).collect();
    Box::new(move |times| {
        in_chunks(times, EVENTS, |count| {
            context.fill_some(&mut requests, count);
            let all = AtomicUsize::new(0);
            let [start, end, _] = together(threads, |index| {
                let mut events = arrays[index].lock().unwrap();
                let mut taken = 0;
                while context.reap(1, 1, &mut events, Some(&ZERO)) == 1 {
                    taken += 1;
                }
                all.fetch_add(taken, Relaxed);
            });
            assert_eq!(all.into_inner(), count);
            // The first end, when one thread found nothing left: another that the scheduler stopped
            // may be late to find the same.
            end - start
        })
    })
}

/// Each thread submits 8 requests and takes 8 events, its own or another's.
fn submit_and_reap_together(library: &'static Library, threads: usize) -> Work {
    let context = Context::new(library, 8 * threads as c_int);
    let places: Vec<_> = (0..threads)
        .map(|_| Mutex::new((Requests::new(Iocb::null_write(), 8), Events::new())))
        .collect();
    Box::new(move |times| {
        // At least one for each thread.
        let turns = (times as usize).div_ceil(threads);
        let [start, _, end] = together(threads, |index| {
            let (requests, events) = &mut *places[index].lock().unwrap();
            for _ in 0..turns {
                context.fill(requests);
                let mut left = 8;
                while left > 0 {
                    let taken = context.reap(1, left, events, None);
                    assert!(taken > 0);
                    left -= taken as usize;
                }
            }
        });
        (end - start).mul_f64(f64::from(times) / (turns * threads) as f64)
    })
}

/// Each thread has contexts of its own, with 1 event ready, and takes it from each in turn. A
/// thread's contexts were not made one after the other, so what neighbours share shows.
fn contexts_on_threads<const CONTEXTS: usize, const THREADS: usize>(
    library: &'static Library,
) -> Work {
    let contexts: [_; CONTEXTS] = array::from_fn(|_| Context::with_ready(library, 1));
    let arrays: [_; THREADS] = array::from_fn(|_| Mutex::new(Events::new()));
    Box::new(move |times| {
        let turns = (times as usize).div_ceil(CONTEXTS);
        let [start, _, end] = together(THREADS, |index| {
            let mut events = arrays[index].lock().unwrap();
            for _ in 0..turns {
                for context in contexts.iter().skip(index).step_by(THREADS) {
                    let head = context.head();
                    let taken = context.reap(1, 1, &mut events, None);
                    assert_eq!(taken, 1);
                    context.set_head(head);
                }
            }
        });
        (end - start).mul_f64(f64::from(times) / (turns * CONTEXTS) as f64)
    })
}

/// One event from each of many contexts in turn. They stay for the later rows and are never
/// destroyed.
fn live_contexts(library: &'static Library, count: usize) -> Work {
    static LIVE: Mutex<Vec<&'static Context>> = Mutex::new(Vec::new());
    let mut contexts = Vec::with_capacity(count);
    let mut live = LIVE.lock().unwrap();
    contexts.extend(
        live.iter()
            .filter(|context| ptr::eq(context.library, library)),
    );
    while contexts.len() < count {
        let context = Context::with_ready(library, 1).leak();
        contexts.push(context);
        live.push(context);
    }
    contexts.truncate(count);
    let mut events = Events::new();
    let mut next = 0;
    Box::new(move |times| {
        let mut taken = 0;
        let duration = time(|| {
            for _ in 0..times {
                let context = contexts[next];
                let head = context.head();
                taken += context.reap(1, 1, &mut events, None) as u32;
                context.set_head(head);
                next = if next + 1 < contexts.len() {
                    next + 1
                } else {
                    0
                };
            }
        });
        assert_eq!(taken, times);
        duration
    })
}
