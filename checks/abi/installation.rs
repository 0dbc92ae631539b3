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
        "opt/aio/lib64/libposixaio.a",
        "opt/aio/lib64/libposixaio.so",
        "opt/aio/lib64/libposixaio.so.1",
        "opt/aio/lib64/libposixaio.so.1.0.0",
        "opt/aio/lib64/cmake/libposixaio/libposixaio-config.cmake",
        "opt/pc/libposixaio.pc",
        "opt/man/man3/aio_suspend.3posixaio",
        "opt/man/man7/libposixaio.7",
        "opt/headers/sys/asynch.h",
        "opt/aio/lib64/libsolarisaio.a",
        "opt/aio/lib64/libsolarisaio.so",
        "opt/aio/lib64/libsolarisaio.so.1",
        "opt/aio/lib64/libsolarisaio.so.1.0.0",
        "opt/aio/lib64/cmake/libsolarisaio/libsolarisaio-config.cmake",
        "opt/aio/lib64/cmake/libsolarisaio/libsolarisaio-config-version.cmake",
        "opt/pc/libsolarisaio.pc",
        "opt/man/man3/aioread.3solarisaio",
        "opt/man/man3/aiowrite.3solarisaio",
        "opt/man/man3/aiowait.3solarisaio",
        "opt/man/man3/aiocancel.3solarisaio",
        "opt/man/man7/libsolarisaio.7",
    ] {
        assert!(
            installed.contains(wanted),
            "{wanted} is missing: {installed:#?}"
        );
    }
    let outside = |name: &&String| !name.starts_with("opt/");
    assert_eq!(installed.iter().find(outside), None);
    for name in ["libaio", "libposixaio", "libsolarisaio"] {
        let pc = format!("opt/pc/{name}.pc");
        let pc = fs::read_to_string(directory.path().join(pc)).unwrap();
        assert!(
            pc.contains("libdir=${prefix}/lib64\n") && !pc.contains('@'),
            "{pc}"
        );
        // The header of POSIX AIO is the system's.
        let has_headers = pc.contains("includedir=/opt/headers\n");
        assert_eq!(has_headers, name != "libposixaio", "{pc}");
    }
    make("uninstall", &arguments);
    assert_eq!(files(directory.path()), BTreeSet::new());
    assert!(!directory.path().join("opt/headers/sys").exists());
    // Without the interfaces there is libaio alone, and each can be had without the other.
    let of_posix = |name: &str| name.contains("posixaio");
    let of_solaris = |name: &str| name.contains("solarisaio") || name.contains("sys/asynch.h");
    for interfaces in ["", "posix", "solaris"] {
        let some = [&arguments[..], &[format!("INTERFACES={interfaces}")]].concat();
        make("install", &some);
        let wanted: BTreeSet<_> = installed
            .iter()
            .filter(|name| interfaces == "posix" || !of_posix(name))
            .filter(|name| interfaces == "solaris" || !of_solaris(name))
            .cloned()
            .collect();
        assert_eq!(files(directory.path()), wanted, "{interfaces}");
        make("uninstall", &some);
        assert_eq!(files(directory.path()), BTreeSet::new());
    }
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
    for file in [
        "libaio.so.1.0.2",
        "libaio.a",
        "libposixaio.so.1.0.0",
        "libposixaio.a",
        "libposixaio-preload.so",
        "libsolarisaio.so.1.0.0",
        "libsolarisaio.a",
    ] {
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
    /// Where in the directory it is.
    name: String,
}

impl Prefix {
    fn new() -> Prefix {
        Prefix::with(&[])
    }

    /// Installed with more arguments for make.
    fn with(arguments: &[String]) -> Prefix {
        let directory = scratch();
        let prefix = format!("prefix={}/usr", directory.path().display());
        make("install", &[&[prefix], arguments].concat());
        for (source, program) in [
            ("one_write.c", "program.c"),
            ("posix_write.c", "posixaio.c"),
            ("solaris_write.c", "solarisaio.c"),
        ] {
            let source = project().join("c-tests/linking").join(source);
            fs::copy(source, directory.path().join(program)).unwrap();
        }
        Prefix {
            directory,
            name: "usr".to_owned(),
        }
    }

    fn move_to(&mut self, name: &str) {
        let to = self.path().join(name);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::rename(self.path().join(&self.name), to).unwrap();
        self.name = name.to_owned();
    }

