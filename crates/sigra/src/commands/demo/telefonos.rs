//! The phones: each worker has one, with its queue on disk.

use std::{net::SocketAddr, path::Path, sync::Mutex, time::Duration};

use sigra_phone::{
    Adjunto, Ajustes, Borrador, Contenido, Estado, EstadoDeArchivo, Fin, Parche, Politica, Telefono,
};
use sigra_store::Entorno;
use tokio::task::JoinSet;

use super::{
    dado::Dado,
    enlaces::{self, Trafico},
    equipo::Miembro,
    error::ErrorDemo,
    fotos,
    pantalla::Etapa,
    plan::{AREA_QUE_NO_EXISTE, Edicion, Historia},
};

/// The clock of the first phone is ahead by this.
pub(super) const RELOJ_ADELANTADO_MS: i64 = 3 * 60 * 60 * 1000;
/// Phones that come back into coverage at the same time.
const A_LA_VEZ: usize = 4;
/// Tries of one phone before the demo gives up on it; each has tries of its own.
const VUELTAS: usize = 20;

/// A worker's phone and the reports that it wrote.
pub(super) struct Movil {
    pub(super) device_id: String,
    pub(super) telefono: Telefono,
    pub(super) historias: Vec<Historia>,
    dado: Dado,
}

/// What phones and links did in a stage.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Labor {
    pub(super) enviados: u64,
    pub(super) duplicados: u64,
    pub(super) peticiones: u64,
    pub(super) fotos: u64,
    pub(super) bytes_de_fotos: u64,
    /// Uploads that went on where a link had broken.
    pub(super) reanudadas: u64,
    pub(super) trafico: Trafico,
}

/// Before the shift: each worker signs in where there is signal.
pub(super) async fn preparar(
    dir: &Path,
    base: &str,
    trabajadores: &[Miembro],
    historias: &[Historia],
    dado: &mut Dado,
) -> Result<Vec<Movil>, ErrorDemo> {
    let etapa = Etapa::nueva("Preparando teléfonos", trabajadores.len());
    let dir = dir.join("telefonos");
    std::fs::create_dir_all(&dir).map_err(|e| ErrorDemo::Directorio(dir.clone(), e))?;
    let mut moviles = Vec::with_capacity(trabajadores.len());
    for (i, trabajador) in trabajadores.iter().enumerate() {
        let device_id = format!("telefono-demo-{:03}", i + 1);
        let adelanto = if i == 0 { RELOJ_ADELANTADO_MS } else { 0 };
        let azar = Mutex::new(dado.otro());
        let mut ajustes = Ajustes::nuevos(
            base,
            &device_id,
            move || Entorno::default().ahora().mas(adelanto).0,
            move || azar.lock().map_or(0, |mut dado| dado.tira()),
        );
        // The shift of the demo lasts seconds.
        ajustes.espera_base = Duration::from_millis(10);
        ajustes.espera_techo = Duration::from_millis(100);
        ajustes.plazo_peticion = Duration::from_secs(10);
        let archivo = dir.join(format!("{device_id}.db"));
        let mut telefono = Telefono::abrir(&archivo, ajustes).await?;
        let rut = trabajador.persona.rut.formateado();
        telefono.entrar(&rut, &trabajador.password).await?;
        let suyas = historias.iter().skip(i).step_by(trabajadores.len());
        moviles.push(Movil {
            device_id,
            telefono,
            historias: suyas.cloned().collect(),
            dado: dado.otro(),
        });
        etapa.avanza();
    }
    etapa.termina();
    Ok(moviles)
}

/// Underground: reports are written down, and nothing is sent.
pub(super) async fn escribir(dir: &Path, moviles: &mut [Movil]) -> Result<(), ErrorDemo> {
    let etapa = Etapa::nueva("Sin señal: escribiendo reportes", cuantas(moviles));
    let dir = dir.join("telefonos");
    for movil in moviles {
        for h in &movil.historias {
            let r = &h.registro;
            let contenido = Contenido {
                titulo: r.titulo.clone(),
                descripcion: Some(r.descripcion.clone()),
                area_id: if h.invalida {
                    AREA_QUE_NO_EXISTE
                } else {
                    r.area_id
                },
                severidad_id: r.severidad_id,
                ubicacion: None,
                multimedia: None,
            };
            let borrador = Borrador {
                contenido,
                fecha_reporte: Some(r.fecha),
                uuid_cliente: Some(h.uuid.clone()),
            };
            if h.con_foto {
                let ruta = dir.join(format!("{}.jpg", h.uuid));
                let foto = fotos::foto(&mut movil.dado)?;
                std::fs::write(&ruta, foto).map_err(|e| ErrorDemo::Directorio(ruta.clone(), e))?;
                let adjunto = Adjunto {
                    ruta,
                    nombre: "foto.jpg".into(),
                    tipo: "image/jpeg".into(),
                };
                movil
                    .telefono
                    .crear_con_archivos(borrador, &[adjunto])
                    .await?;
            } else {
                movil.telefono.crear(borrador).await?;
            }
            etapa.avanza();
        }
    }
    etapa.termina();
    Ok(())
}

