//! The last stage: what was promised is compared with what is there.

use std::collections::{HashMap, HashSet};

use sigra_domain::{Rut, bitacora::Accion};
use sigra_phone::Asiento;
use sigra_store::{FiltroBitacora, Store, lista_bitacora};

use super::{
    equipo::Equipo,
    error::ErrorDemo,
    paginas::{Listado, Paginas},
    pantalla::Etapa,
    plan::{Decision, Historia, Totales, totales},
    telefonos::{Propios, RELOJ_ADELANTADO_MS},
};

const PENDIENTE: i64 = 1;
/// How far off a clock may be measured, on a slow link.
const TOLERANCIA_MS: i64 = 60_000;

/// What is in the database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Revisados {
    pub(super) pendientes: u64,
    /// Written down or acknowledged, but not there.
    pub(super) perdidos: u64,
    /// There more often than once, or never to have come in.
    pub(super) dobles: u64,
    /// In another estado than the last decision left it in.
    pub(super) decisiones_perdidas: u64,
    pub(super) hechos: Totales,
    pub(super) entradas: i64,
    pub(super) rotas: u64,
}

/// Every row, by uuid, as the administrador sees it over HTTP.
pub(super) struct Filas(HashMap<String, Vec<Listado>>);

impl Filas {
    pub(super) async fn leer(equipo: &Equipo, historias: usize) -> Result<Self, ErrorDemo> {
        let mut filas: HashMap<String, Vec<Listado>> = HashMap::new();
        let etapa = Etapa::nueva("Buscando perdidos y dobles", historias);
        let filtros = [("limite", "200"), ("orden", "id")];
        let mut paginas = Paginas::nuevas(&equipo.administrador.cliente, &filtros);
        while let Some(pagina) = paginas.siguiente().await? {
            for fila in pagina {
                filas.entry(fila.uuid.clone()).or_default().push(fila);
                etapa.avanza();
            }
        }
        etapa.termina();
        Ok(Self(filas))
    }

    fn unica(&self, uuid: &str) -> Option<&Listado> {
        self.0.get(uuid)?.first()
    }

    pub(super) fn version(&self, uuid: &str) -> Option<i64> {
        self.unica(uuid).map(|f| f.version)
    }

    /// Against the plan and against what the phones were told.
    fn comparar(&self, historias: &[Historia], libros: &[Asiento]) -> Revisados {
        let mut r = Revisados::default();
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
        let esta = |a: &&Asiento| {
            self.unica(&a.uuid_cliente)
                .is_some_and(|f| f.id == a.id && f.version >= a.version)
        };
        let faltan = libros.iter().filter(|a| !esta(a)).count();
        r.perdidos += u64::try_from(faltan).unwrap_or(u64::MAX);
        r
    }
}

pub(super) async fn revisar(
    filas: &Filas,
    historias: &[Historia],
    libros: &[Asiento],
    store: &Store,
) -> Result<Revisados, ErrorDemo> {
    let mut revisados = filas.comparar(historias, libros);
    revisados.hechos = hechos(store).await?;
    let etapa = Etapa::nueva("Verificando la bitácora", historias.len());
    let resumen = store.verifica_bitacora(|n| etapa.va_en(n)).await?;
    etapa.termina();
    revisados.entradas = resumen.entradas;
    revisados.rotas = u64::try_from(resumen.hallazgos.len()).unwrap_or(u64::MAX);
    Ok(revisados)
}

