//! What is handed out: the archive of `make dist`, and the RPM and Arch packages.

use abi_tests::{Library, Width, build, compiler, output, project, run, scratch, skip, skip_test};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const NAMES: [&str; 4] = [
    "libaio.so.1",
    "libaio.so.1.0.0",
    "libaio.so.1.0.2",
    "libaio.so.1t64",
];

/// Whether the programs are installed; if not, a skip of `what`.
fn present(programs: &[&str], what: &str) -> bool {
    let missing = |program: &&&str| Command::new(program).arg("--version").output().is_err();
    let Some(program) = programs.iter().find(missing) else {
        return true;
    };
    let reason = format!("{what}: there is no {program}; ./install-tools.sh check-long brings it");
    if *program == "fio" {
        skip(&reason);
    } else {
        skip_test(&reason);
    }
    false
}

/// The directory with the library must be where this command found it.
fn loads_from(directory: &Path, command: &mut Command) {
    let log = scratch();
    run(command
        .env("LD_DEBUG", "libs")
        .env("LD_DEBUG_OUTPUT", log.path().join("log")));
    let loaded: BTreeSet<_> = fs::read_dir(log.path())
        .unwrap()
        .flat_map(|entry| {
            let text = fs::read(entry.unwrap().path()).unwrap();
            let lines = String::from_utf8_lossy(&text).into_owned();
            lines
                .lines()
                .filter_map(|line| line.split_once("calling init: "))
                .map(|(_, path)| PathBuf::from(path))
                .filter(|path| path.to_string_lossy().contains("libaio.so"))
                .collect::<Vec<_>>()
        })
        .map(|path| fs::canonicalize(path).unwrap())
        .collect();
    let wanted = fs::canonicalize(directory.join("libaio.so.1.0.2")).unwrap();
    assert_eq!(loaded, BTreeSet::from([wanted]), "{command:?}");
}

/// Makes the archive with files of that date, under that umask.
fn archive(date: &str, umask: &str) -> PathBuf {
    let printed = run(Command::new("sh")
        .current_dir(project())
        .env_remove("MAKEFLAGS")
        .env_remove("MAKELEVEL")
        .env("SOURCE_DATE_EPOCH", date)
        .args(["-c", "umask $0 && make dist BUILD=\"$1\"", umask])
        .arg(build()));
    project().join(printed.lines().last().unwrap())
}

