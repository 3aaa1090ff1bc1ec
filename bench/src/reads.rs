//! One report by its id, pages of 50 with two filters, and the feed.

use serde_json::Value;

use crate::{
    Error,
    client::Connection,
    run::{Kind, Run},
};

const CONNECTIONS: usize = 16;
const CHANGES: usize = 1_000;

pub async fn measure(run: &mut Run<'_>) -> Result<(), Error> {
    // A step without a factor in common with their number visits all of them.
    let filas = usize::try_from(run.bench.cli.filas)?;
    let by_id = |i: usize| format!("/reportes/{}", 1 + i * 7_919 % filas);
    let list = |i: usize| format!("/reportes/?estado=Pendiente&area_id={}", 1 + i % 10);
    let page = ask(run, &list(2)).await?;
    if page["items"].as_array().map(Vec::len) != Some(50) {
        return Err("una página de la lista no está llena: mida con más --filas".into());
    }
    get(run, "ver por id", by_id).await?;
    get(run, "lista: estado + área", list).await
}

pub async fn measure_changes(run: &mut Run<'_>) -> Result<(), Error> {
    let path = |cursor: &str| format!("/sync/changes?limite={CHANGES}&cursor={cursor}");
    let (mut full, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = ask(run, &path(&cursor)).await?;
        if page["reportes"].as_array().map(Vec::len) == Some(CHANGES) {
            full.push(path(&cursor));
        }
        page["cursor"]
            .as_str()
            .unwrap_or_default()
            .clone_into(&mut cursor);
        if page["hay_mas"] != true {
            break;
        }
    }
    let name = format!("cambios: página de {CHANGES}");
    get(run, &name, |i| full[i % full.len()].clone()).await?;
    get(run, "cambios: nada nuevo", |_| path(&cursor)).await
}

/// Different questions, so that no answer is just kept.
async fn get(run: &mut Run<'_>, name: &str, path: impl Fn(usize) -> String) -> Result<(), Error> {
    let name = format!("{name} × {CONNECTIONS}");
    run.measure((&name, Kind::Read), |people| {
        let token = people.administrador();
        let works = (0..CONNECTIONS).map(|connection| {
            let (mut i, token, path) = (connection * 31, token.clone(), &path);
            async move |connection: &mut Connection| {
                i += 1;
                connection.get(&path(i), &token).await?;
                Ok(())
            }
        });
        works.collect()
    })
    .await
}

async fn ask(run: &Run<'_>, path: &str) -> Result<Value, Error> {
    let mut connection = Connection::open(run.server.address).await?;
    let token = run.people.administrador();
    Ok(serde_json::from_slice(connection.get(path, &token).await?)?)
}
