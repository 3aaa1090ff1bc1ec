//! Tables of reports for the office's spreadsheets.

use std::collections::BTreeSet;

use calamine::{Data, Reader as _, Xlsx};
use serde_json::{Value, json};
use sigra_domain::Zona;
use sigra_store::Entorno;

use crate::{
    arnes::{Bd, Motor, Nodos, Persona, Sitio, a_la_vez, cuenta, reporte_en},
    en_ambas,
};

async fn exporta(sitio: &Sitio, quien: &Persona, consulta: &str) -> String {
    let r = sitio
        .pide("GET", &format!("/admin/export.csv{consulta}"))
        .como(quien)
        .envia()
        .await;
    let r = r.espera(200, "");
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

/// Rows by column name, as a program that knows CSV reads them.
fn filas(csv: &str, separador: u8) -> Vec<std::collections::HashMap<String, String>> {
    let csv = csv.strip_prefix('\u{feff}').expect("BOM");
    let mut lector = csv::ReaderBuilder::new()
        .delimiter(separador)
        .from_reader(csv.as_bytes());
    lector.deserialize().map(|f| f.expect("fila")).collect()
}

/// The columns by what stands in them; `fecha_reporte` is a day.
const NUMEROS: [&str; 7] = [
    "id",
    "lat",
    "lon",
    "precision_m",
    "archivos",
    "archivos_pendientes",
    "version",
];
const HORAS: [&str; 4] = [
    "hora_creado",
    "hora_sincronizado",
    "hora_actualizado",
    "decidido_en",
];
/// What people wrote, and the site's names.
const AJENOS: [&str; 8] = [
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
const PROPIOS: [&str; 4] = ["uuid_cliente", "rut", "a_tiempo", "sync_status"];

/// A text of somebody else as the CSV has it.
fn en_csv(texto: &str) -> String {
    if texto.starts_with(['=', '+', '-', '@']) {
        format!("'{texto}")
    } else {
        texto.to_owned()
    }
}

/// The first element with this name, as it opens.
fn etiqueta<'a>(xml: &'a str, nombre: &str) -> &'a str {
    let desde = xml.find(&format!("<{nombre} ")).expect(nombre);
    let hasta = xml[desde..].find('>').expect("se cierra");
    &xml[desde..=desde + hasta]
}

