//! Three-way merge: what a phone sent, what it worked from, and what the report holds now.
//!
//! A field that only one side changed takes that side's value; a field that both changed alike does
//! not clash; a field that both changed differently is a conflict, and then nothing is applied. The
//! manifest is merged file by file and only grows.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Archivo, Contenido, MAX_ARCHIVOS, NewReporte};
use crate::bitacora::FieldValues;

/// A field that could not be merged, with the values of each side; `base` is null when it is not
/// known what the phone worked from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldConflict {
    pub campo: String,
    pub base: Value,
    pub servidor: Value,
    pub cliente: Value,
}

/// What becomes of a content sent for a report that is there already.
#[derive(Clone, Debug, PartialEq)]
pub enum MergeOutcome {
    /// The report holds it already.
    Igual,
    /// No content was changed on the server since: what the phone sent takes its place.
    Actualizado(Contenido),
    /// The server changed other fields, or the same ones alike.
    Fusionado(Contenido),
    /// Nothing can be applied.
    Conflicto(Vec<FieldConflict>),
    /// Both manifests together would have more files than one report may.
    Demasiados,
}

/// Merges `enviado` into `actual`. `base` is the report at the version the phone worked from; `None`
/// when the phone named none, or one that does not exist. A decided report's content is fixed.
pub fn merge(
    enviado: &NewReporte,
    actual: &Contenido,
    base: Option<&FieldValues>,
    decidido: bool,
) -> MergeOutcome {
    if is_same(enviado, actual) {
        return MergeOutcome::Igual;
    }
    let mut cambio_servidor = false;
    let mut choques = Vec::new();
    let nuevo = walk_fields(enviado, actual, base, |lado, suerte| {
        cambio_servidor |= lado.base != Some(lado.servidor);
        match suerte {
            FieldWinner::Servidor => false,
            FieldWinner::Cliente => {
                if decidido {
                    choques.push(lado.field_conflict());
                }
                true
            }
            FieldWinner::Choque => {
                choques.push(lado.field_conflict());
                false
            }
        }
    });
    // Without a base nobody knows what was meant. What is decided stays as it was decided: all that
    // the phone changed is among the clashes then, and what it did not change asks for nothing.
    if base.is_none() || !choques.is_empty() {
        return MergeOutcome::Conflicto(choques);
    }
    if nuevo.multimedia.iter().flatten().count() > MAX_ARCHIVOS {
        return MergeOutcome::Demasiados;
    }
    if cambio_servidor {
        MergeOutcome::Fusionado(nuevo)
    } else {
        MergeOutcome::Actualizado(nuevo)
    }
}

/// The same merge once somebody said, of each field that clashes, whether the phone's value counts.
/// A file described in two ways keeps the server's description.
pub fn apply(
    enviado: &NewReporte,
    actual: &Contenido,
    base: Option<&FieldValues>,
    gana_cliente: impl Fn(&str) -> bool,
) -> Contenido {
    walk_fields(enviado, actual, base, |lado, suerte| match suerte {
        FieldWinner::Servidor => false,
        FieldWinner::Cliente => true,
        FieldWinner::Choque => gana_cliente(lado.campo),
    })
}

