//! `POST /reportes/`, each connection a worker of its own.

use crate::{
    Error,
    client::Connection,
    measure::{Kind, Run},
};

const CONNECTIONS: [u32; 3] = [1, 16, 64];

pub async fn measure(run: &mut Run<'_>) -> Result<(), Error> {
    let samples = &run.bench.samples;
    for connections in CONNECTIONS {
        let name = format!("crear × {connections}");
        run.measure((&name, Kind::Reportes(1)), |site| {
            let tokens = (0..).zip(site.people.workers(connections)?);
            let works = tokens.map(|(worker, token)| {
                // Each begins elsewhere.
                let mut i = worker * 7;
                async move |connection: &mut Connection| {
                    i += 1;
                    let json = samples.json(i, "");
                    connection
                        .post_json("/reportes/", &token, (&json, 201))
                        .await?;
                    Ok(())
                }
            });
            Ok(works.collect())
        })
        .await?;
    }
    Ok(())
}
