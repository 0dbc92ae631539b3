//! How the modules of the libraries and of aioinfo depend on one another: never in a circle, and no room on a room
//! above it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use abi_tests::project;

/// Modules by their paths, as in `engine::kernel::gate`, each with the modules that it names.
type Modules = BTreeMap<String, BTreeSet<String>>;

/// Which room may not name which; also not anything inside it.
const FORBIDDEN: [(&str, &str); 18] = [
    ("abi", "sync"),
    ("configuration", "engine"),
    ("engine", "entry"),
    ("engine", "interposable"),
    ("engine::kernel", "engine::process_state"),
    ("engine::kernel", "engine::threads"),
    ("engine::threads", "engine::kernel"),
    ("engine::threads", "engine::process_state"),
    ("libaio", "requests"),
    ("posix", "solaris"),
    ("requests", "posix"),
    ("requests", "solaris"),
    ("solaris", "posix"),
    ("staff", "requests"),
    ("staff", "configuration"),
    ("staff", "engine"),
    ("sync", "sys"),
    ("sys", "engine"),
];

/// The code of a file: without comments, strings and unit tests.
fn code(text: &str) -> String {
    let text = text.split("mod tests {").next().unwrap();
    let mut code = String::new();
    for line in text.lines() {
        let mut rest = line;
        let mut in_string = false;
        while let Some(at) = rest.find(['"', '/']) {
            let (before, after) = rest.split_at(at);
            if !in_string {
                code.push_str(before);
            }
            if after.starts_with("//") && !in_string {
                rest = "";
                break;
            }
            in_string ^= after.starts_with('"') && !before.ends_with('\\');
            rest = &after[1..];
        }
        code.push_str(if in_string { "" } else { rest });
        code.push('\n');
    }
    code
}

/// The paths that begin with `crate`, `super` or `self`, with what stands in braces spelt out.
fn paths(code: &str) -> Vec<String> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut found = Vec::new();
    for start in ["crate::", "super::", "self::"] {
        for (at, _) in code.match_indices(start) {
            let before = code[..at].chars().next_back();
            if !before.is_some_and(|c| is_word(c) || c == ':') {
                expand("", &code[at..], &mut found);
            }
        }
    }
    // Without one of the three, a path is one of the module's own modules, or of another crate.
    for (at, _) in code.match_indices("::") {
        let before = &code[..at];
        let start = before.trim_end_matches(is_word).len();
        if !code[..start].ends_with("::") {
            expand("self::", &code[start..], &mut found);
        }
    }
    found
}

/// Adds the paths at the start of `text`, each after `prefix`. Returns what follows them.
fn expand<'a>(prefix: &str, text: &'a str, found: &mut Vec<String>) -> &'a str {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
    let (path, mut rest) = text.split_at(end.unwrap_or(text.len()));
    let path = format!("{prefix}{path}");
    if !(path.ends_with("::") && rest.starts_with('{')) {
        found.push(path);
        return rest;
    }
    loop {
        rest = expand(&path, rest[1..].trim_start(), found).trim_start();
        if !rest.starts_with(',') {
            return rest.strip_prefix('}').unwrap_or(rest);
        }
    }
}

/// The module that a path names something of, seen from `module`.
fn resolve(path: &str, module: &str, all: &BTreeSet<String>) -> Option<String> {
    let mut at: Vec<&str> = module.split("::").filter(|part| !part.is_empty()).collect();
    for part in path.split("::").filter(|part| !part.is_empty()) {
        match part {
            "crate" => at.clear(),
            "self" => {}
            "super" => {
                at.pop();
            }
            name => {
                at.push(name);
                if !all.contains(&at.join("::")) {
                    at.pop();
                    break;
                }
            }
        }
    }
    let named = at.join("::");
    // The crate's root holds nothing, and what does not leave the module is no dependency.
    (!named.is_empty() && named != module).then_some(named)
}

fn read(folder: &Path, module: &str, files: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let inner = [module, &name].into_iter().filter(|part| !part.is_empty());
        let inner = inner.collect::<Vec<_>>().join("::");
        if path.is_dir() {
            read(&path, &inner, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a source file");
            let module = match &*name {
                "lib" | "main" => String::new(),
                "mod" => module.to_owned(),
                _ => inner,
            };
            files.insert(module, text);
        }
    }
}

