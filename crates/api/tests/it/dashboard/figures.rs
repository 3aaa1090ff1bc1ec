//! A site whose figures are known.

use serde_json::{Value, json};
use sigra_domain::Instante;

use super::dashboard;
use sigra_testkit::{Persona, TestSite, both_databases, reporte_in, uuid};

const HOUR: i64 = Instante::HOUR;

/// Made on its phone some hours before it arrives.
async fn create_delayed(
    sitio: &TestSite,
    autor: &Persona,
    area: i64,
    severidad: i64,
    fecha: &str,
    horas: i64,
) -> i64 {
    let creado = sitio.store.env().now().plus(-horas * HOUR);
    let mut cuerpo = reporte_in(area);
    cuerpo["severidad_id"] = json!(severidad);
    cuerpo["fecha_reporte"] = json!(fecha);
    cuerpo["hora_creado"] = json!(creado.to_string());
    sitio
        .create(autor, &cuerpo)
        .await
        .expect_status(201, "")
        .id()
}

async fn decide(sitio: &TestSite, quien: &Persona, id: i64, que: &str) {
    let ruta = format!("/admin/reportes/{id}/{que}");
    let cuerpo = json!({"detalle": "Visto en terreno."});
    sitio
        .request("POST", &ruta)
        .by(quien)
        .json(&cuerpo)
        .send()
        .await
        .expect_status(200, "");
}

/// Name and number of those that are not 0.
fn parts(v: &Value) -> Vec<(&str, i64)> {
    let todas = v.as_array().expect("lista").iter();
    todas
        .map(|p| {
            (
                p["nombre"].as_str().expect("nombre"),
                p["reportes"].as_i64().expect("número"),
            )
        })
        .filter(|(_, n)| *n != 0)
        .collect()
}

#[track_caller]
fn assert_near(v: &Value, esperado: f64) {
    let dicho = v.as_f64().expect("horas");
    assert!(
        (dicho - esperado).abs() <= esperado / 32.0 + 0.03,
        "{dicho} no es {esperado}"
    );
}

