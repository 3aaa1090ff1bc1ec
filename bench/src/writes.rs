//! New reports: `POST /reportes/` and `POST /sync/batch`, each connection a phone of another worker.

use crate::{
    Error,
    client::Connection,
    run::{Kind, Run},
};

const ONE_BY_ONE: [u32; 3] = [1, 16, 64];
const IN_BATCHES: [u32; 2] = [1, 16];
const BATCH: u32 = 100;

pub async fn measure(run: &mut Run<'_>) -> Result<(), Error> {
    let samples = &run.bench.samples;
    for connections in ONE_BY_ONE {
        let name = format!("crear × {connections}");
        run.measure((&name, Kind::Reportes(1)), |people| {
            let tokens = (0..).zip(people.workers(connections));
            let works = tokens.map(|(mut i, token)| {
                async move |connection: &mut Connection| {
                    i += 7;
                    let json = samples.json(i, "");
                    connection.post("/reportes/", &token, (&json, 201)).await?;
                    Ok(())
                }
            });
            works.collect()
        })
        .await?;
    }
    Ok(())
}

pub async fn measure_batches(run: &mut Run<'_>) -> Result<(), Error> {
    let samples = &run.bench.samples;
    for phones in IN_BATCHES {
        let name = format!("lotes de {BATCH} × {phones}");
        run.measure((&name, Kind::Reportes(BATCH)), |people| {
            let tokens = (0..).zip(people.workers(phones));
            let works = tokens.map(|(mut i, token)| {
                async move |connection: &mut Connection| {
                    let reportes = (0..BATCH).map(|_| {
                        i += 7;
                        samples.json(i, "")
                    });
                    let batch = samples.batch(reportes);
                    let answer = connection
                        .post("/sync/batch", &token, (&batch, 200))
                        .await?;
                    // A fast refusal is no figure.
                    let whole = format!(r#""resumen":{{"creado":{BATCH}}}"#);
                    if String::from_utf8_lossy(answer).contains(&whole) {
                        Ok(())
                    } else {
                        Err("un lote no se aceptó entero".into())
                    }
                }
            });
            works.collect()
        })
        .await?;
    }
    Ok(())
}
