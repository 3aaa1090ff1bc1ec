//! Notifications live: at once, across nodes, and none lost when the server falls.

use std::{collections::BTreeMap, time::Duration};

use futures_util::StreamExt as _;
use serde_json::{Value, json};
use sigra_store::{Entorno, Store, avisos::Salidas};
use tokio::{sync::watch, time::timeout};

use crate::{
    arnes::{Bd, Motor, Nodos, Persona, Red, Sitio, cuenta, dado, reporte_en},
    en_ambas,
};

/// Nothing here takes this long.
const PLAZO: Duration = Duration::from_mins(1);

/// One event of a stream.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evento {
    nombre: String,
    id: i64,
    pub datos: Value,
}

/// A stream as a browser's EventSource reads it.
pub struct Flujo {
    bytes:
        std::pin::Pin<Box<dyn futures_util::Stream<Item = reqwest::Result<bytes::Bytes>> + Send>>,
    /// Read, and no event yet: a piece may end within a letter.
    resto: Vec<u8>,
}

impl Flujo {
    pub async fn abre(
        pedido: reqwest::RequestBuilder,
        ultimo: Option<i64>,
    ) -> reqwest::Result<Self> {
        let pedido = match ultimo {
            Some(id) => pedido.header("last-event-id", id.to_string()),
            None => pedido,
        };
        let r = pedido.send().await?.error_for_status()?;
        assert_eq!(r.headers()["content-type"], "text/event-stream");
        assert_eq!(
            (
                &r.headers()["cache-control"],
                &r.headers()["x-accel-buffering"]
            ),
            (&"no-store".parse().unwrap(), &"no".parse().unwrap())
        );
        assert!(!r.headers().contains_key("content-encoding"));
        Ok(Self {
            bytes: Box::pin(r.bytes_stream()),
            resto: vec![],
        })
    }

    /// The next event or comment, as it was sent; `None` when the stream ended, however it did.
    async fn bloque(&mut self) -> Option<String> {
        loop {
            if let Some(fin) = self.resto.windows(2).position(|v| v == b"\n\n") {
                let resto = self.resto.split_off(fin + 2);
                let bloque = std::mem::replace(&mut self.resto, resto);
                return Some(String::from_utf8(bloque).expect("UTF-8"));
            }
            let trozo = self.bytes.next().await?.ok()?;
            self.resto.extend(trozo);
        }
    }

    /// The next event; `None` when the stream ended, however it did.
    async fn siguiente(&mut self) -> Option<Evento> {
        loop {
            let evento = lee(&self.bloque().await?);
            if !evento.nombre.is_empty() {
                return Some(evento);
            }
        }
    }

    pub async fn pronto(&mut self) -> Evento {
        timeout(PLAZO, self.siguiente())
            .await
            .expect("no llegó nada")
            .expect("terminó")
    }
}

fn lee(bloque: &str) -> Evento {
    let mut e = Evento::default();
    for linea in bloque.lines() {
        match linea.split_once(": ") {
            Some(("event", v)) => v.clone_into(&mut e.nombre),
            Some(("id", v)) => e.id = v.parse().expect("id"),
            Some(("data", v)) => e.datos = serde_json::from_str(v).expect("datos"),
            _ => {}
        }
    }
    e
}

fn pedido(sitio: &Sitio, quien: &Persona, ruta: &str) -> reqwest::RequestBuilder {
    sitio
        .http
        .get(format!("{}{ruta}", sitio.url))
        .bearer_auth(&quien.token)
}

