//! The last stage: what was promised is compared with what is there.

use std::collections::{HashMap, HashSet};

use sigra_domain::{Rut, bitacora::Accion};
use sigra_phone::LedgerEntry;
use sigra_store::{BitacoraFilter, Store, list_bitacora};

use crate::{
    error::DemoError,
    pages::{ListedReporte, Pager},
    phones::{CLOCK_AHEAD_MS, PhoneCounts},
    plan::{Decision, ExpectedTotals, ReporteStory, totals},
    screen::StageProgress,
    team::Team,
};

const PENDIENTE: i64 = 1;
/// How far off a clock may be measured, on a slow link.
const TOLERANCE_MS: i64 = 60_000;

/// What is in the database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct DatabaseCheck {
    pub(super) pendientes: u64,
    /// Written down or acknowledged, but not there.
    pub(super) perdidos: u64,
    /// There more often than once, or never to have come in.
    pub(super) dobles: u64,
    /// In another estado than the last decision left it in.
    pub(super) decisiones_perdidas: u64,
    pub(super) hechos: ExpectedTotals,
    pub(super) entradas: i64,
    pub(super) rotas: u64,
}

/// Every row, by uuid, as the administrador sees it over HTTP.
pub(super) struct ListedReportes(HashMap<String, Vec<ListedReporte>>);

impl ListedReportes {
    pub(super) async fn read(equipo: &Team, historias: usize) -> Result<Self, DemoError> {
        let mut filas: HashMap<String, Vec<ListedReporte>> = HashMap::new();
        let etapa = StageProgress::new("Buscando perdidos y dobles", historias);
        let filtros = [("limite", "200"), ("orden", "id")];
        let mut paginas = Pager::new(&equipo.administrador.cliente, &filtros);
        while let Some(pagina) = paginas.next_page().await? {
            for fila in pagina {
                filas.entry(fila.uuid.clone()).or_default().push(fila);
                etapa.advance();
            }
        }
        etapa.finish();
        Ok(Self(filas))
    }

    fn single(&self, uuid: &str) -> Option<&ListedReporte> {
        self.0.get(uuid)?.first()
    }

    pub(super) fn version(&self, uuid: &str) -> Option<i64> {
        self.single(uuid).map(|f| f.version)
    }

    /// Against the plan and against what the phones were told.
    fn compare(&self, historias: &[ReporteStory], libros: &[LedgerEntry]) -> DatabaseCheck {
        let mut r = DatabaseCheck::default();
        for h in historias.iter().filter(|h| !h.invalida) {
            let Some(filas) = self.0.get(&h.uuid) else {
                r.perdidos += 1;
                continue;
            };
            let esperado = h.decision.map_or(PENDIENTE, Decision::estado_id);
            r.decisiones_perdidas += u64::from(filas.iter().any(|f| f.estado_id != esperado));
            r.pendientes += u64::from(filas.iter().any(|f| f.estado_id == PENDIENTE));
        }
        let validas = historias.iter().filter(|h| !h.invalida);
        let validas: HashSet<&str> = validas.map(|h| &*h.uuid).collect();
        for (uuid, filas) in &self.0 {
            let de_mas = filas.len() - usize::from(validas.contains(&**uuid));
            r.dobles += u64::try_from(de_mas).unwrap_or(u64::MAX);
        }
        // What a phone was told is there under that number, and has not gone back.
        let esta = |a: &&LedgerEntry| {
            self.single(&a.uuid_cliente)
                .is_some_and(|f| f.id == a.id && f.version >= a.version)
        };
        let faltan = libros.iter().filter(|a| !esta(a)).count();
        r.perdidos += u64::try_from(faltan).unwrap_or(u64::MAX);
        r
    }
}

pub(super) async fn check(
    filas: &ListedReportes,
    historias: &[ReporteStory],
    libros: &[LedgerEntry],
    store: &Store,
) -> Result<DatabaseCheck, DemoError> {
    let mut revisados = filas.compare(historias, libros);
    revisados.hechos = count_totals(store).await?;
    let etapa = StageProgress::new("Verificando la bitácora", historias.len());
    let resumen = store.verify_bitacora(|n| etapa.set_position(n)).await?;
    etapa.finish();
    revisados.entradas = resumen.entradas;
    revisados.rotas = u64::try_from(resumen.hallazgos.len()).unwrap_or(u64::MAX);
    Ok(revisados)
}

