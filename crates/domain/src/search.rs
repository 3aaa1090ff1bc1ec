//! Search without regard to case or accents. Both databases store the folded text beside the
//! original and look for folded terms in it, so that neither's collations decide what matches.

use unicode_normalization::char::{decompose_compatible, is_combining_mark};

/// The longest search, in characters.
pub const MAX_QUERY: usize = 200;
/// The most words a search may have.
pub const MAX_TERMS: usize = 10;

/// Lower case without accents: compatibility decomposition, marks removed. Folding twice changes
/// nothing more. Each character is folded by itself: only the order of marks depends on neighbours,
/// and they go.
pub fn fold_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() {
            out.push(c.to_ascii_lowercase());
            continue;
        }
        strip_diacritics(c, |d| {
            // Lower-casing can bring marks back (İ), and decomposition can bring capitals (℡).
            for l in d.to_lowercase() {
                strip_diacritics(l, |c| out.push(c));
            }
        });
    }
    out
}

fn strip_diacritics(c: char, mut cada: impl FnMut(char)) {
    decompose_compatible(c, |d| {
        if !is_combining_mark(d) {
            cada(d);
        }
    });
}

/// What the database keeps of a report for searching.
pub fn search_text(titulo: &str, descripcion: Option<&str>) -> String {
    fold_text(&format!("{titulo}\n{}", descripcion.unwrap_or_default()))
}

/// The words of a search, folded; a report matches when each of them occurs somewhere in it.
pub fn terms(consulta: &str) -> Vec<String> {
    fold_text(consulta)
        .split_whitespace()
        .take(MAX_TERMS)
        .map(str::to_owned)
        .collect()
}

/// A term as a `LIKE` pattern that matches it anywhere, for `ESCAPE '\'`.
pub fn like_pattern(termino: &str) -> String {
    let mut out = String::with_capacity(termino.len() + 2);
    out.push('%');
    for c in termino.chars() {
        if matches!(c, '%' | '_' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('%');
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{fold_text, like_pattern, terms};

    #[test]
    fn folding() {
        for (text, folded) in [
            ("Explosión ÑANDÚ", "explosion nandu"),
            ("CAÍDA de roca", "caida de roca"),
            ("e\u{301}", "e"),
            ("İstanbul", "istanbul"),
            ("ﬁbra", "fibra"),
            ("💥 100%_", "💥 100%_"),
            ("℡", "tel"),
        ] {
            assert_eq!(fold_text(text), folded);
        }
    }

    #[test]
    fn patterns_take_wildcards_literally() {
        assert_eq!(like_pattern(r"50%_\"), r"%50\%\_\\%");
        assert_eq!(terms("  Caída   ROCA "), ["caida", "roca"]);
    }

    proptest! {
        #[test]
        fn folding_twice_changes_nothing(text in "\\PC{0,60}") {
            let once = fold_text(&text);
            prop_assert_eq!(fold_text(&once), once);
        }
    }
}
