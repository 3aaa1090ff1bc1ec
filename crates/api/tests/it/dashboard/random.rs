//! Whatever is done, by many at once, the dashboard is what the reports say.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use super::{dashboard, recount::silent};
use sigra_testkit::{Persona, Rng, TestSite, both_databases, iterations, reporte_in, uuid};

/// One of those who write.
struct DashboardWriter<'a> {
    sitio: &'a TestSite,
    azar: Rng,
    autor: Persona,
    admin: Persona,
    /// Id, and the body that made it.
    suyos: Vec<(i64, Value)>,
}

impl DashboardWriter<'_> {
    fn random_reporte(&mut self) -> Value {
        let mut r = reporte_in(i64::try_from(self.azar.between(1, 4)).unwrap());
        r["severidad_id"] = json!(self.azar.between(1, 4));
        r["fecha_reporte"] = json!(format!(
            "2026-0{}-0{}",
            self.azar.between(1, 4),
            self.azar.between(1, 4)
        ));
        if self.azar.one_in(4) {
            r["multimedia"] = json!([{"uuid_cliente": uuid(), "nombre": "a.jpg", "tipo": "image/jpeg",
                "bytes": 10, "sha256": "a".repeat(64)}]);
        }
        let horas = i64::try_from(self.azar.below(90)).unwrap() - 5;
        let creado = self.sitio.store.env().now().plus(-horas * 3_600_000);
        r["hora_creado"] = json!(creado.to_string());
        r
    }

    async fn push_batch(&mut self, reportes: Vec<Value>) {
        let r = self.sitio.push_batch(&self.autor, &reportes).await;
        for (resultado, cuerpo) in r["resultados"].as_array().unwrap().iter().zip(reportes) {
            let id = resultado["id"].as_i64().unwrap();
            match self.suyos.iter_mut().find(|(i, _)| *i == id) {
                Some((_, viejo)) => *viejo = cuerpo,
                None => self.suyos.push((id, cuerpo)),
            }
        }
    }

    async fn step(&mut self) {
        if self.suyos.len() < 3 || self.azar.one_in(4) {
            let cuantos = self.azar.between(1, 12);
            let nuevos = (0..cuantos).map(|_| self.random_reporte()).collect();
            return self.push_batch(nuevos).await;
        }
        let i = self.azar.below(self.suyos.len());
        let (id, mut cuerpo) = self.suyos[i].clone();
        let ver = self
            .sitio
            .request("GET", &format!("/reportes/{id}"))
            .by(&self.admin)
            .send()
            .await;
        let version = ver.json["version"].clone();
        let area = self.azar.between(1, 4);
        let edita =
            json!({"area_id": area, "severidad_id": self.azar.between(1, 4), "version": version});
        let pide = |metodo: &str, ruta: String| self.sitio.request(metodo, &ruta).by(&self.admin);
        // What is refused, since it is decided or withdrawn, changes nothing.
        match self.azar.below(11) {
            0..=2 => drop(
                pide("PUT", format!("/reportes/{id}"))
                    .json(&edita)
                    .send()
                    .await,
            ),
            3..=5 => {
                let que = *self.azar.pick(&["aprobar", "rechazar"]);
                let cuerpo = json!({"detalle": "Visto."});
                drop(
                    pide("POST", format!("/admin/reportes/{id}/{que}"))
                        .json(&cuerpo)
                        .send()
                        .await,
                );
            }
            6 => {
                let cuerpo = json!({"estado_id": 1, "version": version});
                drop(
                    pide("PUT", format!("/reportes/{id}"))
                        .json(&cuerpo)
                        .send()
                        .await,
                );
            }
            7 => {
                let cuerpo = json!({"detalle": "De prueba.", "version": version});
                drop(
                    pide("DELETE", format!("/reportes/{id}"))
                        .json(&cuerpo)
                        .send()
                        .await,
                );
            }
            8 => {
                // Several edits of one report in one batch, merged or in conflict.
                let mut otro = cuerpo.clone();
                cuerpo["titulo"] = json!(format!("Roca {}", self.azar.u64()));
                otro["area_id"] = json!(area);
                if self.azar.one_in(2) {
                    cuerpo["version_base"] = version.clone();
                    otro["version_base"] = version;
                }
                let pedido = [cuerpo, otro];
                self.sitio.push_batch(&self.autor, &pedido).await;
            }
            9 => self.resolve().await,
            // The last file that is missing will not come.
            _ => {
                if let Some(archivo) = ver.json["multimedia"][0]["id"].as_i64() {
                    let pedido = self
                        .sitio
                        .request("DELETE", &format!("/multimedia/{archivo}"));
                    let pedido = pedido.json(&json!({"detalle": "No vendrá."}));
                    drop(pedido.by(&self.autor).send().await);
                }
            }
        }
    }

    async fn resolve(&mut self) {
        let r = self
            .sitio
            .request("GET", "/sync/conflictos")
            .by(&self.autor)
            .send()
            .await;
        let Some(c) = r.json["items"].get(0) else {
            return;
        };
        let decision = *self.azar.pick(&["servidor", "cliente"]);
        let cuerpo = json!({"decision": decision, "version": c["version"]});
        let ruta = format!("/sync/conflictos/{}/resolver", c["id"]);
        drop(
            self.sitio
                .request("POST", &ruta)
                .by(&self.autor)
                .json(&cuerpo)
                .send()
                .await,
        );
    }
}

