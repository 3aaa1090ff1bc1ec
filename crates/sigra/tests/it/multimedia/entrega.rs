//! Copies, small files in one go, ways out, and files whose server fell half-way.

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use serde_json::json;
use sigra_evidencia::{Destino, Entrega, Forma, NoAdmitido, Rechazo, SinForma};
use sigra_store::multimedia::{Objeto, RechazoSubida, objeto};

use super::{
    motor::{estados, ver},
    taller::{Foto, Taller, cortado, entero, progresiva, reporte_con},
};
use crate::{
    arnes::{Azar, Persona, uuid},
    en_cuatro,
};

pub const SECRETO: &[u8] = b"-33.1512 -70.2871";

/// A photo that tells where it was taken.
pub fn con_lugar() -> Foto {
    let foto = progresiva().bytes;
    let mut bytes = foto[..2].to_vec();
    let largo = u16::try_from(2 + 6 + SECRETO.len()).unwrap();
    bytes.extend([0xff, 0xe1]);
    bytes.extend(largo.to_be_bytes());
    bytes.extend(b"Exif\0\0");
    bytes.extend(SECRETO);
    bytes.extend(&foto[2..]);
    Foto {
        uuid: uuid(),
        bytes: bytes.into(),
        tipo: "image/jpeg",
    }
}

async fn guardado(t: &Taller<'_>, foto: &Foto) -> Objeto {
    let mut lectura = t.sitio.store.leer().await.unwrap();
    let hallado = objeto(&mut lectura, &foto.sha256()).await.unwrap();
    hallado.unwrap()
}

async fn parte(t: &Taller<'_>, e: &Entrega, rango: std::ops::Range<u64>) -> Vec<u8> {
    let trozos = t.evidencia.entrega(e, rango).await.unwrap();
    let trozos: Vec<Bytes> = trozos.try_collect().await.unwrap();
    trozos.concat()
}

fn tiene(bytes: &[u8], que: &[u8]) -> bool {
    bytes.windows(que.len()).any(|v| v == que)
}

async fn destino(t: &Taller<'_>, quien: &Persona, reporte_id: i64) -> Destino {
    Destino {
        quien: quien.quien.clone(),
        catalogo: t.sitio.store.catalogo().await.unwrap(),
        reporte_id,
        multimedia_uuid: None,
        sha256: None,
        nombre: None,
        uuid_nuevo: uuid(),
    }
}

