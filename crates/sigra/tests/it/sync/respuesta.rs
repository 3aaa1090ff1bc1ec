//! A few bytes sent do not make the server answer with many: an answer has an end, and what found no
//! room in it is sent again.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::lote::{con, uno};
use crate::{
    arnes::{Persona, Sitio, reporte_en},
    en_ambas,
};

const MIB: usize = 1024 * 1024;
/// A result that tells nothing but that there was no room, in bytes.
const RECHAZO: usize = 512;

/// The longest description, in letters of four bytes.
fn larga(letra: char) -> Value {
    json!(letra.to_string().repeat(10_000))
}

/// The results, of which those without room come again by themselves.
async fn envia(sitio: &Sitio, autor: &Persona, items: &[Value]) -> Vec<Value> {
    let cuerpo = json!(items).to_string().len() + 200;
    let r = sitio.envia_lote(autor, items).await.espera(200, "");
    let limite = MIB + 2 * cuerpo + items.len() * RECHAZO;
    assert!(
        r.texto.len() <= limite,
        "{} bytes, y hasta {limite}",
        r.texto.len()
    );
    assert!(
        r.texto.len() > MIB / 2,
        "{} bytes no prueban nada",
        r.texto.len()
    );
    r.json["resultados"].as_array().expect("resultados").clone()
}

fn sin_lugar(r: &Value) -> bool {
    let lleno = r["error"]["codigo"] == "respuesta_llena";
    assert!(
        !lleno || (r["error"]["permanente"] == false && r["resultado"] == "rechazado"),
        "{r}"
    );
    assert!(!lleno || r.get("id").is_none(), "{r}");
    lleno
}

async fn versiones(sitio: &Sitio) -> i64 {
    sitio
        .bd
        .entero("SELECT CAST(sum(version) AS BIGINT) FROM reportes")
        .await
}

en_ambas! {
    async fn lo_mismo_quinientas_veces(sitio: &Sitio) {
        let (autor, jefa) = (sitio.trabajador().await, sitio.supervisor(&[1]).await);
        let nuevo = reporte_en(1);
        let id = uno(sitio, &autor, &nuevo).await["id"].clone();
        let cambio = json!({"descripcion": larga('\u{1f4a5}'), "version": 1});
        let pedido = sitio.pide("PUT", &format!("/reportes/{id}")).como(&jefa);
        pedido.json(&cambio).envia().await.espera(200, "");
        // A creation sent again, and an edit that clashes.
        let choca = con(&nuevo, &json!({"descripcion": "Otra.", "version_base": 1}));
        for (item, resultado) in [(&nuevo, "duplicado"), (&choca, "conflicto")] {
            let r = envia(sitio, &autor, &vec![item.clone(); 500]).await;
            let llenos = r.iter().filter(|r| sin_lugar(r)).count();
            assert!((400..495).contains(&llenos), "{llenos}");
            assert!(r.iter().filter(|r| !sin_lugar(r)).all(|r| r["resultado"] == resultado));
            let solo = uno(sitio, &autor, item).await;
            assert_eq!(solo["resultado"], resultado, "{solo}");
            assert_eq!(solo["actual"]["descripcion"], cambio["descripcion"]);
        }
    }

    /// What found no room was not applied, and gets in when it comes again.
    async fn sin_lugar_no_se_aplica(sitio: &Sitio) {
        let (autor, jefa) = (sitio.trabajador().await, sitio.supervisor(&[1]).await);
        let nuevos: Vec<Value> = (0..60).map(|_| reporte_en(1)).collect();
        let r = sitio.lote(&autor, &nuevos).await;
        let cambio = json!({"descripcion": larga('\u{1f4a5}'), "version": 1});
        let cambia = async |r: &Value| {
            let pedido = sitio.pide("PUT", &format!("/reportes/{}", r["id"])).como(&jefa);
            pedido.json(&cambio).envia().await.espera(200, "");
        };
        join_all(r["resultados"].as_array().unwrap().iter().map(cambia)).await;
        let edita = |n: &Value| con(n, &json!({"titulo": "Roca caída", "version_base": 1}));
        let mut quedan: Vec<Value> = nuevos.iter().map(edita).collect();
        let mut envios = 0;
        while !quedan.is_empty() {
            let antes = versiones(sitio).await;
            let r = if envios == 0 {
                envia(sitio, &autor, &quedan).await
            } else {
                sitio.lote(&autor, &quedan).await["resultados"].as_array().unwrap().clone()
            };
            let llenos = r.iter().map(sin_lugar);
            assert!(r.iter().all(|r| sin_lugar(r) || (r["resultado"] == "fusionado" && r["version"] == 3)));
            let fusionados = r.len() - llenos.clone().filter(|l| *l).count();
            assert_eq!(versiones(sitio).await, antes + i64::try_from(fusionados).unwrap());
            assert!(fusionados > 10 || fusionados == r.len());
            let quedaron = quedan.into_iter().zip(llenos).filter(|(_, lleno)| *lleno);
            quedan = quedaron.map(|(item, _)| item).collect();
            envios += 1;
        }
        assert!((2..6).contains(&envios), "{envios}");
    }
}