#[test]
fn the_archive_runs_programs_and_is_reproducible() {
    let first = fs::read(archive("1700000000", "022")).unwrap();
    let path = archive("1700000000", "077");
    assert!(first == fs::read(&path).unwrap(), "two archives differ");

    let name = path.file_name().unwrap().to_str().unwrap();
    let name = name.strip_suffix(".tar.gz").unwrap();
    let listed = run(Command::new("tar")
        .env("TZ", "UTC")
        .args(["-tv", "--full-time", "-f"])
        .arg(&path));
    let listed: Vec<_> = listed
        .lines()
        .map(|line| {
            let words: Vec<_> = line.split_whitespace().collect();
            assert_eq!(words[1], "0/0", "{line}");
            assert_eq!(words[3..5], ["2023-11-14", "22:13:20"], "{line}");
            format!("{} {}", words[0], words[5..].join(" "))
        })
        .collect();
    let wanted = [
        format!("drwxr-xr-x {name}/"),
        format!("-rw-r--r-- {name}/LICENSE-APACHE"),
        format!("-rw-r--r-- {name}/LICENSE-MIT"),
        format!("-rw-r--r-- {name}/README"),
        format!("lrwxr-xr-x {name}/libaio.so.1 -> libaio.so.1.0.2"),
        format!("lrwxr-xr-x {name}/libaio.so.1.0.0 -> libaio.so.1.0.2"),
        format!("-rwxr-xr-x {name}/libaio.so.1.0.2"),
        format!("lrwxr-xr-x {name}/libaio.so.1t64 -> libaio.so.1.0.2"),
        format!("-rwxr-xr-x {name}/libposixaio-preload.so"),
        format!("lrwxr-xr-x {name}/libposixaio.so.1 -> libposixaio.so.1.0.0"),
        format!("-rwxr-xr-x {name}/libposixaio.so.1.0.0"),
        format!("lrwxr-xr-x {name}/libsolarisaio.so.1 -> libsolarisaio.so.1.0.0"),
        format!("-rwxr-xr-x {name}/libsolarisaio.so.1.0.0"),
    ];
    assert_eq!(listed, wanted);

    let unpacked = scratch();
    run(Command::new("tar")
        .arg("-xf")
        .arg(&path)
        .arg("-C")
        .arg(unpacked.path()));
    let directory = unpacked.path().join(name);
    let readme = fs::read_to_string(directory.join("README")).unwrap();
    assert!(!readme.contains('@'), "{readme}");

    // None asks for anything newer than the glibc that its part of the text names.
    for (part, library) in [
        ("libaio-rs", "libaio.so.1.0.2"),
        ("POSIX AIO", "libposixaio-preload.so"),
        ("POSIX AIO", "libposixaio.so.1"),
        ("Solaris AIO", "libsolarisaio.so.1"),
    ] {
        let stated: u32 = readme
            .split_once(part)
            .and_then(|(_, rest)| rest.split_once("glibc 2."))
            .and_then(|(_, rest)| rest.split_once(" or newer"))
            .unwrap_or_else(|| panic!("which glibc for {library}? {readme}"))
            .0
            .parse()
            .unwrap();
        let symbols = run(Command::new("objdump")
            .arg("-T")
            .arg(directory.join(library)));
        let newest = symbols
            .split("GLIBC_2.")
            .skip(1)
            .map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next().unwrap())
            .map(|minor| minor.parse::<u32>().unwrap())
            .max();
        assert!(newest.unwrap() <= stated, "{newest:?} is newer: {symbols}");
    }

    // With LD_LIBRARY_PATH, by each name, and beside the program.
    let source = project().join("c-tests/linking/one_write.c");
    let compile = |program: &Path, flags: &[&str]| {
        run(compiler(Library::Ours, Width::W64)
            .arg("-o")
            .arg(program)
            .arg(&source)
            .args(flags));
    };
    for asked in NAMES {
        let stub = unpacked.path().join("libaio.so");
        let functions = "void io_setup(void) {} void io_destroy(void) {} void io_submit(void) {} void io_getevents(void) {}";
        fs::write(unpacked.path().join("stub.c"), functions).unwrap();
        run(compiler(Library::Ours, Width::W64)
            .args(["-w", "-shared", &format!("-Wl,-soname,{asked}"), "-o"])
            .arg(&stub)
            .arg(unpacked.path().join("stub.c")));
        let program = unpacked.path().join("program");
        compile(&program, &[stub.to_str().unwrap()]);
        loads_from(
            &directory,
            Command::new(&program).env("LD_LIBRARY_PATH", &directory),
        );
    }
    let program = directory.join("program");
    let from_build = format!("-L{}", build().display());
    compile(&program, &[&from_build, "-laio", "-Wl,-rpath,$ORIGIN"]);
    loads_from(&directory, &mut Command::new(&program));

    // The POSIX library, both ways that the text has. The program is given other functions than it was linked with.
    let posix = directory.join("posix");
    compile_posix(&posix);
    for (preloaded, path) in [
        (directory.join("libposixaio-preload.so"), None),
        (PathBuf::from("libposixaio.so.1"), Some(&directory)),
    ] {
        let log = scratch();
        let mut command = Command::new(&posix);
        command.env("LD_PRELOAD", &preloaded);
        command.env("LD_DEBUG", "bindings");
        command.env("LD_DEBUG_OUTPUT", log.path().join("log"));
        if let Some(path) = path {
            command.env("LD_LIBRARY_PATH", path);
        }
        run(&mut command);
        let file = fs::read_dir(log.path()).unwrap().next().unwrap().unwrap();
        let bindings = fs::read_to_string(file.path()).unwrap();
        let bound = bindings
            .lines()
            .find(|line| line.contains("normal symbol `aio_write'"))
            .unwrap_or_else(|| panic!("{bindings}"));
        let wanted = directory.join(preloaded.file_name().unwrap());
        assert!(
            bound.contains(&format!(" to {} ", wanted.display())),
            "{bound}"
        );
    }

    // The Solaris library, beside the program that was linked with it.
    let solaris = directory.join("solaris");
    run(compiler(Library::Ours, Width::W64)
        .arg("-o")
        .arg(&solaris)
        .arg(project().join("c-tests/linking/solaris_write.c"))
        .args([&from_build, "-lsolarisaio"])
        .arg(format!("-Wl,-rpath-link,{}", build().display())));
    loads_from(
        &directory,
        Command::new(&solaris).env("LD_LIBRARY_PATH", &directory),
    );

    if present(&["fio"], "fio on the unpacked archive") {
        loads_from(
            &directory,
            Command::new("fio")
                .env("LD_LIBRARY_PATH", &directory)
                .current_dir(unpacked.path())
                .args(["--name=job", "--ioengine=libaio", "--rw=randwrite"])
                .args(["--size=4M", "--bs=4k", "--iodepth=8", "--verify=crc32c"])
                .args(["--verify_state_save=0", "--output=report"]),
        );
    }
}

