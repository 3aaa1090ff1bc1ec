use serde_json::json;

use super::*;
use crate::{
    Fecha, Instante, Rol, Rut,
    bitacora::{Cabeza, GENESIS},
    catalogo::{Area, Estado, PENDIENTE, Severidad},
    reporte::{Archivo, SyncStatus},
};

const AUTHOR: i64 = 12_345_678;

fn catalogo() -> Catalogo {
    let area = |id: i64| Area {
        id,
        nombre: id.to_string(),
        activa: id != 9,
    };
    let estado = |id: i64| Estado {
        id,
        nombre: id.to_string(),
        es_final: id != PENDIENTE,
    };
    Catalogo {
        version: 1,
        areas: (1..=9).map(area).collect(),
        severidades: (1..=3)
            .map(|id| Severidad {
                id,
                nombre: id.to_string(),
                activa: true,
                urgente: false,
                meta_horas: 24,
            })
            .collect(),
        estados: vec![estado(1), estado(2)],
        transiciones: vec![],
    }
}

fn contenido() -> Contenido {
    Contenido {
        titulo: "Roca".into(),
        descripcion: Some("Suelta.".into()),
        area_id: 1,
        severidad_id: 1,
        ubicacion: None,
        multimedia: None,
    }
}

fn contenido_with(cambia: impl FnOnce(&mut Contenido)) -> Contenido {
    let mut c = contenido();
    cambia(&mut c);
    c
}

fn reporte(contenido: Contenido) -> Reporte {
    Reporte {
        id: 1,
        uuid_cliente: "u".into(),
        rut: Rut::new(AUTHOR).unwrap(),
        sha256_contenido: contenido.sha256(),
        contenido,
        estado_id: PENDIENTE,
        decision: None,
        device_id: None,
        fecha_reporte: Fecha::parse("2026-03-01").unwrap(),
        hora_creado: Instante(0),
        hora_sincronizado: Instante(0),
        hora_actualizado: Instante(0),
        last_sync_attempt: None,
        sync_status: SyncStatus::Completo,
        archivos: crate::reporte::Estados::new(),
        comentarios: 0,
        acciones: std::collections::BTreeMap::new(),
        version: 7,
        retirado_en: None,
        cabeza: Cabeza {
            entradas: 7,
            hash: GENESIS.into(),
        },
    }
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

fn author() -> Quien {
    Quien {
        rut: Rut::new(AUTHOR).unwrap(),
        rol: Rol::Trabajador,
        areas: vec![],
    }
}

/// A case: the report, the item, what is known of it, and a word for the verdict.
struct Case<'a> {
    quien: Quien,
    actual: Reporte,
    enviado: Contenido,
    aceptado: Option<i64>,
    en_conflicto: bool,
    conflictos: usize,
    base: Option<&'a Contenido>,
}

fn verdict_name(c: &Case<'_>) -> String {
    let base = c.base.map(Contenido::values);
    let s = ItemContext {
        quien: &c.quien,
        actual: &c.actual,
        aceptado: c.aceptado,
        en_conflicto: c.en_conflicto,
        conflictos: c.conflictos,
        base: base.as_ref(),
        catalogo: &catalogo(),
    };
    match judge(&sent(c.enviado.clone()), &s) {
        Verdict::Duplicado { version, nuevo } => format!("duplicado {version} {nuevo}"),
        Verdict::Actualizado(c) => format!("actualizado {}", c.titulo),
        Verdict::Fusionado(c) => format!("fusionado {} {}", c.titulo, c.severidad_id),
        Verdict::Conflicto { choques, nuevo } => format!("conflicto {} {nuevo}", choques.len()),
        Verdict::Rechazado(motivo) => format!("{motivo:?}"),
    }
}

