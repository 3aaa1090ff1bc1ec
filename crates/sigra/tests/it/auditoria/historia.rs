//! Reports with a past, to be tampered with; and that nothing is found on what is whole.

use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join_all;
use serde_json::{Value, json};
use sigra_domain::bitacora::Motivo;

use super::{Donde, Intruso, esperado, hallazgos};
use crate::{
    arnes::{Azar, Persona, Sitio, cuenta, reporte_en, uuid},
    en_ambas,
};

/// `n` reports with one to six entries each, of every kind; their ids.
pub async fn reportes(sitio: &Sitio, azar: &mut Azar, n: usize) -> Vec<i64> {
    let (autor, jefe) = (sitio.trabajador().await, sitio.administrador().await);
    let mut ids = Vec::new();
    for _ in 0..n {
        let mut r = sitio.crea(&autor, &cuerpo(azar)).await;
        assert_eq!(r.status, 201, "{}", r.texto);
        let id = r.id();
        for _ in 0..azar.menor(5) {
            let mut cambio = edicion(azar);
            cambio["version"] = json!(r.version());
            r = sitio
                .pide("PUT", &format!("/reportes/{id}"))
                .como(&autor)
                .json(&cambio)
                .envia()
                .await;
            assert_eq!(r.status, 200, "{}", r.texto);
        }
        if azar.una_de(3) {
            let decision = *azar.elige(&["aprobar", "rechazar"]);
            let ruta = format!("/admin/reportes/{id}/{decision}");
            let detalle = json!({"detalle": "Así se decide."});
            r = sitio
                .pide("POST", &ruta)
                .como(&jefe)
                .json(&detalle)
                .envia()
                .await;
            assert_eq!(r.status, 200, "{}", r.texto);
        }
        if azar.una_de(6) {
            let retiro = json!({"detalle": "Era una prueba.", "version": r.version()});
            let ruta = format!("/reportes/{id}");
            let r = sitio
                .pide("DELETE", &ruta)
                .como(&jefe)
                .json(&retiro)
                .envia()
                .await;
            assert_eq!(r.status, 204, "{}", r.texto);
        }
        ids.push(id);
    }
    ids
}

fn cuerpo(azar: &mut Azar) -> Value {
    let mut r = reporte_en(1 + i64::try_from(azar.menor(10)).unwrap());
    if azar.una_de(2) {
        r["ubicacion"] = ubicacion(azar);
    }
    if azar.una_de(2) {
        let archivos = azar.menor(4);
        r["multimedia"] = (0..archivos).map(|i| archivo(azar, i)).collect();
    }
    if azar.una_de(2) {
        r["device_id"] = json!("moto-e7-0042");
        r["hora_creado"] = json!("2026-03-01T14:03:11.250999-03:00");
    }
    r
}

fn ubicacion(azar: &mut Azar) -> Value {
    if azar.una_de(3) {
        // A phone that rounds: whole numbers and a negative zero are still doubles.
        return json!({"lat": -33.0, "lon": *azar.elige(&[-70.0, 0.0, -0.0, 1e-7]), "precision_m": 5});
    }
    json!({
        "lat": azar.decimal(90.0), "lon": azar.decimal(180.0),
        "precision_m": azar.decimal(1e6).abs(), "referencia": "Nivel 1200, galería 4 💥",
    })
}

fn archivo(azar: &mut Azar, i: usize) -> Value {
    json!({
        "uuid_cliente": uuid(), "nombre": format!("foto {i}.jpg"), "tipo": "image/jpeg",
        "bytes": 1 + azar.menor(1_000_000), "sha256": format!("{:064x}", azar.u64()),
    })
}

fn edicion(azar: &mut Azar) -> Value {
    let n = azar.u64();
    match azar.menor(4) {
        0 => json!({"titulo": format!("Título {n}"), "detalle": "Se ve mejor así."}),
        1 => json!({"descripcion": format!("Línea 1\nLínea 2 \"{n}\" \\ \u{1}")}),
        2 => json!({"ubicacion": ubicacion(azar), "titulo": format!("{n}")}),
        _ => json!({"ubicacion": null, "severidad_id": 1 + n % 3, "descripcion": format!("{n}")}),
    }
}

