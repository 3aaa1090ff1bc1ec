//! An informe to try, and what can be read in a PDF.

use std::io::Cursor;

use image::{ImageFormat, Rgb, RgbImage};
use jiff::Timestamp;
use sigra_pdf::{
    Accion, ChainVerification, Comentario, Document, Entrada, FieldChange, OtherArchivo, Photo,
    Reporte,
};

/// 64 hexadecimal digits that differ from one number to the next.
pub fn hash(n: u64) -> String {
    let parte = |i: u64| format!("{:016x}", (n * 4 + i).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    [1, 2, 3, 4].map(parte).concat()
}

/// A picture in which each pixel differs from its neighbours, as in a photo.
pub fn jpeg(ancho: u32, alto: u32, n: u32) -> Vec<u8> {
    let imagen = RgbImage::from_fn(ancho, alto, |x, y| {
        let grano = (x ^ y).wrapping_mul(2_654_435_761).wrapping_add(n) >> 27;
        let tono = |v: u32| u8::try_from(v % 220 + grano).unwrap_or(u8::MAX);
        Rgb([tono(x * 200 / ancho), tono(y * 200 / alto), tono(n * 40)])
    });
    let mut bytes = Cursor::new(Vec::new());
    imagen.write_to(&mut bytes, ImageFormat::Jpeg).unwrap();
    bytes.into_inner()
}

pub fn photo(n: u32, jpeg: Vec<u8>) -> Photo {
    Photo {
        nombre: format!("IMG_2026{n:04}.jpg"),
        sha256: hash(1_000 + u64::from(n)),
        detalle: Some("image/jpeg, 2,4 MB".into()),
        jpeg,
    }
}

pub fn entrada(n: i64) -> Entrada {
    Entrada {
        n,
        cuando: "12-10-2026 08:41:07".into(),
        quien: "María Peña Ñancucheo (supervisora)".into(),
        accion: "Editar".into(),
        detalle: None,
        cambios: vec![FieldChange {
            campo: "Severidad".into(),
            antes: Some("Media".into()),
            despues: Some("Alta".into()),
        }],
        hash: hash(n.unsigned_abs()),
    }
}

/// Nothing but what must be there.
pub fn minimal() -> Document {
    Document {
        sitio: "Mina El Peñón".into(),
        emitido: "14-10-2026 16:20 (hora de Chile, UTC−3)".into(),
        emitido_en: Timestamp::from_second(1_792_005_600).unwrap(),
        emitido_por: "Jorge Muñoz".into(),
        reporte: Reporte {
            id: 4_217,
            uuid_cliente: "0192d1a0-5b7e-7c1f-9a55-3f1f0c9b2e11".into(),
            version: 1,
            titulo: "Roca suelta sobre la galería 4".into(),
            descripcion: None,
            area: "Perforación y Tronadura".into(),
            severidad: "Alta".into(),
            estado: "Pendiente".into(),
            ubicacion: None,
            coordenadas: None,
            fecha_reporte: None,
            creado_en: None,
            recibido_en: None,
            autor: "Ramón Ibáñez".into(),
            decidido_en: None,
            decidido_por: None,
            motivo: None,
        },
        fotos: vec![],
        otros: vec![],
        comentarios: vec![],
        comentarios_en_total: 0,
        acciones: vec![],
        bitacora: vec![],
        verificacion: ChainVerification {
            entradas: 1,
            ultimo_hash: hash(1),
            rotura: None,
        },
    }
}

/// Something in every section.
pub fn complete() -> Document {
    let mut i = minimal();
    let si = |s: &str| Some(s.to_owned());
    i.reporte.descripcion = si(
        "Al entrar al turno vimos una roca de unos 80 cm que se desprendió del techo.\n\
         Quedó apoyada en la malla, que está cortada en dos puntos. Pusimos conos y avisamos al jefe de turno; \
         nadie debe pasar hasta que se haga la acuñadura.\n\n¡Ojo!: el ventilador tapa el ruido.",
    );
    i.reporte.ubicacion = si("Nivel 1200, galería 4, frente al refugio");
    i.reporte.coordenadas = si("−33,1512; −70,2871 (± 12,5 m)");
    i.reporte.fecha_reporte = si("12-10-2026 07:55");
    i.reporte.creado_en = si("12-10-2026 08:02");
    i.reporte.recibido_en = si("12-10-2026 08:41");
    i.reporte.decidido_en = si("12-10-2026 09:30, a tiempo");
    i.reporte.decidido_por = si("María Peña Ñancucheo");
    i.reporte.motivo = si("Se cierra el acceso y se programa la acuñadura para el turno B.");
    i.reporte.estado = "Aprobado".into();
    i.fotos = vec![
        photo(1, jpeg(1_280, 960, 1)),
        photo(2, jpeg(720, 1_280, 2)),
        photo(3, jpeg(1_280, 960, 3)),
    ];
    i.otros = vec![OtherArchivo {
        nombre: "audio del turno.m4a".into(),
        tipo: "audio/mp4".into(),
        bytes: "812 KB".into(),
        sha256: hash(77),
        estado: "Recibido".into(),
    }];
    i.comentarios = vec![Comentario {
        cuando: "12-10-2026 08:50".into(),
        quien: "Luis Cañas".into(),
        texto: "La malla la cortó el camión de ayer.\nHay que revisar el gálibo.".into(),
    }];
    i.comentarios_en_total = 1;
    i.acciones = vec![Accion {
        n: 1,
        descripcion: "Acuñar el techo y reponer la malla entre las marcas 40 y 46.".into(),
        responsable: "Fortificación, turno B".into(),
        plazo: "13-10-2026".into(),
        estado: "En curso".into(),
    }];
    i.bitacora = (1..=4).map(entrada).collect();
    "Crear".clone_into(&mut i.bitacora[0].accion);
    i.bitacora[0].cambios[0].antes = None;
    i.bitacora[3].detalle = si("La malla está cortada: es más grave de lo que se vio.");
    i.bitacora[3].cambios.push(FieldChange {
        campo: "Lugar".into(),
        antes: si("Galería 4"),
        despues: None,
    });
    i.verificacion.entradas = 4;
    i.verificacion.ultimo_hash = hash(4);
    i.reporte.version = 4;
    i
}
