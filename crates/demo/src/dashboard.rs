//! The dashboard of the shift, as an administrador sees it, with bars.

use comfy_table::{Cell, CellAlignment, Table, presets::UTF8_BORDERS_ONLY};
use serde_json::Value;

use crate::{error::DemoError, records::AccidentRecord, team::Team, verify::DatabaseCheck};

/// The longest bar, in characters.
const WIDTH: usize = 32;

/// Of the days of these accidents.
pub(super) async fn read(equipo: &Team, registros: &[AccidentRecord]) -> Result<Value, DemoError> {
    let dias = || registros.iter().map(|r| r.fecha.to_string());
    let (desde, hasta) = dias().min().zip(dias().max()).unwrap_or_default();
    let consulta = [("desde", desde.as_str()), ("hasta", hasta.as_str())];
    let cliente = &equipo.administrador.cliente;
    let r = cliente.get("admin/dashboard", &consulta).await?;
    Ok(r.require(&[200])?.body())
}

/// What it says otherwise than the list of reports does.
pub(super) fn finding(tablero: &Value, revisados: &DatabaseCheck) -> Option<String> {
    let (dicho, hay) = (integer(&tablero["total"]), revisados.hechos.creados);
    let pendientes = dicho - integer(&tablero["decididos"]);
    let iguales = dicho.unsigned_abs() == hay && pendientes.unsigned_abs() == revisados.pendientes;
    (!iguales).then(|| {
        format!(
            "el tablero dice {dicho} reportes, {pendientes} sin decidir; hay {hay} y {}",
            revisados.pendientes
        )
    })
}

pub(super) fn render(tablero: &Value) -> String {
    let mut tabla = Table::new();
    tabla.load_style(UTF8_BORDERS_ONLY);
    tabla.set_header(["Tablero", "", "Reportes", ""]);
    let total = integer(&tablero["total"]);
    for (que, parte) in [
        ("Estado", "por_estado"),
        ("Severidad", "por_severidad"),
        ("Área", "por_area"),
    ] {
        let mut que = que;
        for p in tablero[parte].as_array().into_iter().flatten() {
            let n = integer(&p["reportes"]);
            if n > 0 {
                let nombre = p["nombre"].as_str().unwrap_or_default();
                tabla.add_row([
                    Cell::new(que),
                    Cell::new(nombre),
                    Cell::new(n).set_alignment(CellAlignment::Right),
                    Cell::new(bar(n, total)),
                ]);
                que = "";
            }
        }
    }
    let i = &tablero["indicadores"];
    let a_decision = &i["horas_a_decision"];
    format!(
        "{tabla}\n  Horas hasta decidir: {} la mitad, {} nueve de cada diez · en meta: {} · por decidir: {} · \
         conflictos: {} · sin todos sus archivos: {}",
        hours(&a_decision["p50"]),
        hours(&a_decision["p90"]),
        i["decididos_en_meta"]
            .as_f64()
            .map_or("–".into(), |p| format!("{:.0} %", p * 100.0)),
        total - integer(&tablero["decididos"]),
        integer(&i["conflictos_abiertos"]),
        integer(&i["multimedia_faltante"]),
    )
}

fn integer(v: &Value) -> i64 {
    v.as_i64().unwrap_or_default()
}

fn hours(v: &Value) -> String {
    v.as_f64().map_or("–".into(), |h| format!("{h:.2}"))
}

/// What is not nothing has at least one.
fn bar(n: i64, total: i64) -> String {
    let (n, total) = (n.unsigned_abs(), total.max(1).unsigned_abs());
    let ancho = (n.saturating_mul(WIDTH as u64)).div_ceil(total);
    "█".repeat(usize::try_from(ancho).unwrap_or(WIDTH).min(WIDTH))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{WIDTH, bar, render};

    #[test]
    fn bars_are_parts_of_the_whole() {
        assert_eq!(bar(400, 400).chars().count(), WIDTH);
        assert_eq!(bar(1, 400).chars().count(), 1);
        assert_eq!(bar(200, 400).chars().count(), WIDTH / 2);
        assert_eq!(bar(0, 0), "");
    }

    #[test]
    fn what_is_empty_is_left_out() {
        let parte = |nombre: &str, n: i64| json!({"nombre": nombre, "reportes": n});
        let t = render(&json!({
            "total": 4, "decididos": 3,
            "por_estado": [parte("Pendiente", 1), parte("Aprobado", 3)],
            "por_severidad": [parte("Baja", 0), parte("Alta", 4)],
            "por_area": [parte("Planta", 4)],
            "indicadores": {"horas_a_decision": {"p50": 0.01, "p90": null}, "decididos_en_meta": 1.0,
                "conflictos_abiertos": 0, "multimedia_faltante": 2},
        }));
        assert!(!t.contains("Baja") && t.contains("Alta"), "{t}");
        assert!(
            t.contains("0.01 la mitad, – nueve") && t.contains("en meta: 100 %"),
            "{t}"
        );
        assert!(
            t.contains("por decidir: 1") && t.ends_with("archivos: 2"),
            "{t}"
        );
    }
}
