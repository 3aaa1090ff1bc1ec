//! `Idempotency-Key`: one effect, one answer.

use serde_json::{Value, json};
use sigra_domain::Instante;

use super::{bitacora, decide, edita, juntos};
use crate::{
    arnes::{Pedido, Persona, Respuesta, Sitio, a_la_vez, cuenta, reporte_en},
    en_ambas,
};

fn crea(sitio: &Sitio, quien: &Persona, cuerpo: &Value) -> Pedido {
    sitio.pide("POST", "/reportes/").como(quien).json(cuerpo)
}

fn repetida(r: &Respuesta) -> bool {
    r.header("idempotency-replayed") == "true"
}

/// All that a client reads of an answer.
fn respuesta(r: &Respuesta) -> (u16, &str, &str, &str, &str) {
    (
        r.status,
        &r.texto,
        r.header("etag"),
        r.header("location"),
        r.header("content-type"),
    )
}

#[track_caller]
fn una_sola(respuestas: &[Respuesta], status: u16) {
    assert!(
        respuestas.iter().all(|r| r.status == status),
        "{respuestas:?}"
    );
    assert!(
        respuestas
            .iter()
            .all(|r| respuesta(r) == respuesta(&respuestas[0])),
        "{respuestas:?}"
    );
    assert_eq!(
        respuestas.iter().filter(|r| !repetida(r)).count(),
        1,
        "{respuestas:?}"
    );
}