fn modules(files: &BTreeMap<String, String>) -> Modules {
    let all = files.keys().cloned().collect();
    let named = |(module, text): (&String, &String)| {
        let paths = paths(&code(text));
        let named = paths.iter().filter_map(|path| resolve(path, module, &all));
        (module.clone(), named.collect())
    };
    files.iter().map(named).collect()
}

/// A circle, if there is one: from its first module back to it.
fn circle(modules: &Modules) -> Option<Vec<String>> {
    fn visit(at: &str, way: &mut Vec<String>, done: &mut BTreeSet<String>, all: &Modules) -> bool {
        if let Some(first) = way.iter().position(|before| before == at) {
            way.drain(..first);
            way.push(at.to_owned());
            return true;
        }
        if !done.insert(at.to_owned()) {
            return false;
        }
        way.push(at.to_owned());
        for next in &all[at] {
            if visit(next, way, done, all) {
                return true;
            }
        }
        way.pop();
        false
    }
    let mut done = BTreeSet::new();
    modules.keys().find_map(|module| {
        let mut way = Vec::new();
        visit(module, &mut way, &mut done, modules).then_some(way)
    })
}

fn source() -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    read(&project().join("src"), "", &mut files);
    files
}

/// The interfaces on libaio, with the rooms that they share with it.
fn interfaces() -> BTreeMap<String, String> {
    let mut files = source();
    let shared = ["abi", "panic", "staff", "sync", "sys"];
    files.retain(|module, _| shared.contains(&module.split("::").next().unwrap()));
    read(&project().join("interfaces/src"), "", &mut files);
    files
}

fn aioinfo() -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    read(&project().join("aioinfo/src"), "", &mut files);
    files
}

#[test]
fn no_modules_depend_on_one_another_in_a_circle() {
    let library = modules(&source());
    assert!(library["engine"].contains("engine::kernel") && library.len() > 20);
    let interfaces = modules(&interfaces());
    assert!(interfaces["posix::calls"].contains("requests::waiting") && interfaces.len() > 40);
    let aioinfo = modules(&aioinfo());
    assert!(aioinfo["survey"].contains("contexts") && aioinfo.len() > 25);
    for modules in [library, interfaces, aioinfo] {
        if let Some(circle) = circle(&modules) {
            panic!("{}", circle.join(" uses "));
        }
    }
}

#[test]
fn no_room_names_one_that_it_may_not_know() {
    let is_in = |module: &str, room: &str| {
        module == room
            || module
                .strip_prefix(room)
                .is_some_and(|rest| rest.starts_with("::"))
    };
    let all = modules(&source()).into_iter().chain(modules(&interfaces()));
    for (module, named) in all {
        for (room, other) in FORBIDDEN {
            let wrong = named.iter().find(|named| is_in(named, other));
            assert!(
                wrong.is_none() || !is_in(&module, room),
                "{module} uses {}",
                wrong.unwrap()
            );
        }
    }
}

#[test]
fn only_the_chooser_names_the_state() {
    for (module, named) in modules(&source()) {
        let names_it = named.contains("engine::process_state");
        assert_eq!(names_it, module == "engine", "{module}");
    }
}

/// The finder finds.
#[test]
fn circles_are_found_however_they_are_written() {
    let files = [
        ("", "mod a; mod b;"),
        ("a", "use crate::{b::{c::D, E}, x};"),
        ("b", "pub mod c; fn g() { c::f() }"),
        (
            "b::c",
            "fn f() { super::g(crate::a::h()); } // super::super::x",
        ),
    ];
    let files = files.map(|(module, text)| (module.to_owned(), text.to_owned()));
    let modules = modules(&files.into());
    assert_eq!(modules["a"], ["b", "b::c"].map(String::from).into());
    assert_eq!(modules["b::c"], ["a", "b"].map(String::from).into());
    assert_eq!(modules["b"], ["b::c"].map(String::from).into());
    assert_eq!(circle(&modules).unwrap(), ["a", "b", "b::c", "a"]);
}
