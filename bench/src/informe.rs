//! The results: tables to read, a picture, and JSON for programs.

use std::{fs, path::Path};

use comfy_table::{Cell, CellAlignment, Table, presets::UTF8_FULL_CONDENSED};
use serde_json::{Value, json};

use crate::{
    crear,
    error::Error,
    grafico,
    medida::{Medicion, Resumen},
    medir::Resultados,
    numero::numero,
    pantalla::muestra,
};

/// What creating from many connections shall reach, times the bare database.
const META: f64 = 2.0;

pub fn texto(r: &Resultados) -> String {
    let (crear, leer): (Vec<_>, Vec<_>) = r
        .mediciones
        .iter()
        .partition(|m| m.operacion == crear::OPERACION);
    format!(
        "\nCrear: POST /reportes/ con token, bitácora y commit durable, sobre {filas} reportes guardados. \
         «Directo» es la base sola:\nlas mismas filas, un reporte por transacción, una conexión, \
         en rondas alternadas con las de SIGRA.\n{}\n\
         Leer: {filas} reportes guardados; las listas son páginas de 50 con dos filtros.\n{}\n{}",
        tabla_crear(&crear),
        tabla_leer(&leer),
        notas(r),
        filas = numero(r.filas.into(), 0),
    )
}

fn tabla_crear(mediciones: &[&Medicion]) -> Table {
    let mut tabla = tabla(&[
        "Base",
        "Conexiones",
        "SIGRA\nreportes/s",
        "Directo\nreportes/s",
        "SIGRA ÷\ndirecto",
        "p50\nms",
        "p99\nms",
        "CPU\nµs/petición",
        "Memoria\nmáx. MiB",
    ]);
    for m in mediciones {
        let [p50, p99, cpu, memoria] = costos(m);
        tabla.add_row(
            [
                m.motor.nombre().to_owned(),
                m.conexiones.to_string(),
                con_extremos(m.por_segundo(), 0),
                con_extremos(m.directa_por_segundo(), 0),
                con_extremos(m.razon(), 2),
                p50,
                p99,
                cpu,
                memoria,
            ]
            .map(a_la_derecha),
        );
    }
    tabla
}

fn tabla_leer(mediciones: &[&Medicion]) -> Table {
    let mut tabla = tabla(&[
        "Base",
        "Operación",
        "Conexiones",
        "Peticiones/s",
        "p50\nms",
        "p99\nms",
        "CPU\nµs/petición",
        "Memoria\nmáx. MiB",
    ]);
    for m in mediciones {
        let [p50, p99, cpu, memoria] = costos(m);
        tabla.add_row(
            [
                m.motor.nombre().to_owned(),
                m.operacion.to_owned(),
                m.conexiones.to_string(),
                con_extremos(m.por_segundo(), 0),
                p50,
                p99,
                cpu,
                memoria,
            ]
            .map(a_la_derecha),
        );
    }
    tabla
}

fn tabla(cabeceras: &[&str]) -> Table {
    let mut tabla = Table::new();
    tabla.load_style(UTF8_FULL_CONDENSED);
    tabla.set_header(cabeceras);
    tabla
}

fn a_la_derecha(texto: String) -> Cell {
    let numero = texto.starts_with(|c: char| c.is_ascii_digit());
    let lado = if numero {
        CellAlignment::Right
    } else {
        CellAlignment::Left
    };
    Cell::new(texto).set_alignment(lado)
}

fn con_extremos(r: Option<Resumen>, decimales: usize) -> String {
    r.map_or_else(
        || "—".into(),
        |r| {
            let [mediana, min, max] = [r.mediana, r.min, r.max].map(|n| numero(n, decimales));
            format!("{mediana} ({min}–{max})")
        },
    )
}

fn costos(m: &Medicion) -> [String; 4] {
    let o_nada = |n: Option<f64>, decimales| n.map_or_else(|| "—".into(), |n| numero(n, decimales));
    [
        o_nada(m.mediana(|r| Some(r.p50_ms)), 2),
        o_nada(m.mediana(|r| Some(r.p99_ms)), 2),
        o_nada(m.mediana(|r| r.cpu_us), 0),
        o_nada(m.memoria_mib(), 1),
    ]
}

