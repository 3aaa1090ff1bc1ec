//! Three-way merge: what a phone sent, what it worked from, and what the report holds now.
//!
//! A field that only one side changed takes that side's value; a field that both changed alike does
//! not clash; a field that both changed differently is a conflict, and then nothing is applied. The
//! manifest is merged file by file and only grows.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Archivo, Contenido, MAX_ARCHIVOS, ReporteNuevo};
use crate::bitacora::Valores;

/// A field that could not be merged, with the values of each side; `base` is null when it is not
/// known what the phone worked from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Choque {
    pub campo: String,
    pub base: Value,
    pub servidor: Value,
    pub cliente: Value,
}

/// What becomes of a content sent for a report that is there already.
#[derive(Clone, Debug, PartialEq)]
pub enum Mezcla {
    /// The report holds it already.
    Igual,
    /// No content was changed on the server since: what the phone sent takes its place.
    Actualizado(Contenido),
    /// The server changed other fields, or the same ones alike.
    Fusionado(Contenido),
    /// Nothing can be applied.
    Conflicto(Vec<Choque>),
    /// Both manifests together would have more files than one report may.
    Demasiados,
}

/// Merges `enviado` into `actual`. `base` is the report at the version the phone worked from; `None`
/// when the phone named none, or one that does not exist. A decided report's content is fixed.
pub fn mezcla(
    enviado: &ReporteNuevo,
    actual: &Contenido,
    base: Option<&Valores>,
    decidido: bool,
) -> Mezcla {
    if iguales(enviado, actual) {
        return Mezcla::Igual;
    }
    let mut cambio_servidor = false;
    let mut choques = Vec::new();
    let nuevo = recorre(enviado, actual, base, |lado, suerte| {
        cambio_servidor |= lado.base != Some(lado.servidor);
        match suerte {
            Suerte::Servidor => false,
            Suerte::Cliente => {
                if decidido {
                    choques.push(lado.choque());
                }
                true
            }
            Suerte::Choque => {
                choques.push(lado.choque());
                false
            }
        }
    });
    // Without a base nobody knows what was meant. What is decided stays as it was decided: all that
    // the phone changed is among the clashes then, and what it did not change asks for nothing.
    if base.is_none() || !choques.is_empty() {
        return Mezcla::Conflicto(choques);
    }
    if nuevo.multimedia.iter().flatten().count() > MAX_ARCHIVOS {
        return Mezcla::Demasiados;
    }
    if cambio_servidor {
        Mezcla::Fusionado(nuevo)
    } else {
        Mezcla::Actualizado(nuevo)
    }
}

/// The same merge once somebody said, of each field that clashes, whether the phone's value counts.
/// A file described in two ways keeps the server's description.
pub fn aplica(
    enviado: &ReporteNuevo,
    actual: &Contenido,
    base: Option<&Valores>,
    gana_cliente: impl Fn(&str) -> bool,
) -> Contenido {
    recorre(enviado, actual, base, |lado, suerte| match suerte {
        Suerte::Servidor => false,
        Suerte::Cliente => true,
        Suerte::Choque => gana_cliente(lado.campo),
    })
}

