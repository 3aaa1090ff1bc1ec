//! Lists of names in a body: each one known, none twice.

use sigra_domain::{
    Falla,
    campo::{Errores, Lista},
};

/// The values that the names stand for, at least `min`; what is wrong is noted under `campo`. `None` when
/// nothing was said.
pub fn nombres<const N: usize, T: PartialEq>(
    e: &mut Errores,
    campo: &str,
    dichos: Option<Lista<String, N>>,
    min: usize,
    lee: impl Fn(&str) -> Option<T>,
) -> Option<Vec<T>> {
    let Lista(dichos) = dichos?;
    if dichos.len() > N {
        e.agrega(campo, Falla::Demasiados { max: N });
        return None;
    }
    if dichos.len() < min {
        e.agrega(campo, Falla::Requerido);
    }
    let mut valores = vec![];
    for (i, dicho) in dichos.into_iter().enumerate() {
        match lee(&dicho) {
            None => e.agrega(format!("{campo}[{i}]"), Falla::NoExiste),
            Some(valor) if valores.contains(&valor) => {
                e.agrega(format!("{campo}[{i}]"), Falla::Repetido);
            }
            Some(valor) => valores.push(valor),
        }
    }
    Some(valores)
}
