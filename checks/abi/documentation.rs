//! Man pages, the README's claims that a machine can check, and the scripts.

use abi_tests::{
    Library, Link, Width, build, compile, compiler, on, output, project, run, scratch, skip,
};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn pages() -> Vec<PathBuf> {
    let mut pages: Vec<_> = fs::read_dir(project().join("man"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    pages.sort();
    pages
}

/// Functions that the header declares or defines.
fn functions() -> Vec<String> {
    let header = fs::read_to_string(project().join("include/libaio.h")).unwrap();
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let mut names: Vec<String> = header
        .split('(')
        .filter_map(|before| before.rsplit(|c| !is_name(c)).next())
        .filter(|name| name.starts_with("io_") && !name.ends_with("_t"))
        .map(str::to_owned)
        .collect();
    names.push("io_queue_wait".to_owned());
    names.sort();
    names.dedup();
    names
}

#[test]
fn every_function_has_a_man_page() {
    let functions = functions();
    assert!(functions.len() >= 24, "{functions:?}");
    for function in functions {
        assert!(
            project().join(format!("man/{function}.3")).exists(),
            "{function}(3) is missing"
        );
    }
}

#[test]
fn man_pages_are_clean_for_mandoc() {
    // Links to another page are left out: mandoc warns of every one.
    let real = |page: &PathBuf| !fs::read_to_string(page).unwrap().starts_with(".so ");
    let pages: Vec<_> = pages().into_iter().filter(real).collect();
    assert!(pages.len() >= 18, "{pages:?}");
    for page in pages {
        let said = output(
            Command::new("mandoc")
                .args(["-T", "lint", "-W", "warning"])
                .arg(&page),
        );
        // It knows the sections of some systems.
        let is_of_section = |line: &&str| {
            let mut ours = INTERFACES.iter().map(|name| format!(" 3{name}"));
            line.contains("unknown manual section") && ours.any(|section| line.ends_with(&section))
        };
        let text = String::from_utf8_lossy(&said.stdout).into_owned();
        let lines: Vec<_> = text.lines().filter(|line| !is_of_section(line)).collect();
        assert!(lines.is_empty(), "{lines:#?}");
        let has_section = page.extension().unwrap().len() > 1;
        assert!(has_section || said.status.success(), "{}", page.display());
    }
}

/// groff quotes all that follows a macro for quotes which is the argument of another, mandoc only the next word.
#[test]
fn man_pages_are_the_same_for_groff() {
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        let quotes_a_list = |line: &&str| {
            let inner = line.split_once(" Ql ");
            line.starts_with('.') && inner.is_some_and(|(_, rest)| rest.contains(" , "))
        };
        let lines: Vec<_> = text.lines().filter(quotes_a_list).collect();
        assert!(lines.is_empty(), "{}: {lines:#?}", page.display());
    }
}

/// The libraries on libaio, as their pages and variables have their names.
const INTERFACES: [&str; 2] = ["posixaio", "solarisaio"];

/// Also those of POSIX AIO, whose names are glibc's.
#[test]
fn every_function_of_posix_aio_has_a_man_page() {
    let names = run(
        Command::new(project().join("interfaces/abi/posix-names.sh")).args(["x86_64", "names"]),
    );
    let functions: BTreeSet<_> = names
        .lines()
        .map(|line| line.split([' ', '@']).nth(1).unwrap())
        .filter(|name| !name.ends_with("64"))
        .collect();
    assert!(functions.len() >= 9, "{functions:?}");
    have_pages(&functions, "posixaio");
}

#[test]
fn every_function_of_solaris_aio_has_a_man_page() {
    let names = fs::read_to_string(project().join("interfaces/abi/solaris.map")).unwrap();
    let functions: BTreeSet<_> = names
        .lines()
        .filter_map(|line| line.trim().strip_suffix(';'))
        .filter(|name| name.starts_with("aio") && !name.ends_with("64"))
        .collect();
    assert_eq!(functions.len(), 4, "{functions:?}");
    have_pages(&functions, "solarisaio");
    let page = fs::read_to_string(project().join("man/aioread.3solarisaio")).unwrap();
    assert!(page.contains("aioread64") && page.contains("aiowrite64"));
}

/// Each has a page in that library's section, and the library's own page names it.
fn have_pages(functions: &BTreeSet<&str>, library: &str) {
    let overview = fs::read_to_string(project().join(format!("man/lib{library}.7"))).unwrap();
    for function in functions {
        let page = format!("man/{function}.3{library}");
        assert!(project().join(&page).exists(), "{page} is missing");
        assert!(
            overview.contains(&format!("Xr {function} 3{library}")),
            "lib{library}(7) does not name {function}"
        );
    }
}

/// The variables that the pages of the libraries on libaio have are those that the libraries read.
#[test]
fn the_environment_of_the_interfaces_is_documented() {
    for library in INTERFACES {
        let prefix = format!("{}_", library.to_uppercase());
        // In the library one may stand right before another.
        let variables = |text: &str| -> BTreeSet<String> {
            text.split(&prefix)
                .skip(1)
                .map(|rest| {
                    let is_end = |c: char| !c.is_ascii_uppercase() && c != '_';
                    format!("{prefix}{}", rest.split(is_end).next().unwrap())
                })
                .collect()
        };
        let file = fs::read(build().join(format!("lib{library}.so.1"))).unwrap();
        let text = String::from_utf8_lossy(&file);
        // The version node begins in the same way.
        let mut read = variables(&text);
        read.retain(|name| text.contains(&format!("{name}=")));
        assert!(read.len() >= 2, "{read:?}");
        let page = fs::read_to_string(project().join(format!("man/lib{library}.7"))).unwrap();
        let described: String = page
            .lines()
            .filter(|line| line.starts_with(".It Ev "))
            .map(|line| format!("{line}\n"))
            .collect();
        assert_eq!(variables(&described), read);
    }
}

#[test]
fn links_between_man_pages_lead_somewhere() {
    let mut links = 0;
    for page in pages() {
        if let Some(target) = fs::read_to_string(&page).unwrap().strip_prefix(".so ") {
            links += 1;
            assert!(
                project()
                    .join("man")
                    .join(target.trim().trim_start_matches("man3/"))
                    .exists()
            );
        }
    }
    assert!(links > 0);
}

/// The program in a page: what stands there literally and begins with a line of the preprocessor.
fn example(page: &str) -> String {
    let page = fs::read_to_string(project().join("man").join(page)).unwrap();
    let (_, rest) = page
        .split_once("\n.Bd -literal\n#")
        .expect("there is an example");
    let (example, _) = rest.split_once("\n.Ed").unwrap();
    let source = example
        .replace("\\e", "\\")
        .replace("\\&", "")
        .replace("\\(aq", "'")
        .replace("\\-", "-");
    format!("#{source}\n")
}

#[test]
fn the_example_in_libaio_7_works() {
    let directory = scratch();
    let file = directory.path().join("example.c");
    fs::write(&file, example("libaio.7")).unwrap();
    let program = directory.path().join("example");
    let (ours, width) = (Library::Ours, Width::W64);
    let mut compiler = compiler(ours, width);
    compiler.arg("-std=c99");
    compile(compiler, &file, ours, Link::Shared, width, &program).unwrap();
    let data = directory.path().join("data");
    fs::write(&data, "some data\n".repeat(1000)).unwrap();
    run(on(Library::Ours, Width::W64, &program)
        .current_dir(directory.path())
        .arg(&data));
}

/// On the kernel's AIO and on threads it reads all blocks, of which the last is short, and says which file it cannot open.
#[test]
fn the_example_in_libsolarisaio_7_works() {
    let directory = scratch();
    let file = directory.path().join("example.c");
    fs::write(&file, example("libsolarisaio.7")).unwrap();
    let program = directory.path().join("example");
    run(compiler(Library::Ours, Width::W64)
        .args(["-std=c99", "-o"])
        .args([&program, &file])
        .arg("-L")
        .arg(build())
        .arg(format!("-Wl,-rpath-link,{}", build().display()))
        .arg("-lsolarisaio"));
    let data = directory.path().join("data");
    fs::write(&data, "some data\n".repeat(1500)).unwrap();
    for engine in ["auto", "threads"] {
        let mut command = on(Library::Ours, Width::W64, &program);
        command.env("SOLARISAIO_ENGINE", engine);
        let printed = run(command.arg(&data));
        let mut lines: Vec<_> = printed.lines().collect();
        lines.sort_unstable();
        let lengths = [4096, 4096, 4096, 2712];
        let wanted: Vec<_> = lengths
            .iter()
            .enumerate()
            .map(|(block, length)| format!("block {block}: {length} bytes"))
            .collect();
        assert_eq!(lines, wanted, "{engine}");
    }
    let result = output(on(Library::Ours, Width::W64, &program).arg("none"));
    assert_eq!(result.status.code(), Some(1), "{result:?}");
    assert!(String::from_utf8_lossy(&result.stderr).starts_with("none: "));
}

/// The numbered sections of `docs/kernel-aio.md`, and the groups of checks that each one names.
fn sections() -> Vec<(String, Vec<String>)> {
    let page = fs::read_to_string(project().join("docs/kernel-aio.md")).unwrap();
    let mut sections: Vec<(String, Vec<String>)> = Vec::new();
    for paragraph in page.split("\n\n") {
        if let Some(heading) = paragraph.trim_start_matches('\n').strip_prefix("##") {
            let number = heading.trim_start_matches('#').split_whitespace().next();
            let number = number.unwrap().trim_end_matches('.');
            sections.push((number.to_owned(), Vec::new()));
        } else if paragraph.starts_with("Checks:") {
            let names = paragraph.split('`').skip(1).step_by(2);
            sections.last_mut().unwrap().1 = names.map(str::to_owned).collect();
        }
    }
    sections
}

/// The section and the title of every group of checks in the conformance suite.
fn groups() -> Vec<(String, String)> {
    let mut groups = Vec::new();
    for entry in fs::read_dir(project().join("c-tests/conformance")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "c") {
            continue;
        }
        let source = fs::read_to_string(&path).unwrap();
        let Some((_, table)) = source.split_once("_groups[] = {\n") else {
            continue;
        };
        let (rows, _) = table.split_once("\n};").unwrap();
        for row in rows.lines().filter_map(|line| line.strip_prefix("\t{ \"")) {
            let (section, rest) = row
                .split_once("\", \"")
                .unwrap_or_else(|| panic!("{}: {row}", path.display()));
            let (title, _) = rest.split_once('"').unwrap();
            groups.push((section.to_owned(), title.to_owned()));
        }
    }
    groups
}