/// How often each thing was done, by the bitácora: however often it was sent, it was done once.
async fn count_totals(store: &Store) -> Result<ExpectedTotals, DemoError> {
    const PAGE_SIZE: i64 = 1_000;
    let mut autores: HashMap<i64, Rut> = HashMap::new();
    let mut ediciones: Vec<(i64, Rut)> = Vec::new();
    let mut t = ExpectedTotals::default();
    let mut filtro = BitacoraFilter::default();
    let mut lectura = store.read().await?;
    loop {
        let pagina = list_bitacora(&mut lectura, &filtro, PAGE_SIZE).await?;
        let Some(ultima) = pagina.last() else {
            break;
        };
        filtro.antes_de = Some(ultima.id);
        for leida in pagina {
            let e = leida.entrada;
            match e.accion {
                Accion::Crear => {
                    t.creados += 1;
                    autores.insert(leida.reporte_id, e.rut);
                }
                Accion::Editar => ediciones.push((leida.reporte_id, e.rut)),
                Accion::Conflicto => t.conflictos += 1,
                _ => {}
            }
        }
    }
    let de_otro = |(reporte, rut): &&(i64, Rut)| autores.get(reporte) != Some(rut);
    let cambiados: HashSet<i64> = ediciones.iter().filter(de_otro).map(|(r, _)| *r).collect();
    for (reporte, _) in ediciones.iter().filter(|e| !de_otro(e)) {
        if cambiados.contains(reporte) {
            t.fusionados += 1;
        } else {
            t.actualizados += 1;
        }
    }
    Ok(t)
}

/// The clock of a phone less the server's, as the server measured it.
pub(super) async fn clock_skew(equipo: &Team, device_id: &str) -> Result<i64, DemoError> {
    let cliente = &equipo.administrador.cliente;
    let lista = cliente
        .get("admin/dispositivos", &[("limite", "200")])
        .await?
        .require(&[200])?;
    let suyo = lista
        .array("items")?
        .iter()
        .find(|d| d["device_id"] == device_id);
    let desfase = suyo.and_then(|d| d["desfase_reloj_ms"].as_i64());
    let desfase = desfase
        .ok_or_else(|| DemoError::Interno(format!("falta {device_id} entre los dispositivos")))?;
    Ok(-desfase)
}

