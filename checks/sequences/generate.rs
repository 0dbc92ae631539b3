//! Makes a sequence out of a seed.

use fastrand::Rng;

use crate::descriptors::SLOTS;

/// Kinds of descriptors, with words that may follow; and how often each is taken.
const KINDS: &[(u32, &str)] = &[
    (6, "file a"),
    (14, "file a direct"),
    (4, "file b direct"),
    (3, "file a append"),
    (4, "file b direct append"),
    (2, "file a rdonly"),
    (2, "file a rdonly direct"),
    (2, "file b wronly"),
    (2, "file b wronly direct"),
    (2, "file e"),
    (3, "file e direct"),
    (3, "file h direct"),
    (1, "file h"),
    (2, "file b direct dsync"),
    (1, "file b sync"),
    (2, "tmpfs"),
    (2, "tmpfs direct"),
    (2, "memfd"),
    (1, "memfd sealed"),
    (2, "stat"),
    (2, "mounts"),
    (1, "procmem"),
    (1, "sysctl"),
    (1, "swaps"),
    (1, "null"),
    (1, "zero"),
    (1, "full"),
    (2, "directory"),
    (1, "path"),
    (3, "pipe-read"),
    (2, "pipe-read data"),
    (2, "pipe-read nonblock"),
    (2, "pipe-write"),
    (2, "pipe-write full"),
    (2, "pipe-write nonblock"),
    (1, "pipe-write nonblock full"),
    (1, "packet-read data"),
    (1, "packet-write nonblock"),
    (1, "fifo"),
    (1, "fifo data nonblock"),
    (3, "stream"),
    (1, "stream data"),
    (1, "stream full"),
    (2, "stream nonblock"),
    (3, "datagram"),
    (1, "datagram data nonblock"),
    (1, "datagram full"),
    (3, "seqpacket"),
    (1, "seqpacket nonblock"),
    (2, "tcp"),
    (1, "tcp nonblock data"),
    (1, "unconnected"),
    (1, "listening"),
    (3, "eventfd"),
    (1, "eventfd data"),
    (2, "eventfd nonblock"),
    (1, "semaphore data"),
    (2, "timerfd"),
    (1, "timerfd nonblock"),
    (2, "epoll"),
    (2, "inotify"),
    (1, "inotify nonblock"),
    (1, "pidfd"),
    (1, "signalfd nonblock"),
    (1, "signalfd"),
    (2, "terminal"),
    (1, "terminal data"),
    (1, "terminal nonblock"),
    (1, "master"),
    (1, "closed"),
    (1, "minus"),
];

pub struct Generator {
    random: Rng,
    lines: Vec<String>,
    slots: Vec<(usize, String)>,
    requests: usize,
    in_batch: usize,
    may_overtake: bool,
    /// Whether what libaio(7) says of the threads engine's limits is left out.
    within_limits: bool,
}

/// The sequence of a seed. `overtaking`: the class of sequences with which the kernel lets nothing overtake a request
/// may be taken, and of sequences with what threads cannot give beside that.
pub fn sequence(seed: u64, overtaking: bool) -> String {
    let mut random = Rng::with_seed(seed);
    let may_overtake = random.u8(..4) == 0 && overtaking;
    let mut generator = Generator {
        random,
        lines: Vec::new(),
        slots: Vec::new(),
        requests: 0,
        in_batch: 0,
        may_overtake,
        within_limits: !overtaking,
    };
    generator.all();
    generator.lines.join("\n") + "\n"
}

impl Generator {
    fn say(&mut self, text: String) {
        self.lines.push(text);
    }

