//! A worker who writes down what the server acknowledged, and what it left in doubt.

use std::{collections::HashMap, sync::Arc};

use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::planta::{Planta, Sede};
use crate::arnes::{Bd, Pedido, Persona, Respuesta, a_la_vez, dado, reporte_en, uuid};

pub struct Libro {
    autor: Persona,
    jefe: Persona,
    asientos: Vec<Asiento>,
}

/// One report: what was acknowledged last, and what was asked since.
#[derive(Debug)]
struct Asiento {
    cuerpo: Value,
    id: i64,
    /// `None`: not even its creation.
    visto: Option<Estado>,
    pendiente: Option<Pendiente>,
}

#[derive(Clone, Debug, PartialEq)]
struct Estado {
    version: i64,
    titulo: String,
    estado_id: i64,
}

#[derive(Clone, Debug)]
struct Pendiente {
    paso: Paso,
    clave: Option<String>,
    suerte: Suerte,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Suerte {
    SinPedir,
    /// The server said that it did not do it.
    Negado,
    /// Done or not done.
    EnDuda,
}

#[derive(Clone, Debug)]
enum Paso {
    Crear,
    Editar(String),
    Aprobar,
}

/// Why a worker stopped.
#[derive(Debug)]
pub enum Alto {
    /// No answer.
    Cortado(String),
    Negado(Respuesta),
}

impl Alto {
    /// What the server answered.
    pub fn negado(self) -> Respuesta {
        match self {
            Self::Negado(r) => r,
            Self::Cortado(por) => panic!("sin respuesta: {por}"),
        }
    }
}

fn cortado(e: &reqwest::Error) -> Alto {
    Alto::Cortado(format!("{e:?}"))
}

pub fn libros(planta: &Planta) -> Vec<Libro> {
    let nuevo = |autor: &Persona| Libro {
        autor: autor.clone(),
        jefe: planta.jefe.clone(),
        asientos: Vec::new(),
    };
    planta.autores.iter().map(nuevo).collect()
}

impl Libro {
    /// Creates, edits and decides until the server no longer acknowledges; a permit for each
    /// acknowledgement.
    pub async fn trabaja(&mut self, sede: &Sede, acuses: &Semaphore) -> Alto {
        loop {
            let i = self.elige();
            match self.pide(sede, i).await {
                Ok(()) => acuses.add_permits(1),
                Err(alto) => return alto,
            }
        }
    }

    /// The next thing to ask for.
    fn elige(&mut self) -> usize {
        let abiertos: Vec<usize> = (0..self.asientos.len())
            .filter(|i| {
                self.asientos[*i]
                    .visto
                    .as_ref()
                    .is_some_and(|v| v.estado_id == 1)
            })
            .collect();
        let (i, paso) = if abiertos.is_empty() || dado(2) == 0 {
            let mut cuerpo = reporte_en(1);
            cuerpo["descripcion"] = "Planchón suelto. ".repeat(1 + dado(200)).into();
            let (id, visto, pendiente) = (0, None, None);
            self.asientos.push(Asiento {
                cuerpo,
                id,
                visto,
                pendiente,
            });
            (self.asientos.len() - 1, Paso::Crear)
        } else {
            let i = abiertos[dado(abiertos.len())];
            let decide = dado(3) == 0;
            (
                i,
                if decide {
                    Paso::Aprobar
                } else {
                    Paso::Editar(format!("Corregido {}", uuid()))
                },
            )
        };
        let clave = (dado(2) == 0).then(uuid);
        self.asientos[i].pendiente = Some(Pendiente {
            paso,
            clave,
            suerte: Suerte::SinPedir,
        });
        i
    }

    /// Asks for what is pending, and writes down what is answered.
    async fn pide(&mut self, sede: &Sede, i: usize) -> Result<(), Alto> {
        let Some(pendiente) = self.asientos[i].pendiente.clone() else {
            return Ok(());
        };
        let r = self
            .pedido(sede, &self.asientos[i], &pendiente)
            .intenta()
            .await;
        let asiento = &mut self.asientos[i];
        let hecho = r.as_ref().is_ok_and(|r| matches!(r.status, 200 | 201));
        if !hecho {
            // 507: nothing was written. Whatever else is said, it may have been.
            let sin_espacio = r.as_ref().is_ok_and(|r| r.status == 507);
            let niega = sin_espacio && pendiente.suerte != Suerte::EnDuda;
            let suerte = if niega {
                Suerte::Negado
            } else {
                Suerte::EnDuda
            };
            asiento.pendiente = Some(Pendiente {
                suerte,
                ..pendiente
            });
            return Err(r.map_or_else(|e| cortado(&e), Alto::Negado));
        }
        let r = r.map_err(|e| cortado(&e))?;
        asiento.id = r.id();
        asiento.visto = Some(asiento.despues(&pendiente.paso));
        asiento.pendiente = None;
        let visto = asiento.visto.as_ref().unwrap();
        assert_eq!(&Estado::de(&r.json), visto, "{asiento:?}: {r:?}");
        Ok(())
    }