#[test]
fn the_order_of_judgement() {
    let base = contenido();
    let caso = || Case {
        quien: author(),
        actual: reporte(contenido()),
        enviado: contenido_with(|c| c.titulo = "Otra".into()),
        aceptado: None,
        en_conflicto: false,
        conflictos: 0,
        base: Some(&base),
    };
    let otro = Quien {
        rut: Rut::new(1).unwrap(),
        rol: Rol::Administrador,
        areas: vec![],
    };
    let retirado = Reporte {
        retirado_en: Some(Instante(1)),
        ..reporte(contenido())
    };
    let decidido = Reporte {
        estado_id: 2,
        ..reporte(contenido())
    };
    let severo = reporte(contenido_with(|c| c.severidad_id = 3));
    let renombrado = reporte(contenido_with(|c| c.titulo = "Tercera".into()));
    let en_desuso = contenido_with(|c| c.area_id = 9);
    #[rustfmt::skip]
    let casos = [
        (caso(), "actualizado Otra"),
        (Case { quien: otro.clone(), ..caso() }, "UuidAjeno"),
        // Whatever else is true, a stranger hears nothing else.
        (Case { quien: otro.clone(), actual: retirado.clone(), aceptado: Some(2), ..caso() }, "UuidAjeno"),
        (Case { quien: otro, enviado: contenido(), ..caso() }, "UuidAjeno"),
        (Case { actual: retirado.clone(), ..caso() }, "Retirado"),
        (Case { actual: retirado, aceptado: Some(2), ..caso() }, "Retirado"),
        (Case { aceptado: Some(2), ..caso() }, "duplicado 2 false"),
        (Case { aceptado: Some(2), actual: decidido.clone(), ..caso() }, "duplicado 2 false"),
        (Case { enviado: contenido(), ..caso() }, "duplicado 7 true"),
        (Case { enviado: contenido(), base: None, actual: decidido.clone(), ..caso() }, "duplicado 7 true"),
        (Case { actual: severo.clone(), ..caso() }, "fusionado Otra 3"),
        (Case { enviado: contenido(), actual: severo, ..caso() }, "fusionado Roca 3"),
        (Case { actual: renombrado.clone(), ..caso() }, "conflicto 1 true"),
        (Case { actual: decidido, ..caso() }, "conflicto 1 true"),
        (Case { base: None, ..caso() }, "conflicto 1 true"),
        (Case { actual: renombrado.clone(), en_conflicto: true, ..caso() }, "conflicto 1 false"),
        // It would not clash any more, and still waits for whoever decides.
        (Case { en_conflicto: true, ..caso() }, "conflicto 0 false"),
        (Case { actual: renombrado.clone(), conflictos: MAX_CONFLICTOS - 1, ..caso() }, "conflicto 1 true"),
        (Case { actual: renombrado.clone(), conflictos: MAX_CONFLICTOS, ..caso() }, "DemasiadosConflictos"),
        (Case { actual: renombrado, conflictos: MAX_CONFLICTOS, en_conflicto: true, ..caso() }, "conflicto 1 false"),
        (Case { enviado: en_desuso.clone(), ..caso() }, r#"Datos([FieldError { campo: "area_id", falla: NoExiste }])"#),
        // It had that area before the site gave it up.
        (Case { enviado: contenido_with(|c| { c.area_id = 9; c.titulo = "Otra".into(); }),
            actual: reporte(en_desuso.clone()), base: Some(&en_desuso), ..caso() }, "actualizado Otra"),
    ];
    for (i, (caso, espera)) in casos.iter().enumerate() {
        assert_eq!(verdict_name(caso), *espera, "caso {i}");
    }
}

fn sides(pares: &[(&str, Lado)]) -> Decision {
    Decision::Mezcla(pares.iter().map(|(c, l)| ((*c).to_owned(), *l)).collect())
}

#[test]
fn a_decision_leads_to_this() {
    use Lado::{Cliente, Servidor};
    // Title and area clash; only the phone changed the description, only the server the severity.
    let base = contenido();
    let cliente = contenido_with(|c| {
        c.titulo = "del teléfono".into();
        c.area_id = 2;
        c.descripcion = Some("más".into());
    });
    let actual = reporte(contenido_with(|c| {
        c.titulo = "del servidor".into();
        c.area_id = 3;
        c.severidad_id = 3;
    }));
    let valores = base.values();
    let resuelve = |decision: &Decision, con_base: bool| {
        let base = con_base.then_some(&valores);
        resolve(decision, &sent(cliente.clone()), &actual, base, &catalogo())
            .map(|c| json!([c.titulo, c.area_id, c.descripcion, c.severidad_id]))
    };
    let mezcla = |titulo, area| sides(&[("titulo", titulo), ("area_id", area)]);
    for (decision, espera) in [
        (Decision::Servidor, json!(["del servidor", 3, "Suelta.", 3])),
        (Decision::Cliente, json!(["del teléfono", 2, "más", 3])),
        (
            mezcla(Cliente, Servidor),
            json!(["del teléfono", 3, "más", 3]),
        ),
        (
            mezcla(Servidor, Cliente),
            json!(["del servidor", 2, "más", 3]),
        ),
        (
            mezcla(Servidor, Servidor),
            json!(["del servidor", 3, "más", 3]),
        ),
    ] {
        assert_eq!(resuelve(&decision, true), Ok(espera), "{decision:?}");
    }
    // Without a base all that differs clashes.
    assert_eq!(
        resuelve(&Decision::Cliente, false),
        Ok(json!(["del teléfono", 2, "más", 1]))
    );
    let errores = |r: Result<_, DecisionDenied>| match r {
        Err(DecisionDenied::Datos(errores)) => errores
            .iter()
            .map(|e| format!("{} {}", e.campo, e.falla.code()))
            .collect::<Vec<_>>(),
        otro => panic!("{otro:?}"),
    };
    let r = resuelve(
        &sides(&[("titulo", Cliente), ("severidad_id", Cliente)]),
        true,
    );
    assert_eq!(
        errores(r),
        [
            "campos.area_id requerido",
            "campos.severidad_id no_en_conflicto"
        ]
    );
    let decidido = Reporte {
        estado_id: 2,
        ..actual.clone()
    };
    for decision in [Decision::Cliente, mezcla(Servidor, Servidor)] {
        let r = super::resolve(
            &decision,
            &sent(cliente.clone()),
            &decidido,
            Some(&valores),
            &catalogo(),
        );
        assert_eq!(r, Err(DecisionDenied::Decidido));
    }
    let r = super::resolve(
        &Decision::Servidor,
        &sent(cliente.clone()),
        &decidido,
        None,
        &catalogo(),
    );
    assert_eq!(r, Ok(decidido.contenido));
}

#[test]
fn a_decision_obeys_the_catalogue_and_the_limits() {
    let archivo = |n: usize, nombre: &str| Archivo {
        uuid_cliente: format!("archivo-{n:02}"),
        nombre: nombre.into(),
        tipo: "image/jpeg".into(),
        bytes: 1,
        sha256: "0".repeat(64),
    };
    let con_archivos = |ns: std::ops::Range<usize>, nombre: &str| {
        contenido_with(|c| c.multimedia = Some(ns.map(|n| archivo(n, nombre)).collect()))
    };
    let base = contenido().values();
    let resuelve = |suyo: Contenido, actual: Contenido| {
        resolve(
            &Decision::Cliente,
            &sent(suyo),
            &reporte(actual),
            Some(&base),
            &catalogo(),
        )
    };
    // One file in two descriptions keeps the server's, and new ones are added.
    let nuevo = resuelve(con_archivos(0..3, "b"), con_archivos(0..2, "a")).unwrap();
    let nombres: Vec<_> = nuevo
        .multimedia
        .unwrap()
        .into_iter()
        .map(|a| a.nombre)
        .collect();
    assert_eq!(nombres, ["a", "a", "b"]);
    let r = resuelve(con_archivos(1..15, "b"), con_archivos(0..14, "a"));
    assert!(r.is_ok());
    for (suyo, campo) in [
        (con_archivos(10..30, "b"), "multimedia"),
        (
            contenido_with(|c| {
                c.area_id = 9;
                c.titulo = "Otra".into();
            }),
            "area_id",
        ),
    ] {
        let actual = Contenido {
            titulo: "Tercera".into(),
            ..con_archivos(0..2, "a")
        };
        match resuelve(suyo, actual) {
            Err(DecisionDenied::Datos(errores)) => assert_eq!(errores[0].campo, campo),
            otro => panic!("{otro:?}"),
        }
    }
}
