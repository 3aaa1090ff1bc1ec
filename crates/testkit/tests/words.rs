//! Words that were retired stay retired: in names of the code, in statements of SQL and in names of files.
//!
//! CONTRIBUTING.md says which words SIGRA uses and why. Prose is free: comments, and texts that are no SQL.

#![cfg(test)]

use std::{collections::BTreeSet, fs, path::Path};

/// Each is a word of a name (`mesa` in `una_mesa` and `UnaMesa`), with what to say instead.
const RETIRED: &[(&str, &str)] = &[
    ("almacen", "blobs"),
    ("arnes", "testkit"),
    ("barrido", "sweep"),
    ("candado", "lock"),
    ("cartero", "delivery worker"),
    ("dado", "rng"),
    ("entorno", "env"),
    ("envio", "delivery"),
    ("escribano", "document"),
    ("escritor", "writer"),
    ("evidencia", "files"),
    ("expediente", "reporte_state"),
    ("fallo", "error"),
    ("freno", "rate_limit"),
    ("galleta", "cookie"),
    ("goteo", "metered_stream"),
    ("hojeo", "tail"),
    ("huella", "hash, fingerprint"),
    ("limpieza", "strip, purge"),
    ("llave", "key"),
    ("mantencion", "workers"),
    ("mesa", "judge"),
    ("oyente", "subscriber"),
    ("oyentes", "subscribers"),
    ("paseo", "pager"),
    ("pliegue", "rollup"),
    ("porteria", "session_lookup"),
    ("portador", "bearer"),
    ("reparto", "fanout"),
    ("reunion", "batcher"),
    ("secuencia", "sequencer"),
    ("suelta", "release"),
    ("tanda", "chunk"),
    ("veredicto", "verdict"),
    ("vuelco", "checkpoint"),
];

/// Names of tables and columns, which change with the schema and not before.
const IN_THE_SCHEMA: &[&str] = &["aceptados", "basura", "huellas", "reparto", "turno"];

#[test]
fn retired_words_do_not_come_back() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut found = Vec::new();
    let mut files = 0;
    visit(&root, &mut |path| {
        let shown = path.strip_prefix(&root).unwrap().display().to_string();
        files += 1;
        for word in words_of(&shown) {
            check(&word, &shown, 0, &mut found);
        }
        let rust = path.extension().is_some_and(|e| e == "rs");
        let sql = path.extension().is_some_and(|e| e == "sql");
        if !(rust || sql) || path.ends_with("tests/words.rs") {
            return;
        }
        let text = fs::read_to_string(path).unwrap();
        let names = if rust {
            names_in_rust(&text)
        } else {
            names_in_sql(&text, 1)
        };
        for (line, name) in names {
            for word in words_of(&name) {
                check(&word, &shown, line, &mut found);
            }
        }
    });
    assert!(files > 400, "only {files} files were looked at");
    assert!(
        found.is_empty(),
        "retired words (see CONTRIBUTING.md):\n{}",
        found.join("\n")
    );
}

#[test]
fn names_are_seen_in_code_and_sql_and_not_in_prose() {
    let code = r##"
        // a comment with mesa
        fn la_mesa<'m>(x: &'m UnaMesa) { let c = '"'; f("prosa con mesa", r#"SELECT huella FROM t -- mesa"#) }
    "##;
    let seen: BTreeSet<String> = names_in_rust(code).into_iter().map(|(_, n)| n).collect();
    assert!(seen.contains("la_mesa") && seen.contains("UnaMesa"));
    assert!(seen.contains("huella"), "a statement is code");
    assert!(!seen.contains("mesa") && !seen.contains("prosa"));
    assert_eq!(words_of("UnaMesa::la_MESA"), ["una", "mesa", "la", "mesa"]);
}

fn check(word: &str, file: &str, line: usize, found: &mut Vec<String>) {
    if IN_THE_SCHEMA.contains(&word) {
        return;
    }
    if let Some((_, instead)) = RETIRED.iter().find(|(retired, _)| *retired == word) {
        found.push(format!("{file}:{line}: {word} (say: {instead})"));
    }
}

/// The words of a name, in lower case.
fn words_of(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before = ' ';
    for c in name.chars() {
        if c.is_alphanumeric() {
            if !before.is_alphanumeric() || (c.is_uppercase() && before.is_lowercase()) {
                words.push(String::new());
            }
            if let Some(word) = words.last_mut() {
                word.extend(c.to_lowercase());
            }
        }
        before = c;
    }
    words
}

/// Identifiers with their lines; those in strings only where the string is a statement of SQL.
fn names_in_rust(text: &str) -> Vec<(usize, String)> {
    let chars: Vec<char> = text.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or(' ');
    let mut names = Vec::new();
    let (mut i, mut line) = (0, 1);
    while i < chars.len() {
        let start = i;
        let raw = at(i) == 'r' && matches!(at(i + 1), '"' | '#');
        if at(i) == '/' && at(i + 1) == '/' {
            while i < chars.len() && at(i) != '\n' {
                i += 1;
            }
        } else if at(i) == '"' || raw {
            i += usize::from(raw);
            let hashes = chars[i..].iter().take_while(|c| **c == '#').count();
            i += hashes + 1;
            let body = i;
            let ends = |i: usize| at(i) == '"' && (1..=hashes).all(|h| at(i + h) == '#');
            while i < chars.len() && !ends(i) {
                i += if !raw && at(i) == '\\' { 2 } else { 1 };
            }
            let body: String = chars[body..i.min(chars.len())].iter().collect();
            if is_sql(&body) {
                names.extend(names_in_sql(&body, line));
            }
            i += 1 + hashes;
        } else if at(i) == '\'' && (at(i + 1) == '\\' || at(i + 2) == '\'') {
            i += 2;
            while i < chars.len() && at(i) != '\'' {
                i += 1;
            }
            i += 1;
        } else if at(i).is_alphabetic() || at(i) == '_' {
            while at(i).is_alphanumeric() || at(i) == '_' {
                i += 1;
            }
            names.push((line, chars[start..i].iter().collect()));
        } else {
            i += 1;
        }
        line += chars[start..i.min(chars.len())]
            .iter()
            .filter(|c| **c == '\n')
            .count();
    }
    names
}

fn is_sql(text: &str) -> bool {
    let first = text.split_whitespace().next().unwrap_or_default();
    [
        "SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "CREATE", "ALTER", "DROP",
    ]
    .contains(&first)
}

/// Names in SQL, without its comments and its literals.
fn names_in_sql(text: &str, first_line: usize) -> Vec<(usize, String)> {
    let mut names = Vec::new();
    for (n, line) in text.lines().enumerate() {
        let line = line.split("--").next().unwrap_or_default();
        for outside in line.split('\'').step_by(2) {
            let words = outside.split(|c: char| !(c.is_alphanumeric() || c == '_'));
            names.extend(
                words
                    .filter(|w| !w.is_empty())
                    .map(|w| (first_line + n, w.to_owned())),
            );
        }
    }
    names
}

/// Every file that is ours: not what is built, downloaded or kept by git.
fn visit(dir: &Path, see: &mut dyn FnMut(&Path)) {
    const NOT_OURS: [&str; 6] = [
        "target",
        ".git",
        "node_modules",
        "data",
        "data-demo",
        "assets",
    ];
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if NOT_OURS.contains(&name.as_str()) {
            continue;
        }
        if path.is_dir() {
            visit(&path, see);
        } else {
            see(&path);
        }
    }
}
