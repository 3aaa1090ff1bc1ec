//! The whole table: what is wrong in itself, and what is right in itself and wrong with what is there
//! already.

use serde_json::{Value, json};

use super::tabla::{Malo, de_campos, de_items, malo};
use crate::{
    arnes::{Persona, Sitio, reporte_en, uuid},
    sync::lote::con,
};

/// All of them; area 9 and severity 2 go out of use.
pub async fn todos(sitio: &Sitio, autor: &Persona) -> Vec<Malo> {
    let jefe = sitio.administrador().await;
    for ruta in ["/catalogos/areas/9", "/catalogos/severidades/2"] {
        let pedido = sitio.pide("PATCH", ruta).como(&jefe);
        pedido
            .json(&json!({"activa": false}))
            .envia()
            .await
            .espera(200, "");
    }
    let mut v = de_campos();
    v.extend(de_items());
    v.extend(de_estado(sitio, autor).await);
    v
}

pub fn archivo(uuid: &str) -> Value {
    let sha = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    json!({"uuid_cliente": uuid, "nombre": "roca.jpg", "tipo": "image/jpeg", "bytes": 9, "sha256": sha})
}

pub fn archivos(n: usize) -> Value {
    (0..n).map(|_| archivo(&uuid())).collect()
}

async fn de_estado(sitio: &Sitio, autor: &Persona) -> Vec<Malo> {
    let (jefe, otra) = (sitio.administrador().await, sitio.trabajador().await);
    let nuevo = async |quien: &Persona, multimedia: Value, retirado: bool| {
        let mut item = reporte_en(1);
        item["multimedia"] = multimedia;
        let r = sitio.crea(quien, &item).await.espera(201, "");
        if retirado {
            let motivo = json!({"detalle": "Era una prueba.", "version": 1});
            let pedido = sitio
                .pide("DELETE", &format!("/reportes/{}", r.id()))
                .como(&jefe);
            pedido.json(&motivo).envia().await.espera(204, "");
        }
        item["version_base"] = json!(1);
        item
    };
    let ajeno = nuevo(&otra, Value::Null, false).await;
    let ajeno_retirado = nuevo(&otra, Value::Null, true).await;
    let retirado = nuevo(autor, Value::Null, true).await;
    let propio = nuevo(autor, archivos(15), false).await;
    let en_mayusculas = ajeno["uuid_cliente"].as_str().unwrap().to_uppercase();
    let mut malos: Vec<Malo> = [
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
        let item = con(item, &cambio).to_string();
        let que = format!("{codigo} con {cambio}");
        Malo {
            codigo,
            ..malo(&que, item, &[])
        }
    })
    .into();
    let en_desuso = con(&propio, &json!({"area_id": 9}));
    malos.push(malo(
        "pasa a un área en desuso",
        en_desuso.to_string(),
        &[("area_id", "no_existe")],
    ));
    // Without a version it can't be told what it meant to change, but nobody could decide for that.
    let sin_version = con(&en_desuso, &json!({"version_base": null, "titulo": "Otro"}));
    malos.push(malo(
        "un área en desuso y sin versión",
        sin_version.to_string(),
        &[("area_id", "no_existe")],
    ));
    let sobran = con(&propio, &json!({"multimedia": archivos(20)}));
    malos.push(malo(
        "35 archivos en dos envíos",
        sobran.to_string(),
        &[("multimedia", "demasiados")],
    ));
    malos
}
