//! The library made by other linkers and compilers, and with the flags of distributions: it is the same one.

use abi_tests::{
    Library, MAY_BE_MISSING, Width, build, compiler, exported, output, project, readelf, run,
    scratch, skip_test,
};
use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Whether the machine has it. If not, the test is to return, which is counted.
fn installed(tool: &str) -> bool {
    let path = env::var_os("PATH").unwrap();
    let found = env::split_paths(&path).any(|directory| directory.join(tool).exists());
    if !found {
        skip_test(&format!("building with {tool}: it is not installed"));
    }
    found
}

/// Where libraries are made. What cargo makes for them is made once.
struct Workshop(tempfile::TempDir);

impl Workshop {
    fn new() -> Self {
        Workshop(scratch())
    }

    /// An empty directory.
    fn directory(&self, name: &str) -> PathBuf {
        let directory = self.0.path().join(name);
        fs::create_dir(&directory).unwrap();
        directory
    }

    fn command(&self, words: &[&str], made: &Path) -> Command {
        let mut command = Command::new(words[0]);
        command
            .args(&words[1..])
            .current_dir(project())
            .env_remove("MAKEFLAGS")
            .env_remove("MAKELEVEL")
            .env_remove("CC")
            .env_remove("CFLAGS")
            .env_remove("LDFLAGS")
            .arg(format!("BUILD={}", made.display()))
            .arg(format!("target_dir={}/linkers", build().display()));
        command
    }

    /// Makes the library and compares it with the one under test. `linker` is what the finished
    /// file must say of itself.
    fn make(&self, linker: &str, words: &[&str]) {
        let made = self.directory("build");
        run(&mut self.command(words, &made));
        let (ours, shared, archive) = (build(), "libaio.so.1.0.2", "libaio.a");
        let said = readelf("-p.comment -n", &made.join(shared));
        assert!(said.contains(linker), "{words:?}: {said}");
        let of_shared = |directory: &Path| {
            let library = directory.join(shared);
            let mut functions = exported(&library);
            // lld and mold leave out the symbols that stand for the version nodes themselves.
            functions.retain(|symbol| symbol.starts_with("FUNC"));
            (functions, may_be_missing(&library), dynamic(&library))
        };
        assert_eq!(of_shared(&made), of_shared(&ours), "{words:?}");
        assert_eq!(names(&made), names(&ours), "{words:?}");
        let unwound = |file: PathBuf| {
            readelf("--debug-dump=frames", &file)
                .matches(" FDE ")
                .count()
        };
        assert_eq!(
            unwound(made.join(archive)),
            unwound(ours.join(archive)),
            "{words:?}: functions in unwind tables"
        );
        assert!(
            unwound(made.join(shared)) >= unwound(ours.join("system-calls.o")),
            "{words:?}: functions that are in no unwind table"
        );
        for library in [archive, shared] {
            let program = made.join("program");
            run(compiler(Library::Ours, Width::W64)
                .arg(project().join("c-tests/linking/one_write.c"))
                .arg(made.join(library))
                .args(["-pthread", "-o"])
                .arg(&program));
            run(Command::new(&program).env("LD_LIBRARY_PATH", &made));
        }
        fs::remove_dir_all(made).unwrap();
    }
}

/// How the library asks for what an old C library need not have: `BINDING NAME`, the name with a
/// version if there is one.
fn may_be_missing(library: &Path) -> BTreeSet<String> {
    readelf("--dyn-syms", library)
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|field| field.len() >= 8 && field[6] == "UND")
        .filter(|field| MAY_BE_MISSING.contains(&field[7].split('@').next().unwrap()))
        .map(|field| [field[4], field[7]].join(" "))
        .collect()
}