fn compile_posix(program: &Path) {
    run(compiler(Library::Ours, Width::W64)
        .arg("-o")
        .arg(program)
        .arg(project().join("c-tests/linking/posix_write.c")));
}

/// The sources that both packages are built from, in a new directory; none outside of a checkout.
fn sources() -> Option<tempfile::TempDir> {
    let inside = output(Command::new("git").current_dir(project()).args([
        "ls-files",
        "--error-unmatch",
        "Cargo.toml",
    ]));
    if !inside.status.success() {
        skip_test("RPM and Arch packages: this is not a git checkout");
        return None;
    }
    let directory = scratch();
    run(Command::new(project().join("packaging/source-archives.sh")).arg(directory.path()));
    Some(directory)
}

/// What the package of aioinfo has, as the Makefile installs it.
fn aioinfo() -> BTreeSet<String> {
    [
        "bin/aioinfo",
        "share/bash-completion/completions/aioinfo",
        "share/fish/vendor_completions.d/aioinfo.fish",
        "share/man/man8/aioinfo.8",
        "share/zsh/site-functions/_aioinfo",
    ]
    .map(|name| format!("usr/{name}"))
    .into()
}

/// The names of the libraries' man pages, which packages compress or not.
fn man_pages() -> BTreeSet<String> {
    fs::read_dir(project().join("man"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|page| page != "aioinfo.8")
        .map(|page| {
            let section = page.rsplit('.').next().unwrap();
            let directory = &section[..1];
            format!("usr/share/man/man{directory}/{page}")
        })
        .collect()
}

/// The libraries on libaio.
const INTERFACES: [&str; 2] = ["posixaio", "solarisaio"];

/// Takes the pages of that library out of all of them.
fn take_pages(pages: &mut BTreeSet<String>, library: &str) -> BTreeSet<String> {
    let of_it = |page: &String| page.contains(library);
    let taken = pages.iter().filter(|page| of_it(page)).cloned().collect();
    pages.retain(|page| !of_it(page));
    taken
}

/// File names without what compression adds.
fn uncompressed<'a>(names: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    names
        .map(|name| name.strip_suffix(".gz").unwrap_or(name))
        .map(|name| name.trim_start_matches('/').to_owned())
        .collect()
}