en_ambas! {
    async fn en_vivo_y_desde_donde_iba(sitio: &Sitio) {
        let (autor, jefe, otro) = (sitio.trabajador().await, sitio.supervisor(&[1]).await, sitio.supervisor(&[2]).await);
        let reparte = async || sitio.store.reparte_avisos(Salidas::default()).await.unwrap();
        sitio.reporte(&autor, 1).await;
        reparte().await;
        let mut flujo = Flujo::abre(pedido(sitio, &jefe, "/eventos"), None).await.unwrap();
        let listo = flujo.pronto().await;
        assert_eq!((listo.nombre.as_str(), &listo.datos), ("listo", &json!({"reiniciado": false})));
        let mut ajeno = Flujo::abre(pedido(sitio, &otro, "/eventos"), None).await.unwrap();
        ajeno.pronto().await;
        for _ in 0..3 {
            sitio.reporte(&autor, 1).await;
        }
        reparte().await;
        let lista = sitio.pide("GET", "/notificaciones").como(&jefe).envia().await.json;
        let mut items = lista["items"].as_array().unwrap().clone();
        items.reverse();
        assert_eq!(items.len(), 4);
        assert_eq!(listo.id, items[0]["id"].as_i64().unwrap());
        for item in &items[1..] {
            let e = flujo.pronto().await;
            assert_eq!((e.nombre.as_str(), e.id, &e.datos), ("notificacion", item["id"].as_i64().unwrap(), item));
        }
        // Back after the second, by the header or the address; in another language.
        let desde = items[1]["id"].as_i64().unwrap();
        let ingles = pedido(sitio, &jefe, &format!("/eventos?desde={desde}")).header("accept-language", "en");
        for (pedido, ultimo) in [(ingles, None), (pedido(sitio, &jefe, "/eventos"), Some(desde))] {
            let mut flujo = Flujo::abre(pedido, ultimo).await.unwrap();
            assert_eq!(flujo.pronto().await.id, desde);
            let ids = [flujo.pronto().await.id, flujo.pronto().await.id];
            assert_eq!(ids, [items[2]["id"].as_i64().unwrap(), items[3]["id"].as_i64().unwrap()]);
        }
        // From a server that has forgotten: a backup was put in its place.
        let mut flujo = Flujo::abre(pedido(sitio, &jefe, "/eventos"), Some(999_999)).await.unwrap();
        assert_eq!(flujo.pronto().await.datos, json!({"reiniciado": true}));
        // Nothing of this was for the other.
        sitio.reporte(&autor, 2).await;
        reparte().await;
        assert_eq!(ajeno.pronto().await.datos["evento"], "reporte.creado");
        for mala in ["/eventos?desde=ayer", "/eventos?desde=-1"] {
            sitio.pide("GET", mala).como(&jefe).envia().await.espera(422, "datos_invalidos");
        }
        let r = sitio.pide("GET", "/eventos").como(&jefe).header("last-event-id", "ayer").envia().await;
        r.espera(422, "datos_invalidos");
    }

    async fn el_mas_nuevo_entra_siempre(sitio: &Sitio) {
        let jefe = sitio.supervisor(&[1]).await;
        let mut suyos = vec![];
        for _ in 0..11 {
            let mut flujo = Flujo::abre(pedido(sitio, &jefe, "/eventos"), None).await.unwrap();
            flujo.pronto().await;
            suyos.push(flujo);
        }
        // The oldest gave way, and it alone.
        assert_eq!(timeout(PLAZO, suyos[0].siguiente()).await.expect("sigue abierto"), None);
        sitio.reporte(&sitio.trabajador().await, 1).await;
        sitio.store.reparte_avisos(Salidas::default()).await.unwrap();
        for flujo in &mut suyos[1..] {
            assert_eq!(flujo.pronto().await.nombre, "notificacion");
        }
    }

    async fn quien_sale_no_oye_mas(sitio: &Sitio) {
        let (sale, queda) = (sitio.supervisor(&[1]).await, sitio.supervisor(&[1]).await);
        let (echado, admin) = (sitio.supervisor(&[1]).await, sitio.administrador().await);
        let mut flujos = vec![];
        for quien in [&sale, &echado, &queda] {
            let mut flujo = Flujo::abre(pedido(sitio, quien, "/eventos"), None).await.unwrap();
            flujo.pronto().await;
            flujos.push(flujo);
        }
        // They are told of it, and hear nothing of it: they went first.
        sitio.reporte(&sitio.trabajador().await, 1).await;
        sitio.pide("POST", "/auth/logout").como(&sale).envia().await.espera(204, "");
        let echa = sitio.pide("PATCH", &format!("/usuarios/{}", echado.rut)).como(&admin).json(&json!({"activo": false}));
        echa.envia().await.espera(200, "");
        sitio.store.reparte_avisos(Salidas::default()).await.unwrap();
        for flujo in &mut flujos[..2] {
            assert_eq!(timeout(PLAZO, flujo.siguiente()).await.expect("sigue abierto"), None);
        }
        assert_eq!(flujos[2].pronto().await.nombre, "notificacion");
        // With nothing to tell it ends, too.
        let resto = sitio.sesion(sale.quien.clone()).await;
        let mut flujo = Flujo::abre(pedido(sitio, &resto, "/eventos"), None).await.unwrap();
        flujo.pronto().await;
        sitio.pide("POST", "/auth/logout").como(&resto).envia().await.espera(204, "");
        assert_eq!(timeout(PLAZO, flujo.siguiente()).await.expect("sigue abierto"), None);
    }

    /// Four times a minute, so that nobody takes the silence for the end; and it is none.
    async fn late_mientras_no_hay_nada(sitio: &Sitio) {
        let jefe = sitio.supervisor(&[1]).await;
        let mut flujo = Flujo::abre(pedido(sitio, &jefe, "/eventos"), None).await.unwrap();
        assert_eq!(flujo.pronto().await.nombre, "listo");
        let bloque = timeout(PLAZO, flujo.bloque()).await.expect("no late");
        assert_eq!(bloque.as_deref(), Some(": latido\n\n"));
        sitio.reporte(&sitio.trabajador().await, 1).await;
        sitio.store.reparte_avisos(Salidas::default()).await.unwrap();
        assert_eq!(flujo.pronto().await.nombre, "notificacion");
    }

    async fn los_otros_nodos_oyen_la_senal(sitio: &Sitio) {
        // SQLite has one node.
        if sitio.bd.motor == Motor::Sqlite {
            return;
        }
        let oyente = Store::abrir(&sitio.bd.url, 2, Entorno::default()).await.unwrap();
        let mut novedades = oyente.novedades();
        let suyo = oyente.clone();
        let escucha = tokio::spawn(async move { suyo.oye_novedades().await });
        let mut oye = async || timeout(PLAZO, novedades.changed()).await.expect("nadie avisó").unwrap();
        // Its own: it began to listen.
        oye().await;
        let otro = Store::abrir(&sitio.bd.url, 2, Entorno::default()).await.unwrap();
        for _ in 0..3 {
            sitio.reporte(&sitio.trabajador().await, 1).await;
            otro.reparte_avisos(Salidas::default()).await.unwrap();
            oye().await;
        }
        escucha.abort();
        otro.cerrar().await;
        oyente.cerrar().await;
    }
}

