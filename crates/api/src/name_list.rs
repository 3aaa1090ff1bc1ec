//! Lists of names in a body: each one known, none twice.

use sigra_domain::{
    FieldErrorKind,
    campo::{BoundedList, FieldErrors},
};

/// The values that the names stand for, at least `min`; what is wrong is noted under `campo`. `None` when
/// nothing was said.
pub fn parse_names<const N: usize, T: PartialEq>(
    e: &mut FieldErrors,
    campo: &str,
    dichos: Option<BoundedList<String, N>>,
    min: usize,
    lee: impl Fn(&str) -> Option<T>,
) -> Option<Vec<T>> {
    let BoundedList(dichos) = dichos?;
    if dichos.len() > N {
        e.add(campo, FieldErrorKind::Demasiados { max: N });
        return None;
    }
    if dichos.len() < min {
        e.add(campo, FieldErrorKind::Requerido);
    }
    let mut valores = vec![];
    for (i, dicho) in dichos.into_iter().enumerate() {
        match lee(&dicho) {
            None => e.add(format!("{campo}[{i}]"), FieldErrorKind::NoExiste),
            Some(valor) if valores.contains(&valor) => {
                e.add(format!("{campo}[{i}]"), FieldErrorKind::Repetido);
            }
            Some(valor) => valores.push(valor),
        }
    }
    Some(valores)
}
