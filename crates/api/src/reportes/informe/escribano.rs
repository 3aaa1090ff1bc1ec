//! From what the database holds to what the document says: names in the place of numbers.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use serde::de::DeserializeOwned;
use serde_json::Value;
use sigra_domain::{
    Instante, Rut, Zona,
    bitacora::{Accion, Entrada, Guardada, Valores},
    catalogo::Catalogo,
    reporte::{Archivo, EstadoArchivo, Medida, Ubicacion},
};
use sigra_informe as pdf;
use sigra_store::{
    Cadena,
    reportes::{ArchivoLeido, ReporteLeido},
};

use super::{hojeo::Hojeo, palabras};

pub fn es_foto(a: &ArchivoLeido) -> bool {
    a.archivo.tipo.starts_with("image/")
}

pub fn tamano(bytes: i64) -> String {
    match bytes {
        b if b < 10 * 1024 => format!("{b} bytes"),
        b if b < 10 * 1024 * 1024 => format!("{} KiB", b / 1024),
        b => format!("{} MiB", b / (1024 * 1024)),
    }
}

pub struct Escribano {
    pub zona: Zona,
    pub catalogo: Arc<Catalogo>,
    pub nombres: HashMap<Rut, String>,
    pub leido: ReporteLeido,
}

impl Escribano {
    /// `quien` asks for it at `ahora`.
    pub fn documento(
        &self,
        (quien, ahora): (String, Instante),
        hojeo: &Hojeo,
        cadena: &Cadena,
        fotos: Vec<pdf::Foto>,
    ) -> pdf::Informe {
        let archivos = self.leido.archivos.iter();
        let acciones = self.leido.reporte.acciones.iter();
        let (zona, reloj) = (self.zona.nombre(), self.zona.reloj(ahora));
        pdf::Informe {
            sitio: "SIGRA".into(),
            emitido: format!("{reloj} (hora de {zona})"),
            emitido_en: ahora.timestamp(),
            emitido_por: quien,
            reporte: self.reporte(hojeo.decision.as_ref()),
            fotos,
            otros: archivos.filter(|a| !es_foto(a)).map(otro).collect(),
            comentarios: hojeo
                .comentarios
                .iter()
                .map(|e| self.comentario(e))
                .collect(),
            comentarios_en_total: hojeo.comentarios_en_total,
            acciones: acciones.map(|(n, m)| self.accion(*n, m)).collect(),
            bitacora: hojeo
                .ultimas
                .iter()
                .map(|(g, e)| self.entrada(g, e.as_ref()))
                .collect(),
            verificacion: pdf::Verificacion {
                entradas: cadena.entradas,
                ultimo_hash: hojeo.ultimo_hash.clone(),
                rotura: cadena
                    .rotura
                    .as_ref()
                    .map(|r| format!("entrada {}: {}", r.n, r.motivo.texto())),
            },
        }
    }

    fn reporte(&self, decision: Option<&Entrada>) -> pdf::Reporte {
        let r = &self.leido.reporte;
        let k = &r.contenido;
        let u = k.ubicacion.as_ref();
        let en_plazo = |a_tiempo| {
            if a_tiempo {
                "a tiempo"
            } else {
                "fuera de plazo"
            }
        };
        pdf::Reporte {
            id: r.id,
            uuid_cliente: r.uuid_cliente.clone(),
            version: r.version,
            titulo: k.titulo.clone(),
            descripcion: k.descripcion.clone(),
            area: self.area(k.area_id),
            severidad: self.severidad(k.severidad_id),
            estado: self.estado(r.estado_id),
            ubicacion: u.and_then(|u| u.referencia.clone()),
            coordenadas: u.map(coordenadas),
            fecha_reporte: Some(r.fecha_reporte.to_string()),
            creado_en: Some(self.zona.reloj(r.hora_creado)),
            recibido_en: Some(self.zona.reloj(r.hora_sincronizado)),
            autor: self.leido.autor.clone(),
            decidido_en: r
                .decision
                .map(|d| format!("{}, {}", self.zona.reloj(d.en), en_plazo(d.a_tiempo))),
            decidido_por: decision.map(|e| self.persona(e.rut)),
            motivo: decision.and_then(|e| e.detalle.clone()),
        }
    }

    fn comentario(&self, e: &Entrada) -> pdf::Comentario {
        pdf::Comentario {
            cuando: self.zona.reloj(e.en),
            quien: self.persona(e.rut),
            texto: e.detalle.clone().unwrap_or_default(),
        }
    }

    fn accion(&self, n: i64, m: &Medida) -> pdf::Accion {
        pdf::Accion {
            n,
            descripcion: m.descripcion.clone(),
            responsable: self.persona(m.responsable),
            plazo: m.plazo.to_string(),
            estado: palabras::medida(m.estado).to_owned(),
        }
    }

