//! Stage 3: the supervisores decide, each in the own areas, all at once.

use std::{collections::HashMap, sync::Arc};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    client::ApiClient,
    error::DemoError,
    pages::{ListedReporte, Pager},
    plan::{Decision, PlannedEdit, ReporteStory},
    screen::StageProgress,
    team::Team,
};

/// What the server said to the decisions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct DecisionCounts {
    pub(super) aprobados: u64,
    pub(super) rechazados: u64,
    /// The same person the same way again: 200.
    pub(super) repetidas: u64,
    /// Somebody else, too late: 409.
    pub(super) tarde: u64,
    /// The severity, while the author changes another field.
    pub(super) cambiados: u64,
}

/// The part of the plan that a supervisor follows, by uuid.
struct Plans(HashMap<String, Plan>);

#[derive(Clone, Copy)]
struct Plan {
    decision: Option<Decision>,
    dos_veces: bool,
    otro: bool,
    severidad_id: Option<i64>,
}

impl Plans {
    fn new(historias: &[ReporteStory]) -> Self {
        let plan = |h: &ReporteStory| Plan {
            decision: h.decision,
            dos_veces: h.decidir_dos_veces,
            otro: h.decide_otro,
            severidad_id: (h.edicion == Some(PlannedEdit::ConOtra)).then(|| h.other_severidad()),
        };
        let planes = historias.iter().map(|h| (h.uuid.clone(), plan(h)));
        Self(
            planes
                .filter(|(_, p)| p.decision.is_some() || p.severidad_id.is_some())
                .collect(),
        )
    }
}

pub(super) async fn decide(
    equipo: &Team,
    historias: &[ReporteStory],
) -> Result<DecisionCounts, DemoError> {
    let planes = Arc::new(Plans::new(historias));
    let etapa = StageProgress::new("Decidiendo reportes", planes.0.len());
    let mut tareas = JoinSet::new();
    for supervisor in &equipo.supervisores {
        let (planes, etapa) = (Arc::clone(&planes), etapa.clone());
        let (suyo, otro) = (
            supervisor.cliente.clone(),
            equipo.administrador.cliente.clone(),
        );
        tareas.spawn(async move { walk_pending(&suyo, &otro, &planes, &etapa).await });
    }
    let mut total = DecisionCounts::default();
    while let Some(suma) = tareas.join_next().await {
        let suma = suma??;
        total.aprobados += suma.aprobados;
        total.rechazados += suma.rechazados;
        total.repetidas += suma.repetidas;
        total.tarde += suma.tarde;
        total.cambiados += suma.cambiados;
    }
    etapa.finish();
    Ok(total)
}

/// One supervisor walks the pending list while the own decisions shorten it: the cursor must skip
/// nothing for that.
async fn walk_pending(
    supervisor: &ApiClient,
    otro: &ApiClient,
    planes: &Plans,
    etapa: &StageProgress,
) -> Result<DecisionCounts, DemoError> {
    let mut suma = DecisionCounts::default();
    let mut paginas = Pager::new(supervisor, &[("estado", "1"), ("limite", "20")]);
    while let Some(pagina) = paginas.next_page().await? {
        for reporte in pagina {
            let Some(plan) = planes.0.get(&reporte.uuid) else {
                continue;
            };
            decide_one(supervisor, otro, &reporte, *plan, &mut suma).await?;
            etapa.advance();
        }
    }
    Ok(suma)
}

async fn decide_one(
    supervisor: &ApiClient,
    otro: &ApiClient,
    reporte: &ListedReporte,
    plan: Plan,
    suma: &mut DecisionCounts,
) -> Result<(), DemoError> {
    if let Some(severidad_id) = plan.severidad_id {
        let cambio = json!({ "severidad_id": severidad_id, "version": reporte.version });
        let ruta = format!("reportes/{}", reporte.id);
        supervisor.put(&ruta, &cambio).await?.require(&[200])?;
        suma.cambiados += 1;
    }
    let Some(decision) = plan.decision else {
        return Ok(());
    };
    let ruta = |d: Decision| format!("admin/reportes/{}/{}", reporte.id, d.path());
    let (suya, cuerpo) = (ruta(decision), detalle(decision));
    supervisor.post(&suya, &cuerpo).await?.require(&[200])?;
    match decision {
        Decision::Aprobar => suma.aprobados += 1,
        Decision::Rechazar => suma.rechazados += 1,
    }
    if plan.dos_veces {
        supervisor.post(&suya, &cuerpo).await?.require(&[200])?;
        suma.repetidas += 1;
    }
    if plan.otro {
        // Always a refusal: sometimes the same decision and sometimes the opposite one.
        let tarde = Decision::Rechazar;
        otro.post(&ruta(tarde), &detalle(tarde))
            .await?
            .require(&[409])?;
        suma.tarde += 1;
    }
    Ok(())
}

fn detalle(decision: Decision) -> Value {
    match decision {
        Decision::Aprobar => json!({ "detalle": "Revisado en terreno; se corrige en el turno." }),
        Decision::Rechazar => {
            json!({ "detalle": "Falta indicar el lugar exacto; envíelo de nuevo." })
        }
    }
}