/// What the library needs and is called, how much it does at the start, and its version nodes in
/// their order.
fn dynamic(library: &Path) -> Vec<String> {
    let told = [
        "(NEEDED)",
        "(SONAME)",
        "(INIT_ARRAYSZ)",
        "(TEXTREL)",
        "(RUNPATH)",
    ];
    let mut facts: Vec<_> = readelf("-d", library)
        .lines()
        .filter(|line| told.iter().any(|word| line.contains(word)))
        .map(|line| {
            line.split_whitespace()
                .skip(1)
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect();
    facts.sort();
    let definition = |line: &&str| line.contains(" Index: ");
    let name = |line: &str| line.split_whitespace().last().map(str::to_owned);
    let versions = readelf("-V", library);
    facts.extend(versions.lines().filter(definition).filter_map(name));
    facts
}

/// Members of the archive with the names that they define and need.
fn names(directory: &Path) -> BTreeSet<String> {
    let mut nm = Command::new("nm");
    run(nm.current_dir(directory).args(["-gA", "libaio.a"]))
        .lines()
        .map(|line| {
            let (member, symbol) = line.rsplit_once(':').unwrap();
            // Without the address.
            let words: Vec<_> = symbol.split_whitespace().rev().take(2).collect();
            format!("{member} {}", words.join(" "))
        })
        .collect()
}

#[test]
fn mold_makes_the_same_library() {
    if !installed("mold") {
        return;
    }
    let workshop = Workshop::new();
    workshop.make("mold", &["mold", "-run", "make"]);
    workshop.make("mold", &["make", "CC=cc -fuse-ld=mold"]);
}

#[test]
fn gold_makes_the_same_library() {
    if !installed("ld.gold") {
        return;
    }
    let workshop = Workshop::new();
    workshop.make("gold", &["make", "LDFLAGS=-fuse-ld=gold"]);
    // A system where it is the linker.
    let tools = workshop.directory("bin");
    let gold = run(Command::new("sh").args(["-c", "command -v ld.gold"]));
    symlink(gold.trim(), tools.join("ld")).unwrap();
    let cc = format!("CC=cc -B{}", tools.display());
    workshop.make("gold", &["make", &cc]);
}

#[test]
fn lld_makes_the_same_library() {
    if !installed("ld.lld") {
        return;
    }
    let workshop = Workshop::new();
    workshop.make("LLD", &["make", "LDFLAGS=-fuse-ld=lld"]);
    workshop.make("LLD", &["make", "CC=cc -fuse-ld=lld"]);
}

#[test]
fn clang_makes_the_same_library() {
    if !installed("clang") {
        return;
    }
    let workshop = Workshop::new();
    let flags = ["CFLAGS=-O2 -flto -fPIE -pie", "LDFLAGS=-flto=thin -pie"];
    workshop.make("", &["make", "CC=clang", flags[0], flags[1]]);
}

#[test]
fn flags_for_programs_and_for_c_change_nothing() {
    let workshop = Workshop::new();
    for flags in [
        ["CFLAGS=-O2 -fPIE -pie", "LDFLAGS=-pie -static"],
        [
            "CFLAGS=-O2 -flto=auto -ffat-lto-objects -fsanitize=address",
            "LDFLAGS=-flto=auto -fuse-linker-plugin -fsanitize=address",
        ],
        // The first shows every macro of the preprocessor; the second is for whole files, not for parts.
        [
            "CFLAGS=-ggdb3 -Wl,--gc-sections",
            "LDFLAGS=-Wl,--sort-common",
        ],
        // A distribution's.
        [
            "CFLAGS=-O2 -pipe -fno-plt -fexceptions -Wp,-D_FORTIFY_SOURCE=3 -Wformat -Werror=format-security \
             -fstack-clash-protection -fno-omit-frame-pointer",
            "LDFLAGS=-Wl,-O1 -Wl,--as-needed -Wl,-z,relro -Wl,-z,now -Wl,-z,pack-relative-relocs",
        ],
    ] {
        workshop.make("", &["make", flags[0], flags[1]]);
    }
}

/// Nothing else cuts the objects out as they must be.
#[test]
fn without_gnu_ld_the_build_says_what_it_needs() {
    let workshop = Workshop::new();
    let compiler = workshop.directory("bin").join("cc");
    fs::write(
        &compiler,
        "#!/bin/sh\ncase \" $* \" in *' -fuse-ld=bfd '*) echo 'cannot find ld' >&2; exit 1 ;; esac\nexec cc \"$@\"\n",
    )
    .unwrap();
    fs::set_permissions(&compiler, fs::Permissions::from_mode(0o755)).unwrap();
    let cc = format!("CC={}", compiler.display());
    let made = workshop.directory("build");
    let mut command = workshop.command(&["make", &cc], &made);
    // Make deletes what it fails to make: not the others' library, which one of them may have just made.
    command.arg(format!("target_dir={}/cargo", made.display()));
    let result = output(&mut command);
    let errors = String::from_utf8_lossy(&result.stderr);
    let lines: Vec<_> = errors.lines().collect();
    assert_eq!(lines.len(), 2, "{errors}");
    assert!(
        lines[0].contains("finds no GNU ld") && lines[0].contains("install binutils"),
        "{errors}"
    );
    assert!(lines[1].starts_with("make: ***"), "{errors}");
    assert!(!made.join("libaio.a").exists());
}

/// Without it the library would need a newer C library than it says.
#[test]
fn without_readelf_nothing_is_built() {
    let workshop = Workshop::new();
    let made = workshop.directory("build");
    let command = ["make", "READELF=/nonexistent/readelf"];
    let result = output(&mut workshop.command(&command, &made));
    let errors = String::from_utf8_lossy(&result.stderr);
    assert!(!result.status.success());
    assert!(
        errors.contains("/nonexistent/readelf: not found"),
        "{errors}"
    );
    assert!(!made.join("libaio.so.1.0.2").exists(), "{errors}");
}
