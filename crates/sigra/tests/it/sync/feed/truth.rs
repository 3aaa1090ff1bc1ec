//! What really happened, as the database tells it, against what a reader was told.

use std::{collections::HashMap, time::Duration};

use super::readers::{FeedItem, ReadLog};
use sigra_testkit::{Persona, TestDb};

/// One row of the feed.
struct FeedRow {
    posicion: i64,
    uuid: String,
    version: i64,
    autor: i64,
    antes: Option<i64>,
    despues: i64,
    retirado: bool,
}

pub struct GroundTruth(Vec<FeedRow>);

impl GroundTruth {
    pub async fn load(bd: &TestDb) -> Self {
        let sql = "SELECT CAST(coalesce(c.posicion, 0) AS TEXT) || ' ' || r.uuid_cliente || ' '
            || CAST(c.version AS TEXT) || ' ' || CAST(c.rut AS TEXT) || ' '
            || CAST(coalesce(c.area_antes, 0) AS TEXT) || ' ' || CAST(c.area_despues AS TEXT) || ' '
            || CASE WHEN c.retirado THEN '1' ELSE '0' END
            FROM cambios c JOIN reportes r ON r.id = c.reporte_id ORDER BY c.posicion";
        let fila = |linea: String| {
            let partes: Vec<&str> = linea.split(' ').collect();
            let n = |i: usize| partes[i].parse::<i64>().unwrap();
            FeedRow {
                posicion: n(0),
                uuid: partes[1].to_owned(),
                version: n(2),
                autor: n(3),
                antes: Some(n(4)).filter(|a| *a > 0),
                despues: n(5),
                retirado: n(6) == 1,
            }
        };
        let filas: Vec<FeedRow> = bd.texts(sql).await.into_iter().map(fila).collect();
        // All have their place, and there is no gap in which a reader could miss something.
        for (i, f) in filas.iter().enumerate() {
            assert_eq!(f.posicion, i64::try_from(i + 1).unwrap());
        }
        Self(filas)
    }

    /// What this reader was told is the feed's, in its order, and nothing is missing.
    pub fn check(&self, lector: &Persona, leido: &ReadLog) {
        let que = format!("{:?} {:?}", lector.quien.rol, lector.quien.areas);
        let posiciones: HashMap<(&str, i64), i64> = self
            .0
            .iter()
            .map(|f| ((&*f.uuid, f.version), f.posicion))
            .collect();
        let mut ultima_posicion = 0;
        let mut ultimo: HashMap<&str, &FeedItem> = HashMap::new();
        for dicho in &leido.dichos {
            let uuid = match dicho {
                FeedItem::Reporte(uuid, version) => {
                    let posicion = posiciones[&(&**uuid, *version)];
                    // One order for all; never back, never twice.
                    assert!(posicion > ultima_posicion, "{que}: {dicho:?} vuelve atrás");
                    ultima_posicion = posicion;
                    uuid
                }
                FeedItem::Retirado(uuid) => uuid,
            };
            ultimo.insert(uuid, dicho);
        }
        let (mut vistos, mut perdidos) = (0, 0);
        let mut finales: HashMap<&str, &FeedRow> = HashMap::new();
        for f in self.0.iter().filter(|f| concerns(lector, f)) {
            finales.insert(&f.uuid, f);
            vistos += 1;
        }
        for (uuid, f) in finales {
            let llego = match ultimo.get(uuid) {
                Some(FeedItem::Reporte(_, version)) => sees(lector, f) && *version == f.version,
                Some(FeedItem::Retirado(_)) => !sees(lector, f),
                None => false,
            };
            perdidos += usize::from(!llego);
        }
        let mut demoras = leido.demoras.clone();
        demoras.sort_unstable();
        let p99 = demoras
            .get(demoras.len() * 99 / 100)
            .copied()
            .unwrap_or_default();
        println!(
            "{que}: {vistos} cambios, {} entregas, {perdidos} perdidos, p99 {p99:?}",
            leido.dichos.len()
        );
        assert_eq!(perdidos, 0, "{que}");
        assert!(vistos > 100 && !demoras.is_empty(), "{que}: {vistos}");
        assert!(p99 < Duration::from_secs(1), "{que}: {p99:?}");
    }
}

fn can_see(lector: &Persona, f: &FeedRow, area: i64) -> bool {
    let autor = sigra_domain::Rut::new(f.autor).unwrap();
    lector.quien.can_see(autor, area)
}

/// Whether a change concerns a reader: they saw the report before it, or see it after.
fn concerns(lector: &Persona, f: &FeedRow) -> bool {
    can_see(lector, f, f.despues) || f.antes.is_some_and(|a| can_see(lector, f, a))
}

fn sees(lector: &Persona, f: &FeedRow) -> bool {
    !f.retirado && can_see(lector, f, f.despues)
}