/// A client that always comes back; `va` is the last it heard of.
async fn escucha(red: Red, quien: Persona, va: watch::Sender<i64>) -> (Vec<i64>, usize) {
    let http = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("cliente");
    let (mut ultimo, mut vistos, mut vueltas) = (None, vec![], 0);
    // Until nobody wants to know.
    while !va.is_closed() {
        let url = format!("http://{}/eventos", red.direccion(dado(red.nodos())));
        let pedido = http.get(url).bearer_auth(red.token(&quien));
        let Ok(mut flujo) = Flujo::abre(pedido, ultimo).await else {
            // There is no server at this moment.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        vueltas += 1;
        loop {
            let evento = tokio::select! {
                e = flujo.siguiente() => e,
                () = va.closed() => None,
            };
            let Some(e) = evento else { break };
            ultimo = Some(e.id);
            if e.nombre == "notificacion" {
                vistos.push(e.id);
            }
            va.send_replace(e.id);
        }
    }
    (vistos, vueltas)
}

/// 500 listen while reports come in and servers fall: each hears all that is theirs, once and in order.
async fn nadie_se_pierde_nada(motor: Motor, nodos: usize) {
    let Some(bd) = Bd::nueva(motor).await else {
        return;
    };
    let otra = bd.otra();
    let sitio = Sitio::nuevo(bd).await;
    let mut jefes = vec![];
    for _ in 0..50 {
        let area = 1 + i64::try_from(dado(4)).expect("cabe");
        jefes.push(sitio.supervisor(&[area]).await);
    }
    let autor = sitio.trabajador().await;
    let mut nodos = Nodos::nuevos(otra, nodos).await;
    let mut oyentes = vec![];
    for n in 0..500 {
        let quien = &jefes[n % jefes.len()];
        let (dice, va) = watch::channel(-1);
        let tarea = tokio::spawn(escucha(nodos.red.clone(), quien.clone(), dice));
        oyentes.push((quien.rut.cuerpo(), va, tarea));
    }
    for (_, va, _) in &mut oyentes {
        let entra = timeout(PLAZO, va.wait_for(|id| *id >= 0)).await;
        entra.expect("no entra").expect("oyente");
    }
    for i in 0..cuenta(20) {
        for _ in 0..25 {
            let area = 1 + i64::try_from(dado(4)).expect("cabe");
            sitio.crea(&autor, &reporte_en(area)).await.espera(201, "");
        }
        // The moment is what is tried here.
        tokio::time::sleep(Duration::from_millis(dado(1_500) as u64)).await;
        let i = i % nodos.red.nodos();
        nodos.mata(i).await;
        nodos.arranca(i).await;
    }
    // The servers tell by themselves; there is no event of another process to wait for.
    let faltan = "SELECT (SELECT max(posicion) FROM cambios) - (SELECT posicion FROM reparto)
            + (SELECT count(*) FROM cambios WHERE posicion IS NULL)";
    let limite = tokio::time::Instant::now() + PLAZO;
    while sitio.bd.entero(faltan).await > 0 {
        assert!(tokio::time::Instant::now() < limite, "nadie avisa");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut suyas: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for jefe in &jefes {
        let rut = jefe.rut.cuerpo();
        let sql = format!("SELECT CAST(id AS TEXT) FROM notificaciones WHERE rut = {rut}");
        let ids = sitio.bd.textos(&sql).await;
        let mut ids: Vec<i64> = ids.iter().map(|id| id.parse().expect("id")).collect();
        ids.sort_unstable();
        suyas.insert(rut, ids);
    }
    let (mut oidos, mut vueltas) = (0, 0);
    for (rut, mut va, tarea) in oyentes {
        let todas = &suyas[&rut];
        let ultima = todas.last().copied().unwrap_or(0);
        let llega = timeout(PLAZO, va.wait_for(|id| *id >= ultima))
            .await
            .is_ok();
        drop(va);
        let (vistos, veces) = tarea.await.expect("oyente");
        assert_eq!(&vistos, todas, "llegó hasta el último: {llega}");
        oidos += vistos.len();
        vueltas += veces;
    }
    println!("{motor:?}: 500 oyentes, {oidos} eventos, {vueltas} conexiones");
    let (bd, _dir) = nodos.archiva().await;
    drop(bd);
    sitio.en_orden_y_fuera().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nadie_se_pierde_nada_sqlite() {
    nadie_se_pierde_nada(Motor::Sqlite, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nadie_se_pierde_nada_postgres() {
    nadie_se_pierde_nada(Motor::Postgres, 2).await;
}
