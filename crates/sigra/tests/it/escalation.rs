//! What people are told because nothing happened, by a server that looks by itself.

use sigra_domain::Instante;

use sigra_testkit::{DbKind, Nodes, TestDb, TestSite, client, event_stream::EventStream};

/// The server itself looks, by its settings.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_checks_alarms_by_itself() {
    let sitio = TestSite::new(TestDb::new(DbKind::Sqlite).await.expect("SQLite")).await;
    let (autor, admin) = (sitio.trabajador().await, sitio.administrador().await);
    let id = sitio.reporte(&autor, 1).await["id"].clone();
    let hace_rato = sitio.store.env().now().plus(-10 * Instante::MINUTE);
    let sql = format!("UPDATE reportes SET hora_sincronizado = {}", hace_rato.0);
    sitio.bd.sql(&sql).await.unwrap();
    let bd = sitio.close().await;
    // By default it would be half an hour.
    let variables = vec![("SIGRA_ESCALAR_MINUTOS".to_owned(), "5".to_owned())];
    let nodos = Nodes::with(bd, 1, variables).await;
    let http = client::http();
    let url = format!("http://{}/eventos?desde=0", nodos.red.address(0));
    let pedido = http.get(url).bearer_auth(nodos.red.token(&admin));
    let mut flujo = EventStream::open(pedido, None).await.unwrap();
    loop {
        let e = flujo.expect_next().await;
        if e.datos["evento"] == "reporte.sin_abrir" {
            assert_eq!(e.datos["reporte_id"], id);
            break;
        }
    }
    nodos.close().await.delete().await;
}