/// Looks at each field of both sides; `toma` says whether the phone's value is taken.
fn recorre(
    enviado: &ReporteNuevo,
    actual: &Contenido,
    base: Option<&Valores>,
    mut toma: impl FnMut(&Lado<'_>, Suerte) -> bool,
) -> Contenido {
    let (archivos, de_dos_maneras) = union(actual, enviado);
    // A list where there was none is more than there was, empty as it may be.
    let crece = archivos != actual.multimedia;
    let servidor = actual.valores();
    let cliente = enviado.contenido.valores();
    let mut nuevo = actual.clone();
    for campo in Contenido::CAMPOS {
        let lado = Lado {
            campo,
            base: base.map(|b| b.get(campo).unwrap_or(&Value::Null)),
            servidor: &servidor[campo],
            cliente: &cliente[campo],
        };
        let suerte = if campo == "multimedia" {
            lado.manifiesto(crece, de_dos_maneras)
        } else if campo == "ubicacion" && enviado.sin_ubicacion {
            Suerte::Servidor
        } else {
            lado.campo()
        };
        if toma(&lado, suerte) {
            pon(&mut nuevo, campo, &enviado.contenido, archivos.as_deref());
        }
    }
    nuevo
}

/// Whether the report holds all that was sent; what was left out counts as equal.
pub fn iguales(enviado: &ReporteNuevo, actual: &Contenido) -> bool {
    let (archivos, de_dos_maneras) = union(actual, enviado);
    let mut c = enviado.contenido.clone();
    if enviado.sin_ubicacion {
        c.ubicacion.clone_from(&actual.ubicacion);
    }
    c.multimedia = archivos;
    c == *actual && !de_dos_maneras
}

/// Both manifests, by uuid, and whether one file is described in two ways.
fn union(actual: &Contenido, enviado: &ReporteNuevo) -> (Option<Vec<Archivo>>, bool) {
    let Some(suyos) = &enviado.contenido.multimedia else {
        return (actual.multimedia.clone(), false);
    };
    let mut todos = actual.multimedia.clone().unwrap_or_default();
    let mut de_dos_maneras = false;
    for archivo in suyos {
        match todos
            .iter()
            .find(|a| a.uuid_cliente == archivo.uuid_cliente)
        {
            None => todos.push(archivo.clone()),
            Some(otro) => de_dos_maneras |= otro != archivo,
        }
    }
    todos.sort_by(|a, b| a.uuid_cliente.cmp(&b.uuid_cliente));
    (Some(todos), de_dos_maneras)
}

fn pon(nuevo: &mut Contenido, campo: &str, de: &Contenido, archivos: Option<&[Archivo]>) {
    match campo {
        "titulo" => nuevo.titulo.clone_from(&de.titulo),
        "descripcion" => nuevo.descripcion.clone_from(&de.descripcion),
        "area_id" => nuevo.area_id = de.area_id,
        "severidad_id" => nuevo.severidad_id = de.severidad_id,
        "ubicacion" => nuevo.ubicacion.clone_from(&de.ubicacion),
        _ => nuevo.multimedia = archivos.map(<[Archivo]>::to_vec),
    }
}

struct Lado<'a> {
    campo: &'static str,
    /// `None`: not known.
    base: Option<&'a Value>,
    servidor: &'a Value,
    cliente: &'a Value,
}

/// Whose value a field takes.
enum Suerte {
    Servidor,
    Cliente,
    Choque,
}

