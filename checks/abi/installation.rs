//! `make install`, `make uninstall`, reproducibility, and finding the installed library with
//! pkg-config, CMake and meson.

use abi_tests::{build, copy_source, output, project, run, scratch};
use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

fn make(target: &str, arguments: &[String]) {
    run(Command::new("make")
        .current_dir(project())
        .arg(target)
        .arg(format!("BUILD={}", build().display()))
        .args(arguments));
}

/// Files and links below `top`, as paths from there.
fn files(top: &Path) -> BTreeSet<String> {
    run(Command::new("find")
        .current_dir(top)
        .args([".", "-not", "-type", "d"]))
    .lines()
    .map(|line| line.trim_start_matches("./").to_owned())
    .collect()
}

#[test]
fn installs_where_it_is_told_and_uninstalls_all_of_it() {
    let directory = scratch();
    let arguments = [
        format!("DESTDIR={}", directory.path().display()),
        "prefix=/opt/aio".to_owned(),
        "libdir=/opt/aio/lib64".to_owned(),
        "includedir=/opt/headers".to_owned(),
        "mandir=/opt/man".to_owned(),
        "pkgconfigdir=/opt/pc".to_owned(),
    ];
    make("install", &arguments);
    let installed = files(directory.path());
    for wanted in [
        "opt/headers/libaio.h",
        "opt/aio/lib64/libaio.a",
        "opt/aio/lib64/libaio.so",
        "opt/aio/lib64/libaio.so.1",
        "opt/aio/lib64/libaio.so.1t64",
        "opt/aio/lib64/libaio.so.1.0.0",
        "opt/aio/lib64/libaio.so.1.0.2",
        "opt/aio/lib64/cmake/libaio/libaio-config.cmake",
        "opt/pc/libaio.pc",
        "opt/man/man3/io_submit.3",
        "opt/man/man7/libaio.7",
    ] {
        assert!(
            installed.contains(wanted),
            "{wanted} is missing: {installed:#?}"
        );
    }
    let outside = |name: &&String| !name.starts_with("opt/");
    assert_eq!(installed.iter().find(outside), None);
    let pc = fs::read_to_string(directory.path().join("opt/pc/libaio.pc")).unwrap();
    assert!(
        pc.contains("libdir=/opt/aio/lib64\n") && pc.contains("includedir=/opt/headers\n"),
        "{pc}"
    );
    assert!(!pc.contains('@'), "{pc}");
    make("uninstall", &arguments);
    assert_eq!(files(directory.path()), BTreeSet::new());
}

/// A system where a package owns the library: another dpkg-query says so.
#[test]
fn files_of_packages_stay_unless_forced() {
    let directory = scratch();
    let at = |name: &str| directory.path().join(name);
    fs::create_dir_all(at("usr/lib")).unwrap();
    fs::create_dir(at("bin")).unwrap();
    fs::write(at("usr/lib/libaio.so.1"), "the package's").unwrap();
    fs::write(
        at("bin/dpkg-query"),
        "#!/bin/sh\ncase $2 in\n/*/usr/lib/libaio.so.1) case $2 in *..*|*//*) exit 1;; esac; echo \"libaio1:amd64: $2\" ;;\n*) exit 1 ;;\nesac\n",
    )
    .unwrap();
    run(Command::new("chmod").arg("755").arg(at("bin/dpkg-query")));
    let path = format!("{}:{}", at("bin").display(), env::var("PATH").unwrap());
    let make = |target: &str, arguments: &[&str]| {
        output(
            Command::new("make")
                .current_dir(project())
                .env("PATH", &path)
                .arg(target)
                .arg(format!("BUILD={}", build().display()))
                .arg(format!("prefix={}", at("usr").display()))
                .args(arguments),
        )
    };
    for target in ["install", "uninstall"] {
        let result = make(target, &[]);
        let said = String::from_utf8_lossy(&result.stderr).into_owned();
        assert!(!result.status.success(), "{target}");
        assert!(
            said.contains("libaio.so.1 belongs to the package libaio1:amd64"),
            "{said}"
        );
        assert!(said.contains("FORCE=1"), "{said}");
        let kept = fs::read_to_string(at("usr/lib/libaio.so.1")).unwrap();
        assert_eq!(kept, "the package's");
        assert_eq!(files(&at("usr")).len(), 1);
    }
    assert!(make("install", &["FORCE=1"]).status.success());
    assert!(at("usr/include/libaio.h").exists());
    assert!(make("uninstall", &["FORCE=1"]).status.success());
    assert_eq!(files(&at("usr")), BTreeSet::new());
    // The same place by other names, and as DESTDIR.
    fs::write(at("usr/lib/libaio.so.1"), "the package's").unwrap();
    let odd = format!("libdir={}/bin/..//usr/lib/", directory.path().display());
    let staged = format!("DESTDIR={}", directory.path().display());
    for arguments in [&[odd.as_str()][..], &[&staged, "prefix=/usr"]] {
        assert!(
            !make("install", arguments).status.success(),
            "{arguments:?}"
        );
    }
    // A directory to pack from is nobody's.
    let staged = format!("DESTDIR={}", at("staged").display());
    assert!(make("install", &[&staged]).status.success());
}

