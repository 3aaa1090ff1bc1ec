//! `POST /sync/batch`, each connection a phone of another worker.

use crate::{
    Error,
    client::Connection,
    measure::{Kind, Run},
};

const PHONES: [u32; 2] = [1, 16];
const REPORTES: u32 = 100;

pub async fn measure(run: &mut Run<'_>) -> Result<(), Error> {
    let samples = &run.bench.samples;
    // A fast refusal is no figure.
    let expected = format!(r#""resumen":{{"creado":{REPORTES}}}"#);
    for phones in PHONES {
        let name = format!("lotes de {REPORTES} × {phones}");
        run.measure((&name, Kind::Reportes(REPORTES)), |site| {
            let tokens = (0..).zip(site.people.workers(phones)?);
            let works = tokens.map(|(phone, token)| {
                let (mut i, expected) = (phone * 7, &expected);
                async move |connection: &mut Connection| {
                    let reportes = (0..REPORTES).map(|_| {
                        i += 1;
                        samples.json(i, "")
                    });
                    let batch = samples.batch(&reportes.collect::<Vec<_>>());
                    let answer = connection
                        .post_json("/sync/batch", &token, (&batch, 200))
                        .await?;
                    if !String::from_utf8_lossy(answer).contains(expected) {
                        return Err("un lote no se aceptó entero".into());
                    }
                    Ok(())
                }
            });
            Ok(works.collect())
        })
        .await?;
    }
    Ok(())
}