en_cuatro! {
    async fn las_copias_no_dicen_donde(t: &Taller<'_>) {
        let autor = t.sitio.trabajador().await;
        let fotos = [con_lugar(), Foto::nueva(30_000)];
        t.sitio.crea(&autor, &reporte_con(&[&fotos[0], &fotos[1]])).await.espera(201, "");
        for foto in &fotos {
            t.envia(&autor, foto).await.unwrap();
            let o = guardado(t, foto).await;
            assert!(Entrega::de(&o, Forma::Original).is_ok());
            for forma in [Forma::Copia, Forma::Miniatura, Forma::Vista] {
                assert_eq!(Entrega::de(&o, forma).err(), Some(SinForma::Todavia));
            }
        }
        for quedaba in [true, true, false] {
            assert_eq!(t.evidencia.hace_vistas().await.unwrap(), quedaba);
        }
        let o = guardado(t, &fotos[0]).await;
        let e = Entrega::de(&o, Forma::Original).unwrap();
        assert_eq!(parte(t, &e, 0..e.largo).await, fotos[0].bytes);
        let mut azar = Azar::nuevo();
        for forma in [Forma::Copia, Forma::Miniatura, Forma::Vista] {
            let e = Entrega::de(&o, forma).unwrap();
            let todo = parte(t, &e, 0..e.largo).await;
            assert_eq!(todo.len() as u64, e.largo);
            assert!(todo.starts_with(b"\xff\xd8\xff") && todo.ends_with(b"\xff\xd9"), "{forma:?}");
            assert!(!tiene(&todo, SECRETO) && tiene(&fotos[0].bytes, SECRETO), "{forma:?}");
            for _ in 0..5 {
                let [a, b] = [0, 0].map(|_| azar.menor(todo.len() + 1));
                let (a, b) = (a.min(b), a.max(b));
                assert_eq!(parte(t, &e, a as u64..b as u64).await, todo[a..b]);
            }
        }
        // A damaged photo is kept as it came, and has no copies.
        let o = guardado(t, &fotos[1]).await;
        assert!(Entrega::de(&o, Forma::Original).is_ok());
        assert_eq!(Entrega::de(&o, Forma::Miniatura).err(), Some(SinForma::Nunca));
    }

    async fn un_archivo_chico_de_una_vez(t: &Taller<'_>) {
        let (autor, ajeno) = (t.sitio.trabajador().await, t.sitio.trabajador().await);
        let foto = con_lugar();
        let r = t.sitio.crea(&autor, &reporte_con(&[&foto])).await.json;
        let id = r["id"].as_i64().unwrap();
        let d = destino(t, &autor, id).await;
        let envia = async |d: &Destino, bytes: &Bytes| t.evidencia.recibe_directo(d.clone(), entero(bytes)).await;
        // Refused, and nothing of it stays.
        let malos = [
            (Destino { quien: ajeno.quien.clone(), ..d.clone() }, foto.bytes.clone()),
            (Destino { sha256: Some("0".repeat(64)), ..d.clone() }, foto.bytes.clone()),
            (Destino { multimedia_uuid: Some(foto.uuid.clone()), ..d.clone() }, Foto::nueva(9_000).bytes),
            (d.clone(), Bytes::from_static(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")),
        ];
        let mut dichos = vec![];
        for (d, bytes) in &malos {
            dichos.push(match envia(d, bytes).await.unwrap_err() {
                Rechazo::Subida(RechazoSubida::NoEncontrada) => "ajeno",
                Rechazo::HashDistinto => "hash",
                Rechazo::Subida(RechazoSubida::ArchivoDistinto) => "distinto",
                Rechazo::NoAdmitido(NoAdmitido::Heic) => "heic",
                otro => panic!("{otro:?}"),
            });
        }
        assert_eq!(dichos, ["ajeno", "hash", "distinto", "heic"]);
        let corte = t.evidencia.recibe_directo(d.clone(), cortado(&foto.bytes)).await;
        assert!(matches!(corte, Err(Rechazo::Interrumpida)), "{corte:?}");
        assert!(t.claves().await.is_empty());
        // Found in the manifest by its hash; again, it changes nothing.
        for es_nuevo in [true, false] {
            let hecho = envia(&d, &foto.bytes).await.unwrap();
            assert_eq!((hecho.es_nuevo, hecho.leido.reporte.version), (es_nuevo, 2));
        }
        // Another one is added to the manifest.
        let otra = Foto::nueva(9_000);
        let hecho = envia(&d, &otra.bytes).await.unwrap();
        assert_eq!((hecho.es_nuevo, hecho.leido.reporte.version), (true, 3));
        let visto = ver(t.sitio, &autor, &r).await;
        assert_eq!((estados(&visto), &visto["sync_status"]), (vec!["subido"; 2], &json!("completo")));
        assert_eq!(t.claves().await.len(), 2);
        let jefa = t.sitio.supervisor(&[1]).await;
        let ruta = format!("/admin/reportes/{id}/aprobar");
        t.sitio.pide("POST", &ruta).como(&jefa).json(&json!({"version": 3})).envia().await.espera(200, "");
        let tarde = envia(&d, &Foto::nueva(8_000).bytes).await;
        assert!(matches!(tarde, Err(Rechazo::Subida(RechazoSubida::Decidido))), "{tarde:?}");
    }

    async fn lo_que_no_vendra_y_lo_que_no_debe_quedar(t: &Taller<'_>) {
        let (autor, ajeno) = (t.sitio.trabajador().await, t.sitio.trabajador().await);
        let (jefa, admin) = (t.sitio.supervisor(&[1]).await, t.sitio.administrador().await);
        let fotos = [Foto::nueva(9_000), Foto::nueva(8_000)];
        let r = t.sitio.crea(&autor, &reporte_con(&[&fotos[0], &fotos[1]])).await.json;
        // The same photo in another report, which keeps it.
        let gemela = Foto { uuid: uuid(), ..fotos[0].clone() };
        t.sitio.crea(&autor, &reporte_con(&[&gemela])).await.espera(201, "");
        for foto in [&fotos[0], &gemela] {
            t.envia(&autor, foto).await.unwrap();
        }
        let id = |foto: &Foto| {
            let archivos = r["multimedia"].as_array().unwrap();
            archivos.iter().find(|a| a["uuid_cliente"] == foto.uuid.as_str()).unwrap()["id"].as_i64().unwrap()
        };
        let elimina = async |quien: &Persona, id: i64| {
            match t.evidencia.elimina(&quien.quien, id, "Se perdió.".into()).await {
                Ok(()) => "",
                Err(RechazoSubida::NoEncontrada) => "no existe",
                Err(RechazoSubida::SinPermiso) => "sin permiso",
                Err(otro) => panic!("{otro:?}"),
            }
        };
        let (subida, pendiente) = (id(&fotos[0]), id(&fotos[1]));
        for (quien, cual, dice) in [
            (&ajeno, pendiente, "no existe"), (&jefa, pendiente, "sin permiso"), (&admin, 999_999, "no existe"),
            (&autor, subida, "sin permiso"), (&jefa, subida, "sin permiso"),
            (&autor, pendiente, ""), (&autor, pendiente, ""), (&admin, subida, ""), (&admin, subida, ""),
        ] {
            assert_eq!(elimina(quien, cual).await, dice, "{:?} {cual}", quien.quien);
        }
        let visto = ver(t.sitio, &autor, &r).await;
        assert_eq!((&visto["sync_status"], &visto["version"]), (&json!("completo"), &json!(4)));
        let mut son = estados(&visto);
        son.sort_unstable();
        assert_eq!(son, ["eliminado", "renunciado"]);
        // What was waived may still come; what was taken away may not.
        assert!(t.envia(&autor, &fotos[1]).await.unwrap().reporte.is_some());
        let otra_vez = t.evidencia.crea(&autor.quien, Foto { bytes: fotos[0].bytes.clone(), ..fotos[0].clone() }
            .anuncio(r["uuid_cliente"].as_str())).await;
        assert!(otra_vez.is_err() || otra_vez.unwrap().adoptada.is_some());
        t.sitio.store.entorno().adelanta(49 * 60 * 60_000);
        t.evidencia.barre(false).await.unwrap();
        assert_eq!(t.bytes_de(&gemela.sha256()).await.unwrap(), gemela.bytes);
    }

    async fn lo_que_quedo_a_medias_llega_a_su_reporte(t: &Taller<'_>) {
        let autor = t.sitio.trabajador().await;
        let foto = Foto::nueva(9_000);
        t.envia(&autor, &foto).await.unwrap();
        assert_eq!(t.evidencia.adopta_atrasadas().await.unwrap(), 0);
        let r = t.crea_sin_adoptar(&autor, &reporte_con(&[&foto])).await;
        for n in [1, 0] {
            assert_eq!(t.evidencia.adopta_atrasadas().await.unwrap(), n);
        }
        assert_eq!(estados(&ver(t.sitio, &autor, &r).await), ["subido"]);
    }
}
