//! `GET /reportes/{id}/similares`

use serde_json::{Value, json};
use sigra_domain::Instante;

use crate::{
    arnes::{Persona, Sitio, reporte_en},
    en_ambas,
};

async fn cuenta_de(sitio: &Sitio, quien: &Persona, area: i64, titulo: &str, dias: i64) -> i64 {
    let mut r = reporte_en(area);
    r["titulo"] = json!(titulo);
    r["descripcion"] = json!("");
    let hora = sitio.store.entorno().ahora().mas(dias * Instante::DIA);
    r["hora_creado"] = json!(hora.to_string());
    sitio.crea(quien, &r).await.espera(201, "").id()
}

async fn similares(sitio: &Sitio, quien: &Persona, id: i64) -> (Vec<i64>, Value) {
    let r = sitio
        .pide("GET", &format!("/reportes/{id}/similares"))
        .como(quien)
        .envia()
        .await;
    let r = r.espera(200, "").json;
    let ids = r["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["id"].as_i64().unwrap());
    (ids.collect(), r)
}

en_ambas! {
    async fn cinco_cuentan_de_una_roca(sitio: &Sitio) {
        let (uno, otro, jefe) = (sitio.trabajador().await, sitio.trabajador().await, sitio.supervisor(&[1]).await);
        let roca = cuenta_de(sitio, &uno, 1, "Roca suelta en galería 4 nivel 1200", -30).await;
        let igual = cuenta_de(sitio, &otro, 1, "ROCA SUELTA, GALERIA 4, NIVEL 1200", -28).await;
        let casi = cuenta_de(sitio, &uno, 1, "Hay una roca suelta en la galería 4 hace días", -33).await;
        cuenta_de(sitio, &otro, 1, "Fuga de aceite en el chancador", -30).await;
        // Of another area, or of another time.
        cuenta_de(sitio, &otro, 2, "Roca suelta en galería 4 nivel 1200", -30).await;
        cuenta_de(sitio, &otro, 1, "Roca suelta en galería 4 nivel 1200", -22).await;
        cuenta_de(sitio, &otro, 1, "Roca suelta en galería 4 nivel 1200", -38).await;
        let retirado = cuenta_de(sitio, &otro, 1, "Roca suelta en galería 4 nivel 1200", -30).await;
        let admin = sitio.administrador().await;
        let retira = sitio.pide("DELETE", &format!("/reportes/{retirado}")).como(&admin).si_version(1);
        retira.json(&json!({"detalle": "De prueba."})).envia().await.espera(204, "");

        let (ids, r) = similares(sitio, &jefe, roca).await;
        assert_eq!(ids, [igual, casi], "{r:#}");
        assert_eq!((&r["mirados"], &r["items"][0]["estado"], &r["items"][0]["severidad"]), (&json!(3), &json!("Pendiente"), &json!("Alta")));
        assert!(r["items"][0]["parecido"].as_f64().unwrap() > r["items"][1]["parecido"].as_f64().unwrap());
        assert_eq!(similares(sitio, &admin, roca).await.0, [igual, casi]);
        // An author is shown their own alone, and others' reports not at all.
        assert_eq!(similares(sitio, &uno, roca).await.0, [casi]);
        let ajeno = sitio.pide("GET", &format!("/reportes/{roca}/similares")).como(&otro).envia().await;
        ajeno.espera(404, "no_encontrado");
        let ido = sitio.pide("GET", &format!("/reportes/{retirado}/similares")).como(&jefe).envia().await;
        ido.espera(410, "reporte_retirado");
    }
}