    fn entrada(&self, g: &Guardada, e: Option<&Entrada>) -> pdf::Entrada {
        let cambios = e.map(|e| {
            let campos: BTreeSet<&String> = e.antes.keys().chain(e.despues.keys()).collect();
            let dicho = |valores: &Valores, campo: &str| {
                valores.get(campo).and_then(|v| self.valor(campo, v))
            };
            let cambio = |campo: &String| pdf::Cambio {
                campo: palabras::campo(campo),
                antes: dicho(&e.antes, campo),
                despues: dicho(&e.despues, campo),
            };
            let hay = |c: &pdf::Cambio| c.antes.is_some() || c.despues.is_some();
            campos.into_iter().map(cambio).filter(hay).collect()
        });
        let accion = e.map(|e| palabras::accion(e.accion).to_owned());
        pdf::Entrada {
            n: g.n,
            cuando: self.zona.reloj(Instante(g.en)),
            quien: Rut::new(g.rut).map_or_else(|_| g.rut.to_string(), |rut| self.persona(rut)),
            accion: accion.unwrap_or_else(|| format!("{} (no se puede leer)", g.accion)),
            detalle: e.and_then(|e| self.detalle(e)),
            cambios: cambios.unwrap_or_default(),
            hash: g.hash.clone(),
        }
    }

    /// What was said with it; SIGRA's own words, as people say them.
    fn detalle(&self, e: &Entrada) -> Option<String> {
        let detalle = e.detalle.as_ref()?;
        match e.accion {
            Accion::RecibirArchivo | Accion::RenunciarArchivo | Accion::EliminarArchivo => {
                let mut archivos = self.leido.archivos.iter();
                let suyo = archivos.find(|a| a.archivo.uuid_cliente == *detalle);
                Some(suyo.map_or(detalle, |a| &a.archivo.nombre).clone())
            }
            Accion::Conflicto | Accion::ResolverConflicto => Some(palabras::campos(detalle)),
            _ => Some(detalle.clone()),
        }
    }

    /// As people say it.
    fn valor(&self, campo: &str, valor: &Value) -> Option<String> {
        let numero = valor.as_i64();
        let dicho = match campo {
            "area_id" => numero.map(|id| self.area(id)),
            "severidad_id" => numero.map(|id| self.severidad(id)),
            "estado_id" => numero.map(|id| self.estado(id)),
            "rut" => como(valor).map(|rut: Rut| self.persona(rut)),
            "decidido_en" | "hora_creado" | "hora_sincronizado" => {
                como(valor).map(|en: Instante| self.zona.reloj(en))
            }
            "ubicacion" => como(valor).map(|u: Ubicacion| lugar(&u)),
            "multimedia" => como(valor).map(|a: Vec<Archivo>| {
                let nombres: Vec<String> = a.into_iter().map(|a| a.nombre).collect();
                nombres.join("; ")
            }),
            "sync_status" => como(valor).map(|s| palabras::sincronizacion(s).to_owned()),
            "archivos" => como(valor).map(|a| self.archivos(&a)),
            _ if campo.starts_with("accion_") => como(valor).map(|m: Medida| {
                let persona = self.persona(m.responsable);
                let estado = palabras::medida(m.estado);
                format!("{} ({persona}, hasta {}: {estado})", m.descripcion, m.plazo)
            }),
            _ => None,
        };
        match (dicho, valor) {
            (Some(dicho), _) => Some(dicho),
            (None, Value::Null) => None,
            (None, Value::Bool(b)) => Some(if *b { "sí" } else { "no" }.to_owned()),
            (None, Value::String(t)) => Some(t.clone()),
            (None, otro) => Some(otro.to_string()),
        }
    }

    fn archivos(&self, estados: &HashMap<String, EstadoArchivo>) -> String {
        let archivos = self.leido.archivos.iter().filter_map(|a| {
            let estado = estados.get(&a.archivo.uuid_cliente)?;
            Some(format!(
                "{} ({})",
                a.archivo.nombre,
                palabras::archivo(*estado)
            ))
        });
        archivos.collect::<Vec<_>>().join("; ")
    }

    fn area(&self, id: i64) -> String {
        let area = self.catalogo.area(id);
        area.map_or_else(|| id.to_string(), |a| a.nombre.clone())
    }

    fn severidad(&self, id: i64) -> String {
        let severidad = self.catalogo.severidad(id);
        severidad.map_or_else(|| id.to_string(), |s| s.nombre.clone())
    }

    fn estado(&self, id: i64) -> String {
        let estado = self.catalogo.estado(id);
        estado.map_or_else(|| id.to_string(), |e| e.nombre.clone())
    }

    fn persona(&self, rut: Rut) -> String {
        let nombre = self.nombres.get(&rut).cloned();
        nombre.unwrap_or_else(|| rut.formateado())
    }
}

fn como<T: DeserializeOwned>(valor: &Value) -> Option<T> {
    T::deserialize(valor).ok()
}

fn otro(a: &ArchivoLeido) -> pdf::OtroArchivo {
    pdf::OtroArchivo {
        nombre: a.archivo.nombre.clone(),
        tipo: a.archivo.tipo.clone(),
        bytes: tamano(a.archivo.bytes),
        sha256: a.archivo.sha256.clone(),
        estado: palabras::archivo(a.estado).to_owned(),
    }
}

fn coordenadas(u: &Ubicacion) -> String {
    let precision = u.precision_m.map(|m| format!(" (± {m} m)"));
    format!("{}, {}{}", u.lat, u.lon, precision.unwrap_or_default())
}

fn lugar(u: &Ubicacion) -> String {
    let referencia = u.referencia.as_ref().map(|r| format!("; {r}"));
    coordenadas(u) + &referencia.unwrap_or_default()
}
