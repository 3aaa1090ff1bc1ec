//! One shift at the mine: the stages in order.

use sigra_store::Entorno;

use super::{
    Args,
    cliente::Cliente,
    dado::Dado,
    datos, decision, envio,
    equipo::{self, Equipo},
    error::ErrorDemo,
    informe::Resultado,
    plan, revision,
    servidor::Servidor,
};

/// What a shift leaves behind.
pub(super) struct Turno {
    pub(super) equipo: Equipo,
    pub(super) resultado: Resultado,
    /// What is wrong; empty when all is well.
    pub(super) hallazgos: Vec<String>,
}

pub(super) async fn trabajar(
    servidor: &Servidor,
    args: &Args,
    semilla: u64,
) -> Result<Turno, ErrorDemo> {
    let entorno = servidor.store.entorno();
    let trabajadores = usize::from(args.trabajadores);
    let mut registros = datos::registros()?;
    registros.truncate(usize::from(args.reportes));
    let envios = plan::planificar(&registros, trabajadores, &mut Dado::nuevo(semilla), entorno);

    let todo = Entorno::cronometro();
    let cliente = Cliente::nuevo(servidor.base.clone())?;
    let admin = equipo::primer_administrador(&servidor.store).await?;
    let equipo = equipo::formar(&cliente, admin, trabajadores, entorno).await?;
    let solo_envio = Entorno::cronometro();
    let enviados = envio::enviar(&equipo.trabajadores, &envios).await?;
    let tiempo_envio = solo_envio.elapsed();
    let decididos = decision::decidir(&equipo, &envios).await?;
    let revisados = revision::revisar(&equipo, &envios, &servidor.store).await?;

    let (peticiones, esperas) = cliente.cuentas();
    let resultado = Resultado {
        enviados: envios.len(),
        envio: enviados,
        decision: decididos,
        revision: revisados,
        peticiones,
        esperas,
        tiempo_envio,
        tiempo_total: todo.elapsed(),
    };
    let hallazgos = revision::hallazgos(&envios, enviados, decididos, revisados);
    Ok(Turno {
        equipo,
        resultado,
        hallazgos,
    })
}
