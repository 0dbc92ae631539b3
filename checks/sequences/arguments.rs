//! What the command line says.

use std::path::PathBuf;
use std::str::FromStr;

use crate::running::Side;

pub struct Arguments {
    pub command: String,
    pub what: String,
    pub minutes: f64,
    pub seconds: f64,
    pub from: u64,
    pub seeds: u64,
    pub jobs: usize,
    pub overtaking: bool,
    pub left: String,
    pub right: String,
    pub library: PathBuf,
    pub directory: PathBuf,
    pub lie: Option<String>,
    pub shorten: bool,
    pub examples: u64,
}

impl Arguments {
    pub fn of(words: &[String]) -> Arguments {
        let mut arguments = Arguments {
            command: String::new(),
            what: String::new(),
            minutes: 1.0,
            seconds: f64::MAX,
            from: 1,
            seeds: 1500,
            jobs: 8,
            overtaking: true,
            left: "kernel".to_owned(),
            right: "threads".to_owned(),
            library: PathBuf::from("build/libaio.so.1.0.2"),
            directory: std::env::temp_dir().join(format!("sequences-{}", std::process::id())),
            lie: None,
            shorten: false,
            examples: 3,
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut next = || words.next().map_or("", String::as_str);
            match word.as_str() {
                "--minutes" => arguments.minutes = number(word, next()),
                "--seconds" => arguments.seconds = number(word, next()),
                "--from" => arguments.from = number(word, next()),
                "--seeds" => arguments.seeds = number(word, next()),
                "--jobs" => arguments.jobs = number(word, next()),
                "--no-overtaking" => arguments.overtaking = false,
                "--left" => arguments.left = next().to_owned(),
                "--right" => arguments.right = next().to_owned(),
                "--library" => arguments.library = PathBuf::from(next()),
                "--directory" => arguments.directory = PathBuf::from(next()),
                "--lie" => arguments.lie = Some(next().to_owned()),
                "--examples" => arguments.examples = number(word, next()),
                "--shorten" => arguments.shorten = true,
                _ if arguments.command.is_empty() => arguments.command = word.clone(),
                _ => arguments.what = word.clone(),
            }
        }
        arguments
    }

    /// An engine of the library, or another library.
    pub fn side(&self, name: &str) -> Side {
        let is_engine = matches!(name, "kernel" | "threads");
        let path = if is_engine {
            self.library.clone()
        } else {
            PathBuf::from(name)
        };
        Side {
            library: std::path::absolute(path).expect("a library has a path"),
            engine: if is_engine { name } else { "kernel" }.to_owned(),
            lie: self
                .lie
                .clone()
                .filter(|_| name == self.right && self.left != self.right),
        }
    }
}

fn number<T: FromStr>(option: &str, text: &str) -> T {
    text.parse()
        .unwrap_or_else(|_| panic!("{option} wants a number"))
}
