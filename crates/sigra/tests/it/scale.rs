//! What does not grow with the number of reports: the memory of an export.

use calamine::{Reader as _, Xlsx};
use futures_util::TryStreamExt as _;

use sigra_testkit::{
    DbKind, Nodes, Persona, TestDb, TestSite, client, history, iterations,
    memory::{MIB, peak, reset_peak, resident},
    reporte_in,
};

/// Downloads it piece by piece; the server's peak above what it held before. `empieza` runs after the first
/// piece, `ve` sees each.
async fn download(
    nodos: &Nodes,
    quien: &Persona,
    ruta: &str,
    empieza: impl AsyncFnOnce(),
    mut ve: impl FnMut(&[u8]),
) -> u64 {
    let pid = nodos.pid(0);
    let quieto = resident(pid);
    reset_peak(pid);
    let http = client::http();
    let url = format!("http://{}{ruta}", nodos.red.address(0));
    let r = http
        .get(url)
        .bearer_auth(nodos.red.token(quien))
        .send()
        .await
        .expect("baja");
    assert_eq!(r.status().as_u16(), 200, "{ruta}");
    let mut trozos = r.bytes_stream();
    let mut empieza = Some(empieza);
    while let Some(trozo) = trozos.try_next().await.expect("baja") {
        ve(&trozo);
        if let Some(empieza) = empieza.take() {
            empieza().await;
        }
    }
    peak(pid).saturating_sub(quieto)
}

async fn export(motor: DbKind) {
    let Some(bd) = TestDb::new(motor).await else {
        return;
    };
    let sitio = TestSite::new(bd).await;
    let (autor, admin) = (
        history::create_authors(&sitio).await,
        sitio.administrador().await,
    );
    let n = iterations(1_000_000);
    history::fill(&sitio, &autor, 1..=n).await;
    let nodos = Nodes::new(sitio.close().await, 1).await;
    // Whatever is made once is made.
    download(
        &nodos,
        &admin,
        "/admin/export.csv?area_id=1&estado=Pendiente",
        async || (),
        |_| (),
    )
    .await;

    let escribe = async || {
        let pedido = nodos.red.request(0, &autor, "POST", "/reportes");
        pedido
            .json(&reporte_in(1))
            .send()
            .await
            .expect_status(201, "");
    };
    let mut lineas = 0;
    let en_csv = download(&nodos, &admin, "/admin/export.csv", escribe, |trozo| {
        lineas += trozo.split(|b| *b == b'\n').count() - 1;
    })
    .await;
    // What came meanwhile is there: nothing holds the database as it was at the start.
    let n = n + 1;
    assert_eq!(lineas, n + 1);
    let mut planilla = vec![];
    let en_xlsx = download(
        &nodos,
        &admin,
        "/admin/export.xlsx",
        async || (),
        |trozo| {
            planilla.extend_from_slice(trozo);
        },
    )
    .await;
    let mb = planilla.len() as u64 / MIB;
    let mut libro: Xlsx<_> = Xlsx::new(std::io::Cursor::new(planilla)).expect("XLSX");
    let hoja = libro.sheet_names()[0].clone();
    let mut celdas = libro.worksheet_cells_reader(&hoja).expect("hoja");
    let mut ultima = 0;
    while let Some(celda) = celdas.next_cell().expect("celda") {
        ultima = celda.get_position().0;
    }
    assert_eq!(usize::try_from(ultima).unwrap(), n);
    println!(
        "{motor:?}: {n} reports, CSV +{} MiB of memory, XLSX (a file of {mb} MiB) +{} MiB",
        en_csv / MIB,
        en_xlsx / MIB,
    );
    assert!(
        en_csv < 48 * MIB && en_xlsx < 48 * MIB,
        "CSV {en_csv}, XLSX {en_xlsx}"
    );
    nodos.close().await.delete().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_does_not_fill_the_memory_on_sqlite() {
    export(DbKind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_does_not_fill_the_memory_on_postgres() {
    export(DbKind::Postgres).await;
}