    fn cmake_lists(&self, rest: &str) {
        let text = format!("cmake_minimum_required(VERSION 3.15)\nproject(program C)\n{rest}");
        fs::write(self.path().join("CMakeLists.txt"), text).unwrap();
    }

    /// Configures and builds anew.
    fn cmake(&self, arguments: &[&str]) {
        let _ = fs::remove_dir_all(self.path().join("cmake"));
        let mut command = self.command("cmake");
        run(command.args(["-S", ".", "-B", "cmake"]).args(arguments));
        run(self.command("cmake").args(["--build", "cmake"]));
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    /// A command that runs there and finds the prefix.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.path())
            .env(
                "PKG_CONFIG_PATH",
                self.path().join(&self.name).join("lib/pkgconfig"),
            )
            .env("CMAKE_PREFIX_PATH", self.path().join("usr"));
        command
    }

    /// Runs a program that one of the build systems made, and checks that it loads our library.
    fn runs(&self, program: &str) {
        self.runs_on(program, "libaio.so.1");
    }

    fn runs_on(&self, program: &str, loaded_library: &str) {
        let library = self.path().join(&self.name).join("lib");
        let loaded = run(self
            .command("ldd")
            .env("LD_LIBRARY_PATH", &library)
            .arg(program));
        let wanted = format!("{loaded_library} => {}", library.display());
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

/// The libraries on libaio, by each of the build systems.
#[test]
fn the_interfaces_are_found() {
    for name in ["posixaio", "solarisaio"] {
        is_found(name);
    }
}

fn is_found(name: &str) {
    let (library, source) = (format!("lib{name}"), format!("{name}.c"));
    let soname = format!("{library}.so.1");
    let variable = format!("{}_ENGINE=", name.to_uppercase());
    let mut prefix = Prefix::new();
    for (program, options) in [
        ("dynamic", "--cflags --libs"),
        ("static", "--static --cflags --libs"),
    ] {
        let mut query = prefix.command("pkg-config");
        let flags = run(query.args(options.split(' ')).arg(&library));
        let mut compiler = prefix.command("cc");
        compiler
            .args([&source, "-o", program])
            .args(flags.split_whitespace());
        if program == "static" {
            compiler.arg("-static");
        }
        run(&mut compiler);
    }
    prefix.runs_on("dynamic", &soname);
    run(&mut prefix.command("./static"));
    has_our_functions(&prefix.path().join("static"), &variable);

    prefix.move_to("moved");
    prefix.cmake_lists(&format!(
        "find_package({library} 0.4 REQUIRED CONFIG)\n\
         add_executable(shared {source})\ntarget_link_libraries(shared {library}::{library})\n\
         add_executable(static {source})\ntarget_link_libraries(static {library}::static)\n\
         add_executable(plain {source})\ntarget_link_libraries(plain ${{{}_LIBRARIES}})\n",
        library.to_uppercase()
    ));
    let moved = prefix.path().join("moved");
    prefix.cmake(&[&format!("-DCMAKE_PREFIX_PATH={}", moved.display())]);
    prefix.runs_on("cmake/shared", &soname);
    prefix.runs_on("cmake/plain", &soname);
    run(&mut prefix.command("cmake/static"));
    has_our_functions(&prefix.path().join("cmake/static"), &variable);

    let only_static = Prefix::with(&["ENABLE_SHARED=0".to_owned()]);
    only_static.cmake_lists(&format!(
        "find_package({library} REQUIRED)\n\
         add_executable(target {source})\ntarget_link_libraries(target {library}::{library})\n",
    ));
    only_static.cmake(&[]);
    run(&mut only_static.command("cmake/target"));
    has_our_functions(&only_static.path().join("cmake/target"), &variable);
}

/// A program that was linked statically: the C library has functions of the same names as POSIX AIO.
fn has_our_functions(program: &Path, variable: &str) {
    let bytes = fs::read(program).unwrap();
    let name = variable.as_bytes();
    assert!(
        bytes.windows(name.len()).any(|window| window == name),
        "{}",
        program.display()
    );
}

#[test]
fn pkg_config_finds_it_where_it_was_moved() {
    let mut prefix = Prefix::new();
    prefix.move_to("moved/usr");
    let mut query = prefix.command("pkg-config");
    let flags = run(query.args(["--define-prefix", "--cflags", "--libs", "libaio"]));
    let mut compiler = prefix.command("cc");
    compiler.args(["program.c", "-o", "dynamic"]);
    run(compiler.args(flags.split_whitespace()));
    prefix.runs("dynamic");
}

/// The package is found by any spelling, as it was installed, moved, and as a cross compiler's root.
#[test]
fn cmake_finds_it() {
    let mut prefix = Prefix::new();
    for (name, place) in [
        ("libaio", "-DCMAKE_PREFIX_PATH=usr"),
        ("LibAIO", "-DCMAKE_PREFIX_PATH=moved"),
        ("LIBAIO", "-DCMAKE_FIND_ROOT_PATH=root"),
    ] {
        prefix.cmake_lists(&format!(
            "find_package({name} 0.3.113 REQUIRED CONFIG)\n\
             foreach(found {name}_FOUND LIBAIO_FOUND LibAIO_FOUND LIBAIO_INCLUDE_DIRS LIBAIO_VERSION)\n\
             if(NOT ${{found}})\nmessage(FATAL_ERROR ${{found}})\nendif()\nendforeach()\n\
             add_executable(shared program.c)\ntarget_link_libraries(shared libaio::libaio)\n\
             add_executable(static program.c)\ntarget_link_libraries(static libaio::static)\n\
             add_executable(plain program.c)\ntarget_link_libraries(plain ${{LIBAIO_LIBRARIES}})\n\
             target_include_directories(plain PRIVATE ${{LIBAIO_INCLUDE_DIRS}})\n",
        ));
        let (option, place) = place.split_once('=').unwrap();
        prefix.move_to(match place {
            "root" => "root/usr",
            place => place,
        });
        prefix.cmake(&[&format!("{option}={}", prefix.path().join(place).display())]);
        prefix.runs("cmake/shared");
        prefix.runs("cmake/plain");
        run(&mut prefix.command("cmake/static"));
    }
}

/// A project that carries a module for the C library gets the package instead where packages are
/// preferred, and uses the variables that such modules set.
#[test]
fn cmake_projects_with_a_module_of_their_own_are_served() {
    let prefix = Prefix::new();
    fs::write(
        prefix.path().join("FindLibAIO.cmake"),
        "message(FATAL_ERROR \"the module\")\n",
    )
    .unwrap();
    prefix.cmake_lists(
        "list(APPEND CMAKE_MODULE_PATH ${CMAKE_CURRENT_SOURCE_DIR})\n\
         find_package(LibAIO REQUIRED)\n\
         if(NOT LIBAIO_FOUND OR NOT LibAIO_FOUND)\nmessage(FATAL_ERROR \"not found\")\nendif()\n\
         add_executable(plural program.c)\n\
         target_include_directories(plural PRIVATE ${LIBAIO_INCLUDE_DIRS})\n\
         target_link_libraries(plural ${LIBAIO_LIBRARIES})\n\
         add_executable(one program.c)\n\
         target_include_directories(one PRIVATE ${LIBAIO_INCLUDE_DIR})\n\
         target_link_libraries(one ${LIBAIO_LIBRARY})\n",
    );
    prefix.cmake(&["-DCMAKE_FIND_PACKAGE_PREFER_CONFIG=ON"]);
    prefix.runs("cmake/plural");
    prefix.runs("cmake/one");
}

/// Where /lib is a link to /usr/lib, CMake finds the package in both.
#[test]
fn cmake_finds_it_through_a_link() {
    let mut prefix = Prefix::new();
    prefix.move_to("root/usr");
    std::os::unix::fs::symlink("usr/lib", prefix.path().join("root/lib")).unwrap();
    prefix.cmake_lists(
        "find_package(libaio REQUIRED)\n\
         add_executable(shared program.c)\ntarget_link_libraries(shared libaio::libaio)\n",
    );
    let found = prefix.path().join("root/lib/cmake/libaio");
    prefix.cmake(&[&format!("-Dlibaio_DIR={}", found.display())]);
    prefix.runs("cmake/shared");
}

/// Without the shared library the target, and the variables, are the static one.
#[test]
fn cmake_finds_the_static_library_alone() {
    let prefix = Prefix::with(&["ENABLE_SHARED=0".to_owned()]);
    prefix.cmake_lists(
        "find_package(libaio REQUIRED)\n\
         add_executable(target program.c)\ntarget_link_libraries(target libaio::libaio)\n\
         add_executable(plain program.c)\ntarget_link_libraries(plain ${LIBAIO_LIBRARIES})\n\
         target_include_directories(plain PRIVATE ${LIBAIO_INCLUDE_DIRS})\n",
    );
    prefix.cmake(&[]);
    run(&mut prefix.command("cmake/target"));
    run(&mut prefix.command("cmake/plain"));
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
