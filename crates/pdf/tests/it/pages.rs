use sigra_pdf::{FieldChange, MAX_ROWS};

use crate::{
    pdf::Pdf,
    support::{complete, entrada, hash, minimal},
};

#[test]
fn pages_are_counted() {
    let mut informe = complete();
    informe.bitacora = (1..=60).map(entrada).collect();
    let pdf = Pdf::render(&informe);
    assert!((5..=10).contains(&pdf.paginas), "{}", pdf.paginas);
    for pagina in 1..=pdf.paginas {
        pdf.assert_says(&format!("Página {pagina} de {}", pdf.paginas));
    }
    // The table's head and the last hash stand on every page they belong to.
    assert!(pdf.texto.matches("N.ºCuándoQuién").count() > 1);
    let ultimo = format!("Últimohash:{}…", &hash(4)[..16]);
    assert_eq!(pdf.texto.matches(&ultimo).count(), pdf.paginas);
}

#[test]
fn long_texts_run_over_pages() {
    let mut informe = minimal();
    let descripcion = "Camión número ñandú cruzó la galería. ".repeat(270);
    informe.reporte.descripcion = Some(descripcion);
    let pdf = Pdf::render(&informe);
    assert!(pdf.paginas >= 2);
    assert_eq!(pdf.texto.matches("Camiónnúmeroñandú").count(), 270);
}

#[test]
fn words_without_end_are_broken_and_complete() {
    let mut informe = complete();
    informe.reporte.descripcion = Some("Ø".repeat(5_000));
    informe.reporte.titulo = "W".repeat(255);
    let pdf = Pdf::render(&informe);
    assert_eq!(pdf.texto.matches('Ø').count(), 5_000);
    pdf.assert_says(&informe.reporte.titulo);
}

#[test]
fn the_bitacora_repeats_a_long_text_in_part() {
    let mut informe = minimal();
    informe.bitacora = vec![entrada(1)];
    informe.bitacora[0].cambios = vec![FieldChange {
        campo: "Descripción".into(),
        antes: Some("ñ".repeat(600)),
        despues: Some("á".repeat(601)),
    }];
    let pdf = Pdf::render(&informe);
    pdf.assert_says(&format!(
        "Descripción: {} → {} […]",
        "ñ".repeat(600),
        "á".repeat(600)
    ));
}

#[test]
fn of_a_list_without_end_the_last_rows_are_shown() {
    let mut informe = minimal();
    let de_mas = i64::try_from(MAX_ROWS).unwrap() + 3;
    informe.bitacora = (1..=de_mas).map(entrada).collect();
    informe.verificacion.entradas = de_mas;
    let pdf = Pdf::render(&informe);
    pdf.assert_says("Se muestran 500 de 503, desde el final.");
    pdf.assert_lacks("Los textos largos se cortan");
    pdf.assert_lacks(&informe.bitacora[2].hash);
    pdf.assert_says(&informe.bitacora[3].hash);
    pdf.assert_says(&informe.bitacora[502].hash);
}

#[test]
fn empty_lines_do_not_fill_pages() {
    let mut informe = minimal();
    informe.reporte.descripcion = Some(format!("inicio{}fin", "\r\n".repeat(5_000)));
    let pdf = Pdf::render(&informe);
    assert_eq!(pdf.paginas, 1);
    pdf.assert_says("inicio fin");
}