en_ambas! {
    /// Coordinates are doubles, and text that is canonical must read back as the same doubles.
    async fn ninguna_coordenada_parece_alterada(sitio: &Sitio) {
        let mut azar = Azar::nuevo();
        let autor = sitio.trabajador().await;
        for _ in 0..cuenta(400) {
            let mut r = reporte_en(1);
            r["ubicacion"] = ubicacion(&mut azar);
            let creado = sitio.crea(&autor, &r).await;
            assert_eq!(creado.status, 201, "{}", creado.texto);
            for campo in ["lat", "lon", "precision_m"] {
                let (dicho, guardado) = (&r["ubicacion"][campo], &creado.json["ubicacion"][campo]);
                assert_eq!(dicho.as_f64(), guardado.as_f64(), "{campo}");
            }
            // The same edit again, its answer lost, is recognised by its values.
            let edita = json!({"ubicacion": ubicacion(&mut azar), "version": 1});
            let ruta = format!("/reportes/{}", creado.id());
            for _ in 0..2 {
                let r = sitio.pide("PUT", &ruta).como(&autor).json(&edita).envia().await;
                assert_eq!(r.status, 200, "{}", r.texto);
            }
        }
        assert_eq!(hallazgos(&sitio.store).await, []);
    }

    async fn lo_integro_no_se_acusa_mientras_otros_escriben(sitio: &Sitio) {
        let mut azar = Azar::nuevo();
        let quietos = reportes(sitio, &mut azar, 5).await;
        let jefe = sitio.administrador().await;
        let fin = AtomicBool::new(false);
        let mut tareas = Vec::new();
        for escritor in 0..4 {
            let movido = sitio.reporte(&jefe, 1).await["id"].as_i64().unwrap();
            tareas.push(escribe(sitio, &jefe, movido, escritor, &fin));
        }
        let verifica = async {
            // Until enough was written in between: a verification among no writers shows nothing.
            let inicio = sitio.store.verifica_bitacora(|_| ()).await.unwrap();
            loop {
                let ahora = sitio.store.verifica_bitacora(|_| ()).await.unwrap();
                assert_eq!(ahora.hallazgos, []);
                let nuevas = usize::try_from(ahora.entradas - inicio.entradas).unwrap();
                if nuevas >= cuenta(2_000) && ahora.ajustes > inicio.ajustes {
                    break;
                }
            }
            // And what is broken is found in the middle of it all.
            let intruso = Intruso::entra(sitio).await;
            intruso.sql(&format!("UPDATE reportes SET titulo = 'otro' WHERE id = {}", quietos[0])).await;
            let vistos = hallazgos(&sitio.store).await;
            fin.store(true, Ordering::Relaxed);
            let filas = format!("SELECT entradas FROM reportes WHERE id = {}", quietos[0]);
            let n = sitio.bd.entero(&filas).await;
            assert_eq!(vistos, [esperado(Donde::Reporte(quietos[0]), n, Motivo::Fila)]);
        };
        let ((), escritas) = tokio::join!(verifica, join_all(tareas));
        println!("ediciones por escritor: {escritas:?}");
    }
}

/// Edits one report, and now and then an area, until told to stop; how many edits there were.
async fn escribe(
    sitio: &Sitio,
    quien: &Persona,
    id: i64,
    escritor: usize,
    fin: &AtomicBool,
) -> usize {
    let mut version = 1;
    while !fin.load(Ordering::Relaxed) {
        let cambio = json!({"titulo": format!("Título {version}"), "version": version});
        let ruta = format!("/reportes/{id}");
        let r = sitio
            .pide("PUT", &ruta)
            .como(quien)
            .json(&cambio)
            .envia()
            .await;
        assert_eq!(r.status, 200, "{}", r.texto);
        version += 1;
        if version % 5 == 0 {
            let nombre = json!({"nombre": format!("Área {escritor}.{version}")});
            let ruta = format!("/catalogos/areas/{}", escritor + 1);
            let r = sitio
                .pide("PATCH", &ruta)
                .como(quien)
                .json(&nombre)
                .envia()
                .await;
            assert_eq!(r.status, 200, "{}", r.texto);
        }
    }
    version
}