impl Lado<'_> {
    fn campo(&self) -> Suerte {
        if self.cliente == self.servidor || self.base == Some(self.cliente) {
            Suerte::Servidor
        } else if self.base == Some(self.servidor) {
            Suerte::Cliente
        } else {
            Suerte::Choque
        }
    }

    /// Files that only the phone names are added; without a base nothing is.
    fn manifiesto(&self, crece: bool, descrito_de_dos_maneras: bool) -> Suerte {
        match (crece || descrito_de_dos_maneras, self.base) {
            (false, _) => Suerte::Servidor,
            (true, Some(_)) if !descrito_de_dos_maneras => Suerte::Cliente,
            _ => Suerte::Choque,
        }
    }

    fn choque(&self) -> Choque {
        Choque {
            campo: self.campo.to_owned(),
            base: self.base.cloned().unwrap_or_default(),
            servidor: self.servidor.clone(),
            cliente: self.cliente.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reporte::Ubicacion;

    fn archivo(n: u32) -> Archivo {
        Archivo {
            uuid_cliente: format!("archivo-{n}"),
            nombre: format!("{n}.jpg"),
            tipo: "image/jpeg".into(),
            bytes: 1,
            sha256: "0".repeat(64),
        }
    }

    fn base() -> Contenido {
        Contenido {
            titulo: "base".into(),
            descripcion: Some("base".into()),
            area_id: 1,
            severidad_id: 1,
            ubicacion: None,
            multimedia: Some(vec![archivo(1)]),
        }
    }

    /// `c` with another value in a field; two values of `v` differ.
    fn con(mut c: Contenido, campo: &str, v: i64) -> Contenido {
        match campo {
            "titulo" => c.titulo = format!("título {v}"),
            "descripcion" => c.descripcion = Some(format!("descripción {v}")),
            "area_id" => c.area_id = 1 + v,
            "severidad_id" => c.severidad_id = 1 + v,
            "ubicacion" => {
                c.ubicacion = Some(Ubicacion {
                    lat: -33.0,
                    lon: 1.5 * f64::from(i32::try_from(v).unwrap()),
                    precision_m: None,
                    referencia: None,
                });
            }
            _ => {
                let mut otro = archivo(2);
                otro.nombre = format!("{v}.jpg");
                c.multimedia.get_or_insert_default().push(otro);
            }
        }
        c
    }

    fn enviado(contenido: Contenido) -> ReporteNuevo {
        ReporteNuevo {
            uuid_cliente: "u".into(),
            sha256_contenido: contenido.sha256(),
            contenido,
            sin_ubicacion: false,
            fecha_reporte: None,
            hora_creado: None,
            device_id: None,
            version_base: Some(1),
            sha256_base: None,
            en_desuso: vec![],
        }
    }

    #[test]
    fn every_field_changed_by_none_phone_server_both_alike_or_both_differently() {
        let b = base();
        for campo in Contenido::CAMPOS {
            for otro in Contenido::CAMPOS {
                let quienes = [(0, 0), (1, 0), (0, 1), (1, 1), (1, 2)];
                for (cliente, servidor) in quienes {
                    let cambia = |c, v| if v == 0 { c } else { con(c, campo, v) };
                    // The phone also changes another field, which nobody else does.
                    let mut suyo = cambia(b.clone(), cliente);
                    if otro != campo {
                        suyo = con(suyo, otro, 7);
                    }
                    let actual = cambia(b.clone(), servidor);
                    let valores = b.valores();
                    let m = mezcla(&enviado(suyo.clone()), &actual, Some(&valores), false);
                    let caso = format!("{campo} {otro} {cliente} {servidor}: {m:?}");
                    if cliente == 1 && servidor == 2 {
                        let Mezcla::Conflicto(choques) = m else {
                            panic!("{caso}");
                        };
                        assert_eq!(choques.len(), 1, "{caso}");
                        assert_eq!(choques[0].campo, campo, "{caso}");
                        assert_eq!(choques[0].base, b.valores()[campo], "{caso}");
                        assert_eq!(choques[0].servidor, actual.valores()[campo], "{caso}");
                        assert_eq!(choques[0].cliente, suyo.valores()[campo], "{caso}");
                        continue;
                    }
                    let mut espera = if servidor == 0 {
                        suyo.clone()
                    } else {
                        actual.clone()
                    };
                    if servidor != 0 && otro != campo {
                        espera = con(espera, otro, 7);
                    }
                    // Files that only the server has are no difference: the manifest only grows.
                    let sin_novedad = campo == "multimedia" && otro == campo && cliente == 0;
                    if suyo == actual || sin_novedad {
                        assert_eq!(m, Mezcla::Igual, "{caso}");
                    } else if servidor == 0 {
                        assert_eq!(m, Mezcla::Actualizado(espera), "{caso}");
                    } else {
                        assert_eq!(m, Mezcla::Fusionado(espera), "{caso}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_decided_report_or_an_unknown_base_takes_nothing() {
        let b = base();
        let valores = b.valores();
        for campo in Contenido::CAMPOS {
            let suyo = enviado(con(b.clone(), campo, 1));
            for (base, decidido) in [(Some(&valores), true), (None, false), (None, true)] {
                let Mezcla::Conflicto(choques) = mezcla(&suyo, &b, base, decidido) else {
                    panic!("{campo}");
                };
                let campos: Vec<_> = choques.iter().map(|c| c.campo.as_str()).collect();
                assert_eq!(campos, [campo]);
                let dicha = base.map_or(Value::Null, |v| v[campo].clone());
                assert_eq!(choques[0].base, dicha, "{campo}");
            }
            assert_eq!(mezcla(&enviado(b.clone()), &b, None, true), Mezcla::Igual);
            // Others changed it and somebody decided: what is as it was asks for nothing.
            let actual = con(b.clone(), campo, 2);
            let m = mezcla(&enviado(b.clone()), &actual, Some(&valores), true);
            let nada = if campo == "multimedia" {
                Mezcla::Igual
            } else {
                Mezcla::Fusionado(actual)
            };
            assert_eq!(m, nada, "{campo}");
        }
    }

    #[test]
    fn what_is_left_out_is_unchanged_and_null_clears() {
        let viejo = con(base(), "ubicacion", 1);
        let valores = viejo.valores();
        let mut suyo = enviado(Contenido {
            ubicacion: None,
            multimedia: None,
            ..con(viejo.clone(), "titulo", 1)
        });
        suyo.sin_ubicacion = true;
        let espera = con(viejo.clone(), "titulo", 1);
        let m = mezcla(&suyo, &viejo, Some(&valores), false);
        assert_eq!(m, Mezcla::Actualizado(espera.clone()));
        suyo.sin_ubicacion = false;
        let m = mezcla(&suyo, &viejo, Some(&valores), false);
        let sin = Contenido {
            ubicacion: None,
            ..espera
        };
        assert_eq!(m, Mezcla::Actualizado(sin));
    }

    #[test]
    fn an_empty_list_where_there_was_none_is_a_change() {
        let b = Contenido {
            multimedia: None,
            ..base()
        };
        let valores = b.valores();
        let vacia = Contenido {
            multimedia: Some(vec![]),
            ..b.clone()
        };
        let suyo = enviado(vacia.clone());
        let m = mezcla(&suyo, &b, Some(&valores), false);
        assert_eq!(m, Mezcla::Actualizado(vacia.clone()));
        // Where it can't be taken, whoever decides sees what it is about.
        for (base, decidido) in [(Some(&valores), true), (None, false), (None, true)] {
            let Mezcla::Conflicto(choques) = mezcla(&suyo, &b, base, decidido) else {
                panic!("{decidido}");
            };
            let campos: Vec<_> = choques.iter().map(|c| c.campo.as_str()).collect();
            assert_eq!(campos, ["multimedia"]);
            assert_eq!(aplica(&suyo, &b, base, |_| true), vacia);
            assert_eq!(aplica(&suyo, &b, base, |_| false).multimedia, {
                // What is known to be the phone's alone needs no decision.
                base.and(vacia.multimedia.clone())
            });
        }
        // It takes no files away.
        for decidido in [false, true] {
            assert_eq!(mezcla(&suyo, &base(), None, decidido), Mezcla::Igual);
        }
    }

    #[test]
    fn manifests_grow_by_uuid_up_to_the_limit() {
        let b = base();
        let valores = b.valores();
        let con_archivos = |ns: &[u32]| Contenido {
            multimedia: Some(ns.iter().map(|n| archivo(*n)).collect()),
            ..b.clone()
        };
        // Each side added one, and the phone no longer names the first.
        let m = mezcla(
            &enviado(con_archivos(&[3])),
            &con_archivos(&[1, 2]),
            Some(&valores),
            false,
        );
        assert_eq!(m, Mezcla::Fusionado(con_archivos(&[1, 2, 3])));
        let muchos: Vec<u32> = (1..=20).map(|n| 10 + n).collect();
        let m = mezcla(&enviado(con_archivos(&muchos)), &b, Some(&valores), false);
        assert_eq!(m, Mezcla::Demasiados);
    }
}
