//! Tables of reports for the office's spreadsheets.

use std::collections::BTreeSet;

use calamine::{Data, Reader as _, Xlsx};
use serde_json::{Value, json};

use sigra_testkit::{
    Persona, TestSite, both_databases, csv, iterations, reporte_in, run_concurrently,
};

async fn export(sitio: &TestSite, quien: &Persona, consulta: &str) -> String {
    let r = sitio
        .request("GET", &format!("/admin/export.csv{consulta}"))
        .by(quien)
        .send()
        .await;
    let r = r.expect_status(200, "");
    assert_eq!(
        r.header("content-type"),
        "text/csv; charset=utf-8; header=present"
    );
    assert!(
        r.header("content-disposition")
            .starts_with("attachment; filename=\"reportes-2")
    );
    r.texto
}

/// The columns by what stands in them; `fecha_reporte` is a day.
const NUMBER_COLUMNS: [&str; 7] = [
    "id",
    "lat",
    "lon",
    "precision_m",
    "archivos",
    "archivos_pendientes",
    "version",
];
const TIME_COLUMNS: [&str; 4] = [
    "hora_creado",
    "hora_sincronizado",
    "hora_actualizado",
    "decidido_en",
];
/// What people wrote, and the site's names.
const USER_TEXT_COLUMNS: [&str; 8] = [
    "titulo",
    "descripcion",
    "area",
    "severidad",
    "estado",
    "autor",
    "device_id",
    "referencia",
];
/// What SIGRA writes.
const SYSTEM_TEXT_COLUMNS: [&str; 4] = ["uuid_cliente", "rut", "a_tiempo", "sync_status"];

/// A text of somebody else as the CSV has it.
fn to_csv(texto: &str) -> String {
    if texto.starts_with(['=', '+', '-', '@']) {
        format!("'{texto}")
    } else {
        texto.to_owned()
    }
}

/// The first element with this name, as it opens.
fn tag<'a>(xml: &'a str, nombre: &str) -> &'a str {
    let desde = xml.find(&format!("<{nombre} ")).expect(nombre);
    let hasta = xml[desde..].find('>').expect("se cierra");
    &xml[desde..=desde + hasta]
}

/// Each of the four, wherever people write; a number below zero stays a number.
#[both_databases]
async fn no_text_is_a_formula(sitio: &TestSite) {
    let (autor, admin) = (sitio.trabajador().await, sitio.administrador().await);
    let textos = [
        ("=1+1", "'=1+1"),
        ("+56 9 1234", "'+56 9 1234"),
        ("-3", "'-3"),
        ("@suma", "'@suma"),
        ("a=1", "a=1"),
    ];
    for (escrito, _) in textos {
        let mut r = reporte_in(1);
        r["titulo"] = json!(escrito);
        r["descripcion"] = json!(escrito);
        r["ubicacion"] = json!({"lat": -33.5, "lon": -70.25, "referencia": escrito});
        sitio.create(&autor, &r).await.expect_status(201, "");
    }
    for (consulta, separador, lat) in [("", b',', "-33.5"), ("?separador=;", b';', "-33,5")] {
        let todas = csv::rows(&export(sitio, &admin, consulta).await, separador);
        assert_eq!(todas.len(), textos.len());
        for (f, (_, exportado)) in todas.iter().zip(textos) {
            for columna in ["titulo", "descripcion", "referencia"] {
                assert_eq!(f[columna], exportado, "{columna}");
            }
            assert_eq!(f["lat"], lat);
        }
    }
}

