//! Man pages, the README's claims that a machine can check, and the scripts.

use abi_tests::{Library, Link, Width, compile, compiler, on, project, run, scratch};
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
        run(Command::new("mandoc")
            .args(["-T", "lint", "-W", "warning"])
            .arg(&page));
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

#[test]
fn the_example_in_libaio_7_works() {
    let page = fs::read_to_string(project().join("man/libaio.7")).unwrap();
    let (_, rest) = page
        .split_once("\n.Bd -literal")
        .expect("there is an example");
    let (_, rest) = rest.split_once('\n').unwrap();
    let (example, _) = rest.split_once("\n.Ed").unwrap();
    let source = example
        .replace("\\e", "\\")
        .replace("\\&", "")
        .replace("\\(aq", "'")
        .replace("\\-", "-");
    let directory = scratch();
    let file = directory.path().join("example.c");
    fs::write(&file, source).unwrap();
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
    let compare = |directory: &Path, place: usize| {
        let stripped = directory.join("stripped");
        run(Command::new("strip")
            .arg("-o")
            .arg(&stripped)
            .arg(directory.join("libaio.so.1.0.2")));
        let length = |file: &Path| fs::metadata(file).unwrap().len();
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
            let (most, least) = (
                stated[place] * (1000 + apart),
                stated[place] * (1000 - apart),
            );
            assert!(
                (least..=most).contains(&bytes),
                "README says {} KB of {row}, and it has {bytes} bytes",
                stated[place]
            );
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