fn notas(r: &Resultados) -> String {
    let maquina = &r.maquina;
    let mut notas = vec![
        format!(
            "Mediana de {} rondas de {} s, entre paréntesis la menor y la mayor; cada conexión espera su \
             respuesta antes de pedir otra.",
            r.rondas, r.segundos
        ),
        "La memoria es VmHWM del proceso servidor, que arranca de nuevo para cada medición; no incluye \
         los procesos de PostgreSQL."
            .into(),
        format!(
            "Directo en SQLite: rusqlite sobre la misma SQLite {} que SIGRA, WAL y synchronous = FULL, \
             sin claves foráneas ni disparadores, con el volcado del WAL que SQLite trae de fábrica.",
            maquina.sqlite
        ),
        format!(
            "Equipo: {} núcleos para el servidor, la carga y la base; disco {}, fsync de 4 KiB {} ms.",
            maquina.nucleos,
            maquina.sistema_de_archivos.as_deref().unwrap_or("desconocido"),
            con_extremos(maquina.fsync_ms, 2),
        ),
    ];
    if let Some(p) = &maquina.postgres {
        notas.push(format!(
            "PostgreSQL {}: fsync = {}, synchronous_commit = {}, full_page_writes = {}. Directo: una \
             sentencia por reporte.",
            p.version, p.fsync, p.synchronous_commit, p.full_page_writes
        ));
    }
    if r.rapido {
        notas.push(
            "Corrida rápida: sirve para probar el programa, no para citar sus cifras.".into(),
        );
    }
    notas.push("Verificado: cada reporte confirmado está, y la bitácora está íntegra.".into());
    let meta = meta(r).unwrap_or_default();
    format!("  · {}\n{meta}", notas.join("\n  · "))
}

/// The project's aim is about SQLite and the most connections.
fn meta(r: &Resultados) -> Option<String> {
    let m = r
        .mediciones
        .iter()
        .filter(|m| m.operacion == crear::OPERACION);
    let m = m
        .filter(|m| m.motor == crate::base::Motor::Sqlite)
        .max_by_key(|m| m.conexiones)?;
    let razon = m.razon()?.mediana;
    let cumplida = if razon >= META {
        "cumplida"
    } else {
        "NO cumplida"
    };
    Some(format!(
        "\nMeta: crear desde {} conexiones ≥ {} × SQLite directo: {cumplida} ({} ×).",
        m.conexiones,
        numero(META, 1),
        numero(razon, 2)
    ))
}

/// Writes `resultados.json` and `resultados.svg`.
pub fn guarda(r: &Resultados, dir: &Path) -> Result<(), Error> {
    let mut json = serde_json::to_value(r)?;
    let resumenes: Vec<Value> = r.mediciones.iter().map(resumen).collect();
    if let Some(mediciones) = json["mediciones"].as_array_mut() {
        for (m, resumen) in mediciones.iter_mut().zip(resumenes) {
            m["resumen"] = resumen;
        }
    }
    let (datos, figura) = (dir.join("resultados.json"), dir.join("resultados.svg"));
    fs::write(&datos, serde_json::to_string_pretty(&json)? + "\n")?;
    fs::write(&figura, grafico::svg(r))?;
    muestra(format!(
        "Datos: {}\nGráfico: {}",
        datos.display(),
        figura.display()
    ));
    Ok(())
}

fn resumen(m: &Medicion) -> Value {
    json!({
        "por_segundo": m.por_segundo(),
        "directa_por_segundo": m.directa_por_segundo(),
        "razon": m.razon(),
        "p50_ms": m.mediana(|r| Some(r.p50_ms)),
        "p99_ms": m.mediana(|r| Some(r.p99_ms)),
        "cpu_us": m.mediana(|r| r.cpu_us),
        "memoria_mib": m.memoria_mib(),
    })
}