#[both_databases]
async fn the_dashboard_shows_the_known_figures(sitio: &TestSite) {
    let (autor, admin) = (sitio.trabajador().await, sitio.administrador().await);
    let rango = "?desde=2026-02-01&hasta=2026-03-31";
    let a = create_delayed(sitio, &autor, 1, 3, "2026-02-10", 2).await;
    let b = create_delayed(sitio, &autor, 1, 3, "2026-02-10", 4).await;
    let c = create_delayed(sitio, &autor, 4, 1, "2026-03-01", 48).await;
    let d = create_delayed(sitio, &autor, 5, 2, "2026-03-02", 0).await;
    let fuera = create_delayed(sitio, &autor, 1, 2, "2026-04-01", 1).await;
    let retirado = create_delayed(sitio, &autor, 1, 2, "2026-03-02", 1).await;
    sitio.withdraw_reporte(&admin, retirado, 1).await;
    // One within the 24 hours of an Alta, one after.
    sitio.store.env().advance(10 * HOUR);
    decide(sitio, &sitio.supervisor(&[1, 4]).await, a, "aprobar").await;
    sitio.store.env().advance(20 * HOUR);
    decide(sitio, &sitio.supervisor(&[1, 4]).await, b, "rechazar").await;
    let t = dashboard(sitio, &administrador_with_fresh_token(sitio).await, rango).await;
    assert_eq!(
        (t["total"].as_i64(), t["decididos"].as_i64()),
        (Some(4), Some(2)),
        "{t:#}"
    );
    assert_eq!(
        parts(&t["por_estado"]),
        [("Pendiente", 2), ("Aprobado", 1), ("Rechazado", 1)]
    );
    let areas = [
        ("Perforación y Tronadura", 2),
        ("Mantenimiento Mecánico", 1),
        ("Mantenimiento Eléctrico", 1),
    ];
    assert_eq!(parts(&t["por_area"]), areas);
    assert_eq!(t["por_area"].as_array().unwrap().len(), 10);
    let alta = &t["por_severidad"][2];
    assert_eq!(
        *alta,
        json!({"id": 3, "nombre": "Alta", "reportes": 2, "meta_horas": 24, "decididos": 2, "a_tiempo": 1})
    );
    assert_eq!(
        t["serie"],
        json!([
            {"periodo": "2026-02-10", "reportes": 2, "decididos": 2},
            {"periodo": "2026-03-01", "reportes": 1, "decididos": 0},
            {"periodo": "2026-03-02", "reportes": 1, "decididos": 0},
        ])
    );
    let i = &t["indicadores"];
    assert_near(&i["horas_a_decision"]["p50"], 10.0);
    assert_near(&i["horas_a_decision"]["p90"], 30.0);
    assert_eq!(i["horas_a_decision"]["reportes"], 2);
    assert_near(&i["horas_a_sync"]["p50"], 2.0);
    assert_near(&i["horas_a_sync"]["p90"], 48.0);
    assert_eq!(i["decididos_en_meta"], 0.5);
    assert_eq!(i["pendiente_mas_antiguo"]["id"], c);
    assert_near(&i["pendiente_mas_antiguo"]["horas"], 30.0);
    assert_eq!(
        (
            i["conflictos_abiertos"].as_i64(),
            i["dispositivos_silenciosos"].as_i64()
        ),
        (Some(0), Some(0))
    );

    // A supervisor counts their areas alone, and may not ask for another.
    let jefe = sitio.supervisor(&[1, 4]).await;
    let suyo = dashboard(sitio, &jefe, rango).await;
    assert_eq!(parts(&suyo["por_area"]), areas[..2]);
    assert_eq!(suyo["por_area"].as_array().unwrap().len(), 2);
    assert_eq!(
        (
            suyo["total"].as_i64(),
            &suyo["indicadores"]["dispositivos_silenciosos"]
        ),
        (Some(3), &Value::Null)
    );
    let una = dashboard(sitio, &jefe, &format!("{rango}&area_id=4")).await;
    assert_eq!(
        (
            una["total"].as_i64(),
            una["indicadores"]["pendiente_mas_antiguo"]["id"].as_i64()
        ),
        (Some(1), Some(c))
    );
    assert_eq!(
        una["indicadores"]["horas_a_decision"],
        json!({"p50": null, "p90": null, "reportes": 0})
    );
    let ajena = sitio
        .request("GET", "/admin/dashboard?area_id=5")
        .by(&jefe)
        .send()
        .await;
    ajena.expect_status(403, "sin_permiso");

    // More than a year is told by months, and its ends are days.
    let largo = dashboard(
        sitio,
        &administrador_with_fresh_token(sitio).await,
        "?desde=2025-01-01&hasta=2026-03-01",
    )
    .await;
    assert_eq!(
        largo["serie"],
        json!([
            {"periodo": "2026-02", "reportes": 2, "decididos": 2},
            {"periodo": "2026-03", "reportes": 1, "decididos": 0},
        ])
    );
    // What is folded in and what is not are the same to whoever asks.
    let admin = administrador_with_fresh_token(sitio).await;
    for consulta in [
        rango,
        "?desde=2025-01-01&hasta=2026-04-30",
        "?desde=2026-02-10&hasta=2026-03-01",
    ] {
        let antes = dashboard(sitio, &admin, consulta).await;
        sitio.store.roll_up_counts().await.unwrap();
        assert_eq!(
            sitio
                .bd
                .query_i64("SELECT count(*) FROM conteos_deltas")
                .await,
            0
        );
        let despues = dashboard(sitio, &admin, consulta).await;
        for parte in ["total", "por_estado", "por_area", "por_severidad", "serie"] {
            assert_eq!(antes[parte], despues[parte], "{consulta}");
        }
        if sitio
            .bd
            .query_i64(&format!("SELECT estado_id FROM reportes WHERE id = {d}"))
            .await
            == 1
        {
            decide(sitio, &admin, d, "aprobar").await;
        }
        create_delayed(sitio, &admin, 1, 3, "2026-02-15", 1).await;
    }
    assert!(fuera > d);
}