/// Looks at each field of both sides; `toma` says whether the phone's value is taken.
fn walk_fields(
    enviado: &NewReporte,
    actual: &Contenido,
    base: Option<&FieldValues>,
    mut toma: impl FnMut(&FieldSides<'_>, FieldWinner) -> bool,
) -> Contenido {
    let (archivos, de_dos_maneras) = union(actual, enviado);
    // A list where there was none is more than there was, empty as it may be.
    let crece = archivos != actual.multimedia;
    let servidor = actual.values();
    let cliente = enviado.contenido.values();
    let mut nuevo = actual.clone();
    for campo in Contenido::FIELDS {
        let lado = FieldSides {
            campo,
            base: base.map(|b| b.get(campo).unwrap_or(&Value::Null)),
            servidor: &servidor[campo],
            cliente: &cliente[campo],
        };
        let suerte = if campo == "multimedia" {
            lado.manifest(crece, de_dos_maneras)
        } else if campo == "ubicacion" && enviado.sin_ubicacion {
            FieldWinner::Servidor
        } else {
            lado.merge()
        };
        if toma(&lado, suerte) {
            set_field(&mut nuevo, campo, &enviado.contenido, archivos.as_deref());
        }
    }
    nuevo
}

/// Whether the report holds all that was sent; what was left out counts as equal.
pub fn is_same(enviado: &NewReporte, actual: &Contenido) -> bool {
    let (archivos, de_dos_maneras) = union(actual, enviado);
    let mut c = enviado.contenido.clone();
    if enviado.sin_ubicacion {
        c.ubicacion.clone_from(&actual.ubicacion);
    }
    c.multimedia = archivos;
    c == *actual && !de_dos_maneras
}

/// Both manifests, by uuid, and whether one file is described in two ways.
fn union(actual: &Contenido, enviado: &NewReporte) -> (Option<Vec<Archivo>>, bool) {
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

fn set_field(nuevo: &mut Contenido, campo: &str, de: &Contenido, archivos: Option<&[Archivo]>) {
    match campo {
        "titulo" => nuevo.titulo.clone_from(&de.titulo),
        "descripcion" => nuevo.descripcion.clone_from(&de.descripcion),
        "area_id" => nuevo.area_id = de.area_id,
        "severidad_id" => nuevo.severidad_id = de.severidad_id,
        "ubicacion" => nuevo.ubicacion.clone_from(&de.ubicacion),
        _ => nuevo.multimedia = archivos.map(<[Archivo]>::to_vec),
    }
}

struct FieldSides<'a> {
    campo: &'static str,
    /// `None`: not known.
    base: Option<&'a Value>,
    servidor: &'a Value,
    cliente: &'a Value,
}

/// Whose value a field takes.
enum FieldWinner {
    Servidor,
    Cliente,
    Choque,
}

impl FieldSides<'_> {
    fn merge(&self) -> FieldWinner {
        if self.cliente == self.servidor || self.base == Some(self.cliente) {
            FieldWinner::Servidor
        } else if self.base == Some(self.servidor) {
            FieldWinner::Cliente
        } else {
            FieldWinner::Choque
        }
    }

    /// Files that only the phone names are added; without a base nothing is.
    fn manifest(&self, crece: bool, descrito_de_dos_maneras: bool) -> FieldWinner {
        match (crece || descrito_de_dos_maneras, self.base) {
            (false, _) => FieldWinner::Servidor,
            (true, Some(_)) if !descrito_de_dos_maneras => FieldWinner::Cliente,
            _ => FieldWinner::Choque,
        }
    }

    fn field_conflict(&self) -> FieldConflict {
        FieldConflict {
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
    fn with_field(mut c: Contenido, campo: &str, v: i64) -> Contenido {
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

    fn sent(contenido: Contenido) -> NewReporte {
        NewReporte {
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
        for campo in Contenido::FIELDS {
            for otro in Contenido::FIELDS {
                let quienes = [(0, 0), (1, 0), (0, 1), (1, 1), (1, 2)];
                for (cliente, servidor) in quienes {
                    let cambia = |c, v| if v == 0 { c } else { with_field(c, campo, v) };
                    // The phone also changes another field, which nobody else does.
                    let mut suyo = cambia(b.clone(), cliente);
                    if otro != campo {
                        suyo = with_field(suyo, otro, 7);
                    }
                    let actual = cambia(b.clone(), servidor);
                    let valores = b.values();
                    let m = merge(&sent(suyo.clone()), &actual, Some(&valores), false);
                    let caso = format!("{campo} {otro} {cliente} {servidor}: {m:?}");
                    if cliente == 1 && servidor == 2 {
                        let MergeOutcome::Conflicto(choques) = m else {
                            panic!("{caso}");
                        };
                        assert_eq!(choques.len(), 1, "{caso}");
                        assert_eq!(choques[0].campo, campo, "{caso}");
                        assert_eq!(choques[0].base, b.values()[campo], "{caso}");
                        assert_eq!(choques[0].servidor, actual.values()[campo], "{caso}");
                        assert_eq!(choques[0].cliente, suyo.values()[campo], "{caso}");
                        continue;
                    }
                    let mut espera = if servidor == 0 {
                        suyo.clone()
                    } else {
                        actual.clone()
                    };
                    if servidor != 0 && otro != campo {
                        espera = with_field(espera, otro, 7);
                    }
                    // Files that only the server has are no difference: the manifest only grows.
                    let sin_novedad = campo == "multimedia" && otro == campo && cliente == 0;
                    if suyo == actual || sin_novedad {
                        assert_eq!(m, MergeOutcome::Igual, "{caso}");
                    } else if servidor == 0 {
                        assert_eq!(m, MergeOutcome::Actualizado(espera), "{caso}");
                    } else {
                        assert_eq!(m, MergeOutcome::Fusionado(espera), "{caso}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_decided_report_or_an_unknown_base_takes_nothing() {
        let b = base();
        let valores = b.values();
        for campo in Contenido::FIELDS {
            let suyo = sent(with_field(b.clone(), campo, 1));
            for (base, decidido) in [(Some(&valores), true), (None, false), (None, true)] {
                let MergeOutcome::Conflicto(choques) = merge(&suyo, &b, base, decidido) else {
                    panic!("{campo}");
                };
                let campos: Vec<_> = choques.iter().map(|c| c.campo.as_str()).collect();
                assert_eq!(campos, [campo]);
                let dicha = base.map_or(Value::Null, |v| v[campo].clone());
                assert_eq!(choques[0].base, dicha, "{campo}");
            }
            assert_eq!(merge(&sent(b.clone()), &b, None, true), MergeOutcome::Igual);
            // Others changed it and somebody decided: what is as it was asks for nothing.
            let actual = with_field(b.clone(), campo, 2);
            let m = merge(&sent(b.clone()), &actual, Some(&valores), true);
            let nada = if campo == "multimedia" {
                MergeOutcome::Igual
            } else {
                MergeOutcome::Fusionado(actual)
            };
            assert_eq!(m, nada, "{campo}");
        }
    }

    #[test]
    fn what_is_left_out_is_unchanged_and_null_clears() {
        let viejo = with_field(base(), "ubicacion", 1);
        let valores = viejo.values();
        let mut suyo = sent(Contenido {
            ubicacion: None,
            multimedia: None,
            ..with_field(viejo.clone(), "titulo", 1)
        });
        suyo.sin_ubicacion = true;
        let espera = with_field(viejo.clone(), "titulo", 1);
        let m = merge(&suyo, &viejo, Some(&valores), false);
        assert_eq!(m, MergeOutcome::Actualizado(espera.clone()));
        suyo.sin_ubicacion = false;
        let m = merge(&suyo, &viejo, Some(&valores), false);
        let sin = Contenido {
            ubicacion: None,
            ..espera
        };
        assert_eq!(m, MergeOutcome::Actualizado(sin));
    }

    #[test]
    fn an_empty_list_where_there_was_none_is_a_change() {
        let b = Contenido {
            multimedia: None,
            ..base()
        };
        let valores = b.values();
        let vacia = Contenido {
            multimedia: Some(vec![]),
            ..b.clone()
        };
        let suyo = sent(vacia.clone());
        let m = merge(&suyo, &b, Some(&valores), false);
        assert_eq!(m, MergeOutcome::Actualizado(vacia.clone()));
        // Where it can't be taken, whoever decides sees what it is about.
        for (base, decidido) in [(Some(&valores), true), (None, false), (None, true)] {
            let MergeOutcome::Conflicto(choques) = merge(&suyo, &b, base, decidido) else {
                panic!("{decidido}");
            };
            let campos: Vec<_> = choques.iter().map(|c| c.campo.as_str()).collect();
            assert_eq!(campos, ["multimedia"]);
            assert_eq!(apply(&suyo, &b, base, |_| true), vacia);
            assert_eq!(apply(&suyo, &b, base, |_| false).multimedia, {
                // What is known to be the phone's alone needs no decision.
                base.and(vacia.multimedia.clone())
            });
        }
        // It takes no files away.
        for decidido in [false, true] {
            assert_eq!(merge(&suyo, &base(), None, decidido), MergeOutcome::Igual);
        }
    }

    #[test]
    fn manifests_grow_by_uuid_up_to_the_limit() {
        let b = base();
        let valores = b.values();
        let con_archivos = |ns: &[u32]| Contenido {
            multimedia: Some(ns.iter().map(|n| archivo(*n)).collect()),
            ..b.clone()
        };
        // Each side added one, and the phone no longer names the first.
        let m = merge(
            &sent(con_archivos(&[3])),
            &con_archivos(&[1, 2]),
            Some(&valores),
            false,
        );
        assert_eq!(m, MergeOutcome::Fusionado(con_archivos(&[1, 2, 3])));
        let muchos: Vec<u32> = (1..=20).map(|n| 10 + n).collect();
        let m = merge(&sent(con_archivos(&muchos)), &b, Some(&valores), false);
        assert_eq!(m, MergeOutcome::Demasiados);
    }
}
