//! The finished `libaio.so.1.0.2`, read as ELF and compared with Debian's.

use abi_tests::{
    Library, Link, MAY_BE_MISSING, Width, aio_refused, build, compile, compiler, copy_source,
    exported, link_again, on, original, output, project, readelf, run, scratch, skip, widths,
};
use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
fn exports_what_the_c_library_exports() {
    for &width in widths() {
        let Some(ours) = Library::Ours.directory(width) else {
            continue;
        };
        let Some(theirs) = Library::C.directory(width) else {
            continue;
        };
        let mut wanted = exported(&theirs.join("libaio.so.1.0.2"));
        if Library::C.is_t64() {
            for symbol in TIME64 {
                wanted.remove(symbol);
            }
        }
        assert_eq!(
            wanted.len(),
            16,
            "13 functions and 3 version nodes: {wanted:#?}"
        );
        if width == Width::W32 {
            wanted.extend(TIME64.map(str::to_owned));
        }
        assert_eq!(exported(&ours.join("libaio.so.1.0.2")), wanted);
    }
}

/// What only 32-bit libraries have.
const TIME64: [&str; 3] = [
    "FUNC GLOBAL DEFAULT io_getevents_time64@@LIBAIO_0.6",
    "FUNC GLOBAL DEFAULT io_pgetevents_time64@@LIBAIO_0.6",
    "OBJECT GLOBAL DEFAULT LIBAIO_0.6",
];

#[test]
fn exports_what_debian_13_exports() {
    for &width in widths() {
        let (Some(ours), Some(theirs)) = (
            Library::Ours.directory(width),
            Library::Debian13.directory(width),
        ) else {
            continue;
        };
        let mut wanted = exported(&theirs.join("libaio.so.1t64"));
        if width == Width::W64 {
            // An empty node, which no program can ask for.
            assert!(wanted.remove(TIME64[2]));
        }
        assert_eq!(exported(&ours.join("libaio.so.1.0.2")), wanted);
    }
}

/// It is what the oldest systems have that people still ship programs for.
#[test]
fn it_asks_for_no_version_after_glibc_2_17() {
    for &width in widths() {
        let Some(ours) = Library::Ours.directory(width) else {
            continue;
        };
        let text = readelf("-V", &ours.join("libaio.so.1.0.2"));
        let needed: Vec<&str> = text
            .split("Name: GLIBC_")
            .skip(1)
            .map(|rest| rest.split_whitespace().next().unwrap())
            .collect();
        if needed.is_empty() {
            skip("versions of glibc: another C library is here");
            continue;
        }
        let number = |version: &str| -> Vec<u32> {
            version
                .split('.')
                .map(|part| part.parse().unwrap())
                .collect()
        };
        assert!(
            needed.iter().all(|version| number(version) <= vec![2, 17]),
            "{width:?}: {needed:?}"
        );
        // Before 2.30 a version would lead to a library that has not got them. On i386 another function would be found without.
        let symbols = readelf("--dyn-syms", &ours.join("libaio.so.1.0.2"));
        for function in MAY_BE_MISSING {
            let is_versioned = symbols.contains(&format!(" UND {function}@GLIBC_"));
            let must_be = width == Width::W32 && function != "dladdr";
            assert_eq!(is_versioned, must_be, "{function}, {width:?}");
            assert!(symbols.contains(&format!(" WEAK   DEFAULT  UND {function}")));
        }
    }
}

/// Version definitions in their order, each with those it depends on.
fn nodes(library: &Path) -> Vec<(String, Vec<String>)> {
    let text = readelf("-V", library);
    let start = text
        .find(".gnu.version_d")
        .expect("there are version definitions");
    let end = start + text[start..].find(".gnu.version_r").unwrap();
    let mut nodes: Vec<(String, Vec<String>)> = Vec::new();
    for line in text[start..end].lines() {
        let Some(name) = line.split_whitespace().last() else {
            continue;
        };
        if line.contains("  Name: ") {
            nodes.push((name.to_owned(), Vec::new()));
        } else if line.contains(" Parent ") {
            nodes.last_mut().unwrap().1.push(name.to_owned());
        }
    }
    nodes
}