#[both_databases]
async fn a_spreadsheet_reads_what_was_exported(sitio: &TestSite) {
    let (autor, jefe, admin) = (
        sitio.trabajador().await,
        sitio.supervisor(&[1]).await,
        sitio.administrador().await,
    );
    let mut raro = reporte_in(1);
    raro["titulo"] = json!("=HYPERLINK(\"http://malo\";\"vea\")");
    raro["descripcion"] = json!("Dos líneas,\ny \"comillas\"; y más");
    raro["ubicacion"] =
        json!({"lat": -33.1512, "lon": -70.2871, "precision_m": 12.5, "referencia": "@nivel 1200"});
    raro["hora_creado"] = json!("2026-03-01T02:30:00Z");
    raro["fecha_reporte"] = json!("2026-02-28");
    let id = sitio
        .create(&autor, &raro)
        .await
        .expect_status(201, "")
        .id();
    let otra_area = sitio.reporte(&autor, 2).await["id"].as_i64().unwrap();
    let retirado = sitio.reporte(&autor, 1).await["id"].as_i64().unwrap();
    sitio.withdraw_reporte(&admin, retirado, 1).await;
    sitio.approve_reporte(&jefe, id).await;

    let csv = export(sitio, &admin, "").await;
    assert!(csv.starts_with("\u{feff}id,uuid_cliente,titulo,"));
    let todas = csv::rows(&csv, b',');
    let ids: Vec<&str> = todas.iter().map(|f| f["id"].as_str()).collect();
    assert_eq!(ids, [id.to_string(), otra_area.to_string()]);
    let f = &todas[0];
    for (columna, valor) in [
        ("titulo", "'=HYPERLINK(\"http://malo\";\"vea\")"),
        ("descripcion", "Dos líneas,\ny \"comillas\"; y más"),
        ("area", "Perforación y Tronadura"),
        ("severidad", "Alta"),
        ("estado", "Aprobado"),
        ("a_tiempo", "sí"),
        ("fecha_reporte", "2026-02-28"),
        ("hora_creado", "2026-02-28 23:30:00"),
        ("lat", "-33.1512"),
        ("lon", "-70.2871"),
        ("precision_m", "12.5"),
        ("referencia", "'@nivel 1200"),
        ("sync_status", "completo"),
        ("archivos", "0"),
        ("version", "2"),
    ] {
        assert_eq!(f[columna], valor, "{columna}");
    }
    assert_eq!(
        (todas[1]["lat"].as_str(), todas[1]["decidido_en"].as_str()),
        ("", "")
    );
    let con_punto_y_coma = csv::rows(&export(sitio, &admin, "?separador=;").await, b';');
    assert_eq!(
        (
            con_punto_y_coma[0]["lat"].as_str(),
            con_punto_y_coma[0]["titulo"].as_str()
        ),
        ("-33,1512", f["titulo"].as_str())
    );
    // The caller's areas, and the list's filters.
    assert_eq!(csv::rows(&export(sitio, &jefe, "").await, b',').len(), 1);
    assert_eq!(
        csv::rows(
            &export(sitio, &admin, "?area_id=2&estado=Pendiente").await,
            b','
        )
        .len(),
        1
    );
    assert_eq!(
        csv::rows(&export(sitio, &admin, "?area_id=3").await, b',').len(),
        0
    );
    let mal = sitio
        .request("GET", "/admin/export.csv?separador=tab&estado=Nada")
        .by(&admin)
        .send()
        .await;
    let errores: Vec<&Value> = mal.json["errores"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| &e["campo"])
        .collect();
    assert_eq!(
        (mal.status, errores),
        (422, vec![&json!("estado"), &json!("separador")])
    );
    sitio
        .request("GET", "/admin/export.csv")
        .by(&autor)
        .send()
        .await
        .expect_status(403, "sin_permiso");
}

