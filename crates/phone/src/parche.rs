//! A patch (*parche*): what the owner changed, field by field, apart from what it was changed from.

use serde::{Deserialize, Deserializer, Serialize};
use sigra_domain::reporte::{Archivo, Contenido, Ubicacion};

/// Changes to a report's content; a field that is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Parche {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub titulo: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub descripcion: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub area_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severidad_id: Option<i64>,
    /// `Some(None)` clears it.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "presente")]
    pub ubicacion: Option<Option<Ubicacion>>,
    /// Files to add, with uuids in lower case: a manifest only grows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub multimedia: Vec<Archivo>,
}

/// Keeps null apart from absent.
fn presente<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Option<Ubicacion>>, D::Error> {
    Option::deserialize(d).map(Some)
}

/// What a report that the server does not know yet is a patch on.
pub(crate) static EN_BLANCO: Contenido = Contenido {
    titulo: String::new(),
    descripcion: None,
    area_id: 0,
    severidad_id: 0,
    ubicacion: None,
    multimedia: None,
};

impl Parche {
    /// Whether it changes nothing, whatever it is put on.
    pub fn vacio(&self) -> bool {
        *self == Self::default()
    }

    /// Every field of `contenido`.
    pub(crate) fn todo(contenido: &Contenido) -> Self {
        Self {
            titulo: Some(contenido.titulo.clone()),
            descripcion: contenido.descripcion.clone(),
            area_id: Some(contenido.area_id),
            severidad_id: Some(contenido.severidad_id),
            ubicacion: Some(contenido.ubicacion.clone()),
            multimedia: archivos(contenido).to_vec(),
        }
    }

    /// What was changed to get from `antes` to `despues`.
    pub(crate) fn entre(antes: &Contenido, despues: &Contenido) -> Self {
        let tiene = |a: &&Archivo| !archivos(antes).iter().any(|b| mismo(a, b));
        Self {
            titulo: cambio(&antes.titulo, &despues.titulo),
            descripcion: cambio(&antes.descripcion, &despues.descripcion).flatten(),
            area_id: cambio(&antes.area_id, &despues.area_id),
            severidad_id: cambio(&antes.severidad_id, &despues.severidad_id),
            ubicacion: cambio(&antes.ubicacion, &despues.ubicacion),
            multimedia: archivos(despues).iter().filter(tiene).cloned().collect(),
        }
    }

    /// `base` with these changes.
    pub(crate) fn sobre(&self, base: &Contenido) -> Contenido {
        Contenido {
            titulo: self.titulo.as_ref().unwrap_or(&base.titulo).clone(),
            descripcion: self.descripcion.clone().or(base.descripcion.clone()),
            area_id: self.area_id.unwrap_or(base.area_id),
            severidad_id: self.severidad_id.unwrap_or(base.severidad_id),
            ubicacion: self.ubicacion.as_ref().unwrap_or(&base.ubicacion).clone(),
            multimedia: union(archivos(base), &self.multimedia),
        }
    }

    /// Both, `despues` having the last word.
    pub(crate) fn con(self, despues: Self) -> Self {
        Self {
            titulo: despues.titulo.or(self.titulo),
            descripcion: despues.descripcion.or(self.descripcion),
            area_id: despues.area_id.or(self.area_id),
            severidad_id: despues.severidad_id.or(self.severidad_id),
            ubicacion: despues.ubicacion.or(self.ubicacion),
            multimedia: union(&self.multimedia, &despues.multimedia).unwrap_or_default(),
        }
    }

    /// Whether it was made looking at `visto` and would, put on `actual`, undo what somebody else
    /// changed there since.
    pub(crate) fn choca(&self, visto: &Contenido, actual: &Contenido) -> bool {
        let efecto = self.sobre(actual);
        (visto.titulo != actual.titulo && efecto.titulo != actual.titulo)
            || (visto.descripcion != actual.descripcion && efecto.descripcion != actual.descripcion)
            || (visto.area_id != actual.area_id && efecto.area_id != actual.area_id)
            || (visto.severidad_id != actual.severidad_id
                && efecto.severidad_id != actual.severidad_id)
            || (visto.ubicacion != actual.ubicacion && efecto.ubicacion != actual.ubicacion)
    }
}

fn cambio<T: PartialEq + Clone>(antes: &T, despues: &T) -> Option<T> {
    (antes != despues).then(|| despues.clone())
}