/// `abi/libaio.map` says why they are not as in the C library.
#[test]
fn the_first_version_node_is_the_one_for_references_without_a_version() {
    let name = |name: &str| name.to_owned();
    let theirs = Library::C.directory(Width::W64).unwrap();
    let theirs = nodes(&theirs.join("libaio.so.1.0.2"));
    let soname = if Library::C.is_t64() {
        "libaio.so.1t64"
    } else {
        "libaio.so.1"
    };
    assert_eq!(
        theirs[..4],
        [
            (name(soname), vec![]),
            (name("LIBAIO_0.1"), vec![]),
            (name("LIBAIO_0.4"), vec![name("LIBAIO_0.1")]),
            (name("LIBAIO_0.5"), vec![name("LIBAIO_0.4")]),
        ]
    );
    for &width in widths() {
        let Some(ours) = Library::Ours.directory(width) else {
            continue;
        };
        let mut wanted = vec![
            (name("libaio.so.1"), vec![]),
            (name("LIBAIO_0.4"), vec![]),
            (name("LIBAIO_0.1"), vec![]),
            (name("LIBAIO_0.5"), vec![name("LIBAIO_0.4")]),
        ];
        if width == Width::W32 {
            wanted.push((name("LIBAIO_0.6"), vec![name("LIBAIO_0.5")]));
        }
        assert_eq!(nodes(&ours.join("libaio.so.1.0.2")), wanted);
    }
}

#[test]
fn a_program_without_versions_gets_what_the_header_declares() {
    let source = project().join("c-tests/linking/without_versions.c");
    for &width in widths() {
        if Library::Ours.directory(width).is_none() {
            continue;
        }
        let directory = scratch();
        let compiler = || {
            let mut command = compiler(Library::Ours, width);
            command.arg(&source);
            command
        };
        run(compiler()
            .args([
                "-DSTUB",
                "-shared",
                "-fPIC",
                "-Wl,-soname,libaio.so.1",
                "-o",
            ])
            .arg(directory.path().join("libaio.so")));
        let build = |flags: &[&str]| {
            let program = directory.path().join("program");
            run(compiler()
                .args(flags)
                .arg("-o")
                .arg(&program)
                .arg(directory.path().join("libaio.so"))
                .arg("-ldl"));
            let needed = readelf("-V", &program);
            assert!(!needed.contains("libaio"), "{needed}");
            program
        };
        let program = build(&[]);
        assert_eq!(run(&mut on(Library::Ours, width, &program)), "");
        // What this is about, seen with the C library.
        if let Some(error) = aio_refused() {
            skip(&format!(
                "a program without versions on the C library: io_setup answers {error} here"
            ));
        } else if Library::C.directory(width).is_some() {
            let result = output(&mut on(Library::C, width, &program));
            let printed = String::from_utf8_lossy(&result.stdout);
            assert!(printed.contains("io_getevents is not"), "{printed}");
            assert!(printed.contains("io_getevents gave -"), "{printed}");
        }
        if width == Width::W32 {
            let program = build(&["-D_TIME_BITS=64", "-D_FILE_OFFSET_BITS=64"]);
            assert_eq!(run(&mut on(Library::Ours, width, &program)), "");
        }
    }
}

/// Debian's tool that compares a library with the list of symbols in the C library's package. On
/// i386 it may find additions.
#[test]
fn dpkg_gensymbols_finds_no_symbol_missing_and_on_amd64_none_added() {
    let name = if Library::C.is_t64() {
        "libaio1t64"
    } else {
        "libaio1"
    };
    for &width in widths() {
        let (architecture, strictness) = match width {
            Width::W64 => ("amd64", "-c4"),
            Width::W32 => ("i386", "-c1"),
        };
        if Library::Ours.directory(width).is_none() || Library::C.directory(width).is_none() {
            continue;
        }
        let directory = scratch();
        let package = fs::read_dir(original())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| {
                let file = path.file_name().unwrap().to_str().unwrap();
                file.starts_with(&format!("{name}_"))
                    && file.ends_with(&format!("_{architecture}.deb"))
            })
            .expect("the C library's package");
        run(Command::new("dpkg-deb")
            .arg("--control")
            .arg(package)
            .arg(directory.path().join("control")));
        // The name in the list of symbols is the one in the library.
        let symbols = directory.path().join("control/symbols");
        let listed = fs::read_to_string(&symbols).unwrap();
        let soname = listed.split(' ').next().unwrap();
        link_again(soname, width, directory.path());
        // It wants to see the package in a source tree.
        fs::create_dir(directory.path().join("debian")).unwrap();
        let control = format!("Source: libaio\n\nPackage: {name}\nArchitecture: any\n");
        fs::write(directory.path().join("debian/control"), control).unwrap();
        run(Command::new("dpkg-gensymbols")
            .current_dir(directory.path())
            .args([&format!("-p{name}"), "-v0.3.113", strictness])
            .arg(format!("-a{architecture}"))
            .arg(format!("-I{}", symbols.display()))
            .args(["-elibaio.so", "-Onew"]));
    }
}