#[both_databases]
async fn a_reopened_reporte_no_longer_counts_as_decided(sitio: &TestSite) {
    let (autor, admin) = (sitio.trabajador().await, sitio.administrador().await);
    let id = create_delayed(sitio, &autor, 1, 3, "2026-02-10", 1).await;
    let reabre = sitio
        .request("PUT", "/catalogos/transiciones/2/1")
        .by(&admin);
    reabre
        .json(&json!({"roles": ["administrador"]}))
        .send()
        .await
        .expect_status(200, "");
    decide(sitio, &admin, id, "aprobar").await;
    let rango = "?desde=2026-02-10&hasta=2026-02-10";
    assert_eq!(dashboard(sitio, &admin, rango).await["decididos"], 1);
    let atras = sitio.request("PUT", &format!("/reportes/{id}")).by(&admin);
    atras
        .json(&json!({"estado_id": 1, "version": 2}))
        .send()
        .await
        .expect_status(200, "");
    let t = dashboard(sitio, &admin, rango).await;
    assert_eq!(
        (&t["decididos"], &t["indicadores"]["decididos_en_meta"]),
        (&json!(0), &Value::Null)
    );
    assert_eq!(t["indicadores"]["pendiente_mas_antiguo"]["id"], id);
}

#[both_databases]
async fn missing_multimedia_is_counted(sitio: &TestSite) {
    let (autor, admin) = (sitio.trabajador().await, sitio.administrador().await);
    let mut con_foto = reporte_in(1);
    con_foto["fecha_reporte"] = json!("2026-02-10");
    con_foto["multimedia"] = json!([{"uuid_cliente": uuid(), "nombre": "a.jpg", "tipo": "image/jpeg",
            "bytes": 10, "sha256": "a".repeat(64)}]);
    sitio.push_batch(&autor, &[con_foto.clone()]).await;
    let rango = "?desde=2026-02-10&hasta=2026-02-10";
    let indicadores = async || dashboard(sitio, &admin, rango).await["indicadores"].clone();
    assert_eq!(indicadores().await["multimedia_faltante"], 1);
    con_foto["titulo"] = json!("Otra cosa");
    sitio.push_batch(&autor, &[con_foto]).await;
    let i = indicadores().await;
    assert_eq!(
        (&i["multimedia_faltante"], &i["conflictos_abiertos"]),
        (&json!(0), &json!(1))
    );
    assert_eq!(i["dispositivos_silenciosos"], 0);
    // Nobody hears of the phone for a year.
    sitio.store.env().advance(365 * 24 * HOUR);
    let i =
        dashboard(sitio, &administrador_with_fresh_token(sitio).await, rango).await["indicadores"]
            .clone();
    assert_eq!(i["dispositivos_silenciosos"], 1);
}

#[both_databases]
async fn what_cannot_be_asked_of_the_dashboard_is_refused(sitio: &TestSite) {
    let admin = sitio.administrador().await;
    for (consulta, campo, codigo) in [
        ("?desde=ayer", "desde", "formato"),
        ("?hasta=2026-02-30", "hasta", "formato"),
        ("?desde=2026-03-02&hasta=2026-03-01", "desde", "rango"),
        ("?desde=2016-02-01&hasta=2026-03-01", "desde", "rango"),
        ("?area_id=x", "area_id", "tipo"),
        ("?area_id=99", "area_id", "no_existe"),
    ] {
        let r = sitio
            .request("GET", &format!("/admin/dashboard{consulta}"))
            .by(&admin)
            .send()
            .await;
        let r = r.expect_status(422, "datos_invalidos");
        assert_eq!(
            (
                &r.json["errores"][0]["campo"],
                &r.json["errores"][0]["codigo"]
            ),
            (&json!(campo), &json!(codigo)),
            "{consulta}"
        );
    }
    dashboard(sitio, &admin, "?desde=2016-03-01&hasta=2026-03-01").await;
    // A month of days when nobody says which.
    let t = dashboard(sitio, &admin, "?hasta=2026-03-30").await;
    assert_eq!(
        (&t["desde"], &t["hasta"]),
        (&json!("2026-03-01"), &json!("2026-03-30"))
    );
}

/// The clock has moved, and tokens live for minutes.
async fn administrador_with_fresh_token(sitio: &TestSite) -> Persona {
    sitio.administrador().await
}