    fn pedido(&self, sede: &Sede, asiento: &Asiento, pendiente: &Pendiente) -> Pedido {
        let id = asiento.id;
        let version = asiento.visto.as_ref().map(|v| v.version);
        let pedido = match &pendiente.paso {
            Paso::Crear => sede
                .pide("POST", "/reportes/")
                .como(&self.autor)
                .json(&asiento.cuerpo),
            Paso::Editar(titulo) => sede
                .pide("PUT", &format!("/reportes/{id}"))
                .como(&self.autor)
                .json(&json!({"titulo": titulo, "version": version})),
            Paso::Aprobar => sede
                .pide("POST", &format!("/admin/reportes/{id}/aprobar"))
                .como(&self.jefe)
                .json(&json!({"version": version})),
        };
        match &pendiente.clave {
            Some(clave) => pedido.clave(clave),
            None => pedido,
        }
    }
}

impl Asiento {
    /// The report once a step is done.
    fn despues(&self, paso: &Paso) -> Estado {
        let titulo = self.cuerpo["titulo"].as_str().unwrap().to_owned();
        let nuevo = Estado {
            version: 0,
            titulo,
            estado_id: 1,
        };
        let visto = self.visto.clone().unwrap_or(nuevo);
        let version = visto.version + 1;
        match paso {
            Paso::Crear => Estado { version, ..visto },
            Paso::Editar(titulo) => Estado {
                version,
                titulo: titulo.clone(),
                ..visto
            },
            Paso::Aprobar => Estado {
                version,
                estado_id: 2,
                ..visto
            },
        }
    }
}

impl Estado {
    fn de(json: &Value) -> Self {
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
pub async fn comprueba(libros: &[Libro], bd: &Bd) -> (usize, usize) {
    let sql =
        "SELECT uuid_cliente || '|' || id || '|' || version || '|' || estado_id || '|' || titulo
        FROM reportes";
    let mut filas: HashMap<String, (i64, Estado)> = HashMap::new();
    for fila in bd.textos(sql).await {
        let p: Vec<&str> = fila.splitn(5, '|').collect();
        let estado = Estado {
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
            .filter(|p| p.suerte == Suerte::EnDuda);
        dudas += usize::from(duda.is_some());
        if hay != asiento.visto {
            assert_eq!(hay, duda.map(|p| asiento.despues(&p.paso)), "{asiento:?}");
            hechas += 1;
        }
    }
    assert!(filas.is_empty(), "nadie pidió esto: {filas:?}");
    (dudas, hechas)
}

/// Asks again for what is in doubt or was refused; all of it must be done now.
pub async fn repite(libros: &mut [Libro], sede: &Sede) {
    for libro in libros {
        for i in 0..libro.asientos.len() {
            if let Err(alto) = libro.pide(sede, i).await {
                panic!("{:?}: {alto:?}", libro.asientos[i]);
            }
        }
    }
}

/// All at work at once, until each is stopped.
pub async fn trabajan(
    libros: Vec<Libro>,
    sede: Sede,
    acuses: Arc<Semaphore>,
) -> (Vec<Libro>, Vec<Alto>) {
    let tareas = libros.into_iter().map(|mut libro| {
        let (sede, acuses) = (sede.clone(), Arc::clone(&acuses));
        async move {
            let alto = libro.trabaja(&sede, &acuses).await;
            (libro, alto)
        }
    });
    a_la_vez(tareas.collect::<Vec<_>>())
        .await
        .into_iter()
        .unzip()
}

/// With tokens that are good now.
pub fn renueva(libros: &mut [Libro], planta: &Planta) {
    for (libro, autor) in libros.iter_mut().zip(&planta.autores) {
        libro.autor = autor.clone();
        libro.jefe = planta.jefe.clone();
    }
}