#[test]
fn needs_nothing_but_libc() {
    for &width in widths() {
        let Some(ours) = Library::Ours.directory(width) else {
            continue;
        };
        let dynamic = readelf("-d", &ours.join("libaio.so.1.0.2"));
        let needed: Vec<_> = dynamic
            .lines()
            .filter(|line| line.contains("(NEEDED)"))
            .collect();
        assert_eq!(needed.len(), 1, "{dynamic}");
        assert!(needed[0].contains("[libc.so.6]"), "{dynamic}");
        assert!(
            dynamic.contains("Library soname: [libaio.so.1]"),
            "{dynamic}"
        );
        assert!(
            !dynamic.contains("RPATH") && !dynamic.contains("RUNPATH"),
            "{dynamic}"
        );
    }
}

#[test]
fn is_hardened_and_has_no_thread_local_storage() {
    for &width in widths() {
        let Some(ours) = Library::Ours.directory(width) else {
            continue;
        };
        let library = ours.join("libaio.so.1.0.2");
        let dynamic = readelf("-d", &library);
        assert!(dynamic.contains("NOW"), "bound at load time: {dynamic}");
        assert!(!dynamic.contains("TEXTREL"), "{dynamic}");
        let segments = readelf("-l", &library);
        assert!(segments.contains("GNU_RELRO"), "{segments}");
        assert!(!segments.contains(" TLS "), "{segments}");
        let stack = segments
            .lines()
            .find(|line| line.contains("GNU_STACK"))
            .unwrap();
        assert!(
            stack.contains(" RW "),
            "the stack is not executable: {stack}"
        );
        let notes = readelf("-n", &library);
        assert!(notes.contains("Build ID"), "{notes}");
    }
}

/// aioinfo(8) reads it, from stripped files too. A static program that the library is linked into has it as well.
#[test]
fn a_note_says_which_version_it_is() {
    let made = scratch();
    let manifest = fs::read_to_string(project().join("Cargo.toml")).unwrap();
    let (_, rest) = manifest.split_once("version = \"").unwrap();
    let (version, _) = rest.split_once('"').unwrap();
    for &width in widths() {
        let Some(directory) = Library::Ours.directory(width) else {
            continue;
        };
        let stripped = made.path().join("libaio.so");
        run(Command::new("strip")
            .arg("-o")
            .arg(&stripped)
            .arg(directory.join("libaio.so.1.0.2")));
        let program = made.path().join("program");
        let source = project().join("c-tests/linking/one_write.c");
        let ours = Library::Ours;
        let compiler = compiler(ours, width);
        compile(compiler, &source, ours, Link::Static, width, &program).unwrap();
        for file in [stripped, program] {
            let note = readelf("-p.note.libaio-rs", &file);
            let has = |text: &str| note.lines().any(|line| line.trim_end().ends_with(text));
            assert!(
                has("]  libaio-rs") && has(&format!("]  {version}")),
                "{note}"
            );
        }
    }
}