/// What the rows say, counted by whoever reads this: by state, area and severity, where `donde` holds.
async fn count_rows_by(sitio: &TestSite, por: &str, donde: &str) -> Vec<(i64, i64)> {
    let mut v = vec![];
    for id in 1..=10 {
        let sql = format!(
            "SELECT count(*) FROM reportes WHERE retirado_en IS NULL AND {por} = {id} AND {donde}"
        );
        v.push((id, sitio.bd.query_i64(&sql).await));
    }
    v.retain(|(_, n)| *n != 0);
    v
}

/// The exact nearest rank of a duration of the rows, in hours, beside what the dashboard says.
async fn check_percentile(sitio: &TestSite, duracion: &str, dicho: &Value, p: usize) {
    let sql = format!(
        "SELECT CAST({duracion} AS TEXT) FROM reportes WHERE retirado_en IS NULL AND {duracion} IS NOT NULL"
    );
    let mut todas: Vec<f64> = sitio
        .bd
        .texts(&sql)
        .await
        .iter()
        .map(|ms| ms.parse::<f64>().expect("ms").max(0.0) / 3_600_000.0)
        .collect();
    todas.sort_unstable_by(f64::total_cmp);
    assert_eq!(dicho["reportes"], todas.len());
    let exacto = todas[(todas.len() * p).div_ceil(100) - 1];
    let dicho = dicho[format!("p{p}")].as_f64().expect("horas");
    // The error that is promised, and what is lost in writing hundredths.
    let error = exacto / 32.0 + 1.0 / 60.0 + 0.005;
    assert!(
        (dicho - exacto).abs() <= error,
        "{duracion} p{p}: {dicho}, and it is {exacto}"
    );
}

fn parts(v: &Value) -> Vec<(i64, i64)> {
    let todas = v.as_array().unwrap().iter();
    todas
        .map(|p| (p["id"].as_i64().unwrap(), p["reportes"].as_i64().unwrap()))
        .filter(|(_, n)| *n != 0)
        .collect()
}