    fn one_in(&mut self, times: u32) -> bool {
        self.random.u32(..times) == 0
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.random.usize(..from.len())]
    }

    fn all(&mut self) {
        if self.may_overtake {
            self.say("overtaking".to_owned());
        }
        self.say("setup".to_owned());
        if self.one_in(20) {
            self.say("setup ctx=1 nr=1".to_owned());
        }
        for slot in 0..self.random.usize(2..6) {
            self.open(slot);
        }
        if self.one_in(2) {
            self.open_kind(SLOTS - 1, "eventfd nonblock");
        }
        for _ in 0..self.random.usize(3..22) {
            self.step();
        }
        if self.one_in(6) {
            self.say("leave".to_owned());
        }
    }

    fn open(&mut self, slot: usize) {
        let total: u32 = KINDS.iter().map(|(weight, _)| weight).sum();
        let mut left = self.random.u32(..total);
        for (weight, kind) in KINDS {
            if left < *weight {
                self.open_kind(slot, kind);
                return;
            }
            left -= weight;
        }
    }

    fn open_kind(&mut self, slot: usize, kind: &str) {
        self.say(format!("open {slot} {kind}"));
        self.slots.retain(|(other, _)| *other != slot);
        self.slots.push((slot, kind.to_owned()));
    }

    fn slot(&mut self) -> (usize, String) {
        self.slots[self.random.usize(..self.slots.len())].clone()
    }

    /// A slot whose kind begins so, or any.
    fn slot_of(&mut self, kinds: &[&str]) -> usize {
        let fitting: Vec<usize> = self
            .slots
            .iter()
            .filter(|(_, kind)| kinds.iter().any(|wanted| kind.starts_with(wanted)))
            .map(|(slot, _)| *slot)
            .collect();
        if fitting.is_empty() || self.one_in(10) {
            self.slot().0
        } else {
            fitting[self.random.usize(..fitting.len())]
        }
    }

    fn step(&mut self) {
        match self.random.u32(..100) {
            0..45 => self.batch(),
            45..63 => self.wait(),
            63..66 => self.say("settle".to_owned()),
            66..72 => self.cancel(),
            72..78 => {
                let slot = self.slot_of(&[
                    "pipe",
                    "packet",
                    "fifo",
                    "stream",
                    "datagram",
                    "seqpacket",
                    "tcp",
                    "eventfd",
                    "timerfd",
                    "epoll",
                    "inotify",
                    "pidfd",
                    "signalfd",
                    "terminal",
                    "listening",
                ]);
                let length = self.pick(&["10", "1", "0", "512", "4096"]);
                self.say(format!("feed {slot} len={length}"));
            }
            78..80 => {
                let slot = self.slot().0;
                self.say(format!("drain {slot}"));
            }
            80..82 => {
                let slot = self.slot().0;
                self.say(format!("hangup {slot}"));
            }
            82..86 => {
                let (slot, name) = (self.slot().0, self.pick(&["read", "write"]));
                let (offset, length) = (self.offset(), self.pick(&["512", "8", "4096", "0", "1"]));
                self.say(format!("{name} {slot} off={offset} len={length}"));
            }
            86..94 => self.change(),
            94..97 => {
                let slot = if self.one_in(2) {
                    self.slot().0
                } else {
                    self.random.usize(..SLOTS - 1)
                };
                self.open(slot);
            }
            97 => {
                let context = self.pick(&["0", "1", "null", "bad"]);
                if self.one_in(2) {
                    self.say(format!("destroy ctx={context}"));
                } else {
                    let nr = self.pick(&["64", "1", "0", "-1"]);
                    let used = self.pick(&["", " used=1"]);
                    self.say(format!("setup ctx=1 nr={nr}{used}"));
                }
            }
            98 => {
                let length = self.pick(&["36864", "32768", "34000", "0", "16384"]);
                // A terminal is written to while the signal is pending, or is not.
                let writes_to_terminal = self.slots.iter().any(|(_, kind)| kind == "terminal");
                if !(self.within_limits && writes_to_terminal) {
                    self.say(format!("limit len={length}"));
                }
            }
            _ => self.say("settle".to_owned()),
        }
    }

    /// Something that concerns what a descriptor stands for, with requests perhaps in flight.
    fn change(&mut self) {
        let slot = self.slot_of(&["file"]);
        match self.random.u32(..10) {
            0 | 1 => self.say(format!("close {slot}")),
            2 | 3 => {
                let from = self.slot().0;
                self.say(format!("dup2 {from} {slot}"));
            }
            4 | 5 => {
                let sign = self.pick(&["+", "-"]);
                let flag = self.pick(&["direct", "append", "nonblock"]);
                self.say(format!("setfl {slot} {sign}{flag}"));
            }
            6 | 7 => {
                let length = self.pick(&["0", "4096", "16384", "20000", "36864", "65536", "512"]);
                self.say(format!("truncate {slot} len={length}"));
            }
            8 => {
                let (offset, length) =
                    (self.offset(), self.pick(&["4096", "8192", "512", "16384"]));
                self.say(format!("punch {slot} off={offset} len={length}"));
            }
            _ => {
                let (offset, length) = (self.offset(), self.pick(&["4096", "8192"]));
                self.say(format!("allocate {slot} off={offset} len={length}"));
            }
        }
    }

    fn offset(&mut self) -> i64 {
        match self.random.u32(..20) {
            0..12 => self.random.i64(0..10) * 4096,
            12..16 => self.random.i64(0..72) * 512,
            16 => 32768,
            17 => 28672,
            18 => 0,
            _ => self.random.i64(0..40000),
        }
    }

    fn batch(&mut self) {
        let many = if self.one_in(2) {
            1
        } else {
            self.random.usize(1..8)
        };
        self.in_batch = 0;
        for _ in 0..many {
            if self.requests > 200 {
                break;
            }
            if self.one_in(50) {
                let kind = self.pick(&[
                    "null", "kernel", "last", "unmapped", "readonly", "split", "split",
                ]);
                self.say(format!("pointer {kind}"));
            } else if self.one_in(30) && self.requests > 0 {
                let id = self.random.usize(..self.requests);
                self.say(format!("again {id}"));
            } else {
                self.request();
            }
        }
        let mut submit = "submit".to_owned();
        if self.one_in(40) {
            submit += &format!(
                " nr={}",
                self.pick(&["-1", "0", "1", "9", "9223372036854775807"])
            );
        }
        if self.one_in(60) {
            submit += &format!(" ctx={}", self.pick(&["null", "bad", "1"]));
        }
        if self.one_in(60) {
            submit += &format!(
                " array={}",
                self.pick(&["null", "kernel", "last", "unmapped", "readonly"])
            );
        }
        self.say(submit);
    }

    fn request(&mut self) {
        let id = self.requests;
        self.requests += 1;
        let (slot, kind) = self.slot();
        let is_file =
            kind.starts_with("file") || kind.starts_with("tmpfs") || kind.starts_with("memfd");
        let name = match self.random.u32(..if is_file { 75 } else { 100 }) {
            0..20 => "pread",
            20..42 => "pwrite",
            42..50 => "preadv",
            50..59 => "pwritev",
            59..64 => "fsync",
            64..67 => "fdsync",
            67 => "noop",
            68 => "preadx",
            69 => self.pick(&["9", "65535"]),
            _ => "poll",
        };
        let peer = if self.one_in(15) { "p" } else { "" };
        let mut text = format!("iocb {id} {name} fd={peer}{slot}");
        match name {
            "pread" | "pwrite" => {
                text += &format!(" len={}", self.length());
                text += &self.place(is_file);
            }
            "preadv" | "pwritev" => {
                let parts: Vec<String> = (0..self.random.usize(..4))
                    .map(|_| self.length().min(4096).to_string())
                    .collect();
                let parts = if parts.is_empty() {
                    "none".to_owned()
                } else {
                    parts.join(",")
                };
                text += &format!(" iov={parts}");
                text += &self.place(is_file);
                if self.one_in(20) {
                    text += &format!(
                        " nr={}",
                        self.pick(&["1025", "0", "1024", "4294967297", "4294967296", "5"])
                    );
                }
                if self.one_in(30) {
                    text += &format!(
                        " array={}",
                        self.pick(&["null", "kernel", "unmapped", "last"])
                    );
                }
            }
            "poll" => {
                let events = match self.random.u32(..10) {
                    0..5 => "1",
                    5 | 6 => "4",
                    7 => self.pick(&["2", "0", "5", "3"]),
                    8 => self.pick(&["8192", "65535", "24", "64"]),
                    _ => self.pick(&["65536", "4294967297", "256", "1"]),
                };
                // Only what is asked for ends a poll.
                let is_other = events == "2" && !kind.starts_with("pipe");
                let events = if self.within_limits && is_other {
                    "1"
                } else {
                    events
                };
                text += &format!(" events={events}");
            }
            _ => {}
        }
        self.oddities(&mut text, name, kind.starts_with("file"));
        self.say(text);
    }

    fn length(&mut self) -> i64 {
        match self.random.u32(..20) {
            0..9 => 4096,
            9..12 => 512,
            12..14 => 8192,
            14 => 0,
            15 => 1024,
            16 => 1,
            17 => 8,
            18 => self.random.i64(0..9000),
            _ => 2048,
        }
    }

    fn place(&mut self, is_file: bool) -> String {
        let mut text = String::new();
        if is_file || self.one_in(8) {
            text += &format!(" off={}", self.offset());
        }
        if self.one_in(12) {
            text += &format!(
                " buf={}",
                self.pick(&[
                    "odd", "sector", "half", "null", "kernel", "last", "unmapped", "readonly"
                ])
            );
        }
        text
    }

    /// What is wrong with some requests, or only rare.
    fn oddities(&mut self, text: &mut String, name: &str, is_file: bool) {
        if self.one_in(8) {
            let slot = self.slot_of(&["eventfd", "semaphore"]);
            *text += &format!(" resfd={slot}");
        }
        let flags = if self.one_in(9) && !matches!(name, "poll") {
            (1_u32 << self.random.u32(..10)).to_string()
        } else if self.one_in(90) {
            self.pick(&["48", "24", "2147483648", "6", "512"])
                .to_owned()
        } else {
            String::new()
        };
        // What some files do not know is refused first, or later, where two things are wrong.
        let may_be_unknown = matches!(flags.as_str(), "8" | "24" | "64" | "128");
        let is_plain = is_file && text.contains(" len=") && !text.contains(" len=0");
        if !flags.is_empty() && (is_plain || !self.within_limits || !may_be_unknown) {
            *text += &format!(" rw={flags}");
        }
        if self.one_in(30) {
            *text += &format!(
                " prio={}",
                self.pick(&[
                    "0", "1", "8192", "16384", "24576", "24583", "-1", "32767", "-32768", "8199"
                ])
            );
        }
        match self.random.u32(..150) {
            0 => *text += " reserved=1",
            1 => *text += " len=-1",
            2 => *text += " off=-1",
            3 => *text += " off=9223372036854775807",
            4 => *text += " off=9223372036854774784",
            5 => *text += " flags=4294967292",
            6 => *text += " len=9223372036854775807",
            7 => *text += " key=0",
            8 => *text += " data=18446744073709551615",
            9 => *text += " buf=good",
            10 => *text += " off=17592186040320",
            11 => *text += " off=17592186044416",
            12 => *text += " iov=-1",
            13 => *text += " iov=4096,-1",
            14 => *text += " len=1",
            _ => {}
        }
    }

    fn wait(&mut self) {
        let mut text = "wait".to_owned();
        let min = match self.random.u32(..10) {
            0..3 => 0,
            3..7 => 1,
            7 | 8 => self.random.i64(2..6),
            _ => self.random.i64(-1..70),
        };
        text += &format!(" min={min}");
        if self.one_in(2) {
            let nr = match self.random.u32(..10) {
                0..7 => min + self.random.i64(0..4),
                7 => 0,
                8 => -1,
                _ => i64::MAX,
            };
            text += &format!(" nr={nr}");
        }
        text += &format!(
            " timeout={}",
            self.pick(&[
                "0", "0", "short", "long", "never", "never", "negative", "minus", "sum", "huge"
            ])
        );
        if self.one_in(14) {
            text += &format!(
                " events={}",
                self.pick(&[
                    "null", "kernel", "last", "unmapped", "readonly", "split", "split"
                ])
            );
        }
        if self.one_in(20) {
            text += &format!(
                " mask={}",
                self.pick(&["good", "good", "null", "kernel", "unmapped"])
            );
            if self.one_in(2) {
                text += " pending=1";
            }
        }
        if self.one_in(14) {
            text += &format!(" alarm={}", self.pick(&["1", "restart"]));
        }
        if self.one_in(40) {
            text += &format!(" time={}", self.pick(&["kernel", "unmapped", "last"]));
        }
        if self.one_in(30) {
            text += &format!(" ctx={}", self.pick(&["null", "bad", "1"]));
        }
        self.say(text);
    }

    fn cancel(&mut self) {
        if self.one_in(8) {
            let kind = self.pick(&["null", "kernel", "unmapped", "readonly", "last"]);
            self.say(format!("cancel {kind}"));
            return;
        }
        let newest = self.requests.max(1);
        let id = self.random.usize(newest.saturating_sub(8)..newest + 1);
        let mut text = format!("cancel {id}");
        if self.one_in(15) {
            text += &format!(" key={}", self.pick(&["1", "7"]));
        }
        if self.one_in(15) {
            text += &format!(" ctx={}", self.pick(&["null", "bad", "1"]));
        }
        self.say(text);
    }
}

#[cfg(test)]
mod tests {
    use super::sequence;

    #[test]
    fn is_decided_by_the_seed() {
        assert_eq!(sequence(5, true), sequence(5, true));
        assert_ne!(sequence(5, true), sequence(6, true));
    }

    #[test]
    fn overtaking_is_a_class_of_its_own() {
        let overtakes = |seed| sequence(seed, true).starts_with("overtaking");
        assert!((0..100).any(overtakes));
        assert!(!(0..100).any(|seed| sequence(seed, false).contains("overtaking")));
    }
}