#[test]
fn every_section_that_a_check_quotes_is_there_and_names_the_check() {
    let (sections, groups) = (sections(), groups());
    assert!(groups.len() >= 90, "{groups:?}");
    for (section, title) in &groups {
        let (_, names) = sections
            .iter()
            .find(|(number, _)| number == section)
            .unwrap_or_else(|| panic!("docs/kernel-aio.md has no {section}, of \"{title}\""));
        assert!(
            names.iter().any(|name| title.contains(name.as_str())),
            "section {section} of docs/kernel-aio.md does not name \"{title}\": {names:?}"
        );
    }
}

#[test]
fn every_section_has_the_checks_that_it_names() {
    let (sections, groups) = (sections(), groups());
    for (number, names) in &sections {
        let has_parts = sections
            .iter()
            .any(|(other, _)| other.starts_with(&format!("{number}.")));
        assert!(
            has_parts || !names.is_empty(),
            "section {number} of docs/kernel-aio.md names no check"
        );
        for name in names {
            assert!(
                groups
                    .iter()
                    .any(|(section, title)| section == number && title.contains(name.as_str())),
                "no check of section {number} is called \"{name}\""
            );
        }
    }
}

/// The sizes in README's table: the library's, and in parentheses those of one with the kernel
/// engine alone. With the tools that README names they are exact; with others they are of that
/// order.
#[test]
fn the_sizes_in_the_readme_are_those_of_the_build() {
    let readme = fs::read_to_string(project().join("README.md")).unwrap();
    let version = |tool: &str| run(Command::new(tool).arg("--version"));
    let those_of_the_readme =
        version("rustc").starts_with("rustc 1.95.") && version("ld").contains(" 2.40\n");
    // In thousandths. Rounding takes up to half a kilobyte; other tools make other archives.
    let apart = if those_of_the_readme { 30 } else { 200 };
    let strip = |directory: &Path, library: &str| {
        let stripped = directory.join("stripped");
        run(Command::new("strip")
            .arg("-o")
            .arg(&stripped)
            .arg(directory.join(library)));
        stripped
    };
    let length = |file: &Path| fs::metadata(file).unwrap().len();
    let check = |stated: u64, what: &str, bytes: u64| {
        let (most, least) = (stated * (1000 + apart), stated * (1000 - apart));
        assert!(
            (least..=most).contains(&bytes),
            "README says {stated} KB of {what}, and it has {bytes} bytes"
        );
    };
    let compare = |directory: &Path, place: usize| {
        let stripped = strip(directory, "libaio.so.1.0.2");
        let size = run(Command::new("size").arg(&stripped));
        let zeroed = size.lines().nth(1).unwrap().split_whitespace().nth(2);
        for (row, bytes) in [
            ("`libaio.so.1.0.2`, stripped", length(&stripped)),
            ("`libaio.a`", length(&directory.join("libaio.a"))),
            ("zeroed memory", zeroed.unwrap().parse().unwrap()),
        ] {
            let line = readme
                .lines()
                .find(|line| line.starts_with(&format!("| {row}")))
                .unwrap_or_else(|| panic!("README has no row {row}"));
            let stated: Vec<u64> = line
                .split('|')
                .nth(3)
                .unwrap()
                .split(|c: char| !c.is_ascii_digit())
                .filter_map(|number| number.parse().ok())
                .collect();
            check(stated[place], row, bytes);
        }
    };
    let made = scratch();
    for (place, engines) in ["kernel threads", "kernel"].into_iter().enumerate() {
        run(Command::new("make")
            .current_dir(project())
            .env_remove("MAKEFLAGS")
            .arg(format!("BUILD={}", made.path().display()))
            .arg(format!("ENGINES={engines}")));
        compare(made.path(), place);
    }
    let (before, _) = readme.split_once(" KB, stripped").unwrap();
    let stated = before.rsplit(' ').next().unwrap().parse().unwrap();
    let posix = "libposixaio.so.1.0.0";
    if !made.path().join(posix).exists() {
        skip("the size of libposixaio: it is not built for this C library");
        return;
    }
    check(stated, posix, length(&strip(made.path(), posix)));
}

#[test]
fn scripts_are_clean_for_shellcheck() {
    let list = run(Command::new("find")
        .current_dir(project())
        .args([
            ".", "-name", "target", "-prune", "-o", "-name", "build", "-prune", "-o",
        ])
        .args(["-path", "./.git", "-prune", "-o", "-type", "f", "-print"]));
    let scripts: Vec<_> = list
        .lines()
        .filter(|name| {
            let bytes = fs::read(project().join(name)).unwrap();
            let first = bytes.split(|&byte| byte == b'\n').next().unwrap();
            first.starts_with(b"#!") && first.ends_with(b"sh")
        })
        .collect();
    assert!(scripts.len() >= 4, "{scripts:?}");
    run(Command::new("shellcheck")
        .arg("--external-sources")
        .current_dir(project())
        .args(&scripts));
}
