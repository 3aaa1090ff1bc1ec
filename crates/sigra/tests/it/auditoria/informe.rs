//! A report as a document: what it says, whom it is given, and that it does not vouch for a history
//! that was altered.

use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use sigra_domain::Zona;
use tokio::time::timeout;

#[path = "../../../../informe/tests/comun/lectura.rs"]
mod lectura;

use self::lectura::Pdf;
use super::{Intruso, texto};
use crate::{
    arnes::{Persona, Sitio, a_la_vez},
    en_ambas,
    multimedia::{
        entrega::{SECRETO, con_lugar},
        taller::{Taller, progresiva, reporte_con},
    },
};

async fn baja(sitio: &Sitio, quien: &Persona, id: i64) -> Bytes {
    let ruta = format!("/reportes/{id}/informe.pdf");
    sitio.baja(quien, &ruta).await
}

async fn lee(sitio: &Sitio, quien: &Persona, id: i64) -> Pdf {
    Pdf::lee(&baja(sitio, quien, id).await)
}

en_ambas! {
    async fn lo_que_dice(sitio: &Sitio) {
        let (autor, jefe) = (sitio.trabajador().await, sitio.supervisor(&[1]).await);
        let (ajeno, admin) = (sitio.supervisor(&[2]).await, sitio.administrador().await);
        let (foto, tarda) = (con_lugar(), progresiva());
        let mut nuevo = reporte_con(&[&foto, &tarda]);
        nuevo["titulo"] = json!("Roca suelta #emph[aquí] sobre $x$");
        nuevo["ubicacion"] = json!({"lat": -33.1512, "lon": -70.2871, "precision_m": 12.5, "referencia": "Galería 4"});
        nuevo["hora_creado"] = json!("2026-03-01T02:30:00Z");
        nuevo["fecha_reporte"] = json!("2026-02-28");
        let id = sitio.crea(&autor, &nuevo).await.espera(201, "").id();
        let taller = Taller::de(sitio);
        taller.envia(&autor, &foto).await.unwrap();
        let sin_copia = lee(sitio, &autor, id).await;
        assert_eq!(sin_copia.imagenes(), 0);
        sin_copia.dice("No se puede mostrar");
        while taller.evidencia.hace_vistas().await.unwrap() {}
        let habla = sitio.pide("POST", &format!("/reportes/{id}/comentarios")).como(&jefe);
        habla.json(&json!({"texto": "¿En qué pared?"})).envia().await.espera(201, "");
        let decide = sitio.pide("POST", &format!("/admin/reportes/{id}/aprobar")).como(&jefe);
        decide.json(&json!({"detalle": "Se cierra el paso."})).envia().await.espera(200, "");
        let pide = sitio.pide("POST", &format!("/reportes/{id}/acciones")).como(&jefe);
        let zona = Zona::new("America/Santiago").unwrap();
        let plazo = zona.fecha(sitio.store.entorno().ahora()).mas_dias(10).to_string();
        let medida = json!({"descripcion": "Acuñar el techo", "responsable_rut": jefe.rut.cuerpo(), "plazo": plazo});
        pide.json(&medida).envia().await.espera(201, "");

        let r = sitio.pide("GET", &format!("/reportes/{id}/informe.pdf")).como(&autor).envia().await.espera(200, "");
        for (nombre, valor) in [("content-type", "application/pdf"), ("cache-control", "no-store"),
            ("content-disposition", &format!("attachment; filename=\"reporte-{id}.pdf\""))] {
            assert_eq!(r.header(nombre), valor, "{nombre}");
        }
        let pdf = baja(sitio, &autor, id).await;
        let donde = pdf.windows(SECRETO.len()).any(|v| v == SECRETO);
        assert!(!donde, "where the photo was taken");
        let leido = Pdf::lee(&pdf);
        assert_eq!((leido.imagenes(), leido.paginas > 1), (1, true));
        assert_eq!(leido.meta("Title"), format!("Reporte {id}: Roca suelta #emph[aquí] sobre $x$"));
        let bitacora = sitio.pide("GET", &format!("/reportes/{id}/bitacora")).como(&autor).envia().await.json;
        let hashes: Vec<&str> = bitacora["items"].as_array().unwrap().iter().map(|e| e["hash"].as_str().unwrap()).collect();
        for que in [
            "Roca suelta #emph[aquí] sobre $x$", "Severidad: Alta", "Estado: Aprobado", "Perforación y Tronadura", "Galería 4",
            "-33.1512, -70.2871 (± 12.5 m)", "2026-02-28 23:30:00", ", a tiempo", "Se cierra el paso.", "¿En qué pared?",
            "Acuñar el techo", "abierta", &plazo, "no ha llegado", &foto.sha256(), &tarda.sha256(),
            "Estado: Pendiente → Aprobado", "A tiempo: sí", "Archivo recibido", "Sincronización: faltan archivos", "(hora de America/Santiago)", "La bitácora cuadra",
            &format!("la cadena de {} entradas", hashes.len()), &format!("Último hash: {}", hashes[hashes.len() - 1]), "Página 1 de",
        ].iter().chain(&hashes) {
            leido.dice(que);
        }
        for cruda in [
            "estado_id", "cambiar_estado", "sync_status", "multimedia_pendiente", &foto.uuid] {
            leido.calla(cruda);
        }
        sitio.pide("GET", &format!("/reportes/{id}/informe.pdf")).como(&ajeno).envia().await.espera(404, "no_encontrado");
        // Whoever moves it on later is not who decided.
        let pasa = sitio.pide("PUT", "/catalogos/transiciones/2/3").como(&admin);
        pasa.json(&json!({"roles": ["administrador"]})).envia().await.espera(200, "");
        let mueve = sitio.pide("PUT", &format!("/reportes/{id}")).como(&admin);
        mueve.json(&json!({"estado_id": 3, "version": hashes.len()})).envia().await.espera(200, "");
        let leido = lee(sitio, &autor, id).await;
        leido.dice("Estado: Rechazado");
        let quien = sitio.pide("GET", "/auth/me").como(&jefe).envia().await.json;
        let quien = format!("{} {}", quien["nombre"].as_str().unwrap(), quien["apellido_1"].as_str().unwrap());
        leido.dice(&format!("Decidido por {quien} Motivo Se cierra el paso."));
        let version = hashes.len() + 1;
        let retira = sitio.pide("DELETE", &format!("/reportes/{id}")).como(&admin).si_version(i64::try_from(version).unwrap());
        retira.json(&json!({"detalle": "De prueba."})).envia().await.espera(204, "");
        sitio.pide("GET", &format!("/reportes/{id}/informe.pdf")).como(&autor).envia().await.espera(410, "reporte_retirado");
    }

    async fn una_historia_alterada(sitio: &Sitio) {
        let (autor, jefe) = (sitio.trabajador().await, sitio.supervisor(&[1]).await);
        let id = sitio.reporte(&autor, 1).await["id"].as_i64().unwrap();
        let decide = sitio.pide("POST", &format!("/admin/reportes/{id}/rechazar")).como(&jefe);
        decide.json(&json!({"detalle": "No es un peligro."})).envia().await.espera(200, "");
        lee(sitio, &autor, id).await.dice("La bitácora cuadra");
        let intruso = Intruso::entra(sitio).await;
        for (golpe, hallazgo) in [
            // A word, a value that only the row tells, and what is no entry at all.
            ("UPDATE bitacora SET canonica = replace(canonica, 'No es', 'Sí es') WHERE n = 2",
                "entrada 2: el hash no corresponde al texto de la entrada"),
            ("UPDATE reportes SET titulo = 'Nada que ver'", "entrada 2: el reporte tiene otros valores que los de su bitácora"),
            ("DELETE FROM bitacora WHERE n = 2", "entrada 2: falta esta entrada"),
            (&format!("UPDATE bitacora SET canonica = {} WHERE n = 1", texto("{nada")), "entrada 1: el hash no corresponde"),
        ] {
            intruso.sql(golpe).await;
            let leido = lee(sitio, &autor, id).await;
            for que in ["NO CUADRA, vea el final", "La bitácora NO cuadra", hallazgo] {
                leido.dice(que);
            }
            intruso.repara().await;
        }
    }

    async fn muchos_a_la_vez(sitio: &Sitio) {
        let autor = sitio.trabajador().await;
        let id = sitio.reporte(&autor, 1).await["id"].as_i64().unwrap();
        let mut pedidos = vec![];
        for _ in 0..12 {
            let jefe = sitio.supervisor(&[1]).await;
            for _ in 0..2 {
                pedidos.push(sitio.pide("GET", &format!("/reportes/{id}/informe.pdf")).como(&jefe).envia());
            }
        }
        let mut dados = 0;
        for r in a_la_vez(pedidos).await {
            match r.status {
                200 => dados += 1,
                _ => assert_eq!((r.status, r.codigo(), r.header("retry-after").is_empty()), (503, "servidor_ocupado", false)),
            }
        }
        // Four at a time, one after the other: far from all of them. And the places are free again.
        assert!((1..24).contains(&dados), "{dados} of 24");
        lee(sitio, &autor, id).await;
    }

    async fn bajarlo_es_abrirlo(sitio: &Sitio) {
        let (autor, jefe) = (sitio.trabajador().await, sitio.supervisor(&[1]).await);
        let id = sitio.reporte(&autor, 1).await["id"].as_i64().unwrap();
        let suyo = sitio.reporte(&autor, 1).await["id"].as_i64().unwrap();
        baja(sitio, &autor, suyo).await;
        baja(sitio, &jefe, id).await;
        // Noted beside the answer.
        let anotado = async {
            while sitio.bd.entero("SELECT count(*) FROM aperturas").await == 0 {
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_mins(1), anotado).await.expect("nadie lo anotó");
        assert_eq!(sitio.bd.entero("SELECT rut FROM aperturas").await, jefe.rut.cuerpo());
        assert_eq!(sitio.bd.entero("SELECT reporte_id FROM aperturas").await, id);
    }
}
