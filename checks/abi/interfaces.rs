//! The finished libraries on libaio, `libposixaio.so.1` and `libsolarisaio.so.1`: their names, what they need, and programs
//! that are linked with them.

use abi_tests::{
    Library, Width, build, compiler, exported, on, project, readelf, run, scratch, widths,
};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const INTERFACES: [&str; 2] = ["posixaio", "solarisaio"];

/// Where the libraries of each width are.
fn directories() -> impl Iterator<Item = (Width, PathBuf)> {
    let found = |&width: &Width| Some((width, Library::Ours.directory(width)?));
    widths().iter().filter_map(found)
}

/// The names with their versions: those of glibc.
fn names_of_posix(width: Width) -> BTreeSet<String> {
    let architecture = match width {
        Width::W64 => "x86_64",
        Width::W32 => "i686",
    };
    let script = project().join("interfaces/abi/posix-names.sh");
    run(Command::new(script).args([architecture, "names"]))
        .lines()
        .map(|line| line.split_once(' ').unwrap().1.to_owned())
        .collect()
}

fn names_of_solaris(width: Width) -> BTreeSet<String> {
    let wide = ["aioread64", "aiowrite64", "aiowait_time64"];
    ["aioread", "aiowrite", "aiowait", "aiocancel"]
        .iter()
        .chain(wide.iter().filter(|_| width == Width::W32))
        .map(|name| format!("{name}@@LIBSOLARISAIO_1.0"))
        .collect()
}

fn names_of(library: &str, width: Width) -> BTreeSet<String> {
    match library {
        "posixaio" => names_of_posix(width),
        _ => names_of_solaris(width),
    }
}

/// The functions, and a node for each version; in `libposixaio-preload.so` too.
#[test]
fn they_export_their_names_and_nothing_else() {
    for (width, directory) in directories() {
        for (file, library) in [
            ("libposixaio.so.1.0.0", "posixaio"),
            ("libposixaio-preload.so", "posixaio"),
            ("libsolarisaio.so.1.0.0", "solarisaio"),
        ] {
            let names = names_of(library, width);
            assert!(names.len() >= 4, "{names:?}");
            let nodes = names.iter().map(|name| name.rsplit('@').next().unwrap());
            let mut wanted: BTreeSet<_> = nodes
                .map(|node| format!("OBJECT GLOBAL DEFAULT {node}"))
                .collect();
            let function = |name| format!("FUNC GLOBAL DEFAULT {name}");
            wanted.extend(names.iter().map(function));
            assert_eq!(exported(&directory.join(file)), wanted, "{file}, {width:?}");
        }
    }
}

/// Every name is the same file; they need libaio and the C library.
#[test]
fn they_have_their_names_and_need_libaio() {
    for (_, directory) in directories() {
        for library in INTERFACES {
            let file = format!("lib{library}.so.1.0.0");
            let real = fs::canonicalize(directory.join(&file)).unwrap();
            assert_eq!(real.file_name().unwrap(), &*file);
            for link in [format!("lib{library}.so.1"), format!("lib{library}.so")] {
                assert_eq!(fs::canonicalize(directory.join(link)).unwrap(), real);
            }
            let dynamic = readelf("-d", &real);
            let needed: BTreeSet<_> = dynamic
                .lines()
                .filter(|line| line.contains("(NEEDED)"))
                .map(|line| line.split(['[', ']']).nth(1).unwrap())
                .collect();
            assert_eq!(needed, BTreeSet::from(["libaio.so.1", "libc.so.6"]));
            let soname = format!("Library soname: [lib{library}.so.1]");
            assert!(dynamic.contains(&soname), "{dynamic}");
            // It stays: the program may have requests in flight.
            assert!(dynamic.contains("NODELETE"), "{dynamic}");
        }
    }
}

