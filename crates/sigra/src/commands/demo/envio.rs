//! Stage 2: the workers send their reports, all at once.

use tokio::task::JoinSet;

use super::{
    cliente::Cliente,
    equipo::Miembro,
    error::ErrorDemo,
    pantalla::Etapa,
    plan::{Cuerpo, Envio},
};

/// What came back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Enviados {
    /// 201.
    pub(super) creados: u64,
    /// 200 with the id of the first answer.
    pub(super) repetidos: u64,
}

/// Each worker sends its share in order; a worker's reports wait for each other, the workers don't.
pub(super) async fn enviar(
    trabajadores: &[Miembro],
    envios: &[Envio],
) -> Result<Enviados, ErrorDemo> {
    let etapa = Etapa::nueva("Enviando reportes", envios.len());
    let mut tareas = JoinSet::new();
    for (i, trabajador) in trabajadores.iter().enumerate() {
        let suyos: Vec<(Cuerpo, bool)> = envios
            .iter()
            .skip(i)
            .step_by(trabajadores.len())
            .map(|e| (e.cuerpo.clone(), e.repetir))
            .collect();
        let (cliente, etapa) = (trabajador.cliente.clone(), etapa.clone());
        tareas.spawn(async move {
            let mut suma = Enviados::default();
            for (cuerpo, repetir) in suyos {
                uno(&cliente, &cuerpo, repetir, &mut suma).await?;
                etapa.avanza();
            }
            Ok::<_, ErrorDemo>(suma)
        });
    }
    let mut total = Enviados::default();
    while let Some(suma) = tareas.join_next().await {
        let suma = suma??;
        total.creados += suma.creados;
        total.repetidos += suma.repetidos;
    }
    etapa.termina();
    Ok(total)
}

async fn uno(
    cliente: &Cliente,
    cuerpo: &Cuerpo,
    repetir: bool,
    suma: &mut Enviados,
) -> Result<(), ErrorDemo> {
    let primera = cliente
        .post("reportes/", cuerpo)
        .await?
        .exige(&[200, 201])?;
    if primera.status == 201 {
        suma.creados += 1;
    }
    if !repetir {
        return Ok(());
    }
    // A phone whose answer got lost knows nothing of it and sends the same again.
    let segunda = cliente.post("reportes/", cuerpo).await?.exige(&[200])?;
    let (antes, ahora) = (primera.entero("id")?, segunda.entero("id")?);
    if antes != ahora {
        return Err(ErrorDemo::Fracaso(vec![format!(
            "el reporte {} recibió dos números, {antes} y {ahora}",
            cuerpo.uuid_cliente
        )]));
    }
    suma.repetidos += 1;
    Ok(())
}
