//! A client that vanishes: at any byte of its request, at any moment of the answer, many at once.
//! Nothing may stay half done, and nothing may stay occupied.

use std::{collections::HashSet, net::SocketAddr, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::arnes::{
    Ajuste, Motor, Persona, Respuesta, Sitio, a_la_vez, corre_con, cuenta, dado, reporte_en, uuid,
};

/// Connections open at once.
const A_LA_VEZ: usize = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quien_desaparece_no_deja_nada_a_medias_sqlite() {
    corre_con(Motor::Sqlite, con(1), async |s| desaparecen(s).await).await;
}

/// With three connections in the pool, one that leaks is a third of the service.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quien_desaparece_no_deja_nada_a_medias_postgres() {
    corre_con(Motor::Postgres, con(3), async |s| desaparecen(s).await).await;
}

fn con(conexiones: u32) -> Ajuste {
    Ajuste {
        conexiones,
        ..Ajuste::default()
    }
}

async fn desaparecen(sitio: &Sitio) {
    let autor = sitio.trabajador().await;
    let jefe = sitio.supervisor(&[1]).await;
    let mut idos = Vec::new();
    while idos.len() < cuenta(2_000) {
        let mut tanda = Vec::new();
        for _ in 0..A_LA_VEZ {
            let ido = Ido::nuevo(sitio, &autor, &jefe).await;
            if dado(4) == 0 {
                // The phone sent it twice at once.
                tanda.push(ido.clone());
            }
            tanda.push(ido);
        }
        let direccion = sitio.url.trim_start_matches("http://").parse().unwrap();
        a_la_vez(
            tanda
                .clone()
                .into_iter()
                .map(|ido| ido.desaparece(direccion)),
        )
        .await;
        idos.extend(tanda);
    }
    se_atiende_a_los_demas(sitio, &autor).await;
    let hechos = hechos(sitio).await;
    let enteros: HashSet<_> = idos
        .iter()
        .filter(|i| i.entero())
        .map(|i| i.cual.clone())
        .collect();
    for ido in &idos {
        assert!(
            enteros.contains(&ido.cual) || !hechos.contains(&ido.cual),
            "medio pedido escribió: {ido:?}"
        );
    }
    let llegaron = enteros.iter().filter(|c| hechos.contains(*c)).count();
    println!(
        "{}: {} desaparecieron, {} habían dicho todo, {llegaron} de ellos quedaron escritos",
        sitio.store.motor(),
        idos.len(),
        enteros.len(),
    );
    assert!(
        llegaron > 0 && idos.iter().any(|i| !i.entero()),
        "la prueba no probó nada"
    );
    for tanda in idos.chunks(A_LA_VEZ) {
        for ido in tanda {
            ido.otra_vez(sitio, hechos.contains(&ido.cual)).await;
        }
    }
    let al_final = self::hechos(sitio).await;
    assert!(
        idos.iter()
            .all(|i| i.metodo == "GET" || al_final.contains(&i.cual))
    );
}

/// A request whose client vanishes.
#[derive(Clone, Debug)]
struct Ido {
    metodo: &'static str,
    ruta: String,
    token: String,
    clave: Option<String>,
    cuerpo: Option<Value>,
    /// The report it is about: its uuid when it is to be created, its id when it is to be changed.
    cual: String,
    /// How many bytes of it are sent; `None`: all.
    corte: Option<usize>,
    momento: Momento,
    /// Ends with a reset instead of a farewell.
    de_golpe: bool,
}

#[derive(Clone, Copy, Debug)]
enum Momento {
    Ya,
    Despues(Duration),
    /// After so many bytes of the answer.
    Leyendo(usize),
}

impl Ido {
    async fn nuevo(sitio: &Sitio, autor: &Persona, jefe: &Persona) -> Self {
        let ajeno = async || sitio.reporte(autor, 1).await["id"].to_string();
        let (metodo, ruta, quien, cuerpo, cual) = match dado(6) {
            0..=2 => {
                let cuerpo = reporte_en(1);
                let cual = cuerpo["uuid_cliente"].as_str().unwrap().to_owned();
                ("POST", "/reportes/".to_owned(), autor, Some(cuerpo), cual)
            }
            3 => {
                let id = ajeno().await;
                let cuerpo = json!({"titulo": format!("Corregido {id}"), "version": 1});
                ("PUT", format!("/reportes/{id}"), autor, Some(cuerpo), id)
            }
            4 => {
                let id = ajeno().await;
                let cuerpo = json!({"detalle": "Se cierra el paso.", "version": 1});
                (
                    "POST",
                    format!("/admin/reportes/{id}/aprobar"),
                    jefe,
                    Some(cuerpo),
                    id,
                )
            }
            _ => (
                "GET",
                "/reportes/?limite=200".to_owned(),
                jefe,
                None,
                "lista".to_owned(),
            ),
        };
        let clave = (cuerpo.is_some() && dado(2) == 0).then(uuid);
        let mut ido = Self {
            metodo,
            ruta,
            token: quien.token.clone(),
            clave,
            cuerpo,
            cual,
            corte: None,
            momento: Momento::al_azar(metodo),
            de_golpe: dado(2) == 0,
        };
        // Most of them say all they had to say.
        if dado(4) == 0 {
            ido.corte = Some(dado(ido.en_bytes().len()));
        }
        ido
    }

