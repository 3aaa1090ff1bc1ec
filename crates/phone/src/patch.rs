//! A patch (*parche*): what the owner changed, field by field, apart from what it was changed from.

use serde::{Deserialize, Deserializer, Serialize};
use sigra_domain::reporte::{Archivo, Contenido, Ubicacion};

/// Changes to a report's content; a field that is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Patch {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub titulo: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub descripcion: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub area_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severidad_id: Option<i64>,
    /// `Some(None)` clears it.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "double_option"
    )]
    pub ubicacion: Option<Option<Ubicacion>>,
    /// Files to add, with uuids in lower case: a manifest only grows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub multimedia: Vec<Archivo>,
}

/// Keeps null apart from absent.
fn double_option<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Option<Ubicacion>>, D::Error> {
    Option::deserialize(d).map(Some)
}

/// What a report that the server does not know yet is a patch on.
pub(crate) static BLANK: Contenido = Contenido {
    titulo: String::new(),
    descripcion: None,
    area_id: 0,
    severidad_id: 0,
    ubicacion: None,
    multimedia: None,
};

impl Patch {
    /// Whether it changes nothing, whatever it is put on.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Every field of `contenido`.
    pub(crate) fn from_contenido(contenido: &Contenido) -> Self {
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
    pub(crate) fn between(antes: &Contenido, despues: &Contenido) -> Self {
        let tiene = |a: &&Archivo| !archivos(antes).iter().any(|b| same_archivo(a, b));
        Self {
            titulo: changed(&antes.titulo, &despues.titulo),
            descripcion: changed(&antes.descripcion, &despues.descripcion).flatten(),
            area_id: changed(&antes.area_id, &despues.area_id),
            severidad_id: changed(&antes.severidad_id, &despues.severidad_id),
            ubicacion: changed(&antes.ubicacion, &despues.ubicacion),
            multimedia: archivos(despues).iter().filter(tiene).cloned().collect(),
        }
    }

    /// `base` with these changes.
    pub(crate) fn apply_to(&self, base: &Contenido) -> Contenido {
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
    pub(crate) fn then(self, despues: Self) -> Self {
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
    pub(crate) fn conflicts(&self, visto: &Contenido, actual: &Contenido) -> bool {
        let efecto = self.apply_to(actual);
        (visto.titulo != actual.titulo && efecto.titulo != actual.titulo)
            || (visto.descripcion != actual.descripcion && efecto.descripcion != actual.descripcion)
            || (visto.area_id != actual.area_id && efecto.area_id != actual.area_id)
            || (visto.severidad_id != actual.severidad_id
                && efecto.severidad_id != actual.severidad_id)
            || (visto.ubicacion != actual.ubicacion && efecto.ubicacion != actual.ubicacion)
    }
}

fn changed<T: PartialEq + Clone>(antes: &T, despues: &T) -> Option<T> {
    (antes != despues).then(|| despues.clone())
}

fn archivos(c: &Contenido) -> &[Archivo] {
    c.multimedia.as_deref().unwrap_or_default()
}

fn same_archivo(a: &Archivo, b: &Archivo) -> bool {
    a.uuid_cliente.eq_ignore_ascii_case(&b.uuid_cliente)
}

/// Both lists in order of uuid; `antes` describes a file that is in both, since it may be what the
/// server made of it. `None` when there is no file.
fn union(antes: &[Archivo], otros: &[Archivo]) -> Option<Vec<Archivo>> {
    let mut todos = antes.to_vec();
    for archivo in otros {
        if !todos.iter().any(|a| same_archivo(a, archivo)) {
            todos.push(archivo.clone());
        }
    }
    todos.sort_by(|a, b| a.uuid_cliente.cmp(&b.uuid_cliente));
    (!todos.is_empty()).then_some(todos)
}

#[cfg(test)]
mod tests {
    use sigra_domain::reporte::{Archivo, Contenido, Ubicacion};

    use super::{BLANK, Patch};

    fn archivo(uuid: &str, nombre: &str) -> Archivo {
        Archivo {
            uuid_cliente: uuid.into(),
            nombre: nombre.into(),
            tipo: "image/jpeg".into(),
            bytes: 1,
            sha256: "0".repeat(64),
        }
    }

    fn sample_ubicacion() -> Ubicacion {
        Ubicacion {
            lat: -33.1,
            lon: -70.2,
            precision_m: None,
            referencia: None,
        }
    }

    fn sample_contenido() -> Contenido {
        Contenido {
            titulo: "Roca".into(),
            descripcion: Some("suelta".into()),
            area_id: 1,
            severidad_id: 3,
            ubicacion: Some(sample_ubicacion()),
            multimedia: Some(vec![archivo("b", "b.jpg")]),
        }
    }

    fn titulo(t: &str) -> Patch {
        Patch {
            titulo: Some(t.into()),
            ..Patch::default()
        }
    }

    #[test]
    fn the_difference_put_on_the_first_gives_the_second() {
        let mut otra = sample_contenido();
        otra.titulo = "Planchón".into();
        otra.ubicacion = None;
        otra.multimedia = Some(vec![archivo("a", "a.jpg"), archivo("b", "b.jpg")]);
        for (antes, despues) in [
            (sample_contenido(), otra),
            (sample_contenido(), sample_contenido()),
        ] {
            assert_eq!(Patch::between(&antes, &despues).apply_to(&antes), despues);
        }
        assert!(Patch::between(&sample_contenido(), &sample_contenido()).is_empty());
        assert_eq!(
            Patch::from_contenido(&sample_contenido()).apply_to(&BLANK),
            sample_contenido()
        );
        assert!(!Patch::from_contenido(&BLANK).is_empty());
    }

    #[test]
    fn the_later_edit_has_the_last_word_and_clearing_is_one() {
        let sin_lugar = Patch {
            ubicacion: Some(None),
            ..titulo("Dos")
        };
        let ambos = titulo("Uno").then(sin_lugar);
        let text = serde_json::to_string(&ambos).unwrap();
        assert_eq!(text, r#"{"titulo":"Dos","ubicacion":null}"#);
        assert_eq!(serde_json::from_str::<Patch>(&text).unwrap(), ambos);
        assert_eq!(ambos.apply_to(&sample_contenido()).ubicacion, None);
        assert_eq!(
            serde_json::from_str::<Patch>("{}").unwrap(),
            Patch::default()
        );
    }

    #[test]
    fn a_file_is_described_as_the_base_describes_it() {
        let parche = Patch {
            multimedia: vec![archivo("B", "otro.jpg"), archivo("a", "a.jpg")],
            ..Patch::default()
        };
        let esperado = Some(vec![archivo("a", "a.jpg"), archivo("b", "b.jpg")]);
        assert_eq!(parche.apply_to(&sample_contenido()).multimedia, esperado);
    }

    #[test]
    fn only_a_field_that_both_changed_differently_clashes() {
        let server = titulo("Del servidor").apply_to(&sample_contenido());
        assert!(titulo("Mío").conflicts(&sample_contenido(), &server));
        assert!(!titulo("Del servidor").conflicts(&sample_contenido(), &server));
        assert!(!titulo("Mío").conflicts(&sample_contenido(), &sample_contenido()));
        let area = Patch {
            area_id: Some(4),
            ..Patch::default()
        };
        assert!(!area.conflicts(&sample_contenido(), &server));
    }
}