/// And nothing else is touched, whatever the directory is called.
#[test]
fn directories_may_have_spaces_and_parentheses() {
    let directory = scratch();
    let at = |name: &str| directory.path().join(name);
    fs::write(at("my"), "precious").unwrap();
    let prefix = [format!("prefix={}", at("my (own) prefix").display())];
    make("install", &prefix);
    assert!(at("my (own) prefix/lib/libaio.so.1").exists());
    make("uninstall", &prefix);
    assert_eq!(files(directory.path()), BTreeSet::from(["my".to_owned()]));
}

/// The true packages' files are found by the true tools.
#[test]
fn the_owner_of_a_file_is_found() {
    let script = project().join("packaging/owned-files.sh");
    let ask = |file: &str| output(Command::new(&script).arg(file)).status.code();
    assert_eq!(ask("/usr/bin/dpkg-query"), Some(1));
    assert_eq!(ask("/bin/dpkg-query"), Some(1));
    assert_eq!(ask(project().join("Makefile").to_str().unwrap()), Some(0));
    assert_eq!(ask("/there/is/no/such/file"), Some(0));
}

#[test]
fn two_builds_from_two_directories_are_identical() {
    let (first, second) = (scratch(), scratch());
    let longer = second.path().join("a/longer/path");
    fs::create_dir_all(&longer).unwrap();
    let build = |copy: &Path| {
        copy_source(copy);
        run(Command::new("make").current_dir(copy));
    };
    build(first.path());
    build(&longer);
    for file in ["libaio.so.1.0.2", "libaio.a"] {
        let read = |copy: &Path| fs::read(copy.join("build").join(file)).unwrap();
        assert!(read(first.path()) == read(&longer), "{file} differs");
        assert!(
            read(first.path()) == fs::read(abi_tests::build().join(file)).unwrap(),
            "{file} differs from the one under test"
        );
    }
}

/// An installed prefix, and the C program that the build systems build.
struct Prefix {
    directory: tempfile::TempDir,
}

impl Prefix {
    fn new() -> Prefix {
        let directory = scratch();
        make(
            "install",
            &[format!("prefix={}/usr", directory.path().display())],
        );
        let source = project().join("c-tests/linking/one_write.c");
        fs::copy(source, directory.path().join("program.c")).unwrap();
        Prefix { directory }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    /// A command that runs there and finds the prefix.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.path())
            .env("PKG_CONFIG_PATH", self.path().join("usr/lib/pkgconfig"))
            .env("CMAKE_PREFIX_PATH", self.path().join("usr"));
        command
    }

    /// Runs a program that one of the build systems made, and checks that it loads our library.
    fn runs(&self, program: &str) {
        let library = self.path().join("usr/lib");
        let loaded = run(self
            .command("ldd")
            .env("LD_LIBRARY_PATH", &library)
            .arg(program));
        let wanted = format!("libaio.so.1 => {}", library.display());
        assert!(loaded.contains(&wanted), "{loaded}");
        run(self
            .command(&format!("./{program}"))
            .env("LD_LIBRARY_PATH", &library));
    }
}

#[test]
fn pkg_config_finds_it() {
    let prefix = Prefix::new();
    for (program, options) in [
        ("dynamic", "--cflags --libs"),
        ("static", "--static --cflags --libs"),
    ] {
        let mut query = prefix.command("pkg-config");
        let flags = run(query.args(options.split(' ')).arg("libaio"));
        let mut compiler = prefix.command("cc");
        compiler
            .args(["program.c", "-o", program])
            .args(flags.split_whitespace());
        if program == "static" {
            compiler.arg("-static");
        }
        run(&mut compiler);
    }
    prefix.runs("dynamic");
    run(&mut prefix.command("./static"));
    let version = run(prefix
        .command("pkg-config")
        .args(["--modversion", "libaio"]));
    let manifest = fs::read_to_string(project().join("Cargo.toml")).unwrap();
    assert!(
        manifest.contains(&format!("\nversion = \"{}\"\n", version.trim())),
        "{version}"
    );
}

#[test]
fn cmake_finds_it() {
    let prefix = Prefix::new();
    fs::write(
        prefix.path().join("CMakeLists.txt"),
        "cmake_minimum_required(VERSION 3.10)\nproject(program C)\n\
         find_package(libaio 0.3.113 REQUIRED CONFIG)\n\
         add_executable(shared program.c)\ntarget_link_libraries(shared libaio::libaio)\n\
         add_executable(static program.c)\ntarget_link_libraries(static libaio::static)\n",
    )
    .unwrap();
    run(prefix.command("cmake").args(["-S", ".", "-B", "cmake"]));
    run(prefix.command("cmake").args(["--build", "cmake"]));
    prefix.runs("cmake/shared");
    run(&mut prefix.command("cmake/static"));
}

#[test]
fn meson_finds_it() {
    let prefix = Prefix::new();
    fs::write(
        prefix.path().join("meson.build"),
        "project('program', 'c')\n\
         executable('program', 'program.c',\n\
         dependencies: dependency('libaio', version: '>= 0.3.111'))\n",
    )
    .unwrap();
    run(prefix.command("meson").args(["setup", "meson"]));
    run(prefix.command("meson").args(["compile", "-C", "meson"]));
    prefix.runs("meson/program");
}
