//! The phones: each worker has one, with its queue on disk.

use std::{net::SocketAddr, path::Path, sync::Mutex, time::Duration};

use sigra_phone::{
    ArchivoState, Attachment, ConflictoPolicy, Contenido, Draft, Patch, Phone, PhoneOptions,
    QueueState, SyncEnd,
};
use sigra_store::Env;
use tokio::task::JoinSet;

use crate::{
    error::DemoError,
    links::{self, Traffic},
    photos,
    plan::{PlannedEdit, ReporteStory, UNKNOWN_AREA},
    rng::Rng,
    screen::StageProgress,
    team::TeamMember,
};

/// The clock of the first phone is ahead by this.
pub(super) const CLOCK_AHEAD_MS: i64 = 3 * 60 * 60 * 1000;
/// Phones that come back into coverage at the same time.
const CONCURRENCY: usize = 4;
/// Tries of one phone before the demo gives up on it; each has tries of its own.
const MAX_ROUNDS: usize = 20;

/// A worker's phone and the reports that it wrote.
pub(super) struct WorkerPhone {
    pub(super) device_id: String,
    pub(super) telefono: Phone,
    pub(super) historias: Vec<ReporteStory>,
    rng: Rng,
}

/// What phones and links did in a stage.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct StageCounts {
    pub(super) enviados: u64,
    pub(super) duplicados: u64,
    pub(super) peticiones: u64,
    pub(super) fotos: u64,
    pub(super) bytes_de_fotos: u64,
    /// Uploads that went on where a link had broken.
    pub(super) reanudadas: u64,
    pub(super) trafico: Traffic,
}

/// Before the shift: each worker signs in where there is signal.
pub(super) async fn prepare(
    dir: &Path,
    base: &str,
    trabajadores: &[TeamMember],
    historias: &[ReporteStory],
    rng: &mut Rng,
) -> Result<Vec<WorkerPhone>, DemoError> {
    let etapa = StageProgress::new("Preparando teléfonos", trabajadores.len());
    let dir = dir.join("telefonos");
    std::fs::create_dir_all(&dir).map_err(|e| DemoError::Directorio(dir.clone(), e))?;
    let mut moviles = Vec::with_capacity(trabajadores.len());
    for (i, trabajador) in trabajadores.iter().enumerate() {
        let device_id = format!("telefono-demo-{:03}", i + 1);
        let adelanto = if i == 0 { CLOCK_AHEAD_MS } else { 0 };
        let azar = Mutex::new(rng.fork());
        let mut ajustes = PhoneOptions::new(
            base,
            &device_id,
            move || Env::default().now().plus(adelanto).0,
            move || azar.lock().map_or(0, |mut rng| rng.next_u64()),
        );
        // The shift of the demo lasts seconds.
        ajustes.espera_base = Duration::from_millis(10);
        ajustes.espera_techo = Duration::from_millis(100);
        ajustes.plazo_peticion = Duration::from_secs(10);
        let archivo = dir.join(format!("{device_id}.db"));
        let mut telefono = Phone::open(&archivo, ajustes).await?;
        let rut = trabajador.persona.rut.formatted();
        telefono.log_in(&rut, &trabajador.password).await?;
        let suyas = historias.iter().skip(i).step_by(trabajadores.len());
        moviles.push(WorkerPhone {
            device_id,
            telefono,
            historias: suyas.cloned().collect(),
            rng: rng.fork(),
        });
        etapa.advance();
    }
    etapa.finish();
    Ok(moviles)
}

