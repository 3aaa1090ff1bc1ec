//! Reports with a past, to be tampered with; and that nothing is found on what is whole.

use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join_all;
use serde_json::{Value, json};
use sigra_domain::bitacora::BreakReason;

use super::{ChainRef, Intruder, expected, findings};
use sigra_testkit::{Persona, Rng, TestSite, both_databases, iterations, reporte_in, uuid};

/// `n` reports with one to six entries each, of every kind; their ids.
pub async fn reportes(sitio: &TestSite, azar: &mut Rng, n: usize) -> Vec<i64> {
    let (autor, jefe) = (sitio.trabajador().await, sitio.administrador().await);
    let mut ids = Vec::new();
    for _ in 0..n {
        let mut r = sitio.create(&autor, &body(azar)).await;
        assert_eq!(r.status, 201, "{}", r.texto);
        let id = r.id();
        for _ in 0..azar.below(5) {
            let mut cambio = random_edit(azar);
            cambio["version"] = json!(r.version());
            r = sitio
                .request("PUT", &format!("/reportes/{id}"))
                .by(&autor)
                .json(&cambio)
                .send()
                .await;
            assert_eq!(r.status, 200, "{}", r.texto);
        }
        if azar.one_in(3) {
            let decision = *azar.pick(&["aprobar", "rechazar"]);
            let ruta = format!("/admin/reportes/{id}/{decision}");
            let detalle = json!({"detalle": "Así se decide."});
            r = sitio
                .request("POST", &ruta)
                .by(&jefe)
                .json(&detalle)
                .send()
                .await;
            assert_eq!(r.status, 200, "{}", r.texto);
        }
        if azar.one_in(6) {
            let retiro = json!({"detalle": "Era una prueba.", "version": r.version()});
            let ruta = format!("/reportes/{id}");
            let r = sitio
                .request("DELETE", &ruta)
                .by(&jefe)
                .json(&retiro)
                .send()
                .await;
            assert_eq!(r.status, 204, "{}", r.texto);
        }
        ids.push(id);
    }
    ids
}

fn body(azar: &mut Rng) -> Value {
    let mut r = reporte_in(1 + i64::try_from(azar.below(10)).unwrap());
    if azar.one_in(2) {
        r["ubicacion"] = ubicacion(azar);
    }
    if azar.one_in(2) {
        let archivos = azar.below(4);
        r["multimedia"] = (0..archivos).map(|i| archivo(azar, i)).collect();
    }
    if azar.one_in(2) {
        r["device_id"] = json!("moto-e7-0042");
        r["hora_creado"] = json!("2026-03-01T14:03:11.250999-03:00");
    }
    r
}

fn ubicacion(azar: &mut Rng) -> Value {
    if azar.one_in(3) {
        // A phone that rounds: whole numbers and a negative zero are still doubles.
        return json!({"lat": -33.0, "lon": *azar.pick(&[-70.0, 0.0, -0.0, 1e-7]), "precision_m": 5});
    }
    json!({
        "lat": azar.decimal(90.0), "lon": azar.decimal(180.0),
        "precision_m": azar.decimal(1e6).abs(), "referencia": "Nivel 1200, galería 4 💥",
    })
}

fn archivo(azar: &mut Rng, i: usize) -> Value {
    json!({
        "uuid_cliente": uuid(), "nombre": format!("foto {i}.jpg"), "tipo": "image/jpeg",
        "bytes": 1 + azar.below(1_000_000), "sha256": format!("{:064x}", azar.u64()),
    })
}

fn random_edit(azar: &mut Rng) -> Value {
    let n = azar.u64();
    match azar.below(4) {
        0 => json!({"titulo": format!("Título {n}"), "detalle": "Se ve mejor así."}),
        1 => json!({"descripcion": format!("Línea 1\nLínea 2 \"{n}\" \\ \u{1}")}),
        2 => json!({"ubicacion": ubicacion(azar), "titulo": format!("{n}")}),
        _ => json!({"ubicacion": null, "severidad_id": 1 + n % 3, "descripcion": format!("{n}")}),
    }
}

