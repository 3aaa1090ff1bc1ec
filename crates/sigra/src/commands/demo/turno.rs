//! One shift at the mine: the stages in order.

use std::path::Path;

use sigra_store::Entorno;

use super::{
    Args,
    cliente::Cliente,
    correos,
    dado::Dado,
    datos, decision,
    equipo::{self, Equipo},
    error::ErrorDemo,
    informe::Resultado,
    plan,
    revision::{self, Filas},
    servidor::Servidor,
    tablero, telefonos,
};

/// What a shift leaves behind.
pub(super) struct Turno {
    pub(super) equipo: Equipo,
    pub(super) resultado: Resultado,
    pub(super) tablero: serde_json::Value,
    /// What is said of the mails.
    pub(super) correos: String,
    /// What is wrong; empty when all is well.
    pub(super) hallazgos: Vec<String>,
}

pub(super) async fn trabajar(
    servidor: &Servidor,
    dir: &Path,
    args: &Args,
    semilla: u64,
) -> Result<Turno, ErrorDemo> {
    let entorno = servidor.store.entorno();
    let trabajadores = usize::from(args.trabajadores);
    let mut registros = datos::registros()?;
    registros.truncate(usize::from(args.reportes));
    let mut dado = Dado::nuevo(semilla);
    let historias = plan::planificar(&registros, &mut dado, entorno);

    let todo = Entorno::cronometro();
    let cliente = Cliente::nuevo(servidor.base.clone())?;
    let admin = equipo::primer_administrador(&servidor.store).await?;
    let equipo = equipo::formar(&cliente, admin, trabajadores, entorno).await?;
    let base = servidor.base.as_str();
    let mut moviles =
        telefonos::preparar(dir, base, &equipo.trabajadores, &historias, &mut dado).await?;
    telefonos::escribir(dir, &mut moviles).await?;
    let (mut moviles, ida) =
        telefonos::volver("Volviendo por un mal enlace", servidor.direccion, moviles).await?;
    let decididos = decision::decidir(&equipo, &historias).await?;
    telefonos::editar(&mut moviles).await?;
    let (mut moviles, vuelta) =
        telefonos::volver("Volviendo otra vez", servidor.direccion, moviles).await?;

    let filas = Filas::leer(&equipo, historias.len()).await?;
    let propios = telefonos::comprobar(base, &mut moviles, |uuid| filas.version(uuid)).await?;
    let mut libros = Vec::new();
    for movil in &moviles {
        libros.extend(movil.telefono.libro().await?);
    }
    let revisados = revision::revisar(&filas, &historias, &libros, &servidor.store).await?;
    let primero = moviles.first().map(|m| m.device_id.as_str());
    let adelanto_ms = revision::adelanto(&equipo, primero.unwrap_or_default()).await?;
    for movil in moviles {
        movil.telefono.cerrar().await;
    }

    let mut hallazgos = revision::hallazgos(&historias, &revisados, &propios, adelanto_ms);
    let tablero = tablero::leer(&equipo, &registros).await?;
    hallazgos.extend(tablero::hallazgo(&tablero, &revisados));
    let correos = correos::cuenta(servidor, &args.datos).await?;
    hallazgos.extend(correos.hallazgo(&historias));
    let resultado = Resultado {
        escritos: historias.len(),
        ida,
        vuelta,
        decididos,
        propios,
        revisados,
        adelanto_ms,
        tiempo_total: todo.elapsed(),
    };
    Ok(Turno {
        equipo,
        resultado,
        tablero,
        correos: correos.texto(),
        hallazgos,
    })
}
