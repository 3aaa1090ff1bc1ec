//! The largest informe there is: how long it takes and how much memory, in a process of its own.

#![cfg(test)]
#![cfg(target_os = "linux")]

#[allow(dead_code, reason = "the other tests use more of it")]
mod support;

use std::fs;

use sigra_pdf::{Comentario, MAX_CHARS, MAX_PHOTOS, MAX_ROWS, pdf};
use support::{complete, entrada, jpeg, photo};

/// MiB that this process holds (`VmRSS`) or held at most (`VmHWM`).
fn mib(campo: &str) -> u64 {
    let estado = fs::read_to_string("/proc/self/status").unwrap();
    let linea = estado.lines().find(|l| l.starts_with(campo)).unwrap();
    let kib = linea.split_whitespace().nth(1).unwrap();
    kib.parse::<u64>().unwrap() / 1_024
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "measures how long a computation takes"
)]
fn the_largest_one_fits() {
    let mut informe = complete();
    informe.reporte.descripcion = Some("Cruzó la galería sin avisar. ".repeat(345));
    informe.fotos = (0..u32::try_from(MAX_PHOTOS).unwrap())
        .map(|n| photo(n, jpeg(1_280, 1_280, n)))
        .collect();
    informe.bitacora = (1..=i64::try_from(MAX_ROWS).unwrap())
        .map(entrada)
        .collect();
    // Words of people, as many as any list shows.
    let texto = |signos: usize| {
        let palabras = "Cruzó la galería sin avisar y la malla está cortada. ";
        palabras.chars().cycle().take(signos).collect::<String>()
    };
    for e in &mut informe.bitacora {
        e.detalle = Some(texto(MAX_CHARS + 1));
        e.cambios[0].antes = Some(texto(MAX_CHARS + 1));
        e.cambios[0].despues = Some(texto(MAX_CHARS + 1));
    }
    informe.comentarios = (0..MAX_ROWS)
        .map(|n| Comentario {
            cuando: "2026-10-12 08:50:00".into(),
            quien: format!("Luis Cañas {n}"),
            texto: texto(2_000),
        })
        .collect();
    informe.comentarios_en_total = 1_000;
    informe.verificacion.entradas = 5_000;
    let fotos: usize = informe.fotos.iter().map(|f| f.jpeg.len()).sum();
    let antes = mib("VmRSS");
    let mut tras_dos = 0;
    for vuelta in 1..=6 {
        informe.reporte.version = vuelta;
        let inicio = std::time::Instant::now();
        let bytes = pdf(&informe).unwrap().len();
        println!(
            "{vuelta}: {:?} for {} KiB with {} KiB of photos; {} MiB held, {} at most, {antes} before",
            inicio.elapsed(),
            bytes / 1_024,
            fotos / 1_024,
            mib("VmRSS"),
            mib("VmHWM"),
        );
        if vuelta == 2 {
            tras_dos = mib("VmRSS");
        }
    }
    assert!(mib("VmHWM") < 400);
    // Nothing is kept from one to the next.
    assert!(mib("VmRSS") <= tras_dos + 30);
}
