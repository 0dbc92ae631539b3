//! The tables of deliberate mistakes: each edit changes the file that it names. Whether something notices the
//! mistake takes longer, and is asked by `make check-mutations` and those beside it; an edit that changes nothing
//! would ask nothing.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use abi_tests::project;

/// The tables, each with the directory that its files are in, and how many edits it has at least.
const TABLES: [(&str, &str, usize); 4] = [
    ("checks/models/mutations", "src/engine", 300),
    ("checks/interface-models/mutations", "interfaces/src", 150),
    (
        "c-tests/posix-conformance/mistakes/mistakes",
        "interfaces/src",
        80,
    ),
    (
        "c-tests/solaris-conformance/mistakes/mistakes",
        "interfaces/src",
        40,
    ),
];

#[test]
fn each_edit_changes_its_file() {
    let mut faults = Vec::new();
    for (table, directory, least) in TABLES {
        let text = fs::read_to_string(project().join(table)).unwrap();
        let mut names = BTreeSet::new();
        for line in text.lines() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let columns: Vec<_> = line.split('\t').collect();
            let &[name, notices, file, edit] = columns.as_slice() else {
                faults.push(format!("{table}: not four columns: {line}"));
                continue;
            };
            if !names.insert(name) || notices.is_empty() {
                faults.push(format!("{table}: {name}: twice, or noticed by nothing"));
            }
            // Of the library's own rooms the tables of facts say the whole path.
            let path = if file.starts_with("src/") {
                project().join(file)
            } else {
                project().join(directory).join(file)
            };
            let edited = Command::new("sed")
                .args(["-E", edit])
                .arg(&path)
                .output()
                .unwrap();
            let is_changed = fs::read(&path).is_ok_and(|source| source != edited.stdout);
            if !edited.status.success() || !is_changed {
                faults.push(format!("{table}: {name}: changes nothing in {file}"));
            }
        }
        assert!(names.len() >= least, "{table}: {} edits", names.len());
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
