//! A worker who writes down what the server acknowledged, and what it left in doubt.

use std::{collections::HashMap, sync::Arc};

use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::site::{ServerClient, ServerFixture};
use sigra_testkit::{
    ApiResponse, Persona, TestDb, TestRequest, random_below, reporte_in, run_concurrently, uuid,
};

pub struct Ledger {
    autor: Persona,
    jefe: Persona,
    asientos: Vec<LedgerEntry>,
}

/// One report: what was acknowledged last, and what was asked since.
#[derive(Debug)]
struct LedgerEntry {
    cuerpo: Value,
    id: i64,
    /// `None`: not even its creation.
    visto: Option<SeenReporte>,
    pendiente: Option<PendingRequest>,
}

#[derive(Clone, Debug, PartialEq)]
struct SeenReporte {
    version: i64,
    titulo: String,
    estado_id: i64,
}

#[derive(Clone, Debug)]
struct PendingRequest {
    paso: WriteStep,
    clave: Option<String>,
    suerte: RequestFate,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum RequestFate {
    SinPedir,
    /// The server said that it did not do it.
    Negado,
    /// Done or not done.
    EnDuda,
}

#[derive(Clone, Debug)]
enum WriteStep {
    Crear,
    Editar(String),
    Aprobar,
}

/// Why a worker stopped.
#[derive(Debug)]
pub enum StopReason {
    /// No answer.
    Cortado(String),
    Negado(ApiResponse),
}

impl StopReason {
    /// What the server answered.
    pub fn into_refusal(self) -> ApiResponse {
        match self {
            Self::Negado(r) => r,
            Self::Cortado(por) => panic!("sin respuesta: {por}"),
        }
    }
}

fn cut_off(e: &reqwest::Error) -> StopReason {
    StopReason::Cortado(format!("{e:?}"))
}

pub fn new_ledgers(planta: &ServerFixture) -> Vec<Ledger> {
    let nuevo = |autor: &Persona| Ledger {
        autor: autor.clone(),
        jefe: planta.jefe.clone(),
        asientos: Vec::new(),
    };
    planta.autores.iter().map(nuevo).collect()
}

impl Ledger {
    /// Creates, edits and decides until the server no longer acknowledges; a permit for each
    /// acknowledgement.
    pub async fn run(&mut self, sede: &ServerClient, acuses: &Semaphore) -> StopReason {
        loop {
            let i = self.pick();
            match self.request(sede, i).await {
                Ok(()) => acuses.add_permits(1),
                Err(alto) => return alto,
            }
        }
    }

    /// The next thing to ask for.
    fn pick(&mut self) -> usize {
        let abiertos: Vec<usize> = (0..self.asientos.len())
            .filter(|i| {
                self.asientos[*i]
                    .visto
                    .as_ref()
                    .is_some_and(|v| v.estado_id == 1)
            })
            .collect();
        let (i, paso) = if abiertos.is_empty() || random_below(2) == 0 {
            let mut cuerpo = reporte_in(1);
            cuerpo["descripcion"] = "Planchón suelto. ".repeat(1 + random_below(200)).into();
            let (id, visto, pendiente) = (0, None, None);
            self.asientos.push(LedgerEntry {
                cuerpo,
                id,
                visto,
                pendiente,
            });
            (self.asientos.len() - 1, WriteStep::Crear)
        } else {
            let i = abiertos[random_below(abiertos.len())];
            let decide = random_below(3) == 0;
            (
                i,
                if decide {
                    WriteStep::Aprobar
                } else {
                    WriteStep::Editar(format!("Corregido {}", uuid()))
                },
            )
        };
        let clave = (random_below(2) == 0).then(uuid);
        self.asientos[i].pendiente = Some(PendingRequest {
            paso,
            clave,
            suerte: RequestFate::SinPedir,
        });
        i
    }

    /// Asks for what is pending, and writes down what is answered.
    async fn request(&mut self, sede: &ServerClient, i: usize) -> Result<(), StopReason> {
        let Some(pendiente) = self.asientos[i].pendiente.clone() else {
            return Ok(());
        };
        let r = self
            .build_request(sede, &self.asientos[i], &pendiente)
            .attempt()
            .await;
        let asiento = &mut self.asientos[i];
        let hecho = r.as_ref().is_ok_and(|r| matches!(r.status, 200 | 201));
        if !hecho {
            // 507: nothing was written. Whatever else is said, it may have been.
            let sin_espacio = r.as_ref().is_ok_and(|r| r.status == 507);
            let niega = sin_espacio && pendiente.suerte != RequestFate::EnDuda;
            let suerte = if niega {
                RequestFate::Negado
            } else {
                RequestFate::EnDuda
            };
            asiento.pendiente = Some(PendingRequest {
                suerte,
                ..pendiente
            });
            return Err(r.map_or_else(|e| cut_off(&e), StopReason::Negado));
        }
        let r = r.map_err(|e| cut_off(&e))?;
        asiento.id = r.id();
        asiento.visto = Some(asiento.estado_after(&pendiente.paso));
        asiento.pendiente = None;
        let visto = asiento.visto.as_ref().unwrap();
        assert_eq!(
            &SeenReporte::from_json(&r.json),
            visto,
            "{asiento:?}: {r:?}"
        );
        Ok(())
    }