#[test]
fn they_are_hardened_and_small() {
    let made = scratch();
    for (_, directory) in directories() {
        for library in INTERFACES {
            let file = directory.join(format!("lib{library}.so.1"));
            let dynamic = readelf("-d", &file);
            assert!(dynamic.contains("NOW"), "bound at load time: {dynamic}");
            for bad in ["TEXTREL", "RPATH", "RUNPATH"] {
                assert!(!dynamic.contains(bad), "{dynamic}");
            }
            let segments = readelf("-l", &file);
            assert!(segments.contains("GNU_RELRO"), "{segments}");
            assert!(!segments.contains(" TLS "), "{segments}");
            let mut stacks = segments.lines().filter(|line| line.contains("GNU_STACK"));
            assert!(stacks.next().unwrap().contains(" RW "), "{segments}");
            assert!(readelf("-n", &file).contains("Build ID"));

            let stripped = made.path().join("stripped");
            run(Command::new("strip").arg("-o").arg(&stripped).arg(&file));
            let size = fs::metadata(&stripped).unwrap().len();
            assert!(size < 64 * 1024, "{library}: {size} bytes");
        }
    }
}

/// At load the environment is read, and at exit requests are carried out, by one function each.
#[test]
fn one_function_is_called_at_load_and_one_at_exit() {
    for (width, directory) in directories() {
        let word = if width == Width::W64 { 8 } else { 4 };
        for library in INTERFACES {
            let dynamic = readelf("-d", &directory.join(format!("lib{library}.so.1")));
            for tag in ["(INIT_ARRAYSZ)", "(FINI_ARRAYSZ)"] {
                let line = dynamic.lines().find(|line| line.contains(tag)).unwrap();
                assert!(line.contains(&format!(" {word} (bytes)")), "{line}");
            }
        }
    }
}

/// A static program sees the functions alone, under the names that programs are linked with.
#[test]
fn the_archives_have_no_other_global_names() {
    for (width, directory) in directories() {
        for library in INTERFACES {
            let wanted: BTreeSet<_> = names_of(library, width)
                .iter()
                .filter_map(|name| name.split_once("@@"))
                .map(|(name, _)| name.to_owned())
                .collect();
            let archive = directory.join(format!("lib{library}.a"));
            let defined = run(Command::new("nm")
                .args(["-g", "--defined-only"])
                .arg(archive));
            let names: BTreeSet<_> = defined
                .lines()
                .filter_map(|line| line.split_once(" T "))
                .map(|(_, name)| name.to_owned())
                .collect();
            assert_eq!(names, wanted, "{library}, {width:?}");
            let symbols = defined.lines().filter(|line| line.contains(' ')).count();
            assert_eq!(symbols, names.len(), "{defined}");
        }
    }
}

/// A program for that library, shared or static.
fn link(width: Width, arguments: &[&str], sources: &[PathBuf], libraries: &[&str], program: &Path) {
    let directory = Library::Ours.directory(width).unwrap();
    run(compiler(Library::Ours, width)
        .args(arguments)
        .arg("-o")
        .arg(program)
        .args(sources)
        .arg("-L")
        .arg(&directory)
        .arg(format!("-Wl,-rpath-link,{}", directory.display()))
        .args(libraries));
}

/// Each choice of a program's own types leads to functions that take them.
#[test]
fn programs_of_every_width_use_solaris_aio() {
    let made = scratch();
    let program = made.path().join("program");
    let source = [project().join("c-tests/linking/solaris_write.c")];
    let choices: [(&[&str], [&str; 3]); 3] = [
        (&[], ["aioread@", "aiowrite@", "aiowait@"]),
        (
            &["-D_FILE_OFFSET_BITS=64"],
            ["aioread64@", "aiowrite64@", "aiowait@"],
        ),
        (
            &["-D_FILE_OFFSET_BITS=64", "-D_TIME_BITS=64"],
            ["aioread64@", "aiowrite64@", "aiowait_time64@"],
        ),
    ];
    for (width, _) in directories() {
        for (flags, functions) in choices {
            link(width, flags, &source, &["-lsolarisaio"], &program);
            let symbols = readelf("--dyn-syms", &program);
            for function in functions {
                let function = match width {
                    Width::W64 => function.replace("64@", "@").replace("_time@", "@"),
                    Width::W32 => function.to_owned(),
                };
                assert!(symbols.contains(&format!(" UND {function}")), "{symbols}");
            }
            run(on(Library::Ours, width, &program).current_dir(made.path()));

            let flags = [flags, &["-static"]].concat();
            link(width, &flags, &source, &["-lsolarisaio", "-laio"], &program);
            run(Command::new(&program).current_dir(made.path()));
        }
    }
}