en_ambas! {
    async fn la_misma_clave_veinte_veces_es_un_efecto_y_una_respuesta(sitio: &Sitio) {
        let (autor, jefe, admin) =
            (sitio.trabajador().await, sitio.supervisor(&[1]).await, sitio.administrador().await);
        for ronda in 0..cuenta(20) {
            let clave = format!("clave-{ronda}");
            let veinte = async |uno: &dyn Fn() -> Pedido, status| {
                let respuestas = juntos((0..20).map(|_| uno().clave(&clave))).await;
                una_sola(&respuestas, status);
                // And later.
                let r = uno().clave(&clave).envia().await;
                assert!(repetida(&r) && respuesta(&r) == respuesta(&respuestas[0]), "{r:?}");
            };
            let cuerpo = reporte_en(1);
            veinte(&|| crea(sitio, &autor, &cuerpo), 201).await;
            let r = crea(sitio, &autor, &cuerpo).envia().await;
            assert_eq!((r.status, repetida(&r)), (200, false));
            let id = r.id();
            veinte(&|| edita(sitio, &autor, id, &json!({"titulo": "Nuevo", "version": 1})), 200).await;
            // Says nothing new: answered and kept all the same.
            let igual = json!({"titulo": "Nuevo", "version": 2});
            veinte(&|| sitio.pide("PUT", &format!("/reportes/{id}/")).como(&jefe).json(&igual), 200).await;
            let decision = ["aprobar", "rechazar"][ronda % 2];
            veinte(&|| decide(sitio, &jefe, id, decision), 200).await;
            let retira = || sitio.pide("DELETE", &format!("/reportes/{id}")).como(&admin).si_version(3);
            veinte(&|| retira().json(&json!({"detalle": "de prueba"})), 204).await;
            assert_eq!(bitacora(sitio, &autor, id).await.len(), 4);
        }
    }

    async fn la_primera_respuesta_vale_aunque_el_reporte_haya_cambiado(sitio: &Sitio) {
        let (autor, jefe) = (sitio.trabajador().await, sitio.supervisor(&[1]).await);
        let cuerpo = reporte_en(1);
        let primera = crea(sitio, &autor, &cuerpo).clave("k").envia().await;
        decide(sitio, &jefe, primera.id(), "aprobar").envia().await;
        let r = sitio.pide("POST", "/reportes").como(&autor).clave("k").json(&cuerpo).envia().await;
        assert!(repetida(&r) && respuesta(&r) == respuesta(&primera), "{r:?}");
    }

    async fn otra_persona_otra_ruta_y_otra_clave_son_otra_cosa(sitio: &Sitio) {
        let (uno, otro) = (sitio.trabajador().await, sitio.trabajador().await);
        let (a, b) = (reporte_en(1), reporte_en(1));
        let (r, s) = (
            crea(sitio, &uno, &a).clave("k").envia().await,
            crea(sitio, &otro, &b).clave("k").envia().await,
        );
        assert_eq!((r.status, repetida(&r), s.status, repetida(&s)), (201, false, 201, false));
        // Not even what it was used for can be learned with another's key.
        crea(sitio, &otro, &a).clave("k").envia().await.espera(422, "idempotencia_distinta");
        crea(sitio, &otro, &a).clave("k2").envia().await.espera(409, "uuid_en_conflicto");
        let cambio = json!({"titulo": "Nuevo", "version": 1});
        let (r, s) = (
            edita(sitio, &uno, r.id(), &cambio).clave("k").envia().await,
            edita(sitio, &otro, s.id(), &cambio).clave("k").envia().await,
        );
        assert_eq!((r.status, repetida(&r), s.status, repetida(&s)), (200, false, 200, false));
        // Another session of the same person is the same person.
        let telefono_nuevo = sitio.sesion(uno.quien.clone()).await;
        assert!(repetida(&crea(sitio, &telefono_nuevo, &a).clave("k").envia().await));
    }

    async fn la_misma_clave_con_otro_cuerpo_es_422_y_nada_cambia(sitio: &Sitio) {
        let autor = sitio.trabajador().await;
        let cuerpo = reporte_en(1);
        let id = crea(sitio, &autor, &cuerpo).clave("k").envia().await.id();
        crea(sitio, &autor, &reporte_en(1)).clave("k").envia().await.espera(422, "idempotencia_distinta");
        assert_eq!(sitio.bd.entero("SELECT count(*) FROM reportes").await, 1);
        edita(sitio, &autor, id, &json!({"titulo": "Uno", "version": 1})).clave("k").envia().await;
        let r = edita(sitio, &autor, id, &json!({"titulo": "Dos", "version": 2})).clave("k").envia().await;
        r.espera(422, "idempotencia_distinta");
        assert_eq!(bitacora(sitio, &autor, id).await.len(), 2);
        // Twenty bodies at once under one key: one is done.
        let pedidos = (0..20).map(|_| crea(sitio, &autor, &reporte_en(1)).clave("q"));
        let respuestas = juntos(pedidos).await;
        assert_eq!(respuestas.iter().filter(|r| r.status == 201).count(), 1);
        let otras = respuestas.iter().filter(|r| r.codigo() == "idempotencia_distinta");
        assert_eq!(otras.count(), 19);
        assert_eq!(sitio.bd.entero("SELECT count(*) FROM reportes").await, 2);
    }

    async fn una_clave_tiene_de_1_a_255_caracteres_visibles(sitio: &Sitio) {
        let autor = sitio.trabajador().await;
        for clave in [String::new(), "x".repeat(256), "ñ".into(), "con\ttab".into()] {
            let r = crea(sitio, &autor, &reporte_en(1)).clave(&clave).envia().await;
            r.espera(400, "idempotencia_invalida");
        }
        for clave in ["x".to_owned(), "x".repeat(255), "\"8e03978e-40d5\"".into(), "!~".into()] {
            assert_eq!(crea(sitio, &autor, &reporte_en(1)).clave(&clave).envia().await.status, 201);
        }
    }

    async fn una_clave_se_guarda_siete_dias(sitio: &Sitio) {
        let mut autor = sitio.trabajador().await;
        let (a, b, c) = (reporte_en(1), reporte_en(1), reporte_en(1));
        for (clave, cuerpo) in [("a", &a), ("b", &b)] {
            assert_eq!(crea(sitio, &autor, cuerpo).clave(clave).envia().await.status, 201);
        }
        sitio.store.entorno().adelanta(7 * Instante::DIA - Instante::MINUTO);
        autor = sitio.sesion(autor.quien).await;
        sitio.store.limpiar().await.unwrap();
        let r = crea(sitio, &autor, &a).clave("a").envia().await;
        assert_eq!((r.status, repetida(&r)), (201, true));
        crea(sitio, &autor, &c).clave("b").envia().await.espera(422, "idempotencia_distinta");
        // Being given again does not make it younger.
        sitio.store.entorno().adelanta(2 * Instante::MINUTO);
        let r = crea(sitio, &autor, &a).clave("a").envia().await;
        assert_eq!((r.status, repetida(&r)), (200, false));
        let r = crea(sitio, &autor, &c).clave("b").envia().await;
        assert_eq!((r.status, repetida(&r)), (201, false));
        sitio.store.limpiar().await.unwrap();
        assert!(repetida(&crea(sitio, &autor, &c).clave("b").envia().await));
    }

    /// The connection that waits for the first use holds nothing that the first use needs.
    async fn claves_distintas_no_se_esperan(sitio: &Sitio) {
        let autor = sitio.trabajador().await;
        let cuerpos: Vec<_> = (0..10).map(|_| reporte_en(1)).collect();
        let pedidos = (0..60).map(|i| crea(sitio, &autor, &cuerpos[i % 10]).clave(&format!("k{}", i % 10)));
        let respuestas = a_la_vez(pedidos.map(Pedido::envia)).await;
        assert!(respuestas.iter().all(|r| r.status == 201));
        assert_eq!(respuestas.iter().filter(|r| !repetida(r)).count(), 10);
    }
}