/// As the C library. Only a process in which it has started threads keeps it, because these may be at
/// its last instructions. A plug-in that contains it waits for them.
#[test]
fn a_program_can_unload_it_unless_it_has_threads() {
    let made = scratch();
    let linking = project().join("c-tests/linking");
    for &width in widths() {
        let Some(directory) = Library::Ours.directory(width) else {
            continue;
        };
        let program = made.path().join("unloading");
        let plugin = made.path().join("plugin.so");
        run(compiler(Library::Ours, width)
            .arg(linking.join("unloading.c"))
            .args(["-ldl", "-o"])
            .arg(&program));
        run(compiler(Library::Ours, width)
            .args(["-shared", "-Wl,--whole-archive"])
            .arg(directory.join("libaio.a"))
            .args(["-Wl,--no-whole-archive", "-pthread", "-o"])
            .arg(&plugin));
        for (file, with_threads) in [(&directory.join("libaio.so.1"), "stays"), (&plugin, "gone")] {
            for (engine, wanted) in [("kernel", "gone"), ("threads", with_threads)] {
                if engine == "kernel" && aio_refused().is_some() {
                    skip("unloading after use of the kernel's AIO: io_setup is refused here");
                    continue;
                }
                let said = run(Command::new(&program)
                    .current_dir(made.path())
                    .env("LIBAIO_ENGINE", engine)
                    .arg(file));
                assert_eq!(said.trim(), wanted, "{width:?}, {engine}, {file:?}");
            }
        }
    }
}

#[test]
fn is_small() {
    let directory = scratch();
    let stripped = directory.path().join("stripped.so");
    run(Command::new("strip")
        .arg("-o")
        .arg(&stripped)
        .arg(build().join("libaio.so.1.0.2")));
    let size = fs::metadata(&stripped).unwrap().len();
    let theirs = Library::C
        .directory(Width::W64)
        .unwrap()
        .join("libaio.so.1.0.2");
    println!(
        "stripped: {size} bytes, C library: {}",
        fs::metadata(theirs).unwrap().len()
    );
    // The file has whole pages, and ends a little behind one: 17 are 69,632 bytes.
    assert!(size < 17 * 4096, "{size} bytes");
}

#[test]
fn without_the_threads_engine_it_is_smaller_and_starts_no_thread() {
    let directory = scratch();
    let made = directory.path().join("build");
    let library = made.join("libaio.so.1.0.2");
    let make = |engines: &[&str]| {
        run(Command::new("make")
            .current_dir(project())
            .env_remove("MAKEFLAGS")
            .env_remove("ENGINES")
            .arg(format!("BUILD={}", made.display()))
            .args(engines));
        readelf("--dyn-syms", &library).contains("pthread_create")
    };
    // It is made again when another is asked for, and otherwise stays what it is.
    assert!(make(&[]));
    assert!(!make(&["ENGINES=kernel"]));
    assert!(!make(&[]));
    assert_eq!(
        exported(&library),
        exported(&build().join("libaio.so.1.0.2"))
    );
    run(Command::new("strip").arg(&library));
    let size = fs::metadata(&library).unwrap().len();
    assert!(size < 32 * 1024, "{size} bytes");
    let size = fs::metadata(made.join("libaio.a")).unwrap().len();
    assert!(size < 60 * 1024, "libaio.a: {size} bytes");
}

#[test]
fn abidiff_finds_no_difference() {
    let theirs = Library::C.directory(Width::W64).unwrap();
    let directory = scratch();
    let ours = if Library::C.is_t64() {
        // The name of the library is a part of what it compares.
        link_again("libaio.so.1t64", Width::W64, directory.path());
        directory.path().join("libaio.so")
    } else {
        build().join("libaio.so.1.0.2")
    };
    let report = output(
        Command::new("abidiff")
            .arg(theirs.join("libaio.so.1.0.2"))
            .arg(ours),
    );
    assert!(report.status.success(), "{report:?}");
    assert_eq!(String::from_utf8_lossy(&report.stdout), "");
}

/// The check that the Makefile makes at every build, seen failing.
#[test]
fn a_panic_path_stops_the_build() {
    let directory = scratch();
    let copy = directory.path();
    copy_source(copy);
    let file = copy.join("src/engine/kernel/mod.rs");
    let source = fs::read_to_string(&file).unwrap();
    let call = "aio::io_cancel(ctx, iocb, event)";
    assert!(source.contains(call), "this test edits a line that is gone");
    let table = "[1, 2, 3][core::hint::black_box(ctx.addr())]";
    fs::write(
        &file,
        source.replace(call, &format!("{call}.map(|result| result + {table})")),
    )
    .unwrap();
    let build = output(Command::new("make").current_dir(copy));
    let errors = String::from_utf8_lossy(&build.stderr);
    assert!(!build.status.success());
    assert!(errors.contains("not list: abort"), "{errors}");
}
