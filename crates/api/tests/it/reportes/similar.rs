//! `GET /reportes/{id}/similares`

use serde_json::{Value, json};
use sigra_domain::Instante;

use sigra_testkit::{Persona, TestSite, both_databases, reporte_in};

async fn create_reporte_titled(
    sitio: &TestSite,
    quien: &Persona,
    area: i64,
    titulo: &str,
    dias: i64,
) -> i64 {
    let mut r = reporte_in(area);
    r["titulo"] = json!(titulo);
    r["descripcion"] = json!("");
    let hora = sitio.store.env().now().plus(dias * Instante::DAY);
    r["hora_creado"] = json!(hora.to_string());
    sitio.create(quien, &r).await.expect_status(201, "").id()
}

async fn similares(sitio: &TestSite, quien: &Persona, id: i64) -> (Vec<i64>, Value) {
    let r = sitio
        .request("GET", &format!("/reportes/{id}/similares"))
        .by(quien)
        .send()
        .await;
    let r = r.expect_status(200, "").json;
    let ids = r["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["id"].as_i64().unwrap());
    (ids.collect(), r)
}

#[both_databases]
async fn five_reportes_of_one_rock_are_similar(sitio: &TestSite) {
    let (uno, otro, jefe) = (
        sitio.trabajador().await,
        sitio.trabajador().await,
        sitio.supervisor(&[1]).await,
    );
    let roca =
        create_reporte_titled(sitio, &uno, 1, "Roca suelta en galería 4 nivel 1200", -30).await;
    let igual =
        create_reporte_titled(sitio, &otro, 1, "ROCA SUELTA, GALERIA 4, NIVEL 1200", -28).await;
    let casi = create_reporte_titled(
        sitio,
        &uno,
        1,
        "Hay una roca suelta en la galería 4 hace días",
        -33,
    )
    .await;
    create_reporte_titled(sitio, &otro, 1, "Fuga de aceite en el chancador", -30).await;
    // Of another area, or of another time.
    create_reporte_titled(sitio, &otro, 2, "Roca suelta en galería 4 nivel 1200", -30).await;
    create_reporte_titled(sitio, &otro, 1, "Roca suelta en galería 4 nivel 1200", -22).await;
    create_reporte_titled(sitio, &otro, 1, "Roca suelta en galería 4 nivel 1200", -38).await;
    let retirado =
        create_reporte_titled(sitio, &otro, 1, "Roca suelta en galería 4 nivel 1200", -30).await;
    let admin = sitio.administrador().await;
    sitio.withdraw_reporte(&admin, retirado, 1).await;

    let (ids, r) = similares(sitio, &jefe, roca).await;
    assert_eq!(ids, [igual, casi], "{r:#}");
    assert_eq!(
        (
            &r["mirados"],
            &r["items"][0]["estado"],
            &r["items"][0]["severidad"]
        ),
        (&json!(3), &json!("Pendiente"), &json!("Alta"))
    );
    assert!(
        r["items"][0]["parecido"].as_f64().unwrap() > r["items"][1]["parecido"].as_f64().unwrap()
    );
    assert_eq!(similares(sitio, &admin, roca).await.0, [igual, casi]);
    // An author is shown their own alone, and others' reports not at all.
    assert_eq!(similares(sitio, &uno, roca).await.0, [casi]);
    let ajeno = sitio
        .request("GET", &format!("/reportes/{roca}/similares"))
        .by(&otro)
        .send()
        .await;
    ajeno.expect_status(404, "no_encontrado");
    let ido = sitio
        .request("GET", &format!("/reportes/{retirado}/similares"))
        .by(&jefe)
        .send()
        .await;
    ido.expect_status(410, "reporte_retirado");
}