en_ambas! {
    /// Each of the four, wherever people write; a number below zero stays a number.
    async fn ningun_texto_es_formula(sitio: &Sitio) {
        let (autor, admin) = (sitio.trabajador().await, sitio.administrador().await);
        let textos = [
            ("=1+1", "'=1+1"), ("+56 9 1234", "'+56 9 1234"), ("-3", "'-3"), ("@suma", "'@suma"), ("a=1", "a=1"),
        ];
        for (escrito, _) in textos {
            let mut r = reporte_en(1);
            r["titulo"] = json!(escrito);
            r["descripcion"] = json!(escrito);
            r["ubicacion"] = json!({"lat": -33.5, "lon": -70.25, "referencia": escrito});
            sitio.crea(&autor, &r).await.espera(201, "");
        }
        for (consulta, separador, lat) in [("", b',', "-33.5"), ("?separador=;", b';', "-33,5")] {
            let todas = filas(&exporta(sitio, &admin, consulta).await, separador);
            assert_eq!(todas.len(), textos.len());
            for (f, (_, exportado)) in todas.iter().zip(textos) {
                for columna in ["titulo", "descripcion", "referencia"] {
                    assert_eq!(f[columna], exportado, "{columna}");
                }
                assert_eq!(f["lat"], lat);
            }
        }
    }

    async fn lo_que_una_planilla_lee(sitio: &Sitio) {
        let (autor, jefe, admin) = (sitio.trabajador().await, sitio.supervisor(&[1]).await, sitio.administrador().await);
        let mut raro = reporte_en(1);
        raro["titulo"] = json!("=HYPERLINK(\"http://malo\";\"vea\")");
        raro["descripcion"] = json!("Dos líneas,\ny \"comillas\"; y más");
        raro["ubicacion"] = json!({"lat": -33.1512, "lon": -70.2871, "precision_m": 12.5, "referencia": "@nivel 1200"});
        raro["hora_creado"] = json!("2026-03-01T02:30:00Z");
        raro["fecha_reporte"] = json!("2026-02-28");
        let id = sitio.crea(&autor, &raro).await.espera(201, "").id();
        let otra_area = sitio.reporte(&autor, 2).await["id"].as_i64().unwrap();
        let retirado = sitio.reporte(&autor, 1).await["id"].as_i64().unwrap();
        let retira = sitio.pide("DELETE", &format!("/reportes/{retirado}")).como(&admin).si_version(1);
        retira.json(&json!({"detalle": "De prueba."})).envia().await.espera(204, "");
        let decide = sitio.pide("POST", &format!("/admin/reportes/{id}/aprobar")).como(&jefe);
        decide.json(&json!({})).envia().await.espera(200, "");

        let csv = exporta(sitio, &admin, "").await;
        assert!(csv.starts_with("\u{feff}id,uuid_cliente,titulo,"));
        let todas = filas(&csv, b',');
        let ids: Vec<&str> = todas.iter().map(|f| f["id"].as_str()).collect();
        assert_eq!(ids, [id.to_string(), otra_area.to_string()]);
        let f = &todas[0];
        for (columna, valor) in [
            ("titulo", "'=HYPERLINK(\"http://malo\";\"vea\")"), ("descripcion", "Dos líneas,\ny \"comillas\"; y más"),
            ("area", "Perforación y Tronadura"), ("severidad", "Alta"), ("estado", "Aprobado"), ("a_tiempo", "sí"),
            ("fecha_reporte", "2026-02-28"), ("hora_creado", "2026-02-28 23:30:00"), ("lat", "-33.1512"), ("lon", "-70.2871"),
            ("precision_m", "12.5"), ("referencia", "'@nivel 1200"), ("sync_status", "completo"), ("archivos", "0"), ("version", "2"),
        ] {
            assert_eq!(f[columna], valor, "{columna}");
        }
        assert_eq!((todas[1]["lat"].as_str(), todas[1]["decidido_en"].as_str()), ("", ""));
        let con_punto_y_coma = filas(&exporta(sitio, &admin, "?separador=;").await, b';');
        assert_eq!((con_punto_y_coma[0]["lat"].as_str(), con_punto_y_coma[0]["titulo"].as_str()), ("-33,1512", f["titulo"].as_str()));
        // The caller's areas, and the list's filters.
        assert_eq!(filas(&exporta(sitio, &jefe, "").await, b',').len(), 1);
        assert_eq!(filas(&exporta(sitio, &admin, "?area_id=2&estado=Pendiente").await, b',').len(), 1);
        assert_eq!(filas(&exporta(sitio, &admin, "?area_id=3").await, b',').len(), 0);
        let mal = sitio.pide("GET", "/admin/export.csv?separador=tab&estado=Nada").como(&admin).envia().await;
        let errores: Vec<&Value> = mal.json["errores"].as_array().unwrap().iter().map(|e| &e["campo"]).collect();
        assert_eq!((mal.status, errores), (422, vec![&json!("estado"), &json!("separador")]));
        sitio.pide("GET", "/admin/export.csv").como(&autor).envia().await.espera(403, "sin_permiso");
    }

    /// The spreadsheet says what the CSV says, cell by cell, as another library reads it; numbers and dates are
    /// such, its header stays in sight and it filters.
    async fn la_planilla_dice_lo_mismo(sitio: &Sitio) {
        let (autor, admin) = (sitio.trabajador().await, sitio.administrador().await);
        let cuantos = cuenta(10_000);
        let mut primero = Value::Null;
        for base in (0..cuantos).step_by(100) {
            let lote: Vec<Value> = (base..base + 100).map(|i| {
                let mut r = reporte_en(1 + i64::try_from(i % 3).unwrap());
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
            let r = sitio.lote(&autor, &lote).await;
            if base == 0 {
                primero = r["resultados"][0]["id"].clone();
            }
        }
        let decide = sitio.pide("POST", &format!("/admin/reportes/{primero}/aprobar")).como(&admin);
        decide.json(&json!({})).envia().await.espera(200, "");
        let csv = exporta(sitio, &admin, "").await;
        let mut lector = csv::ReaderBuilder::new().has_headers(false).from_reader(csv.trim_start_matches('\u{feff}').as_bytes());
        let del_csv: Vec<Vec<String>> = lector.records().map(|f| f.unwrap().iter().map(Into::into).collect()).collect();
        let url = format!("{}/admin/export.xlsx", sitio.url);
        let r = sitio.http.get(url).bearer_auth(&admin.token).send().await.unwrap();
        assert_eq!(r.status().as_u16(), 200);
        let largo = r.headers()["content-length"].to_str().unwrap().to_owned();
        let bytes = r.bytes().await.unwrap();
        assert_eq!(largo, bytes.len().to_string());
        let mut partes = zip::ZipArchive::new(std::io::Cursor::new(bytes.clone())).unwrap();
        let xml = std::io::read_to_string(partes.by_name("xl/worksheets/sheet1.xml").unwrap()).unwrap();
        let fija = etiqueta(&xml, "pane");
        for (dice, que) in [(true, "state=\"frozen\""), (true, "ySplit=\"1\""), (false, "xSplit")] {
            assert_eq!(fija.contains(que), dice, "{fija}");
        }
        assert_eq!(etiqueta(&xml, "autoFilter"), format!("<autoFilter ref=\"A1:X{}\"/>", cuantos + 1));
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
                    Data::String(t) if n == 0 || PROPIOS.contains(&columna) => t.clone(),
                    Data::String(t) if AJENOS.contains(&columna) => en_csv(t),
                    Data::Float(x) if n > 0 && NUMEROS.contains(&columna) => x.to_string(),
                    Data::DateTime(t) if n > 0 && (columna == "fecha_reporte" || HORAS.contains(&columna)) => {
                        let (a, m, d, h, min, s, _) = t.to_ymd_hms_milli();
                        let dia = format!("{a:04}-{m:02}-{d:02}");
                        if columna == "fecha_reporte" { dia } else { format!("{dia} {h:02}:{min:02}:{s:02}") }
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
        let autor = sitio.pide("GET", "/admin/export.xlsx").como(&autor).envia().await;
        autor.espera(403, "sin_permiso");
    }

    /// Thousands of rows, while others write: all that was there when it began, once each.
    async fn muchas_filas(sitio: &Sitio) {
        let (autor, admin) = (sitio.trabajador().await, sitio.administrador().await);
        let lotes = cuenta(10_000) / 200;
        for _ in 0..lotes {
            let lote: Vec<Value> = (0..200).map(|i| reporte_en(1 + i % 3)).collect();
            sitio.lote(&autor, &lote).await;
        }
        let otro = sitio.trabajador().await;
        let escriben = (0..20).map(|_| sitio.pide("POST", "/reportes").como(&otro).json(&reporte_en(1)).envia());
        let escriben = tokio::spawn(a_la_vez(escriben.collect::<Vec<_>>()));
        let csv = exporta(sitio, &admin, "").await;
        escriben.await.unwrap();
        let ids: Vec<i64> = filas(&csv, b',').iter().map(|f| f["id"].parse().unwrap()).collect();
        assert!(ids.len() >= lotes * 200, "{}", ids.len());
        assert!(ids.windows(2).all(|w| w[0] < w[1]));
    }
}

/// Hours and days are those of the site's zone, wherever that is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn la_zona_es_la_del_sitio() {
    let sitio = Sitio::nuevo(Bd::nueva(Motor::Sqlite).await.expect("SQLite")).await;
    let (autor, admin) = (sitio.trabajador().await, sitio.administrador().await);
    let mut nuevo = reporte_en(1);
    nuevo["hora_creado"] = json!("2026-03-01T02:30:00Z");
    sitio.crea(&autor, &nuevo).await.espera(201, "");
    // Where it is another day than in the zone of the other tests: the first one to begin it, or the last.
    let hoy = |zona: &str| {
        let zona = Zona::new(zona).unwrap();
        zona.fecha(Entorno::default().ahora()).to_string()
    };
    let (nombre, creado) = if hoy("Pacific/Kiritimati") == hoy("America/Santiago") {
        ("Pacific/Pago_Pago", "2026-02-28 15:30:00")
    } else {
        ("Pacific/Kiritimati", "2026-03-01 16:30:00")
    };
    let variables = vec![("SIGRA_ZONA".to_owned(), nombre.to_owned())];
    let nodos = Nodos::con(sitio.cierra().await, 1, variables).await;
    let csv = nodos.red.baja(0, &admin, "/admin/export.csv").await;
    let csv = String::from_utf8(csv.to_vec()).unwrap();
    assert_eq!(filas(&csv, b',')[0]["hora_creado"], creado);
    let antes = hoy(nombre);
    let tablero = nodos
        .red
        .pide(0, &admin, "GET", "/admin/dashboard")
        .envia()
        .await
        .json;
    let hasta = tablero["hasta"].as_str().unwrap();
    assert!(
        hasta == antes || hasta == hoy(nombre),
        "{hasta}, and it is {antes}"
    );
    nodos.cierra().await.borra().await;
}