/// Underground again: the authors change some of them, from what they know.
pub(super) async fn editar(moviles: &mut [Movil]) -> Result<(), ErrorDemo> {
    let con_edicion = |m: &Movil| m.historias.iter().filter(|h| h.edicion.is_some()).count();
    let etapa = Etapa::nueva("Sin señal: editando", moviles.iter().map(con_edicion).sum());
    for movil in moviles {
        for h in &movil.historias {
            let parche = match h.edicion {
                None => continue,
                Some(Edicion::ConOtra) => Parche {
                    descripcion: Some(format!("{} (ampliado)", h.registro.descripcion)),
                    ..Parche::default()
                },
                Some(Edicion::Sola | Edicion::Tardia) => Parche {
                    titulo: Some("Título corregido en terreno".into()),
                    ..Parche::default()
                },
            };
            movil.telefono.editar(&h.uuid, parche).await?;
            etapa.avanza();
        }
    }
    etapa.termina();
    Ok(())
}

/// Back in coverage, a few at a time, each over a bad link of its own, until all is delivered and
/// all that there is has come. Conflicts are left to the server's side.
pub(super) async fn volver(
    texto: &'static str,
    servidor: SocketAddr,
    moviles: Vec<Movil>,
) -> Result<(Vec<Movil>, Labor), ErrorDemo> {
    let etapa = Etapa::nueva(texto, moviles.len());
    let (mut tareas, mut vueltos, mut labor) = (JoinSet::new(), Vec::new(), Labor::default());
    for (i, movil) in moviles.into_iter().enumerate() {
        if tareas.len() >= A_LA_VEZ
            && let Some(vuelto) = tareas.join_next().await
        {
            recibe(vuelto??, &mut vueltos, &mut labor);
        }
        let etapa = etapa.clone();
        tareas.spawn(async move {
            let vuelto = uno(i, servidor, movil).await;
            etapa.avanza();
            vuelto
        });
    }
    while let Some(vuelto) = tareas.join_next().await {
        recibe(vuelto??, &mut vueltos, &mut labor);
    }
    etapa.termina();
    vueltos.sort_by(|a, b| a.device_id.cmp(&b.device_id));
    Ok((vueltos, labor))
}

fn recibe((movil, suya): (Movil, Labor), vueltos: &mut Vec<Movil>, labor: &mut Labor) {
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

async fn uno(
    i: usize,
    servidor: SocketAddr,
    mut movil: Movil,
) -> Result<(Movil, Labor), ErrorDemo> {
    let enlace = enlaces::malo(servidor, movil.dado.otro()).await?;
    let telefono = &mut movil.telefono;
    telefono.apuntar(&format!("http://{}", enlace.direccion()))?;
    let mut labor = Labor::default();
    if i == 1 {
        dos_a_la_vez(telefono).await?;
    }
    for vuelta in 0.. {
        let resumen = telefono.sincroniza().await?;
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
                .resolver(conflicto.id, &Politica::Servidor)
                .await
                .ok();
        }
        match resumen.fin {
            Fin::AlDia if abiertos.is_empty() => break,
            Fin::AlDia | Fin::SinEnlace if vuelta < VUELTAS => {}
            otro => {
                return Err(ErrorDemo::Telefono(format!(
                    "{}: {otro:?}",
                    movil.device_id
                )));
            }
        }
    }
    labor.trafico.suma(&enlace);
    Ok((movil, labor))
}

/// The same batch twice at the same moment, as when a person opens the app on two phones that hold
/// one backup. Whatever breaks is sent again later.
async fn dos_a_la_vez(telefono: &mut Telefono) -> Result<(), ErrorDemo> {
    let lote = telefono.arma_lote(500).await?;
    let (a, b) = tokio::join!(telefono.envia(&lote), telefono.envia(&lote));
    for respuesta in [a, b].into_iter().flatten() {
        telefono.aplica(&lote, &respuesta).await.ok();
    }
    Ok(())
}

fn cuantas(moviles: &[Movil]) -> usize {
    moviles.iter().map(|m| m.historias.len()).sum()
}

/// What the phones themselves say in the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Propios {
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
pub(super) async fn comprobar(
    base: &str,
    moviles: &mut [Movil],
    versiones: impl Fn(&str) -> Option<i64>,
) -> Result<Propios, ErrorDemo> {
    let etapa = Etapa::nueva("Comprobando teléfono por teléfono", moviles.len());
    let mut p = Propios::default();
    for movil in moviles {
        let telefono = &mut movil.telefono;
        telefono.apuntar(base)?;
        p.iguales += telefono.reconciliar().await?.iguales;
        for propio in telefono.propios().await? {
            match propio.estado {
                Estado::Rechazado(_) => p.rechazados += 1,
                Estado::Entregado if propio.version == versiones(&propio.uuid_cliente) => {}
                _ => p.atrasados += 1,
            }
        }
        let fotos = telefono.archivos().await?;
        let faltan = fotos
            .iter()
            .filter(|f| f.estado != EstadoDeArchivo::Enviado);
        p.fotos_perdidas += faltan.count() as u64;
        etapa.avanza();
    }
    etapa.termina();
    Ok(p)
}
