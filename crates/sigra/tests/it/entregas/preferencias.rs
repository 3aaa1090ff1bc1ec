//! What each person chose.

use serde_json::json;

use super::{con_email, reparte, reporta};
use crate::{
    arnes::{Ajuste, Persona, Sitio},
    en_ambas,
};

async fn elige(sitio: &Sitio, quien: &Persona, idioma: &str, correo: bool, silenciados: &[&str]) {
    let cuerpo =
        json!({"idioma": idioma, "correo": correo, "push": true, "silenciados": silenciados});
    let r = sitio
        .pide("PUT", "/notificaciones/preferencias")
        .como(quien)
        .json(&cuerpo)
        .envia()
        .await;
    assert_eq!(r.espera(200, "").json, cuerpo);
}

/// Who waits for a mail.
async fn esperan(sitio: &Sitio, quien: &Persona) -> i64 {
    let sql = format!(
        "SELECT count(*) FROM entregas WHERE canal = 'correo' AND destino = {}",
        quien.rut
    );
    sitio.bd.entero(&sql).await
}

en_ambas! {
    // Nobody is there to take mail: what waits is looked at in the table.
    con Ajuste { smtp: Some(9), ..Ajuste::default() };
    async fn cada_uno_elige(sitio: &Sitio) {
        let autor = sitio.trabajador().await;
        let (todo, nada, mudo, sin_email) = (
            sitio.supervisor(&[1]).await, sitio.supervisor(&[1]).await,
            sitio.supervisor(&[1]).await, sitio.supervisor(&[1]).await,
        );
        for (i, p) in [&todo, &nada, &mudo, &autor].into_iter().enumerate() {
            con_email(sitio, p, &format!("p{i}@mina.example")).await;
        }
        let r = sitio.pide("GET", "/notificaciones/preferencias").como(&todo).envia().await.espera(200, "");
        assert_eq!(r.json, json!({"idioma": "es", "correo": true, "push": true, "silenciados": []}));
        elige(sitio, &nada, "en", false, &[]).await;
        elige(sitio, &mudo, "es", true, &["reporte.creado", "reporte.comentado"]).await;
        elige(sitio, &autor, "es", false, &[]).await;
        let id = reporta(sitio, &autor, 1, "Baranda").await;
        reparte(sitio).await;
        assert_eq!(esperan(sitio, &todo).await, 1);
        for quien in [&nada, &mudo, &sin_email, &autor] {
            assert_eq!(esperan(sitio, quien).await, 0);
        }
        // All have it in their trays.
        assert_eq!(sitio.bd.entero("SELECT count(*) FROM notificaciones WHERE evento = 'reporte.creado'").await, 4);
        // What is urgent is told to those who decide, whatever they chose; its author may be left in peace.
        let grave = reporta(sitio, &autor, 3, "Roca").await;
        for reporte in [id, grave] {
            let r = sitio.pide("POST", &format!("/admin/reportes/{reporte}/aprobar")).como(&todo).json(&json!({}));
            r.envia().await.espera(200, "");
        }
        reparte(sitio).await;
        assert_eq!(esperan(sitio, &autor).await, 0);
        // It was decided before anybody was told.
        assert_eq!(esperan(sitio, &nada).await, 0);
        reporta(sitio, &autor, 3, "Otra roca").await;
        reparte(sitio).await;
        for (quien, cuantos) in [(&todo, 2), (&nada, 1), (&mudo, 1), (&sin_email, 0)] {
            assert_eq!(esperan(sitio, quien).await, cuantos, "{}", quien.rut);
        }
        // What severity is urgent is the site's choice.
        let admin = sitio.administrador().await;
        let r = sitio.pide("PATCH", "/catalogos/severidades/1").como(&admin).json(&json!({"urgente": true})).envia().await;
        assert_eq!(r.espera(200, "").json["urgente"], true);
        reporta(sitio, &autor, 1, "Baranda, otra vez").await;
        reparte(sitio).await;
        assert_eq!(esperan(sitio, &nada).await, 2);
    }
}