/// Coordinates are doubles, and text that is canonical must read back as the same doubles.
#[both_databases]
async fn no_coordinate_looks_altered(sitio: &TestSite) {
    let mut azar = Rng::new();
    let autor = sitio.trabajador().await;
    for _ in 0..iterations(400) {
        let mut r = reporte_in(1);
        r["ubicacion"] = ubicacion(&mut azar);
        let creado = sitio.create(&autor, &r).await;
        assert_eq!(creado.status, 201, "{}", creado.texto);
        for campo in ["lat", "lon", "precision_m"] {
            let (dicho, guardado) = (&r["ubicacion"][campo], &creado.json["ubicacion"][campo]);
            assert_eq!(dicho.as_f64(), guardado.as_f64(), "{campo}");
        }
        // The same edit again, its answer lost, is recognised by its values.
        let edita = json!({"ubicacion": ubicacion(&mut azar), "version": 1});
        let ruta = format!("/reportes/{}", creado.id());
        for _ in 0..2 {
            let r = sitio
                .request("PUT", &ruta)
                .by(&autor)
                .json(&edita)
                .send()
                .await;
            assert_eq!(r.status, 200, "{}", r.texto);
        }
    }
    assert_eq!(findings(&sitio.store).await, []);
}

#[both_databases]
async fn intact_chains_raise_no_finding_while_others_write(sitio: &TestSite) {
    let mut azar = Rng::new();
    let quietos = reportes(sitio, &mut azar, 5).await;
    let jefe = sitio.administrador().await;
    let fin = AtomicBool::new(false);
    let mut tareas = Vec::new();
    for writer in 0..4 {
        let movido = sitio.reporte(&jefe, 1).await["id"].as_i64().unwrap();
        tareas.push(write(sitio, &jefe, movido, writer, &fin));
    }
    let verifica = async {
        // Until enough was written in between: a verification among no writers shows nothing.
        let inicio = sitio.store.verify_bitacora(|_| ()).await.unwrap();
        loop {
            let ahora = sitio.store.verify_bitacora(|_| ()).await.unwrap();
            assert_eq!(ahora.hallazgos, []);
            let nuevas = usize::try_from(ahora.entradas - inicio.entradas).unwrap();
            if nuevas >= iterations(2_000) && ahora.ajustes > inicio.ajustes {
                break;
            }
        }
        // And what is broken is found in the middle of it all.
        let intruso = Intruder::break_in(sitio).await;
        intruso
            .sql(&format!(
                "UPDATE reportes SET titulo = 'otro' WHERE id = {}",
                quietos[0]
            ))
            .await;
        let vistos = findings(&sitio.store).await;
        fin.store(true, Ordering::Relaxed);
        let filas = format!("SELECT entradas FROM reportes WHERE id = {}", quietos[0]);
        let n = sitio.bd.query_i64(&filas).await;
        assert_eq!(
            vistos,
            [expected(
                ChainRef::Reporte(quietos[0]),
                n,
                BreakReason::Fila
            )]
        );
    };
    let ((), escritas) = tokio::join!(verifica, join_all(tareas));
    println!("ediciones por escritor: {escritas:?}");
}

/// Edits one report, and now and then an area, until told to stop; how many edits there were.
async fn write(
    sitio: &TestSite,
    quien: &Persona,
    id: i64,
    writer: usize,
    fin: &AtomicBool,
) -> usize {
    let mut version = 1;
    while !fin.load(Ordering::Relaxed) {
        let cambio = json!({"titulo": format!("Título {version}"), "version": version});
        let ruta = format!("/reportes/{id}");
        let r = sitio
            .request("PUT", &ruta)
            .by(quien)
            .json(&cambio)
            .send()
            .await;
        assert_eq!(r.status, 200, "{}", r.texto);
        version += 1;
        if version % 5 == 0 {
            let nombre = json!({"nombre": format!("Área {writer}.{version}")});
            let ruta = format!("/catalogos/areas/{}", writer + 1);
            let r = sitio
                .request("PATCH", &ruta)
                .by(quien)
                .json(&nombre)
                .send()
                .await;
            assert_eq!(r.status, 200, "{}", r.texto);
        }
    }
    version
}