/// How often each thing was done, by the bitácora: however often it was sent, it was done once.
async fn hechos(store: &Store) -> Result<Totales, ErrorDemo> {
    const PAGINA: i64 = 1_000;
    let mut autores: HashMap<i64, Rut> = HashMap::new();
    let mut ediciones: Vec<(i64, Rut)> = Vec::new();
    let mut t = Totales::default();
    let mut filtro = FiltroBitacora::default();
    let mut lectura = store.leer().await?;
    loop {
        let pagina = lista_bitacora(&mut lectura, &filtro, PAGINA).await?;
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
pub(super) async fn adelanto(equipo: &Equipo, device_id: &str) -> Result<i64, ErrorDemo> {
    let cliente = &equipo.administrador.cliente;
    let lista = cliente
        .get("admin/dispositivos", &[("limite", "200")])
        .await?
        .exige(&[200])?;
    let suyo = lista
        .lista("items")?
        .iter()
        .find(|d| d["device_id"] == device_id);
    let desfase = suyo.and_then(|d| d["desfase_reloj_ms"].as_i64());
    let desfase = desfase
        .ok_or_else(|| ErrorDemo::Interno(format!("falta {device_id} entre los dispositivos")))?;
    Ok(-desfase)
}

/// What contradicts the promise, as sentences; empty when all is well.
pub(super) fn hallazgos(
    historias: &[Historia],
    r: &Revisados,
    p: &Propios,
    adelanto_ms: i64,
) -> Vec<String> {
    let plan = totales(historias);
    let entradas: i64 = historias.iter().map(Historia::entradas).sum();
    let mut hallazgos = Vec::new();
    let mut anota = |malo: bool, texto: String| {
        if malo {
            hallazgos.push(texto);
        }
    };
    anota(r.perdidos > 0, format!("{} reportes perdidos", r.perdidos));
    anota(r.dobles > 0, format!("{} reportes de más", r.dobles));
    let hechos = Totales {
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
    let error = adelanto_ms - RELOJ_ADELANTADO_MS;
    anota(
        error.abs() > TOLERANCIA_MS,
        format!("un reloj adelantado tres horas se midió con {error} ms de error"),
    );
    hallazgos
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use sigra_phone::Asiento;
    use sigra_store::Entorno;

    use super::{Filas, Revisados, hallazgos};
    use crate::commands::demo::{
        dado::Dado,
        datos::registros,
        paginas::Listado,
        plan::{Decision, Historia, planificar, totales},
        telefonos::{Propios, RELOJ_ADELANTADO_MS},
    };

    fn historias() -> Vec<Historia> {
        planificar(
            &registros().unwrap()[..60],
            &mut Dado::nuevo(1),
            &Entorno::default(),
        )
    }

    fn filas(historias: &[Historia]) -> HashMap<String, Vec<Listado>> {
        let fila = |(i, h): (usize, &Historia)| {
            let fila = Listado {
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

    fn asiento(h: &Historia, id: i64, version: i64) -> Asiento {
        Asiento {
            uuid_cliente: h.uuid.clone(),
            sha256_contenido: String::new(),
            resultado: "creado".into(),
            id,
            version,
        }
    }

    #[test]
    fn nothing_wrong_is_found_where_nothing_is() {
        let h = historias();
        let r = Filas(filas(&h)).comparar(&h, &[asiento(&h[0], 0, 2)]);
        assert_eq!((r.perdidos, r.dobles, r.decisiones_perdidas), (0, 0, 0));
        let plan = totales(&h);
        let r = Revisados {
            hechos: super::Totales {
                rechazados: 0,
                ..plan
            },
            entradas: h.iter().map(Historia::entradas).sum(),
            ..r
        };
        let p = Propios {
            rechazados: plan.rechazados,
            iguales: plan.creados,
            atrasados: 0,
            fotos_perdidas: 0,
        };
        assert_eq!(hallazgos(&h, &r, &p, RELOJ_ADELANTADO_MS + 900), [""; 0]);
    }

    #[test]
    fn each_kind_of_wrong_is_found() {
        let h = historias();
        let mut filas = filas(&h);
        filas.remove(&h[0].uuid);
        let dos = filas.get_mut(&h[1].uuid).unwrap();
        dos.push(dos[0].clone());
        let nunca = Listado {
            uuid: "nunca".into(),
            ..dos[0].clone()
        };
        filas.insert("nunca".into(), vec![nunca]);
        filas.get_mut(&h[2].uuid).unwrap()[0].estado_id = 9;
        let libros = [
            asiento(&h[0], 0, 1),
            asiento(&h[3], 99, 1),
            asiento(&h[4], 4, 3),
            asiento(&h[5], 5, 2),
        ];
        let r = Filas(filas).comparar(&h, &libros);
        assert_eq!((r.perdidos, r.dobles, r.decisiones_perdidas), (4, 2, 1));
        let p = Propios {
            atrasados: 1,
            ..Propios::default()
        };
        assert_eq!(hallazgos(&h, &Revisados { rotas: 1, ..r }, &p, 0).len(), 9);
    }
}