#[both_databases]
async fn ten_thousand_random_changes_are_counted_right(sitio: &TestSite) {
    const WORKERS: usize = 4;
    let admin = sitio.administrador().await;
    let atras = sitio
        .request("PUT", "/catalogos/transiciones/3/1")
        .by(&admin);
    atras
        .json(&json!({"roles": ["administrador"]}))
        .send()
        .await
        .expect_status(200, "");
    let listo = AtomicBool::new(false);
    let manos = (0..WORKERS).map(|_| async {
        let mut mano = DashboardWriter {
            sitio,
            azar: Rng::silent(),
            autor: sitio.trabajador().await,
            admin: sitio.administrador().await,
            suyos: vec![],
        };
        for _ in 0..iterations(10_000) / WORKERS {
            mano.step().await;
        }
    });
    // At any moment in between all of it agrees, and one answer agrees with itself.
    let mira = async {
        let mut veces = 0;
        while !listo.load(Ordering::Relaxed) {
            sitio.store.roll_up_counts().await.unwrap();
            let r = sitio.store.recount(silent()).await.unwrap();
            assert_eq!(r.distintas, 0, "{:?}", r.primeras);
            let t = dashboard(sitio, &admin, "?desde=2026-01-01&hasta=2026-03-31").await;
            let total = t["total"].as_i64().unwrap();
            for parte in ["por_estado", "por_area", "por_severidad"] {
                assert_eq!(
                    parts(&t[parte]).iter().map(|(_, n)| n).sum::<i64>(),
                    total,
                    "{parte}"
                );
            }
            let serie = t["serie"].as_array().unwrap().iter();
            assert_eq!(
                serie.map(|p| p["reportes"].as_i64().unwrap()).sum::<i64>(),
                total
            );
            assert_eq!(
                t["indicadores"]["horas_a_sync"]["reportes"]
                    .as_i64()
                    .unwrap(),
                total
            );
            assert_eq!(
                t["indicadores"]["horas_a_decision"]["reportes"],
                t["decididos"]
            );
            veces += 1;
        }
        veces
    };
    let trabajan = async {
        futures_util::future::join_all(manos).await;
        listo.store(true, Ordering::Relaxed);
    };
    let ((), veces) = futures_util::future::join(trabajan, mira).await;
    assert!(veces > 3, "{veces}");
    let t = dashboard(sitio, &admin, "?desde=2026-01-01&hasta=2026-03-31").await;
    // An administrador's, and a supervisor's of some areas.
    let jefe = sitio.supervisor(&[1, 3]).await;
    let suyo = dashboard(sitio, &jefe, "?desde=2026-01-01&hasta=2026-03-31").await;
    for (t, donde) in [(&t, "1 = 1"), (&suyo, "area_id IN (1, 3)")] {
        for (parte, por) in [
            ("por_estado", "estado_id"),
            ("por_area", "area_id"),
            ("por_severidad", "severidad_id"),
        ] {
            assert_eq!(
                parts(&t[parte]),
                count_rows_by(sitio, por, donde).await,
                "{parte} {donde}"
            );
        }
    }
    for p in [50, 90] {
        check_percentile(
            sitio,
            "hora_sincronizado - hora_creado",
            &t["indicadores"]["horas_a_sync"],
            p,
        )
        .await;
    }
    let renunciados = sitio
        .bd
        .query_i64("SELECT count(*) FROM multimedia WHERE estado = 'renunciado'")
        .await;
    assert!(renunciados > 0);
    let sync = async |que: &str| {
        let sql = format!(
            "SELECT count(*) FROM reportes WHERE retirado_en IS NULL AND sync_status = '{que}'"
        );
        sitio.bd.query_i64(&sql).await
    };
    let i = &t["indicadores"];
    assert_eq!(
        i["conflictos_abiertos"].as_i64().unwrap(),
        sync("conflicto").await
    );
    assert_eq!(
        i["multimedia_faltante"].as_i64().unwrap(),
        sync("multimedia_pendiente").await
    );
    let antiguo = sitio
        .bd
        .query_i64(
            "SELECT coalesce((SELECT id FROM reportes WHERE retirado_en IS NULL AND estado_id = 1
            ORDER BY fecha_reporte, hora_sincronizado, id LIMIT 1), 0)",
        )
        .await;
    assert_eq!(
        i["pendiente_mas_antiguo"]["id"].as_i64().unwrap_or(0),
        antiguo
    );
}
