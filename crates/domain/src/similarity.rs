//! How much two texts tell of the same thing: the share of their groups of three letters that both have
//! (trigrams, Jaccard's index). Word order, endings and small mistakes change little of it.

/// Characters of a text that are looked at.
pub const MAX_TEXT: usize = 2_000;
/// From here on two reports are worth showing side by side.
pub const MIN_SIMILARITY: f64 = 0.2;

/// The trigrams of a folded text (see [`crate::search::fold_text`]), each once and in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trigrams(Vec<[char; 3]>);

impl Trigrams {
    /// Of each word, with a mark before and after it; what is no letter or digit parts words.
    pub fn from_folded(folded: &str) -> Self {
        let mut todos = Vec::new();
        let mirado = folded.char_indices().nth(MAX_TEXT);
        let folded = mirado.map_or(folded, |(fin, _)| &folded[..fin]);
        for palabra in folded.split(|c: char| !c.is_alphanumeric()) {
            if palabra.is_empty() {
                continue;
            }
            let mut tres = [' '; 3];
            for c in palabra.chars().chain([' ']) {
                tres = [tres[1], tres[2], c];
                todos.push(tres);
            }
        }
        todos.sort_unstable();
        todos.dedup();
        Self(todos)
    }

    /// From 0, nothing in common, to 1, the same; 0 when either has no words.
    #[allow(clippy::cast_precision_loss)] // A few thousand.
    pub fn similarity(&self, otro: &Self) -> f64 {
        let comunes = count_common(&self.0, &otro.0);
        let todos = self.0.len() + otro.0.len() - comunes;
        if todos == 0 {
            return 0.0;
        }
        comunes as f64 / todos as f64
    }
}

/// How many are in both lists, each of which is in order.
fn count_common(mut a: &[[char; 3]], mut b: &[[char; 3]]) -> usize {
    let mut n = 0;
    while let ([x, resto_a @ ..], [y, resto_b @ ..]) = (a, b) {
        n += usize::from(x == y);
        if x <= y {
            a = resto_a;
        }
        if y <= x {
            b = resto_b;
        }
    }
    n
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{MIN_SIMILARITY, Trigrams};
    use crate::search::fold_text;

    fn similarity(a: &str, b: &str) -> f64 {
        Trigrams::from_folded(&fold_text(a)).similarity(&Trigrams::from_folded(&fold_text(b)))
    }

    #[test]
    fn one_rock_told_by_five_people() {
        let roca = "Roca suelta en galería 4, nivel 1200, sobre el paso de personal";
        for otro in [
            "roca suelta galeria 4 sobre el paso",
            "Hay una roca suelta sobre el paso del personal en la galería 4",
            "ROCA SUELTA NIVEL 1200 GALERIA 4",
            "Planchón y roca suelta en la galería 4 del nivel 1200",
        ] {
            let p = similarity(roca, otro);
            assert!(p >= MIN_SIMILARITY, "{otro}: {p}");
        }
        for otro in [
            "Fuga de aceite en el chancador primario",
            "Cable eléctrico pelado junto a la bomba de agua",
            "Extintor vencido en la oficina",
            "",
            "¡…!",
        ] {
            let p = similarity(roca, otro);
            assert!(p < MIN_SIMILARITY, "{otro}: {p}");
        }
    }

    proptest! {
        #[test]
        fn it_is_a_share(a in ".{0,60}", b in ".{0,60}") {
            let (ta, tb) = (Trigrams::from_folded(&fold_text(&a)), Trigrams::from_folded(&fold_text(&b)));
            let p = ta.similarity(&tb);
            prop_assert!((0.0..=1.0).contains(&p));
            prop_assert_eq!(p.to_bits(), tb.similarity(&ta).to_bits());
            prop_assert!(ta.0.is_empty() || (ta.similarity(&ta) - 1.0).abs() < f64::EPSILON);
        }
    }
}
