//! Stage 4: what was promised is compared with what is there.

use std::collections::HashMap;

use sigra_store::Store;

use super::{
    decision::Decididos,
    envio::Enviados,
    equipo::Equipo,
    error::ErrorDemo,
    paginas::Paginas,
    pantalla::Etapa,
    plan::{Decision, Envio},
};

const PENDIENTE: i64 = 1;

/// What is in the database, as the administrador sees it over HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Revisados {
    pub(super) pendientes: u64,
    /// Sent and acknowledged, but not there.
    pub(super) perdidos: u64,
    /// There more often than once, or never sent.
    pub(super) dobles: u64,
    /// In another estado than the last decision left it in.
    pub(super) decisiones_perdidas: u64,
    pub(super) entradas: i64,
    pub(super) rotas: u64,
}

pub(super) async fn revisar(
    equipo: &Equipo,
    envios: &[Envio],
    store: &Store,
) -> Result<Revisados, ErrorDemo> {
    let mut vistos: HashMap<String, Vec<i64>> = HashMap::new();
    let etapa = Etapa::nueva("Buscando perdidos y dobles", envios.len());
    let filtros = [("limite", "200"), ("orden", "id")];
    let mut paginas = Paginas::nuevas(&equipo.administrador.cliente, &filtros);
    while let Some(pagina) = paginas.siguiente().await? {
        for reporte in pagina {
            vistos
                .entry(reporte.uuid)
                .or_default()
                .push(reporte.estado_id);
            etapa.avanza();
        }
    }
    etapa.termina();
    let mut revisados = comparar(envios, vistos);

    let etapa = Etapa::nueva("Verificando la bitácora", envios.len());
    let resumen = store.verifica_bitacora(|n| etapa.va_en(n)).await?;
    etapa.termina();
    revisados.entradas = resumen.entradas;
    revisados.rotas = cuenta(resumen.hallazgos.len());
    Ok(revisados)
}

/// `vistos` holds the estado of every row by its uuid.
fn comparar(envios: &[Envio], mut vistos: HashMap<String, Vec<i64>>) -> Revisados {
    let mut r = Revisados::default();
    for envio in envios {
        let Some(estados) = vistos.remove(&envio.cuerpo.uuid_cliente) else {
            r.perdidos += 1;
            continue;
        };
        r.dobles += cuenta(estados.len().saturating_sub(1));
        let esperado = envio.decision.map_or(PENDIENTE, Decision::estado_id);
        if estados.iter().any(|e| *e != esperado) {
            r.decisiones_perdidas += 1;
        }
        if estados.contains(&PENDIENTE) {
            r.pendientes += 1;
        }
    }
    // What is left came from nobody.
    r.dobles += cuenta(vistos.values().map(Vec::len).sum());
    r
}

/// What contradicts the promise, as sentences; empty when all is well.
pub(super) fn hallazgos(envios: &[Envio], e: Enviados, d: Decididos, r: Revisados) -> Vec<String> {
    let enviados = cuenta(envios.len());
    let esperadas = enviados + d.aprobados + d.rechazados;
    let mut hallazgos = Vec::new();
    let mut anota = |malo: bool, texto: String| {
        if malo {
            hallazgos.push(texto);
        }
    };
    anota(r.perdidos > 0, format!("{} reportes perdidos", r.perdidos));
    anota(r.dobles > 0, format!("{} reportes de más", r.dobles));
    anota(
        e.creados != enviados,
        format!("se enviaron {enviados} reportes y se crearon {}", e.creados),
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
    // One for each report and each decision: what was sent twice must have written nothing.
    anota(
        u64::try_from(r.entradas) != Ok(esperadas),
        format!(
            "la bitácora tiene {} entradas y debían ser {esperadas}",
            r.entradas
        ),
    );
    hallazgos
}

fn cuenta(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use sigra_store::Entorno;

    use super::{Revisados, comparar, cuenta, hallazgos};
    use crate::commands::demo::{
        dado::Dado,
        datos::registros,
        decision::Decididos,
        envio::Enviados,
        plan::{Envio, planificar},
    };

    fn envios() -> Vec<Envio> {
        let registros = registros().unwrap();
        planificar(
            &registros[..40],
            4,
            &mut Dado::nuevo(1),
            &Entorno::default(),
        )
    }

    fn filas(envios: &[Envio]) -> HashMap<String, Vec<i64>> {
        let estado = |e: &Envio| e.decision.map_or(1, super::Decision::estado_id);
        envios
            .iter()
            .map(|e| (e.cuerpo.uuid_cliente.clone(), vec![estado(e)]))
            .collect()
    }

    #[test]
    fn nothing_wrong_is_found_where_nothing_is() {
        let envios = envios();
        let r = comparar(&envios, filas(&envios));
        assert_eq!((r.perdidos, r.dobles, r.decisiones_perdidas), (0, 0, 0));
        let pendientes = envios.iter().filter(|e| e.decision.is_none()).count();
        assert_eq!(r.pendientes, cuenta(pendientes));
        let decididos = Decididos {
            aprobados: 40 - r.pendientes,
            ..Decididos::default()
        };
        let r = Revisados {
            entradas: 80 - i64::try_from(pendientes).unwrap(),
            ..r
        };
        let todos = Enviados {
            creados: 40,
            repetidos: 3,
        };
        assert!(hallazgos(&envios, todos, decididos, r).is_empty());
    }

    #[test]
    fn each_kind_of_wrong_is_found() {
        let envios = envios();
        let mut filas = filas(&envios);
        filas.remove(&envios[0].cuerpo.uuid_cliente);
        let dos = filas.get_mut(&envios[1].cuerpo.uuid_cliente).unwrap();
        dos.push(dos[0]);
        filas.insert("never sent".into(), vec![1]);
        *filas.get_mut(&envios[2].cuerpo.uuid_cliente).unwrap() = vec![9];
        let r = comparar(&envios, filas);
        assert_eq!((r.perdidos, r.dobles, r.decisiones_perdidas), (1, 2, 1));
        let r = Revisados { rotas: 1, ..r };
        let malo = Enviados {
            creados: 39,
            repetidos: 0,
        };
        assert_eq!(hallazgos(&envios, malo, Decididos::default(), r).len(), 6);
    }
}
