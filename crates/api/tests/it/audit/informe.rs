//! A report as a document: what it says, whom it is given, and that it does not vouch for a history
//! that was altered.

use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use sigra_domain::Zona;
use tokio::time::timeout;

#[path = "../../../../pdf/tests/support/reading.rs"]
mod reading;

use self::reading::Pdf;
use super::{Intruder, text};
use crate::files::serve::{SECRET, photo_with_gps};
use sigra_testkit::{
    Persona, TestSite, both_databases,
    files::{FilesFixture, progressive_photo, reporte_with},
    run_concurrently,
};

async fn download(sitio: &TestSite, quien: &Persona, id: i64) -> Bytes {
    let ruta = format!("/reportes/{id}/informe.pdf");
    sitio.download(quien, &ruta).await
}

async fn read(sitio: &TestSite, quien: &Persona, id: i64) -> Pdf {
    Pdf::read(&download(sitio, quien, id).await)
}

#[both_databases]
async fn the_pdf_tells_all_of_a_reporte(sitio: &TestSite) {
    let (autor, jefe) = (sitio.trabajador().await, sitio.supervisor(&[1]).await);
    let (ajeno, admin) = (sitio.supervisor(&[2]).await, sitio.administrador().await);
    let (foto, tarda) = (photo_with_gps(), progressive_photo());
    let mut nuevo = reporte_with(&[&foto, &tarda]);
    nuevo["titulo"] = json!("Roca suelta #emph[aquí] sobre $x$");
    nuevo["ubicacion"] =
        json!({"lat": -33.1512, "lon": -70.2871, "precision_m": 12.5, "referencia": "Galería 4"});
    nuevo["hora_creado"] = json!("2026-03-01T02:30:00Z");
    nuevo["fecha_reporte"] = json!("2026-02-28");
    let id = sitio
        .create(&autor, &nuevo)
        .await
        .expect_status(201, "")
        .id();
    let taller = FilesFixture::new(sitio);
    taller.send(&autor, &foto).await.unwrap();
    let sin_copia = read(sitio, &autor, id).await;
    assert_eq!(sin_copia.count_images(), 0);
    sin_copia.assert_says("No se puede mostrar");
    while taller.files.make_previews().await.unwrap() {}
    let habla = sitio
        .request("POST", &format!("/reportes/{id}/comentarios"))
        .by(&jefe);
    habla
        .json(&json!({"texto": "¿En qué pared?"}))
        .send()
        .await
        .expect_status(201, "");
    let decide = sitio
        .request("POST", &format!("/admin/reportes/{id}/aprobar"))
        .by(&jefe);
    decide
        .json(&json!({"detalle": "Se cierra el paso."}))
        .send()
        .await
        .expect_status(200, "");
    let pide = sitio
        .request("POST", &format!("/reportes/{id}/acciones"))
        .by(&jefe);
    let zona = Zona::new("America/Santiago").unwrap();
    let plazo = zona
        .fecha(sitio.store.env().now())
        .plus_days(10)
        .to_string();
    let medida = json!({"descripcion": "Acuñar el techo", "responsable_rut": jefe.rut.body(), "plazo": plazo});
    pide.json(&medida).send().await.expect_status(201, "");

    let r = sitio
        .request("GET", &format!("/reportes/{id}/informe.pdf"))
        .by(&autor)
        .send()
        .await
        .expect_status(200, "");
    for (nombre, valor) in [
        ("content-type", "application/pdf"),
        ("cache-control", "no-store"),
        (
            "content-disposition",
            &format!("attachment; filename=\"reporte-{id}.pdf\""),
        ),
    ] {
        assert_eq!(r.header(nombre), valor, "{nombre}");
    }
    let pdf = download(sitio, &autor, id).await;
    let donde = pdf.windows(SECRET.len()).any(|v| v == SECRET);
    assert!(!donde, "where the photo was taken");
    let leido = Pdf::read(&pdf);
    assert_eq!((leido.count_images(), leido.paginas > 1), (1, true));
    assert_eq!(
        leido.metadata("Title"),
        format!("Reporte {id}: Roca suelta #emph[aquí] sobre $x$")
    );
    let entradas = sitio.bitacora(&autor, id).await;
    let hashes: Vec<&str> = entradas
        .iter()
        .map(|e| e["hash"].as_str().unwrap())
        .collect();
    for que in [
        "Roca suelta #emph[aquí] sobre $x$",
        "Severidad: Alta",
        "Estado: Aprobado",
        "Perforación y Tronadura",
        "Galería 4",
        "-33.1512, -70.2871 (± 12.5 m)",
        "2026-02-28 23:30:00",
        ", a tiempo",
        "Se cierra el paso.",
        "¿En qué pared?",
        "Acuñar el techo",
        "abierta",
        &plazo,
        "no ha llegado",
        &foto.sha256(),
        &tarda.sha256(),
        "Estado: Pendiente → Aprobado",
        "A tiempo: sí",
        "Archivo recibido",
        "Sincronización: faltan archivos",
        "(hora de America/Santiago)",
        "La bitácora cuadra",
        &format!("la cadena de {} entradas", hashes.len()),
        &format!("Último hash: {}", hashes[hashes.len() - 1]),
        "Página 1 de",
    ]
    .iter()
    .chain(&hashes)
    {
        leido.assert_says(que);
    }
    for cruda in [
        "estado_id",
        "cambiar_estado",
        "sync_status",
        "multimedia_pendiente",
        &foto.uuid,
    ] {
        leido.assert_lacks(cruda);
    }
    sitio
        .request("GET", &format!("/reportes/{id}/informe.pdf"))
        .by(&ajeno)
        .send()
        .await
        .expect_status(404, "no_encontrado");
    // Whoever moves it on later is not who decided.
    let pasa = sitio
        .request("PUT", "/catalogos/transiciones/2/3")
        .by(&admin);
    pasa.json(&json!({"roles": ["administrador"]}))
        .send()
        .await
        .expect_status(200, "");
    let mueve = sitio.request("PUT", &format!("/reportes/{id}")).by(&admin);
    mueve
        .json(&json!({"estado_id": 3, "version": hashes.len()}))
        .send()
        .await
        .expect_status(200, "");
    let leido = read(sitio, &autor, id).await;
    leido.assert_says("Estado: Rechazado");
    let quien = sitio.request("GET", "/auth/me").by(&jefe).send().await.json;
    let quien = format!(
        "{} {}",
        quien["nombre"].as_str().unwrap(),
        quien["apellido_1"].as_str().unwrap()
    );
    leido.assert_says(&format!("Decidido por {quien} Motivo Se cierra el paso."));
    let version = hashes.len() + 1;
    sitio
        .withdraw_reporte(&admin, id, i64::try_from(version).unwrap())
        .await;
    sitio
        .request("GET", &format!("/reportes/{id}/informe.pdf"))
        .by(&autor)
        .send()
        .await
        .expect_status(410, "reporte_retirado");
}

