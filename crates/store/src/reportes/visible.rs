//! What one person may see, as SQL.

use sigra_domain::Quien;

/// The condition that a report is `quien`'s to see, or was: one of these columns is their area. What
/// stands in it are numbers of ours.
pub(crate) fn visibility_clause(quien: &Quien, rut: &str, areas: &[&str]) -> String {
    if quien.sees_all() {
        return String::new();
    }
    let mut partes = vec![format!("{rut} = {}", quien.rut.body())];
    let suyas: Vec<String> = quien
        .supervised_areas()
        .iter()
        .map(ToString::to_string)
        .collect();
    if !suyas.is_empty() {
        let suyas = suyas.join(", ");
        partes.extend(
            areas
                .iter()
                .map(|columna| format!("{columna} IN ({suyas})")),
        );
    }
    format!(" AND ({})", partes.join(" OR "))
}
