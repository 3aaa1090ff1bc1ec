//! From what the database holds to what the document says: names in the place of numbers.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use serde::de::DeserializeOwned;
use serde_json::Value;
use sigra_domain::{
    Instante, Rut, Zona,
    bitacora::{Accion, Entrada, EntradaRecord, FieldValues},
    catalogo::Catalogo,
    reporte::{AccionCorrectiva, Archivo, EstadoArchivo, Ubicacion},
};
use sigra_pdf as pdf;
use sigra_store::{
    ChainSummary,
    reportes::{StoredArchivo, StoredReporte},
};

use super::{labels, tail::BitacoraTail};

pub fn is_photo(a: &StoredArchivo) -> bool {
    a.archivo.tipo.starts_with("image/")
}

pub fn format_size(bytes: i64) -> String {
    match bytes {
        b if b < 10 * 1024 => format!("{b} bytes"),
        b if b < 10 * 1024 * 1024 => format!("{} KiB", b / 1024),
        b => format!("{} MiB", b / (1024 * 1024)),
    }
}

pub struct DocumentBuilder {
    pub zona: Zona,
    pub catalogo: Arc<Catalogo>,
    pub nombres: HashMap<Rut, String>,
    pub leido: StoredReporte,
}

impl DocumentBuilder {
    /// `quien` asks for it at `ahora`.
    pub fn document(
        &self,
        (quien, ahora): (String, Instante),
        tail: &BitacoraTail,
        cadena: &ChainSummary,
        fotos: Vec<pdf::Photo>,
    ) -> pdf::Document {
        let archivos = self.leido.archivos.iter();
        let acciones = self.leido.reporte.acciones.iter();
        let (zona, reloj) = (self.zona.name(), self.zona.format_local(ahora));
        pdf::Document {
            sitio: "SIGRA".into(),
            emitido: format!("{reloj} (hora de {zona})"),
            emitido_en: ahora.timestamp(),
            emitido_por: quien,
            reporte: self.reporte(tail.decision.as_ref()),
            fotos,
            otros: archivos
                .filter(|a| !is_photo(a))
                .map(other_archivo)
                .collect(),
            comentarios: tail
                .comentarios
                .iter()
                .map(|e| self.comentario(e))
                .collect(),
            comentarios_en_total: tail.comentarios_en_total,
            acciones: acciones.map(|(n, m)| self.accion(*n, m)).collect(),
            bitacora: tail
                .ultimas
                .iter()
                .map(|(g, e)| self.entrada(g, e.as_ref()))
                .collect(),
            verificacion: pdf::ChainVerification {
                entradas: cadena.entradas,
                ultimo_hash: tail.ultimo_hash.clone(),
                rotura: cadena
                    .rotura
                    .as_ref()
                    .map(|r| format!("entrada {}: {}", r.n, r.motivo.text())),
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
            coordenadas: u.map(coordinates),
            fecha_reporte: Some(r.fecha_reporte.to_string()),
            creado_en: Some(self.zona.format_local(r.hora_creado)),
            recibido_en: Some(self.zona.format_local(r.hora_sincronizado)),
            autor: self.leido.autor.clone(),
            decidido_en: r
                .decision
                .map(|d| format!("{}, {}", self.zona.format_local(d.en), en_plazo(d.a_tiempo))),
            decidido_por: decision.map(|e| self.persona(e.rut)),
            motivo: decision.and_then(|e| e.detalle.clone()),
        }
    }

    fn comentario(&self, e: &Entrada) -> pdf::Comentario {
        pdf::Comentario {
            cuando: self.zona.format_local(e.en),
            quien: self.persona(e.rut),
            texto: e.detalle.clone().unwrap_or_default(),
        }
    }

    fn accion(&self, n: i64, m: &AccionCorrectiva) -> pdf::Accion {
        pdf::Accion {
            n,
            descripcion: m.descripcion.clone(),
            responsable: self.persona(m.responsable),
            plazo: m.plazo.to_string(),
            estado: labels::accion_estado(m.estado).to_owned(),
        }
    }

    fn entrada(&self, g: &EntradaRecord, e: Option<&Entrada>) -> pdf::Entrada {
        let cambios = e.map(|e| {
            let campos: BTreeSet<&String> = e.antes.keys().chain(e.despues.keys()).collect();
            let dicho = |valores: &FieldValues, campo: &str| {
                valores.get(campo).and_then(|v| self.format_value(campo, v))
            };
            let cambio = |campo: &String| pdf::FieldChange {
                campo: labels::field(campo),
                antes: dicho(&e.antes, campo),
                despues: dicho(&e.despues, campo),
            };
            let hay = |c: &pdf::FieldChange| c.antes.is_some() || c.despues.is_some();
            campos.into_iter().map(cambio).filter(hay).collect()
        });
        let accion = e.map(|e| labels::accion(e.accion).to_owned());
        pdf::Entrada {
            n: g.n,
            cuando: self.zona.format_local(Instante(g.en)),
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
            Accion::Conflicto | Accion::ResolverConflicto => Some(labels::label_fields(detalle)),
            _ => Some(detalle.clone()),
        }
    }

    /// As people say it.
    fn format_value(&self, campo: &str, valor: &Value) -> Option<String> {
        let numero = valor.as_i64();
        let dicho = match campo {
            "area_id" => numero.map(|id| self.area(id)),
            "severidad_id" => numero.map(|id| self.severidad(id)),
            "estado_id" => numero.map(|id| self.estado(id)),
            "rut" => parse_value(valor).map(|rut: Rut| self.persona(rut)),
            "decidido_en" | "hora_creado" | "hora_sincronizado" => {
                parse_value(valor).map(|en: Instante| self.zona.format_local(en))
            }
            "ubicacion" => parse_value(valor).map(|u: Ubicacion| format_ubicacion(&u)),
            "multimedia" => parse_value(valor).map(|a: Vec<Archivo>| {
                let nombres: Vec<String> = a.into_iter().map(|a| a.nombre).collect();
                nombres.join("; ")
            }),
            "sync_status" => parse_value(valor).map(|s| labels::sync_status(s).to_owned()),
            "archivos" => parse_value(valor).map(|a| self.archivos(&a)),
            _ if campo.starts_with("accion_") => parse_value(valor).map(|m: AccionCorrectiva| {
                let persona = self.persona(m.responsable);
                let estado = labels::accion_estado(m.estado);
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
                labels::archivo(*estado)
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
        nombre.unwrap_or_else(|| rut.formatted())
    }
}

fn parse_value<T: DeserializeOwned>(valor: &Value) -> Option<T> {
    T::deserialize(valor).ok()
}

fn other_archivo(a: &StoredArchivo) -> pdf::OtherArchivo {
    pdf::OtherArchivo {
        nombre: a.archivo.nombre.clone(),
        tipo: a.archivo.tipo.clone(),
        bytes: format_size(a.archivo.bytes),
        sha256: a.archivo.sha256.clone(),
        estado: labels::archivo(a.estado).to_owned(),
    }
}

fn coordinates(u: &Ubicacion) -> String {
    let precision = u.precision_m.map(|m| format!(" (± {m} m)"));
    format!("{}, {}{}", u.lat, u.lon, precision.unwrap_or_default())
}

fn format_ubicacion(u: &Ubicacion) -> String {
    let referencia = u.referencia.as_ref().map(|r| format!("; {r}"));
    coordinates(u) + &referencia.unwrap_or_default()
}
