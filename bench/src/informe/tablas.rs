//! The tables that people read.

use comfy_table::{Cell, CellAlignment, Table, presets::UTF8_FULL_CONDENSED};

use crate::{
    medida::{Medicion, Resumen},
    numero::numero,
};

pub fn crear(mediciones: &[&Medicion]) -> Table {
    let cabeceras = [
        "Base",
        "Conexiones",
        "SIGRA\nreportes/s",
        "Directo\nreportes/s",
        "SIGRA ÷\ndirecto",
        "p50\nms",
        "p99\nms",
        "CPU\nµs/petición",
        "Memoria\nmáx. MiB",
    ];
    tabla(cabeceras, mediciones, |m| {
        let [p50, p99, cpu, memoria] = costos(m);
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
    })
}

pub fn lotes(mediciones: &[&Medicion]) -> Table {
    let cabeceras = [
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
    ];
    tabla(cabeceras, mediciones, |m| {
        let [p50, p99, _, memoria] = costos(m);
        let lote = f64::from(m.por_lote.max(1));
        let cpu = m.mediana(|r| r.cpu_us).map(|us| numero(us / lote, 0));
        let bytes = m.bytes_por_reporte().map(|b| numero(b, 0));
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
    })
}

pub fn leer(mediciones: &[&Medicion]) -> Table {
    let cabeceras = [
        "Base",
        "Operación",
        "Conexiones",
        "Peticiones/s",
        "p50\nms",
        "p99\nms",
        "CPU\nµs/petición",
        "Memoria\nmáx. MiB",
    ];
    tabla(cabeceras, mediciones, |m| {
        let [p50, p99, cpu, memoria] = costos(m);
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
    })
}

pub fn archivos(mediciones: &[&Medicion]) -> Table {
    let cabeceras = [
        "Base",
        "Operación",
        "Conexiones",
        "SIGRA\nMiB/s",
        "Disco\nMiB/s",
        "SIGRA ÷\ndisco",
        "p50\nms",
        "p99\nms",
        "CPU\nµs/archivo",
        "Memoria\nmáx. MiB",
    ];
    tabla(cabeceras, mediciones, |m| {
        let [p50, p99, cpu, memoria] = costos(m);
        [
            m.motor.nombre().to_owned(),
            m.operacion.to_owned(),
            m.conexiones.to_string(),
            con_extremos(m.por_segundo(), 0),
            con_extremos(m.directa_por_segundo(), 0),
            con_extremos(m.razon(), 2),
            p50,
            p99,
            cpu,
            memoria,
        ]
    })
}

pub fn vistas(mediciones: &[&Medicion]) -> Table {
    let cabeceras = [
        "Base",
        "Fotos/s",
        "p50\nms",
        "p99\nms",
        "CPU\nµs/foto",
        "Memoria\nmáx. MiB",
    ];
    tabla(cabeceras, mediciones, |m| {
        let [p50, p99, cpu, memoria] = costos(m);
        [
            m.motor.nombre().to_owned(),
            con_extremos(m.por_segundo(), 2),
            p50,
            p99,
            cpu,
            memoria,
        ]
    })
}

/// A row for each measurement.
fn tabla<const N: usize>(
    cabeceras: [&str; N],
    mediciones: &[&Medicion],
    fila: impl Fn(&Medicion) -> [String; N],
) -> Table {
    let mut tabla = Table::new();
    tabla.load_style(UTF8_FULL_CONDENSED);
    tabla.set_header(cabeceras);
    for m in mediciones {
        tabla.add_row(fila(m).map(a_la_derecha));
    }
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

pub fn con_extremos(r: Option<Resumen>, decimales: usize) -> String {
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