/// Each library has its own requests and threads, also where both are in one static program.
#[test]
fn a_program_can_use_both() {
    let made = scratch();
    let main = made.path().join("main.c");
    let text = "int posix_main(void);\nint solaris_main(void);\n\
                int main(void)\n{\n\treturn posix_main() || solaris_main() || posix_main();\n}\n";
    fs::write(&main, text).unwrap();
    for (width, _) in directories() {
        let mut objects = vec![main.clone()];
        for name in ["posix", "solaris"] {
            let object = made.path().join(format!("{name}.o"));
            run(compiler(Library::Ours, width)
                .args(["-c", &format!("-Dmain={name}_main"), "-o"])
                .arg(&object)
                .arg(project().join(format!("c-tests/linking/{name}_write.c"))));
            objects.push(object);
        }
        let program = made.path().join("program");
        let libraries = ["-lposixaio", "-lsolarisaio", "-laio"];
        for flags in [&[][..], &["-static"]] {
            link(width, flags, &objects, &libraries, &program);
            for engine in ["auto", "threads"] {
                run(on(Library::Ours, width, &program)
                    .current_dir(made.path())
                    .env("POSIXAIO_ENGINE", engine)
                    .env("SOLARISAIO_ENGINE", engine));
            }
        }
    }
}

/// With what pkg-config says a program is linked where the system has no libaio, as no 32-bit one here.
#[test]
fn pkg_config_says_where_libaio_is() {
    for (width, directory) in directories() {
        let made = scratch();
        let prefix = made.path().join("usr");
        let mut install = Command::new("make");
        install
            .current_dir(project())
            .env_remove("MAKEFLAGS")
            .arg("install")
            .arg(format!("BUILD={}", directory.display()))
            .arg(format!("prefix={}", prefix.display()));
        if width == Width::W32 {
            install.args(["CC=cc -m32", "RUST_TARGET=i686-unknown-linux-gnu"]);
        }
        run(&mut install);
        for name in ["posix", "solaris"] {
            let flags = run(Command::new("pkg-config")
                .env("PKG_CONFIG_PATH", prefix.join("lib/pkgconfig"))
                .args(["--cflags", "--libs", &format!("lib{name}aio")]));
            let program = made.path().join("program");
            run(Command::new("cc")
                .args((width == Width::W32).then_some("-m32"))
                .arg("-o")
                .arg(&program)
                .arg(project().join(format!("c-tests/linking/{name}_write.c")))
                .args(flags.split_whitespace()));
            run(Command::new(&program)
                .current_dir(made.path())
                .env("LD_LIBRARY_PATH", prefix.join("lib")));
        }
    }
}

/// What the Makefile compares at every build: one library may not need what only the other does.
#[test]
fn each_may_need_only_what_is_written_down_for_it() {
    let needed = |library: &str| {
        let file = build().join(library).join("functions.o.undefined");
        let text = fs::read_to_string(file).unwrap();
        text.lines().map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let (posix, solaris) = (needed("posix"), needed("solaris"));
    assert!(posix.contains("posixaio_loader") && !solaris.contains("posixaio_loader"));
    let written = |list: &str| {
        let text = fs::read_to_string(project().join("interfaces/abi").join(list)).unwrap();
        text.lines().map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let both = written("undefined-symbols");
    let more = written("undefined-symbols.posix");
    assert!(solaris.is_subset(&both), "{solaris:?}");
    assert!(
        more.is_disjoint(&both) && more.is_subset(&posix),
        "{more:?}"
    );
}