#[test]
fn the_rpm_has_the_files_that_it_should() {
    if !present(&["rpmbuild", "eu-strip"], "the RPM packages") {
        return;
    }
    let Some(top) = sources() else { return };
    let top = top.path();
    fs::create_dir(top.join("SOURCES")).unwrap();
    run(Command::new("sh")
        .current_dir(top)
        .args(["-c", "mv ./*.tar.gz SOURCES"]));
    // The tools are there, but not as RPM packages.
    run(Command::new("rpmbuild")
        .env_remove("MAKEFLAGS")
        .env_remove("MAKELEVEL")
        .args(["--nodeps", "-bb", "--define"])
        .arg(format!("_topdir {}", top.display()))
        .arg(project().join("packaging/libaio-rs.spec")));

    let machine = run(Command::new("rpm").args(["--eval", "%{_target_cpu} %{_libdir}"]));
    let (machine, libdir) = machine.trim().split_once(" /").unwrap();
    let query = |package: &str, query: &[&str]| {
        let directory = top.join("RPMS").join(machine);
        let file = fs::read_dir(&directory)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| {
                let name = path.file_name().unwrap().to_string_lossy();
                name.starts_with(&format!("{package}-0."))
            });
        let file = file.unwrap_or_else(|| panic!("there is no {package}"));
        run(Command::new("rpm").arg("-qp").args(query).arg(file))
    };
    let files = |package: &str| {
        let listed = query(package, &["--list"]);
        let mut files = uncompressed(listed.lines());
        // Links to the library by its build id, and documents, whose directory has the version in
        // its name.
        files.retain(|file| !file.contains("/.build-id") && !file.contains("/share/doc/"));
        files.retain(|file| !file.contains("/share/licenses/"));
        files
    };
    let inside = |names: &[&str]| -> BTreeSet<String> {
        names
            .iter()
            .map(|name| format!("{libdir}/{name}"))
            .collect()
    };
    assert_eq!(files("libaio-rs"), inside(&NAMES));
    assert_eq!(files("libaio-rs-static"), inside(&["libaio.a"]));
    let mut devel = inside(&[
        "libaio.so",
        "pkgconfig/libaio.pc",
        "cmake/libaio",
        "cmake/libaio/libaio-config.cmake",
        "cmake/libaio/libaio-config-version.cmake",
    ]);
    devel.insert("usr/include/libaio.h".to_owned());
    let mut pages = man_pages();
    for library in INTERFACES {
        let taken = take_pages(&mut pages, library);
        let name = format!("lib{library}");
        let so = format!("{name}.so");
        assert_eq!(
            files(&name),
            inside(&[&format!("{so}.1"), &format!("{so}.1.0.0")])
        );
        assert_eq!(
            files(&format!("{name}-static")),
            inside(&[&format!("{name}.a")])
        );
        let mut devel = inside(&[
            &so,
            &format!("pkgconfig/{name}.pc"),
            &format!("cmake/{name}"),
            &format!("cmake/{name}/{name}-config.cmake"),
            &format!("cmake/{name}/{name}-config-version.cmake"),
        ]);
        assert!(taken.len() >= 5, "{taken:?}");
        devel.extend(taken);
        if library == "solarisaio" {
            devel.insert("usr/include/sys/asynch.h".to_owned());
        }
        assert_eq!(files(&format!("{name}-devel")), devel);
    }
    devel.extend(pages);
    assert_eq!(files("libaio-rs-devel"), devel);
    assert_eq!(files("aioinfo"), aioinfo());

    // What other packages ask for.
    let provided = query("libaio-rs", &["--provides"]);
    let wide = if libdir.ends_with("64") {
        "(64bit)"
    } else {
        ""
    };
    for (soname, nodes) in [
        (
            "libaio.so.1",
            &["", "LIBAIO_0.1", "LIBAIO_0.4", "LIBAIO_0.5"][..],
        ),
        ("libaio.so.1.0.0", &["", "LIBAIO_0.1", "LIBAIO_0.4"]),
    ] {
        for node in nodes {
            let name = if node.is_empty() && wide.is_empty() {
                soname.to_owned()
            } else {
                format!("{soname}({node}){wide}")
            };
            assert!(
                provided.lines().any(|line| line == name),
                "{name}: {provided}"
            );
        }
    }
    assert!(provided.lines().any(|line| line == "libaio = 0.3.113"));
    assert_eq!(query("libaio-rs", &["--conflicts"]).trim(), "libaio");
}

