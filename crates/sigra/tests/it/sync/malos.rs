//! One bad item costs nothing else: it is refused alone, with its own error, and leaves nothing.

mod estado;
mod limites;
mod tabla;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tabla::Malo;

pub use estado::archivo;

use super::{en_lote, lote::con, suertes};
use crate::{
    arnes::{Persona, Respuesta, Sitio, reporte_en, uuid},
    bytes_ajenos, en_ambas,
};

async fn manda(sitio: &Sitio, quien: &Persona, items: &[Vec<u8>]) -> Respuesta {
    let pedido = sitio.pide("POST", "/sync/batch").como(quien);
    pedido.crudo(en_lote(sitio, items)).envia().await
}

fn bueno() -> Vec<u8> {
    reporte_en(1).to_string().into_bytes()
}

/// How much there is of everything, but for the phones that are seen at each batch.
async fn filas(sitio: &Sitio) -> BTreeMap<String, i64> {
    let lineas = bytes_ajenos::escrito(sitio).await;
    let pares = lineas.iter().filter_map(|l| l.split_once(' '));
    pares
        .filter(|(tabla, _)| !["dispositivos", "presencias"].contains(tabla))
        .map(|(tabla, n)| (tabla.to_owned(), n.parse().expect("un número")))
        .collect()
}

/// `n` new reports without files, and nothing else.
fn con_nuevos(mut filas: BTreeMap<String, i64>, n: i64) -> BTreeMap<String, i64> {
    for tabla in ["reportes", "aceptados", "bitacora", "cambios", "versiones"] {
        *filas.get_mut(tabla).expect(tabla) += n;
    }
    filas
}

/// Refused as the table says, and nothing told besides.
#[track_caller]
fn es_rechazo(r: &Value, m: &Malo) {
    let que = format!("{}: {r}", m.que);
    let claves: Vec<&str> = r
        .as_object()
        .expect("objeto")
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(claves, ["error", "resultado", "uuid_cliente"], "{que}");
    assert_eq!(
        (&r["resultado"], &r["uuid_cliente"]),
        (&json!("rechazado"), &m.eco),
        "{que}"
    );
    let error = &r["error"];
    assert_eq!(
        (&error["codigo"], &error["permanente"]),
        (&json!(m.codigo), &json!(true)),
        "{que}"
    );
    assert_eq!(
        error["type"],
        format!("urn:sigra:problema:{}", m.codigo),
        "{que}"
    );
    assert!(
        error["status"]
            .as_i64()
            .is_some_and(|s| (400..500).contains(&s)),
        "{que}"
    );
    assert!(
        error["detail"].as_str().is_some_and(|d| d.ends_with('.')),
        "{que}"
    );
    let errores = error["errores"].as_array().cloned().unwrap_or_default();
    let vistos: Vec<_> = errores
        .iter()
        .map(|e| (e["campo"].as_str().unwrap(), e["codigo"].as_str().unwrap()))
        .collect();
    assert_eq!(vistos, m.errores, "{que}");
    assert!(
        errores
            .iter()
            .all(|e| e["mensaje"].as_str().is_some_and(|t| t.ends_with('.'))),
        "{que}"
    );
}