#[both_databases]
async fn the_pdf_tells_of_an_altered_history(sitio: &TestSite) {
    let (autor, jefe) = (sitio.trabajador().await, sitio.supervisor(&[1]).await);
    let id = sitio.reporte(&autor, 1).await["id"].as_i64().unwrap();
    let decide = sitio
        .request("POST", &format!("/admin/reportes/{id}/rechazar"))
        .by(&jefe);
    decide
        .json(&json!({"detalle": "No es un peligro."}))
        .send()
        .await
        .expect_status(200, "");
    read(sitio, &autor, id)
        .await
        .assert_says("La bitácora cuadra");
    let intruso = Intruder::break_in(sitio).await;
    for (golpe, hallazgo) in [
        // A word, a value that only the row tells, and what is no entry at all.
        (
            "UPDATE bitacora SET canonica = replace(canonica, 'No es', 'Sí es') WHERE n = 2",
            "entrada 2: el hash no corresponde al texto de la entrada",
        ),
        (
            "UPDATE reportes SET titulo = 'Nada que ver'",
            "entrada 2: el reporte tiene otros valores que los de su bitácora",
        ),
        (
            "DELETE FROM bitacora WHERE n = 2",
            "entrada 2: falta esta entrada",
        ),
        (
            &format!(
                "UPDATE bitacora SET canonica = {} WHERE n = 1",
                text("{nada")
            ),
            "entrada 1: el hash no corresponde",
        ),
    ] {
        intruso.sql(golpe).await;
        let leido = read(sitio, &autor, id).await;
        for que in ["NO CUADRA, vea el final", "La bitácora NO cuadra", hallazgo] {
            leido.assert_says(que);
        }
        intruso.restore().await;
    }
}

#[both_databases]
async fn four_pdfs_are_made_at_once_and_the_others_are_told_to_retry(sitio: &TestSite) {
    let autor = sitio.trabajador().await;
    let id = sitio.reporte(&autor, 1).await["id"].as_i64().unwrap();
    let mut pedidos = vec![];
    for _ in 0..12 {
        let jefe = sitio.supervisor(&[1]).await;
        for _ in 0..2 {
            pedidos.push(
                sitio
                    .request("GET", &format!("/reportes/{id}/informe.pdf"))
                    .by(&jefe)
                    .send(),
            );
        }
    }
    let mut dados = 0;
    for r in run_concurrently(pedidos).await {
        match r.status {
            200 => dados += 1,
            _ => assert_eq!(
                (r.status, r.code(), r.header("retry-after").is_empty()),
                (503, "servidor_ocupado", false)
            ),
        }
    }
    // Four at a time, one after the other: far from all of them. And the places are free again.
    assert!((1..24).contains(&dados), "{dados} of 24");
    read(sitio, &autor, id).await;
}

#[both_databases]
async fn downloading_a_reporte_counts_as_opening_it(sitio: &TestSite) {
    let (autor, jefe) = (sitio.trabajador().await, sitio.supervisor(&[1]).await);
    let id = sitio.reporte(&autor, 1).await["id"].as_i64().unwrap();
    let suyo = sitio.reporte(&autor, 1).await["id"].as_i64().unwrap();
    download(sitio, &autor, suyo).await;
    download(sitio, &jefe, id).await;
    // Noted beside the answer.
    let anotado = async {
        while sitio.bd.query_i64("SELECT count(*) FROM aperturas").await == 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_mins(1), anotado)
        .await
        .expect("nadie lo anotó");
    assert_eq!(
        sitio.bd.query_i64("SELECT rut FROM aperturas").await,
        jefe.rut.body()
    );
    assert_eq!(
        sitio.bd.query_i64("SELECT reporte_id FROM aperturas").await,
        id
    );
}