    fn build_request(
        &self,
        sede: &ServerClient,
        asiento: &LedgerEntry,
        pendiente: &PendingRequest,
    ) -> TestRequest {
        let id = asiento.id;
        let version = asiento.visto.as_ref().map(|v| v.version);
        let pedido = match &pendiente.paso {
            WriteStep::Crear => sede
                .request("POST", "/reportes/")
                .by(&self.autor)
                .json(&asiento.cuerpo),
            WriteStep::Editar(titulo) => sede
                .request("PUT", &format!("/reportes/{id}"))
                .by(&self.autor)
                .json(&json!({"titulo": titulo, "version": version})),
            WriteStep::Aprobar => sede
                .request("POST", &format!("/admin/reportes/{id}/aprobar"))
                .by(&self.jefe)
                .json(&json!({"version": version})),
        };
        match &pendiente.clave {
            Some(clave) => pedido.idempotency_key(clave),
            None => pedido,
        }
    }
}

impl LedgerEntry {
    /// The report once a step is done.
    fn estado_after(&self, paso: &WriteStep) -> SeenReporte {
        let titulo = self.cuerpo["titulo"].as_str().unwrap().to_owned();
        let nuevo = SeenReporte {
            version: 0,
            titulo,
            estado_id: 1,
        };
        let visto = self.visto.clone().unwrap_or(nuevo);
        let version = visto.version + 1;
        match paso {
            WriteStep::Crear => SeenReporte { version, ..visto },
            WriteStep::Editar(titulo) => SeenReporte {
                version,
                titulo: titulo.clone(),
                ..visto
            },
            WriteStep::Aprobar => SeenReporte {
                version,
                estado_id: 2,
                ..visto
            },
        }
    }
}

impl SeenReporte {
    fn from_json(json: &Value) -> Self {
        Self {
            version: json["version"].as_i64().unwrap(),
            titulo: json["titulo"].as_str().unwrap().to_owned(),
            estado_id: json["estado_id"].as_i64().unwrap(),
        }
    }
}

/// Every acknowledged thing is there exactly once, what was refused is not, what is in doubt is
/// wholly there or not at all, and there is nothing else. Answers how many were in doubt, and how
/// many of these were done.
pub async fn check(libros: &[Ledger], bd: &TestDb) -> (usize, usize) {
    let sql =
        "SELECT uuid_cliente || '|' || id || '|' || version || '|' || estado_id || '|' || titulo
        FROM reportes";
    let mut filas: HashMap<String, (i64, SeenReporte)> = HashMap::new();
    for fila in bd.texts(sql).await {
        let p: Vec<&str> = fila.splitn(5, '|').collect();
        let estado = SeenReporte {
            version: p[2].parse().unwrap(),
            titulo: p[4].to_owned(),
            estado_id: p[3].parse().unwrap(),
        };
        let otra = filas.insert(p[0].to_owned(), (p[1].parse().unwrap(), estado));
        assert!(otra.is_none(), "dos veces: {fila}");
    }
    let (mut dudas, mut hechas) = (0, 0);
    for asiento in libros.iter().flat_map(|l| &l.asientos) {
        let fila = filas.remove(asiento.cuerpo["uuid_cliente"].as_str().unwrap());
        if let (Some((id, _)), Some(_)) = (&fila, &asiento.visto) {
            assert_eq!(*id, asiento.id, "{asiento:?}");
        }
        let hay = fila.map(|(_, estado)| estado);
        let duda = asiento
            .pendiente
            .as_ref()
            .filter(|p| p.suerte == RequestFate::EnDuda);
        dudas += usize::from(duda.is_some());
        if hay != asiento.visto {
            assert_eq!(
                hay,
                duda.map(|p| asiento.estado_after(&p.paso)),
                "{asiento:?}"
            );
            hechas += 1;
        }
    }
    assert!(filas.is_empty(), "nadie pidió esto: {filas:?}");
    (dudas, hechas)
}

/// Asks again for what is in doubt or was refused; all of it must be done now.
pub async fn retry_unanswered(libros: &mut [Ledger], sede: &ServerClient) {
    for libro in libros {
        for i in 0..libro.asientos.len() {
            if let Err(alto) = libro.request(sede, i).await {
                panic!("{:?}: {alto:?}", libro.asientos[i]);
            }
        }
    }
}

/// All at work at once, until each is stopped.
pub async fn work_all(
    libros: Vec<Ledger>,
    sede: ServerClient,
    acuses: Arc<Semaphore>,
) -> (Vec<Ledger>, Vec<StopReason>) {
    let tareas = libros.into_iter().map(|mut libro| {
        let (sede, acuses) = (sede.clone(), Arc::clone(&acuses));
        async move {
            let alto = libro.run(&sede, &acuses).await;
            (libro, alto)
        }
    });
    run_concurrently(tareas.collect::<Vec<_>>())
        .await
        .into_iter()
        .unzip()
}

/// With tokens that are good now.
pub fn refresh_tokens(libros: &mut [Ledger], planta: &ServerFixture) {
    for (libro, autor) in libros.iter_mut().zip(&planta.autores) {
        libro.autor = autor.clone();
        libro.jefe = planta.jefe.clone();
    }
}