#[test]
fn the_arch_package_has_the_files_that_it_should() {
    let pkgbuild = project().join("packaging/PKGBUILD");
    run(Command::new("bash").arg("-n").arg(&pkgbuild));
    run(Command::new("shellcheck").arg(&pkgbuild));
    if !present(&["makepkg", "pacman", "bsdtar"], "the Arch package") {
        return;
    }
    let Some(top) = sources() else { return };
    let top = top.path();
    fs::copy(&pkgbuild, top.join("PKGBUILD")).unwrap();
    // makepkg refuses to be root; in a namespace root has another number and the same rights.
    let another = ["--user", "--map-user=1000", "--map-group=1000"];
    let mut makepkg = Command::new("unshare");
    makepkg.args(another);
    if !output(Command::new("unshare").args(another).arg("true"))
        .status
        .success()
    {
        skip_test("the Arch package: there are no user namespaces here");
        return;
    }
    run(makepkg
        .current_dir(top)
        .env_remove("MAKEFLAGS")
        .env_remove("MAKELEVEL")
        .env("CARGO_NET_OFFLINE", "true")
        .env("PKGEXT", ".pkg.tar")
        .args(["makepkg", "--nodeps", "--noconfirm"]));

    let package = run(Command::new("sh")
        .current_dir(top)
        .args(["-c", "echo libaio-rs-*.pkg.tar"]));
    let package = top.join(package.trim());
    let listed = run(Command::new("tar").arg("-tf").arg(&package));
    let files = uncompressed(listed.lines().filter(|name| !name.ends_with('/')));
    let mut wanted: BTreeSet<_> = NAMES
        .iter()
        .chain(&[
            "libaio.a",
            "libaio.so",
            "pkgconfig/libaio.pc",
            "cmake/libaio/libaio-config.cmake",
            "cmake/libaio/libaio-config-version.cmake",
            "libposixaio.a",
            "libposixaio.so",
            "libposixaio.so.1",
            "libposixaio.so.1.0.0",
            "pkgconfig/libposixaio.pc",
            "cmake/libposixaio/libposixaio-config.cmake",
            "cmake/libposixaio/libposixaio-config-version.cmake",
            "libsolarisaio.a",
            "libsolarisaio.so",
            "libsolarisaio.so.1",
            "libsolarisaio.so.1.0.0",
            "pkgconfig/libsolarisaio.pc",
            "cmake/libsolarisaio/libsolarisaio-config.cmake",
            "cmake/libsolarisaio/libsolarisaio-config-version.cmake",
        ])
        .map(|name| format!("usr/lib/{name}"))
        .collect();
    for name in [
        ".BUILDINFO",
        ".MTREE",
        ".PKGINFO",
        "usr/include/libaio.h",
        "usr/include/sys/asynch.h",
    ] {
        wanted.insert(name.to_owned());
    }
    wanted.insert("usr/share/licenses/libaio-rs/LICENSE-MIT".to_owned());
    wanted.extend(man_pages());
    assert_eq!(files, wanted);
    let information = run(Command::new("tar")
        .arg("-xOf")
        .arg(&package)
        .arg(".PKGINFO"));
    let tool = run(Command::new("sh")
        .current_dir(top)
        .args(["-c", "tar -tf aioinfo-*.pkg.tar"]));
    let mut files = uncompressed(tool.lines().filter(|name| !name.ends_with('/')));
    files.retain(|name| !name.starts_with('.') && !name.contains("/licenses/"));
    assert_eq!(files, aioinfo());
    for line in [
        "provides = libaio=0.3.113",
        "provides = libaio.so=1-64",
        "provides = libposixaio.so=1-64",
        "provides = libsolarisaio.so=1-64",
        "conflict = libaio",
    ] {
        assert!(
            information.lines().any(|has| has == line),
            "{line}: {information}"
        );
    }
}

/// Each recipe states the version itself.
#[test]
fn the_recipes_have_the_version_of_the_library() {
    let manifest = fs::read_to_string(project().join("Cargo.toml")).unwrap();
    let version = manifest
        .lines()
        .find_map(|line| line.strip_prefix("version = "))
        .unwrap()
        .trim_matches('"');
    for (file, start) in [
        ("packaging/libaio-rs.spec", "Version:        "),
        ("packaging/PKGBUILD", "pkgver="),
        ("debian/changelog", "libaio-rs ("),
        ("aioinfo/Cargo.toml", "version = "),
    ] {
        let text = fs::read_to_string(project().join(file)).unwrap();
        let stated = text.lines().find_map(|line| line.strip_prefix(start));
        let stated = stated.unwrap().trim_matches('"').split(')').next();
        assert_eq!(stated, Some(version), "{file}");
    }
}

/// `make check-packages` finds that a build changes the source where git does not ignore what it makes.
#[test]
fn git_ignores_what_each_debian_package_is_made_in() {
    let read = |file: &str| fs::read_to_string(project().join("debian").join(file)).unwrap();
    let (ignored, control) = (read(".gitignore"), read("control"));
    // Of git's patterns those that are there.
    fn matches(pattern: &str, name: &str) -> bool {
        let Some((start, rest)) = pattern.split_once('*') else {
            return pattern == name;
        };
        let name = name.strip_prefix(start);
        name.is_some_and(|name| (0..=name.len()).any(|from| matches(rest, &name[from..])))
    }
    let directories = ignored.lines().filter_map(|line| line.strip_suffix('/'));
    let directories: Vec<_> = directories.collect();
    let is_ignored = |package: &str| {
        let name = format!("/{package}");
        directories.iter().any(|pattern| matches(pattern, &name))
    };
    let packages = control
        .lines()
        .filter_map(|line| line.strip_prefix("Package: "));
    let packages: Vec<_> = packages.collect();
    assert!(packages.len() >= 7, "{packages:?}");
    for package in packages {
        assert!(is_ignored(package), "{package}");
    }
}