/// The spreadsheet says what the CSV says, cell by cell, as another library reads it; numbers and dates are
/// such, its header stays in sight and it filters.
#[both_databases]
async fn the_spreadsheet_says_the_same_as_the_csv(sitio: &TestSite) {
    let (autor, admin) = (sitio.trabajador().await, sitio.administrador().await);
    let cuantos = iterations(10_000);
    let mut primero = Value::Null;
    for base in (0..cuantos).step_by(100) {
        let lote: Vec<Value> = (base..base + 100).map(|i| {
                let mut r = reporte_in(1 + i64::try_from(i % 3).unwrap());
                r["titulo"] = json!(["=1+1", "@suma", "+56 9", "-3", "Ñandú ⚠ <b>&\"", "_x0041_"][i % 6]);
                r["descripcion"] = json!(["", "Dos\nlíneas\ty más", "a\u{1}b\u{ffff}c", "  espacios  ", "12"][i % 5]);
                if i % 4 == 0 {
                    let referencia = ["=A1", "nivel 1200", "-2", "+3", "@4"][i / 4 % 5];
                    r["ubicacion"] = json!({"lat": -33.1512, "lon": -70.2871, "referencia": referencia,
                        "precision_m": f64::from(u32::try_from(i).unwrap()) / 8.0});
                }
                if i % 7 == 0 {
                    r["hora_creado"] = json!("2026-02-28T23:59:59.999Z");
                }
                r
            }).collect();
        let r = sitio.push_batch(&autor, &lote).await;
        if base == 0 {
            primero = r["resultados"][0]["id"].clone();
        }
    }
    sitio.approve_reporte(&admin, primero).await;
    let csv = export(sitio, &admin, "").await;
    let del_csv = csv::records(&csv, b',');
    let url = format!("{}/admin/export.xlsx", sitio.url);
    let r = sitio
        .http
        .get(url)
        .bearer_auth(&admin.token)
        .send()
        .await
        .unwrap();
    assert_eq!(r.status().as_u16(), 200);
    let largo = r.headers()["content-length"].to_str().unwrap().to_owned();
    let bytes = r.bytes().await.unwrap();
    assert_eq!(largo, bytes.len().to_string());
    let mut partes = zip::ZipArchive::new(std::io::Cursor::new(bytes.clone())).unwrap();
    let xml = std::io::read_to_string(partes.by_name("xl/worksheets/sheet1.xml").unwrap()).unwrap();
    let fija = tag(&xml, "pane");
    for (dice, que) in [
        (true, "state=\"frozen\""),
        (true, "ySplit=\"1\""),
        (false, "xSplit"),
    ] {
        assert_eq!(fija.contains(que), dice, "{fija}");
    }
    assert_eq!(
        tag(&xml, "autoFilter"),
        format!("<autoFilter ref=\"A1:X{}\"/>", cuantos + 1)
    );
    let mut libro: Xlsx<_> = calamine::open_workbook_from_rs(std::io::Cursor::new(bytes)).unwrap();
    let hoja = libro.worksheet_range("Reportes").unwrap();
    assert_eq!(hoja.height(), del_csv.len());
    assert_eq!((hoja.height(), hoja.width()), (cuantos + 1, 24));
    // Columns that had something in them.
    let mut llenas = BTreeSet::new();
    for (n, (fila, esperada)) in hoja.rows().zip(&del_csv).enumerate() {
        for ((celda, esperado), columna) in fila.iter().zip(esperada).zip(&del_csv[0]) {
            let columna = columna.as_str();
            let dicho = match celda {
                Data::Empty => String::new(),
                Data::String(t) if n == 0 || SYSTEM_TEXT_COLUMNS.contains(&columna) => t.clone(),
                Data::String(t) if USER_TEXT_COLUMNS.contains(&columna) => to_csv(t),
                Data::Float(x) if n > 0 && NUMBER_COLUMNS.contains(&columna) => x.to_string(),
                Data::DateTime(t)
                    if n > 0 && (columna == "fecha_reporte" || TIME_COLUMNS.contains(&columna)) =>
                {
                    let (a, m, d, h, min, s, _) = t.to_ymd_hms_milli();
                    let dia = format!("{a:04}-{m:02}-{d:02}");
                    if columna == "fecha_reporte" {
                        dia
                    } else {
                        format!("{dia} {h:02}:{min:02}:{s:02}")
                    }
                }
                otra => panic!("fila {n}, {columna}: {otra:?}"),
            };
            // What XML can't hold.
            let esperado = esperado.replace(['\u{1}', '\u{ffff}'], "\u{fffd}");
            assert_eq!(dicho, esperado, "fila {n}, {columna}");
            if n > 0 && !dicho.is_empty() {
                llenas.insert(columna);
            }
        }
    }
    assert_eq!(llenas.len(), 24, "{llenas:?}");
    let autor = sitio
        .request("GET", "/admin/export.xlsx")
        .by(&autor)
        .send()
        .await;
    autor.expect_status(403, "sin_permiso");
}

/// Thousands of rows, while others write: all that was there when it began, once each.
#[both_databases]
async fn an_export_of_many_rows_is_complete(sitio: &TestSite) {
    let (autor, admin) = (sitio.trabajador().await, sitio.administrador().await);
    let lotes = iterations(10_000) / 200;
    for _ in 0..lotes {
        let lote: Vec<Value> = (0..200).map(|i| reporte_in(1 + i % 3)).collect();
        sitio.push_batch(&autor, &lote).await;
    }
    let otro = sitio.trabajador().await;
    let escriben = (0..20).map(|_| {
        sitio
            .request("POST", "/reportes")
            .by(&otro)
            .json(&reporte_in(1))
            .send()
    });
    let escriben = tokio::spawn(run_concurrently(escriben.collect::<Vec<_>>()));
    let csv = export(sitio, &admin, "").await;
    escriben.await.unwrap();
    let ids: Vec<i64> = csv::rows(&csv, b',')
        .iter()
        .map(|f| f["id"].parse().unwrap())
        .collect();
    assert!(ids.len() >= lotes * 200, "{}", ids.len());
    assert!(ids.windows(2).all(|w| w[0] < w[1]));
}