    fn en_bytes(&self) -> Vec<u8> {
        let cuerpo = self
            .cuerpo
            .as_ref()
            .map(Value::to_string)
            .unwrap_or_default();
        let clave = self
            .clave
            .as_ref()
            .map(|c| format!("idempotency-key: {c}\r\n"));
        format!(
            "{} {} HTTP/1.1\r\nhost: sigra\r\nauthorization: Bearer {}\r\n{}\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{cuerpo}",
            self.metodo,
            self.ruta,
            self.token,
            clave.unwrap_or_default(),
            cuerpo.len(),
        )
        .into_bytes()
    }

    fn entero(&self) -> bool {
        self.corte.is_none()
    }

    async fn desaparece(self, direccion: SocketAddr) {
        let mut conexion = TcpStream::connect(direccion).await.unwrap();
        if self.de_golpe {
            conexion.set_zero_linger().unwrap();
        }
        let bytes = self.en_bytes();
        let dice = &bytes[..self.corte.unwrap_or(bytes.len())];
        conexion.write_all(dice).await.unwrap();
        match self.momento {
            Momento::Ya => {}
            Momento::Despues(rato) => sleep(rato).await,
            Momento::Leyendo(bytes) => {
                let mut leido = vec![0; bytes];
                // Half a request has no answer, and a short answer has fewer bytes.
                let lee = timeout(Duration::from_millis(100), conexion.read_exact(&mut leido));
                lee.await.ok();
            }
        }
    }

    /// What a phone does that heard nothing: the same again.
    async fn otra_vez(&self, sitio: &Sitio, hecho: bool) -> Respuesta {
        let mut pedido = sitio.pide(self.metodo, &self.ruta).token(&self.token);
        if let Some(clave) = &self.clave {
            pedido = pedido.clave(clave);
        }
        if let Some(cuerpo) = &self.cuerpo {
            pedido = pedido.crudo(cuerpo.to_string());
        }
        let r = pedido.envia().await;
        let crea = self.ruta == "/reportes/";
        assert!(
            r.status == 200 || (crea && r.status == 201),
            "{self:?}: {r:?}"
        );
        if self.cuerpo.is_some() {
            assert_eq!(r.version(), if crea { 1 } else { 2 }, "{self:?}: {r:?}");
        }
        if hecho && self.clave.is_some() {
            assert_eq!(r.header("idempotency-replayed"), "true", "{self:?}: {r:?}");
        } else if hecho {
            assert_eq!(r.status, 200, "{self:?}: {r:?}");
        }
        r
    }
}

impl Momento {
    fn al_azar(metodo: &str) -> Self {
        let micros = u64::try_from(dado(30_000)).unwrap();
        match dado(3) {
            0 => Self::Ya,
            1 => Self::Despues(Duration::from_micros(micros)),
            _ => Self::Leyendo(1 + dado(if metodo == "GET" { 50_000 } else { 600 })),
        }
    }
}

/// The uuids of all reports, and the ids of those that were changed.
async fn hechos(sitio: &Sitio) -> HashSet<String> {
    let bd = &sitio.bd;
    assert_eq!(
        bd.entero("SELECT count(*) FROM reportes WHERE version > 2")
            .await,
        0
    );
    let creados = bd.textos("SELECT uuid_cliente FROM reportes").await;
    let cambiados = bd
        .textos("SELECT CAST(id AS TEXT) FROM reportes WHERE version = 2")
        .await;
    creados.into_iter().chain(cambiados).collect()
}

/// More requests at once than there are connections, each answered soon.
async fn se_atiende_a_los_demas(sitio: &Sitio, quien: &Persona) {
    let pedidos = (0..24).map(|i| {
        if i % 2 == 0 {
            sitio.pide("GET", "/reportes/?limite=1").como(quien)
        } else {
            sitio
                .pide("POST", "/reportes/")
                .como(quien)
                .json(&reporte_en(1))
        }
    });
    let pedidos: Vec<_> = pedidos.collect();
    let todos = a_la_vez(pedidos.into_iter().map(crate::arnes::Pedido::envia));
    let respuestas = timeout(Duration::from_secs(10), todos)
        .await
        .expect("se atiende en segundos");
    for r in respuestas {
        assert!(matches!(r.status, 200 | 201), "{r:?}");
    }
}