/// Underground: reports are written down, and nothing is sent.
pub(super) async fn write_reportes(
    dir: &Path,
    moviles: &mut [WorkerPhone],
) -> Result<(), DemoError> {
    let etapa = StageProgress::new("Sin señal: escribiendo reportes", count_reportes(moviles));
    let dir = dir.join("telefonos");
    for movil in moviles {
        for h in &movil.historias {
            let r = &h.registro;
            let contenido = Contenido {
                titulo: r.titulo.clone(),
                descripcion: Some(r.descripcion.clone()),
                area_id: if h.invalida { UNKNOWN_AREA } else { r.area_id },
                severidad_id: r.severidad_id,
                ubicacion: None,
                multimedia: None,
            };
            let borrador = Draft {
                contenido,
                fecha_reporte: Some(r.fecha),
                uuid_cliente: Some(h.uuid.clone()),
            };
            if h.con_foto {
                let ruta = dir.join(format!("{}.jpg", h.uuid));
                let foto = photos::photo(&mut movil.rng)?;
                std::fs::write(&ruta, foto).map_err(|e| DemoError::Directorio(ruta.clone(), e))?;
                let adjunto = Attachment {
                    ruta,
                    nombre: "foto.jpg".into(),
                    tipo: "image/jpeg".into(),
                };
                movil
                    .telefono
                    .create_with_archivos(borrador, &[adjunto])
                    .await?;
            } else {
                movil.telefono.create(borrador).await?;
            }
            etapa.advance();
        }
    }
    etapa.finish();
    Ok(())
}

/// Underground again: the authors change some of them, from what they know.
pub(super) async fn edit(moviles: &mut [WorkerPhone]) -> Result<(), DemoError> {
    let con_edicion = |m: &WorkerPhone| m.historias.iter().filter(|h| h.edicion.is_some()).count();
    let etapa = StageProgress::new("Sin señal: editando", moviles.iter().map(con_edicion).sum());
    for movil in moviles {
        for h in &movil.historias {
            let parche = match h.edicion {
                None => continue,
                Some(PlannedEdit::ConOtra) => Patch {
                    descripcion: Some(format!("{} (ampliado)", h.registro.descripcion)),
                    ..Patch::default()
                },
                Some(PlannedEdit::Sola | PlannedEdit::Tardia) => Patch {
                    titulo: Some("Título corregido en terreno".into()),
                    ..Patch::default()
                },
            };
            movil.telefono.edit(&h.uuid, parche).await?;
            etapa.advance();
        }
    }
    etapa.finish();
    Ok(())
}

/// Back in coverage, a few at a time, each over a bad link of its own, until all is delivered and
/// all that there is has come. Conflicts are left to the server's side.
pub(super) async fn reconnect(
    texto: &'static str,
    servidor: SocketAddr,
    moviles: Vec<WorkerPhone>,
) -> Result<(Vec<WorkerPhone>, StageCounts), DemoError> {
    let etapa = StageProgress::new(texto, moviles.len());
    let (mut tareas, mut vueltos, mut labor) = (JoinSet::new(), Vec::new(), StageCounts::default());
    for (i, movil) in moviles.into_iter().enumerate() {
        if tareas.len() >= CONCURRENCY
            && let Some(vuelto) = tareas.join_next().await
        {
            collect_returned(vuelto??, &mut vueltos, &mut labor);
        }
        let etapa = etapa.clone();
        tareas.spawn(async move {
            let vuelto = sync_one(i, servidor, movil).await;
            etapa.advance();
            vuelto
        });
    }
    while let Some(vuelto) = tareas.join_next().await {
        collect_returned(vuelto??, &mut vueltos, &mut labor);
    }
    etapa.finish();
    vueltos.sort_by(|a, b| a.device_id.cmp(&b.device_id));
    Ok((vueltos, labor))
}

fn collect_returned(
    (movil, suya): (WorkerPhone, StageCounts),
    vueltos: &mut Vec<WorkerPhone>,
    labor: &mut StageCounts,
) {
    vueltos.push(movil);
    labor.enviados += suya.enviados;
    labor.duplicados += suya.duplicados;
    labor.peticiones += suya.peticiones;
    labor.fotos += suya.fotos;
    labor.bytes_de_fotos += suya.bytes_de_fotos;
    labor.reanudadas += suya.reanudadas;
    labor.trafico.conexiones += suya.trafico.conexiones;
    labor.trafico.cortadas += suya.trafico.cortadas;
    labor.trafico.subidos += suya.trafico.subidos;
    labor.trafico.bajados += suya.trafico.bajados;
}

