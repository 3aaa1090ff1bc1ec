//! The results: tables to read, a picture, and JSON for programs.

mod metas;
mod tablas;

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::{
    archivos::{self, bajar, subir, vistas},
    base::Motor,
    crear,
    error::Error,
    grafico, lotes,
    medida::Medicion,
    medir::Resultados,
    numero::numero,
    pantalla::muestra,
};
use metas::metas;

/// Only what was measured.
pub fn texto(r: &Resultados) -> String {
    let filas = numero(r.filas.into(), 0);
    let mut partes = Vec::new();
    let mut resto: Vec<&Medicion> = r.mediciones.iter().collect();
    let mut toma = |operaciones: &[&str]| -> Vec<&Medicion> {
        let suya = |m: &mut &Medicion| operaciones.contains(&m.operacion);
        resto.extract_if(.., suya).collect()
    };
    let creadas = toma(&[crear::OPERACION]);
    let lotes = toma(&[lotes::OPERACION]);
    let archivos = toma(&[subir::OPERACION, bajar::OPERACION]);
    let vistas = toma(&[vistas::OPERACION]);
    let leidas = resto;
    if !creadas.is_empty() {
        partes.push(format!(
            "Crear: POST /reportes/ con token, bitácora y commit durable, desde {filas} reportes guardados. \
             «Directo» es la base sola, en una copia:\nlas mismas filas, un reporte por transacción, \
             una conexión, en rondas alternadas con las de SIGRA.\n{}",
            tablas::crear(&creadas)
        ));
    }
    if !lotes.is_empty() {
        partes.push(format!(
            "Lotes: POST /sync/batch sin comprimir, cada teléfono con su sesión, desde {filas} reportes \
             guardados. «Directo» escribe en\nuna copia las mismas filas y la del dispositivo, {} \
             reportes por transacción en SQLite y {} en PostgreSQL.\n{}",
            numero(lotes::por_transaccion(Motor::Sqlite).into(), 0),
            numero(lotes::por_transaccion(Motor::Postgres).into(), 0),
            tablas::lotes(&lotes)
        ));
    }
    if !leidas.is_empty() {
        partes.push(format!(
            "Leer: {filas} reportes guardados; las listas son páginas de 50 con dos filtros.\n{}",
            tablas::leer(&leidas)
        ));
    }
    if !archivos.is_empty() {
        partes.push(format!(
            "Archivos de {} MiB, en una carpeta: suben por tus (creación y un PATCH) a reportes que los \
             esperan, bajan por GET /multimedia/{{id}}; cada\nconexión es una persona con su sesión. \
             «Disco» escribe (con fsync) y lee los mismos archivos a secas en la misma carpeta, con tantos \
             hilos\ncomo conexiones, en rondas alternadas con las de SIGRA.\n{}",
            archivos::MIB_POR_ARCHIVO,
            tablas::archivos(&archivos)
        ));
    }
    if !vistas.is_empty() {
        partes.push(format!(
            "Vistas: miniatura y vista de fotos de 12 megapíxeles que ya llegaron, una a la vez en el \
             fondo, sin otra carga.\n{}",
            tablas::vistas(&vistas)
        ));
    }
    partes.push(format!("  · {}", notas(r).join("\n  · ")));
    partes.push(metas(&r.mediciones).join("\n"));
    format!("\n{}", partes.join("\n"))
}

fn notas(r: &Resultados) -> Vec<String> {
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
             con el mismo límite del WAL, sin claves foráneas ni disparadores.",
            maquina.sqlite
        ),
        format!(
            "Equipo: {} núcleos para el servidor, la carga y la base; disco {}, fsync de 4 KiB {} ms.",
            maquina.nucleos,
            maquina.sistema_de_archivos.as_deref().unwrap_or("desconocido"),
            tablas::con_extremos(maquina.fsync_ms, 2),
        ),
    ];
    if let Some(p) = &maquina.postgres {
        notas.push(format!(
            "PostgreSQL {}: fsync = {}, synchronous_commit = {}, full_page_writes = {}. Directo: una \
             sentencia por transacción.",
            p.version, p.fsync, p.synchronous_commit, p.full_page_writes
        ));
    }
    if r.rapido {
        notas.push(
            "Corrida rápida: sirve para probar el programa, no para citar sus cifras.".into(),
        );
    }
    if r.mediciones.iter().any(|m| m.operacion == subir::OPERACION) {
        notas.push(format!(
            "Archivos: una ronda termina antes si van {} archivos; lo que se baja se saca antes de la \
             memoria del sistema{}. Las vistas se hacen solo en su medición; en las demás de archivos ese \
             trabajo no corre.",
            archivos::LIMITE,
            if cfg!(target_os = "linux") { "" } else { " (aquí no: solo en Linux)" }
        ));
        notas.push(
            "Verificado: cada archivo confirmado es de su reporte y sus bytes están en la carpeta."
                .into(),
        );
    }
    notas.push("Verificado: cada reporte confirmado está, y la bitácora está íntegra.".into());
    notas
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