en_ambas! {
    async fn cada_malo_se_rechaza_solo(sitio: &Sitio) {
        let autor = sitio.trabajador().await;
        let malos = estado::todos(sitio, &autor).await;
        println!("{} maneras de estar mal", malos.len());
        assert!(malos.len() >= 90, "{}", malos.len());
        for m in &malos {
            let antes = filas(sitio).await;
            let r = manda(sitio, &autor, &[bueno(), bueno(), m.item.clone(), bueno(), bueno()]).await;
            let r = r.espera(200, "").json;
            assert_eq!(suertes(&r), ["creado", "creado", "rechazado", "creado", "creado"], "{}", m.que);
            assert_eq!(r["resumen"], json!({"creado": 4, "rechazado": 1}));
            es_rechazo(&r["resultados"][2], m);
            assert_eq!(filas(sitio).await, con_nuevos(antes, 4), "{}", m.que);
        }
    }

    async fn todos_los_malos_en_un_lote_no_cuestan_ningun_bueno(sitio: &Sitio) {
        let autor = sitio.trabajador().await;
        let malos = estado::todos(sitio, &autor).await;
        let n = i64::try_from(malos.len()).unwrap() + 1;
        let mut items = vec![bueno()];
        items.extend(malos.iter().flat_map(|m| [m.item.clone(), bueno()]));
        let antes = filas(sitio).await;
        let r = manda(sitio, &autor, &items).await.espera(200, "").json;
        for (i, suerte) in suertes(&r).into_iter().enumerate() {
            if i % 2 == 0 {
                assert_eq!(suerte, "creado", "{i}: {}", r["resultados"][i]);
            } else {
                es_rechazo(&r["resultados"][i], &malos[i / 2]);
            }
        }
        assert_eq!(r["resumen"], json!({"creado": n, "rechazado": n - 1}));
        assert_eq!(filas(sitio).await, con_nuevos(antes.clone(), n));
        // Again: the good ones are known, the bad ones are still bad.
        let r = manda(sitio, &autor, &items).await.espera(200, "").json;
        assert_eq!(r["resumen"], json!({"duplicado": n, "rechazado": n - 1}));
        assert_eq!(filas(sitio).await, con_nuevos(antes, n));
    }

    /// Looks wrong and is right.
    async fn lo_raro_no_es_malo(sitio: &Sitio) {
        let autor = sitio.trabajador().await;
        let mayusculas = json!(uuid().to_uppercase()).to_string();
        let hondo = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
        let items: Vec<Vec<u8>> = [
            ("uuid_cliente", &*mayusculas),
            ("uuid_cliente", "\"0190163D-8694-739B-AEA5-966C26F8AD91\""),
            ("descripcion", "\"\""),
            ("titulo", "\"\\ud83d\\udca5 \\u202e'; DROP TABLE reportes; --\""),
            ("version_base", "9223372036854775807"),
            ("hora_creado", "\"1970-01-01T00:00:00-11:59\""),
            ("ubicacion", "{\"lat\": -0.0, \"lon\": 1e-300, \"futuro\": 1e999}"),
            ("multimedia", "[]"),
            ("futuro", &hondo),
        ].map(|(campo, valor)| tabla::escrito(campo, valor).into_bytes()).into();
        let r = manda(sitio, &autor, &items).await.espera(200, "").json;
        assert_eq!(r["resumen"], json!({"creado": items.len()}), "{r}");
        assert_eq!(r["resultados"][0]["uuid_cliente"], mayusculas.trim_matches('"'));
    }

    async fn el_mismo_uuid_tres_veces_es_un_reporte(sitio: &Sitio) {
        let autor = sitio.trabajador().await;
        let jefe = sitio.administrador().await;
        sitio.pide("PATCH", "/catalogos/areas/9").como(&jefe).json(&json!({"activa": false})).envia().await
            .espera(200, "");
        let iguales = ["creado", "duplicado", "duplicado"];
        let uno_malo = [["rechazado", "creado", "duplicado"], ["creado", "rechazado", "duplicado"],
            ["creado", "duplicado", "rechazado"]];
        for (cambio, esperadas) in [
            (None, [iguales; 3]),
            (Some(("titulo", json!(""))), uno_malo),
            // In the catalogue, and not in use.
            (Some(("area_id", json!(9))), uno_malo),
        ] {
            for (donde, esperadas) in esperadas.into_iter().enumerate() {
                let antes = sitio.bd.entero("SELECT count(*) FROM reportes").await;
                let mut items = vec![reporte_en(1); 3];
                if let Some((campo, valor)) = &cambio {
                    items[donde][*campo] = valor.clone();
                }
                let r = sitio.lote(&autor, &items).await;
                assert_eq!(suertes(&r), esperadas, "{cambio:?} {donde}: {r}");
                let ids: Vec<i64> = r["resultados"].as_array().unwrap().iter()
                    .filter_map(|r| r["id"].as_i64()).collect();
                assert!(ids.iter().all(|id| *id == ids[0]), "{r}");
                assert_eq!(sitio.bd.entero("SELECT count(*) FROM reportes").await, antes + 1);
            }
        }
    }

    /// A uuid of somebody else is refused in the same words whoever it belongs to and whatever became
    /// of the report.
    async fn el_uuid_de_otro_no_revela_nada(sitio: &Sitio) {
        let (otro, jefa, admin) = (sitio.trabajador().await, sitio.supervisor(&[1]).await, sitio.administrador().await);
        let mut ajenos = vec![];
        for (autor, area, destino) in [(&otro, 1, ""), (&jefa, 1, ""), (&admin, 7, ""), (&otro, 1, "aprobar"),
            (&otro, 2, "rechazar"), (&jefa, 1, "retirar")] {
            let nuevo = reporte_en(area);
            let id = sitio.crea(autor, &nuevo).await.espera(201, "").id();
            let (metodo, ruta) = if destino == "retirar" {
                ("DELETE", format!("/reportes/{id}"))
            } else {
                ("POST", format!("/admin/reportes/{id}/{destino}"))
            };
            if !destino.is_empty() {
                let motivo = json!({"detalle": "Se vio en terreno.", "version": 1});
                let r = sitio.pide(metodo, &ruta).como(&admin).json(&motivo).envia().await;
                assert!(r.status < 300, "{r:?}");
            }
            ajenos.push(nuevo);
        }
        // A supervisor of the area sees the report, and still learns nothing here.
        for quien in [sitio.trabajador().await, sitio.supervisor(&[1]).await] {
            let antes = filas(sitio).await;
            let mut dichos = vec![];
            for ajeno in &ajenos {
                for cambio in [json!({}), json!({"titulo": "Otro"}), json!({"version_base": 1}), json!({"area_id": 2})] {
                    let item = con(ajeno, &cambio);
                    let pedido = sitio.pide("POST", "/sync/batch").como(&quien);
                    let r = pedido.crudo(en_lote(sitio, &[item.to_string().into_bytes()])).envia().await.espera(200, "");
                    let texto = r.texto.split("\"resumen\"").next().unwrap().to_owned();
                    let uuid = ajeno["uuid_cliente"].as_str().unwrap();
                    assert!(texto.contains(uuid) && texto.contains("uuid_en_conflicto"), "{texto}");
                    dichos.push(texto.replace(uuid, "uuid"));
                }
            }
            assert!(dichos.iter().all(|d| *d == dichos[0]), "{dichos:#?}");
            assert_eq!(filas(sitio).await, antes);
        }
    }
}
