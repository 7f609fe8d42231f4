//! Imports go one way, file by file, as ARCHITECTURE.md draws it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::support::crate_path;

/// A file of the library, by the names of its modules: `["vision", "open", "idx"]`.
type Module = Vec<String>;

/// Each file of `src` but its two roots, with the modules whose files it imports from.
fn imports() -> BTreeMap<Module, BTreeSet<Module>> {
    let mut texts = BTreeMap::new();
    read_sources(&crate_path("src"), &mut Vec::new(), &mut texts);
    let modules: BTreeSet<Module> = texts.keys().cloned().collect();
    let imports = texts.iter().map(|(module, text)| {
        let text = code(text);
        let mut found: BTreeSet<Module> =
            paths(&text).iter().filter_map(|path| resolved(path, module, &modules)).collect();
        found.remove(module);
        (module.clone(), found)
    });
    imports.collect()
}

fn read_sources(folder: &Path, within: &mut Module, texts: &mut BTreeMap<Module, String>) {
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = entry.file_stem().unwrap().to_str().unwrap().to_owned();
        if entry.is_dir() {
            within.push(name);
            read_sources(&entry, within, texts);
            within.pop();
        } else if entry.extension().is_some_and(|ending| ending == "rs") {
            let mut module = within.clone();
            if name != "mod" {
                module.push(name);
            }
            texts.insert(module, fs::read_to_string(&entry).unwrap());
        }
    }
    texts.retain(|module, _| !["lib", "main"].map(|root| vec![root.to_owned()]).contains(module));
}

/// A source without comments and unit tests, which may import from above.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    let lines = text.lines().map(|line| line.split("//").next().unwrap());
    lines.collect::<Vec<_>>().join("\n").replace("pub(in crate", "pub(in ")
}

/// Every path of a source: of its `use` declarations, which may be trees, and those written out.
fn paths(code: &str) -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    let mut rest = String::new();
    let mut lines = code.lines();
    while let Some(line) = lines.next() {
        let words = line.trim_start();
        let words =
            words.strip_prefix("pub").map_or(words, |behind| match behind.split_once(") ") {
                Some((visibility, behind)) if visibility.starts_with('(') => behind,
                _ => behind.trim_start(),
            });
        let Some(tree) = words.strip_prefix("use ") else {
            rest.push_str(line);
            rest.push('\n');
            continue;
        };
        let mut tree = tree.to_owned();
        while !tree.ends_with(';') {
            tree.push_str(lines.next().unwrap());
        }
        leaves(&[], tree.trim_end_matches(';'), &mut paths);
    }
    let is_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    for word in rest.split(|c| !is_path(c)).filter(|word| word.contains("::")) {
        paths.push(segments(word));
    }
    paths
}

fn segments(path: &str) -> Vec<String> {
    path.split("::").map(|segment| segment.trim().to_owned()).collect()
}

fn leaves(before: &[String], tree: &str, paths: &mut Vec<Vec<String>>) {
    let (head, group) = match tree.split_once('{') {
        Some((head, group)) => (head, Some(group.trim_end().strip_suffix('}').unwrap())),
        None => (tree.split(" as ").next().unwrap(), None),
    };
    let head = head.trim().trim_end_matches("::");
    let head = segments(head).into_iter().filter(|segment| !segment.is_empty());
    let path: Vec<String> = before.iter().cloned().chain(head).collect();
    let Some(group) = group else { return paths.push(path) };
    let (mut depth, mut begin) = (0, 0);
    for (at, c) in group.char_indices().chain([(group.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                let item = group[begin..at].trim();
                if !item.is_empty() {
                    leaves(&path, item, paths);
                }
                begin = at + 1;
            }
            _ => {}
        }
    }
}

/// The file that a path written in `module` leads into, if it is one of the library's.
fn resolved(path: &[String], module: &Module, modules: &BTreeSet<Module>) -> Option<Module> {
    let (mut at, mut rest) = (module.clone(), path);
    match path[0].as_str() {
        "crate" => (at, rest) = (Vec::new(), &path[1..]),
        "self" => rest = &path[1..],
        "super" => {
            while rest.first().is_some_and(|segment| segment == "super") {
                at.pop();
                rest = &rest[1..];
            }
        }
        _ => {}
    }
    let from = at.len();
    for segment in rest {
        at.push(segment.clone());
        if !modules.contains(&at) {
            at.pop();
            break;
        }
    }
    let is_own = ["crate", "self", "super"].contains(&path[0].as_str());
    (modules.contains(&at) && (is_own || at.len() > from)).then_some(at)
}

#[test]
fn no_file_imports_in_a_circle() {
    let imports = imports();
    assert!(imports.len() > 150, "{} files", imports.len());
    assert!(imports.values().map(BTreeSet::len).sum::<usize>() > 500);
    // Files are taken away that import only from files taken away before: what stays is a circle.
    let mut left = imports.clone();
    loop {
        let before = left.len();
        let there: BTreeSet<Module> = left.keys().cloned().collect();
        left.retain(|_, imported| imported.iter().any(|module| there.contains(module)));
        if left.len() == before {
            break;
        }
    }
    assert!(left.is_empty(), "in a circle, or above one: {:?}", left.keys().collect::<Vec<_>>());
}

#[test]
fn a_module_imports_only_from_the_layers_below_it_in_the_architecture() {
    let page = fs::read_to_string(crate_path("ARCHITECTURE.md")).unwrap();
    let drawn = page.split("```layers\n").nth(1).unwrap().split("```").next().unwrap();
    let layers: Vec<Vec<&str>> =
        drawn.lines().map(|line| line.split_whitespace().collect()).collect();
    let level = |top: &str| {
        let level = layers.iter().position(|layer| layer.contains(&top));
        level.unwrap_or_else(|| panic!("ARCHITECTURE.md has no layer for {top}"))
    };
    let mut tops = BTreeSet::new();
    for (module, imported) in imports() {
        let top = module[0].clone();
        for other in imported.iter().filter(|other| other[0] != top) {
            let is_below = level(&top) < level(&other[0]);
            assert!(is_below, "{} imports {}", module.join("/"), other.join("/"));
        }
        tops.insert(top);
    }
    let drawn: BTreeSet<String> = layers.concat().iter().map(|&top| top.to_owned()).collect();
    assert_eq!(drawn, tops, "the modules of ARCHITECTURE.md and those of src");
}

#[test]
fn a_source_file_is_short_enough_to_read() {
    let mut texts = BTreeMap::new();
    read_sources(&crate_path("src"), &mut Vec::new(), &mut texts);
    for (module, text) in texts {
        let lines = text.lines().count();
        assert!(lines <= 300, "{} has {lines} lines", module.join("/"));
    }
}
