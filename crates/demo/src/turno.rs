//! One shift at the mine: the stages in order.

use std::path::Path;

use sigra_store::Env;

use crate::{
    Args,
    client::ApiClient,
    dashboard, decision,
    error::DemoError,
    mails, phones, plan, records,
    rng::Rng,
    server::DemoServer,
    summary::DemoResult,
    team::{self, Team},
    verify::{self, ListedReportes},
};

/// What a shift leaves behind.
pub(super) struct Turno {
    pub(super) equipo: Team,
    pub(super) resultado: DemoResult,
    pub(super) tablero: serde_json::Value,
    /// What is said of the mails.
    pub(super) correos: String,
    /// What is wrong; empty when all is well.
    pub(super) hallazgos: Vec<String>,
}

pub(super) async fn run_turno(
    servidor: &DemoServer,
    dir: &Path,
    args: &Args,
    semilla: u64,
) -> Result<Turno, DemoError> {
    let store = servidor.services.store();
    let env = store.env();
    let trabajadores = usize::from(args.trabajadores);
    let mut registros = records::records()?;
    registros.truncate(usize::from(args.reportes));
    let mut rng = Rng::new(semilla);
    let historias = plan::build_plan(&registros, &mut rng, env);

    let todo = Env::monotonic_now();
    let cliente = ApiClient::new(servidor.base.clone())?;
    let admin = team::first_administrador(store).await?;
    let equipo = team::build_team(&cliente, admin, trabajadores, env).await?;
    let base = servidor.base.as_str();
    let mut moviles =
        phones::prepare(dir, base, &equipo.trabajadores, &historias, &mut rng).await?;
    phones::write_reportes(dir, &mut moviles).await?;
    let (mut moviles, ida) =
        phones::reconnect("Volviendo por un mal enlace", servidor.address, moviles).await?;
    let decididos = decision::decide(&equipo, &historias).await?;
    phones::edit(&mut moviles).await?;
    let (mut moviles, vuelta) =
        phones::reconnect("Volviendo otra vez", servidor.address, moviles).await?;

    let filas = ListedReportes::read(&equipo, historias.len()).await?;
    let propios = phones::verify(base, &mut moviles, |uuid| filas.version(uuid)).await?;
    let mut libros = Vec::new();
    for movil in &moviles {
        libros.extend(movil.telefono.ledger().await?);
    }
    let revisados = verify::check(&filas, &historias, &libros, store).await?;
    let primero = moviles.first().map(|m| m.device_id.as_str());
    let adelanto_ms = verify::clock_skew(&equipo, primero.unwrap_or_default()).await?;
    for movil in moviles {
        movil.telefono.close().await;
    }

    let mut hallazgos = verify::findings(&historias, &revisados, &propios, adelanto_ms);
    let tablero = dashboard::read(&equipo, &registros).await?;
    hallazgos.extend(dashboard::finding(&tablero, &revisados));
    let correos = mails::count(servidor, &args.datos).await?;
    hallazgos.extend(correos.finding(&historias));
    let resultado = DemoResult {
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
        correos: correos.text(),
        hallazgos,
    })
}