fn archivos(c: &Contenido) -> &[Archivo] {
    c.multimedia.as_deref().unwrap_or_default()
}

fn mismo(a: &Archivo, b: &Archivo) -> bool {
    a.uuid_cliente.eq_ignore_ascii_case(&b.uuid_cliente)
}

/// Both lists in order of uuid; `antes` describes a file that is in both, since it may be what the
/// server made of it. `None` when there is no file.
fn union(antes: &[Archivo], otros: &[Archivo]) -> Option<Vec<Archivo>> {
    let mut todos = antes.to_vec();
    for archivo in otros {
        if !todos.iter().any(|a| mismo(a, archivo)) {
            todos.push(archivo.clone());
        }
    }
    todos.sort_by(|a, b| a.uuid_cliente.cmp(&b.uuid_cliente));
    (!todos.is_empty()).then_some(todos)
}

#[cfg(test)]
mod tests {
    use sigra_domain::reporte::{Archivo, Contenido, Ubicacion};

    use super::{EN_BLANCO, Parche};

    fn archivo(uuid: &str, nombre: &str) -> Archivo {
        Archivo {
            uuid_cliente: uuid.into(),
            nombre: nombre.into(),
            tipo: "image/jpeg".into(),
            bytes: 1,
            sha256: "0".repeat(64),
        }
    }

    fn lugar() -> Ubicacion {
        Ubicacion {
            lat: -33.1,
            lon: -70.2,
            precision_m: None,
            referencia: None,
        }
    }

    fn roca() -> Contenido {
        Contenido {
            titulo: "Roca".into(),
            descripcion: Some("suelta".into()),
            area_id: 1,
            severidad_id: 3,
            ubicacion: Some(lugar()),
            multimedia: Some(vec![archivo("b", "b.jpg")]),
        }
    }

    fn titulo(t: &str) -> Parche {
        Parche {
            titulo: Some(t.into()),
            ..Parche::default()
        }
    }

    #[test]
    fn the_difference_put_on_the_first_gives_the_second() {
        let mut otra = roca();
        otra.titulo = "Planchón".into();
        otra.ubicacion = None;
        otra.multimedia = Some(vec![archivo("a", "a.jpg"), archivo("b", "b.jpg")]);
        for (antes, despues) in [(roca(), otra), (roca(), roca())] {
            assert_eq!(Parche::entre(&antes, &despues).sobre(&antes), despues);
        }
        assert!(Parche::entre(&roca(), &roca()).vacio());
        assert_eq!(Parche::todo(&roca()).sobre(&EN_BLANCO), roca());
        assert!(!Parche::todo(&EN_BLANCO).vacio());
    }

    #[test]
    fn the_later_edit_has_the_last_word_and_clearing_is_one() {
        let sin_lugar = Parche {
            ubicacion: Some(None),
            ..titulo("Dos")
        };
        let ambos = titulo("Uno").con(sin_lugar);
        let texto = serde_json::to_string(&ambos).unwrap();
        assert_eq!(texto, r#"{"titulo":"Dos","ubicacion":null}"#);
        assert_eq!(serde_json::from_str::<Parche>(&texto).unwrap(), ambos);
        assert_eq!(ambos.sobre(&roca()).ubicacion, None);
        assert_eq!(
            serde_json::from_str::<Parche>("{}").unwrap(),
            Parche::default()
        );
    }

    #[test]
    fn a_file_is_described_as_the_base_describes_it() {
        let parche = Parche {
            multimedia: vec![archivo("B", "otro.jpg"), archivo("a", "a.jpg")],
            ..Parche::default()
        };
        let esperado = Some(vec![archivo("a", "a.jpg"), archivo("b", "b.jpg")]);
        assert_eq!(parche.sobre(&roca()).multimedia, esperado);
    }

    #[test]
    fn only_a_field_that_both_changed_differently_clashes() {
        let servidor = titulo("Del servidor").sobre(&roca());
        assert!(titulo("Mío").choca(&roca(), &servidor));
        assert!(!titulo("Del servidor").choca(&roca(), &servidor));
        assert!(!titulo("Mío").choca(&roca(), &roca()));
        let area = Parche {
            area_id: Some(4),
            ..Parche::default()
        };
        assert!(!area.choca(&roca(), &servidor));
    }
}
