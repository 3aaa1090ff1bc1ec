//! The results: tables to read, a picture, and JSON for programs.

use std::{fs, path::Path};

use comfy_table::{Cell, CellAlignment, Table, presets::UTF8_FULL_CONDENSED};
use serde_json::{Value, json};

use crate::{
    base::Motor,
    crear,
    error::Error,
    grafico, lotes,
    medida::{Medicion, Resumen},
    medir::Resultados,
    numero::numero,
    pantalla::muestra,
};

/// What creating from many connections shall reach, times the bare database.
const META: f64 = 2.0;

pub fn texto(r: &Resultados) -> String {
    let de = |operacion: Option<&str>| -> Vec<&Medicion> {
        let escritura = |m: &&Medicion| [crear::OPERACION, lotes::OPERACION].contains(&m.operacion);
        let todas = r.mediciones.iter();
        todas
            .filter(|m| operacion.map_or(!escritura(m), |o| m.operacion == o))
            .collect()
    };
    let (crear, lotes) = (de(Some(crear::OPERACION)), de(Some(lotes::OPERACION)));
    let leer = de(None);
    format!(
        "\nCrear: POST /reportes/ con token, bitácora y commit durable, sobre {filas} reportes guardados. \
         «Directo» es la base sola:\nlas mismas filas, un reporte por transacción, una conexión, \
         en rondas alternadas con las de SIGRA.\n{}\n\
         Lotes: POST /sync/batch, cada teléfono con su sesión. «Directo» escribe las mismas filas y la del \
         dispositivo,\n{} reportes por transacción en SQLite y {} en PostgreSQL.\n{}\n\
         Leer: {filas} reportes guardados; las listas son páginas de 50 con dos filtros.\n{}\n{}",
        tabla_crear(&crear),
        lotes::por_transaccion(Motor::Sqlite),
        lotes::por_transaccion(Motor::Postgres),
        tabla_lotes(&lotes),
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

fn tabla_lotes(mediciones: &[&Medicion]) -> Table {
    let mut tabla = tabla(&[
        "Base",
        "Por lote",
        "Teléfonos",
        "SIGRA\nreportes/s",
        "Directo\nreportes/s",
        "SIGRA ÷\ndirecto",
        "p50\nms",
        "p99\nms",
        "CPU\nµs/reporte",
        "Bytes por\nreporte",
        "Memoria\nmáx. MiB",
    ]);
    for m in mediciones {
        let [p50, p99, _, memoria] = costos(m);
        let lote = f64::from(m.por_lote.max(1));
        let cpu = m.mediana(|r| r.cpu_us).map(|us| numero(us / lote, 0));
        let bytes = m.bytes_por_reporte().map(|b| numero(b, 0));
        tabla.add_row(
            [
                m.motor.nombre().to_owned(),
                m.por_lote.to_string(),
                m.conexiones.to_string(),
                con_extremos(m.por_segundo(), 0),
                con_extremos(m.directa_por_segundo(), 0),
                con_extremos(m.razon(), 2),
                p50,
                p99,
                cpu.unwrap_or_else(|| "—".into()),
                bytes.unwrap_or_else(|| "—".into()),
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
    let metas: String = meta(r).into_iter().chain(metas_de_lotes(r)).collect();
    format!("  · {}\n{metas}", notas.join("\n  · "))
}

/// Batches of 100 from 16 phones.
fn metas_de_lotes(r: &Resultados) -> Vec<String> {
    let de_la_meta = |m: &&Medicion| {
        m.operacion == lotes::OPERACION && (m.por_lote, m.conexiones) == lotes::DE_LA_META
    };
    let meta = |m: &Medicion| {
        let meta = match m.motor {
            Motor::Sqlite => 0.6,
            Motor::Postgres => 0.5,
        };
        let razon = m.razon()?.mediana;
        let cumplida = if razon >= meta {
            "cumplida"
        } else {
            "NO cumplida"
        };
        Some(format!(
            "\nMeta: lotes de {} desde {} teléfonos ≥ {} × {} directo: {cumplida} ({} ×).",
            m.por_lote,
            m.conexiones,
            numero(meta, 1),
            m.motor.nombre(),
            numero(razon, 2)
        ))
    };
    r.mediciones
        .iter()
        .filter(de_la_meta)
        .filter_map(meta)
        .collect()
}

/// The project's aim is about SQLite and the most connections.
fn meta(r: &Resultados) -> Option<String> {
    let m = r
        .mediciones
        .iter()
        .filter(|m| m.operacion == crear::OPERACION);
    let m = m
        .filter(|m| m.motor == Motor::Sqlite)
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
        "bytes_por_reporte": m.bytes_por_reporte(),
    })
}
