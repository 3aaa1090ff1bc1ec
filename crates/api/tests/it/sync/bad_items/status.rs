//! The whole table: what is wrong in itself, and what is right in itself and wrong with what is there
//! already.

use serde_json::{Value, json};

use super::table::{BadItem, bad_fields, bad_items, invalid_item};
use crate::sync::batch::with;
use sigra_testkit::{Persona, TestSite, reporte_in, uuid};

/// All of them; area 9 and severity 2 go out of use.
pub async fn all(sitio: &TestSite, autor: &Persona) -> Vec<BadItem> {
    let jefe = sitio.administrador().await;
    for ruta in ["/catalogos/areas/9", "/catalogos/severidades/2"] {
        let pedido = sitio.request("PATCH", ruta).by(&jefe);
        pedido
            .json(&json!({"activa": false}))
            .send()
            .await
            .expect_status(200, "");
    }
    let mut v = bad_fields();
    v.extend(bad_items());
    v.extend(estado_cases(sitio, autor).await);
    v
}

pub fn archivo(uuid: &str) -> Value {
    let sha = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    json!({"uuid_cliente": uuid, "nombre": "roca.jpg", "tipo": "image/jpeg", "bytes": 9, "sha256": sha})
}

pub fn archivos(n: usize) -> Value {
    (0..n).map(|_| archivo(&uuid())).collect()
}

async fn estado_cases(sitio: &TestSite, autor: &Persona) -> Vec<BadItem> {
    let (jefe, otra) = (sitio.administrador().await, sitio.trabajador().await);
    let nuevo = async |quien: &Persona, multimedia: Value, retirado: bool| {
        let mut item = reporte_in(1);
        item["multimedia"] = multimedia;
        let r = sitio.create(quien, &item).await.expect_status(201, "");
        if retirado {
            let motivo = json!({"detalle": "Era una prueba.", "version": 1});
            let pedido = sitio
                .request("DELETE", &format!("/reportes/{}", r.id()))
                .by(&jefe);
            pedido.json(&motivo).send().await.expect_status(204, "");
        }
        item["version_base"] = json!(1);
        item
    };
    let ajeno = nuevo(&otra, Value::Null, false).await;
    let ajeno_retirado = nuevo(&otra, Value::Null, true).await;
    let retirado = nuevo(autor, Value::Null, true).await;
    let propio = nuevo(autor, archivos(15), false).await;
    let en_mayusculas = ajeno["uuid_cliente"].as_str().unwrap().to_uppercase();
    let mut malos: Vec<BadItem> = [
        (&ajeno, json!({}), "uuid_en_conflicto"),
        (
            &ajeno,
            json!({"uuid_cliente": en_mayusculas}),
            "uuid_en_conflicto",
        ),
        (&ajeno_retirado, json!({}), "uuid_en_conflicto"),
        (&retirado, json!({}), "reporte_retirado"),
        (&retirado, json!({"titulo": "Otro"}), "reporte_retirado"),
    ]
    .map(|(item, cambio, codigo)| {
        let item = with(item, &cambio).to_string();
        let que = format!("{codigo} con {cambio}");
        BadItem {
            codigo,
            ..invalid_item(&que, item, &[])
        }
    })
    .into();
    let en_desuso = with(&propio, &json!({"area_id": 9}));
    malos.push(invalid_item(
        "pasa a un área en desuso",
        en_desuso.to_string(),
        &[("area_id", "no_existe")],
    ));
    // Without a version it can't be told what it meant to change, but nobody could decide for that.
    let sin_version = with(&en_desuso, &json!({"version_base": null, "titulo": "Otro"}));
    malos.push(invalid_item(
        "un área en desuso y sin versión",
        sin_version.to_string(),
        &[("area_id", "no_existe")],
    ));
    let sobran = with(&propio, &json!({"multimedia": archivos(20)}));
    malos.push(invalid_item(
        "35 archivos en dos envíos",
        sobran.to_string(),
        &[("multimedia", "demasiados")],
    ));
    malos
}
