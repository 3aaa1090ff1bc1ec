//! The reports that are there before anything is measured, written through the storage's own API so
//! that their bitácora is as real as any.

use std::sync::Arc;

use sigra_domain::{
    Instante, Zona,
    catalogo::{APROBADO, Catalogo},
    reporte::NewReporte,
};
use sigra_store::{
    Env, Refused, Store,
    reportes::{CreateReporte, DecideReporte, ReporteRefusal},
};
use tokio::task::JoinSet;

use crate::{
    datos::{Caso, uuid_nuevo},
    error::Error,
    gente::{Gente, Persona},
    pantalla::Etapa,
    servidor::ZONA,
};

/// They were created over this time.
pub const PERIODO: i64 = 730 * Instante::DAY;
const RECHAZADO: i64 = 3;

struct Siembra {
    store: Store,
    casos: Arc<Vec<Caso>>,
    autor: Persona,
    decide: Persona,
    catalogo: Arc<Catalogo>,
    zona: Zona,
    filas: u32,
}

/// Writes `filas` reports, half of them decided, spread over the last two years.
pub async fn siembra(
    store: &Store,
    gente: &Gente,
    casos: &Arc<Vec<Caso>>,
    filas: u32,
    etapa: &Etapa,
) -> Result<(), Error> {
    let catalogo = store.catalogo().await?;
    let zona = Zona::new(ZONA).ok_or(Error::Interno("zona"))?;
    let mut tareas = JoinSet::new();
    let turnos = u32::try_from(gente.trabajadores.len()).map_err(|_| Error::Interno("gente"))?;
    for (turno, autor) in (0..).zip(&gente.trabajadores) {
        let siembra = Siembra {
            store: store.clone(),
            casos: Arc::clone(casos),
            autor: autor.clone(),
            decide: gente.administrador.clone(),
            catalogo: Arc::clone(&catalogo),
            zona: zona.clone(),
            filas,
        };
        let (etapa, paso) = (etapa.clone(), usize::try_from(turnos).unwrap_or(1));
        tareas.spawn(async move {
            for i in (turno..filas).step_by(paso) {
                siembra.uno(i).await?;
                etapa.avanza();
            }
            Ok::<_, Error>(())
        });
    }
    while let Some(tarea) = tareas.join_next().await {
        tarea??;
    }
    Ok(())
}

impl Siembra {
    async fn uno(&self, i: u32) -> Result<(), Error> {
        let entorno = Env::default();
        let paso = PERIODO / i64::from(self.filas);
        let hora = entorno.now().plus(-paso * i64::from(self.filas - i));
        let caso = usize::try_from(i).unwrap_or(0) % self.casos.len();
        let cuerpo = self.casos[caso].con(&uuid_nuevo(entorno.random()), hora);
        let nuevo = NewReporte::from_json(&cuerpo.to_string(), &self.catalogo)
            .map_err(|e| Error::Datos(format!("{e:?}")))?;
        let autor = self.autor.nombre.clone();
        let crear = CreateReporte::new(&self.store, &self.autor.quien, autor, nuevo, &self.zona)?;
        let creado = self.store.write(crear).await.map_err(rechazado)?;
        let estado_id = match i % 4 {
            0 => APROBADO,
            1 => RECHAZADO,
            _ => return Ok(()),
        };
        let decidir = DecideReporte {
            quien: self.decide.quien.clone(),
            id: creado.leido.reporte.id,
            estado_id,
            detalle: Some("Revisado en terreno.".into()),
            version: None,
            catalogo: Arc::clone(&self.catalogo),
        };
        self.store.write(decidir).await.map_err(rechazado)?;
        Ok(())
    }
}

fn rechazado(rechazo: Refused<ReporteRefusal>) -> Error {
    match rechazo {
        Refused::Store(f) => Error::Base(f),
        Refused::Reason(otro) => Error::Datos(format!("{otro:?}")),
    }
}