async fn sync_one(
    i: usize,
    servidor: SocketAddr,
    mut movil: WorkerPhone,
) -> Result<(WorkerPhone, StageCounts), DemoError> {
    let link = links::unreliable_link(servidor, movil.rng.fork()).await?;
    let telefono = &mut movil.telefono;
    telefono.set_url(&format!("http://{}", link.address()))?;
    let mut labor = StageCounts::default();
    if i == 1 {
        send_twice_at_once(telefono).await?;
    }
    for vuelta in 0.. {
        let resumen = telefono.sync().await?;
        labor.enviados += resumen.enviados;
        labor.duplicados += resumen.duplicados;
        labor.peticiones += resumen.peticiones;
        labor.fotos += resumen.archivos;
        labor.bytes_de_fotos += resumen.bytes_de_archivos;
        labor.reanudadas += resumen.reanudados;
        let abiertos = telefono.conflictos().await?;
        for conflicto in &abiertos {
            // A link that breaks here breaks for the next round.
            telefono
                .resolve_conflicto(conflicto.id, &ConflictoPolicy::Servidor)
                .await
                .ok();
        }
        match resumen.fin {
            SyncEnd::AlDia if abiertos.is_empty() => break,
            SyncEnd::AlDia | SyncEnd::SinEnlace if vuelta < MAX_ROUNDS => {}
            otro => {
                return Err(DemoError::Telefono(format!(
                    "{}: {otro:?}",
                    movil.device_id
                )));
            }
        }
    }
    labor.trafico.add(&link);
    Ok((movil, labor))
}

/// The same batch twice at the same moment, as when a person opens the app on two phones that hold
/// one backup. Whatever breaks is sent again later.
async fn send_twice_at_once(telefono: &mut Phone) -> Result<(), DemoError> {
    let lote = telefono.build_batch(500).await?;
    let (a, b) = tokio::join!(telefono.send(&lote), telefono.send(&lote));
    for respuesta in [a, b].into_iter().flatten() {
        telefono.apply(&lote, &respuesta).await.ok();
    }
    Ok(())
}

fn count_reportes(moviles: &[WorkerPhone]) -> usize {
    moviles.iter().map(|m| m.historias.len()).sum()
}

/// What the phones themselves say in the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PhoneCounts {
    /// Refused for good, and shown to their owner.
    pub(super) rechazados: u64,
    /// Proved to be at the server as the phone holds them.
    pub(super) iguales: u64,
    /// Neither delivered nor refused, or in another state than the server's.
    pub(super) atrasados: u64,
    /// Photos that a phone still has to send, or that were refused.
    pub(super) fotos_perdidas: u64,
}

/// Each phone proves what it holds, over a good link, and compares what the feed brought.
pub(super) async fn verify(
    base: &str,
    moviles: &mut [WorkerPhone],
    versiones: impl Fn(&str) -> Option<i64>,
) -> Result<PhoneCounts, DemoError> {
    let etapa = StageProgress::new("Comprobando teléfono por teléfono", moviles.len());
    let mut p = PhoneCounts::default();
    for movil in moviles {
        let telefono = &mut movil.telefono;
        telefono.set_url(base)?;
        p.iguales += telefono.reconcile().await?.iguales;
        for propio in telefono.own_reportes().await? {
            match propio.estado {
                QueueState::Rechazado(_) => p.rechazados += 1,
                QueueState::Entregado if propio.version == versiones(&propio.uuid_cliente) => {}
                _ => p.atrasados += 1,
            }
        }
        let fotos = telefono.archivos().await?;
        let faltan = fotos.iter().filter(|f| f.estado != ArchivoState::Enviado);
        p.fotos_perdidas += faltan.count() as u64;
        etapa.advance();
    }
    etapa.finish();
    Ok(p)
}