/// What contradicts the promise, as sentences; empty when all is well.
pub(super) fn findings(
    historias: &[ReporteStory],
    r: &DatabaseCheck,
    p: &PhoneCounts,
    adelanto_ms: i64,
) -> Vec<String> {
    let plan = totals(historias);
    let entradas: i64 = historias.iter().map(ReporteStory::entradas).sum();
    let mut hallazgos = Vec::new();
    let mut anota = |malo: bool, texto: String| {
        if malo {
            hallazgos.push(texto);
        }
    };
    anota(r.perdidos > 0, format!("{} reportes perdidos", r.perdidos));
    anota(r.dobles > 0, format!("{} reportes de más", r.dobles));
    let hechos = ExpectedTotals {
        rechazados: p.rechazados,
        ..r.hechos
    };
    anota(
        hechos != plan,
        format!("se hizo {hechos:?} y el plan era {plan:?}"),
    );
    anota(
        r.decisiones_perdidas > 0,
        format!(
            "{} reportes en un estado que nadie decidió",
            r.decisiones_perdidas
        ),
    );
    anota(
        r.rotas > 0,
        format!("{} cadenas de la bitácora rotas", r.rotas),
    );
    // One for each thing that was done: what was sent twice must have written nothing.
    anota(
        r.entradas != entradas,
        format!(
            "la bitácora tiene {} entradas y debían ser {entradas}",
            r.entradas
        ),
    );
    anota(
        p.fotos_perdidas > 0,
        format!("{} fotos perdidas", p.fotos_perdidas),
    );
    anota(
        p.atrasados > 0,
        format!(
            "{} reportes que su teléfono no tiene como el servidor",
            p.atrasados
        ),
    );
    anota(
        p.iguales != plan.creados,
        format!(
            "los teléfonos probaron {} reportes de {}",
            p.iguales, plan.creados
        ),
    );
    let error = adelanto_ms - CLOCK_AHEAD_MS;
    anota(
        error.abs() > TOLERANCE_MS,
        format!("un reloj adelantado tres horas se midió con {error} ms de error"),
    );
    hallazgos
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use sigra_phone::LedgerEntry;
    use sigra_store::Env;

    use super::{DatabaseCheck, ListedReportes, findings};
    use crate::{
        pages::ListedReporte,
        phones::{CLOCK_AHEAD_MS, PhoneCounts},
        plan::{Decision, ReporteStory, build_plan, totals},
        records::records,
        rng::Rng,
    };

    fn histories() -> Vec<ReporteStory> {
        build_plan(&records().unwrap()[..60], &mut Rng::new(1), &Env::default())
    }

    fn rows(historias: &[ReporteStory]) -> HashMap<String, Vec<ListedReporte>> {
        let fila = |(i, h): (usize, &ReporteStory)| {
            let fila = ListedReporte {
                id: i64::try_from(i).unwrap(),
                uuid: h.uuid.clone(),
                estado_id: h.decision.map_or(1, Decision::estado_id),
                version: 2,
            };
            (h.uuid.clone(), vec![fila])
        };
        let validas = historias.iter().enumerate().filter(|(_, h)| !h.invalida);
        validas.map(fila).collect()
    }

    fn ledger_entry(h: &ReporteStory, id: i64, version: i64) -> LedgerEntry {
        LedgerEntry {
            uuid_cliente: h.uuid.clone(),
            sha256_contenido: String::new(),
            resultado: "creado".into(),
            id,
            version,
        }
    }

    #[test]
    fn nothing_wrong_is_found_where_nothing_is() {
        let h = histories();
        let r = ListedReportes(rows(&h)).compare(&h, &[ledger_entry(&h[0], 0, 2)]);
        assert_eq!((r.perdidos, r.dobles, r.decisiones_perdidas), (0, 0, 0));
        let plan = totals(&h);
        let r = DatabaseCheck {
            hechos: super::ExpectedTotals {
                rechazados: 0,
                ..plan
            },
            entradas: h.iter().map(ReporteStory::entradas).sum(),
            ..r
        };
        let p = PhoneCounts {
            rechazados: plan.rechazados,
            iguales: plan.creados,
            atrasados: 0,
            fotos_perdidas: 0,
        };
        assert_eq!(findings(&h, &r, &p, CLOCK_AHEAD_MS + 900), [""; 0]);
    }

    #[test]
    fn each_kind_of_wrong_is_found() {
        let h = histories();
        let mut filas = rows(&h);
        filas.remove(&h[0].uuid);
        let dos = filas.get_mut(&h[1].uuid).unwrap();
        dos.push(dos[0].clone());
        let nunca = ListedReporte {
            uuid: "nunca".into(),
            ..dos[0].clone()
        };
        filas.insert("nunca".into(), vec![nunca]);
        filas.get_mut(&h[2].uuid).unwrap()[0].estado_id = 9;
        let libros = [
            ledger_entry(&h[0], 0, 1),
            ledger_entry(&h[3], 99, 1),
            ledger_entry(&h[4], 4, 3),
            ledger_entry(&h[5], 5, 2),
        ];
        let r = ListedReportes(filas).compare(&h, &libros);
        assert_eq!((r.perdidos, r.dobles, r.decisiones_perdidas), (4, 2, 1));
        let p = PhoneCounts {
            atrasados: 1,
            ..PhoneCounts::default()
        };
        assert_eq!(
            findings(&h, &DatabaseCheck { rotas: 1, ..r }, &p, 0).len(),
            9
        );
    }
}
