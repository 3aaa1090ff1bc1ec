//! The engine, without HTTP: pieces, turns, ends and adoptions.

use bytes::Bytes;
use serde_json::{Value, json};
use sha2::Digest as _;
use sigra_evidencia::{Algoritmo, Rechazo, Suma};
use sigra_store::multimedia::RechazoSubida;

use super::taller::{Foto, Taller, callado, cortado, entero, mandado, reporte_con};
use crate::{
    arnes::{Azar, Persona, Sitio, cuenta},
    en_cuatro,
};

pub async fn ver(sitio: &Sitio, quien: &Persona, reporte: &Value) -> Value {
    let r = sitio
        .pide("GET", &format!("/reportes/{}", reporte["id"]))
        .como(quien)
        .envia()
        .await;
    assert_eq!(r.status, 200, "{r:?}");
    r.json
}

/// A report of two files of which one has come, then both.
pub fn estados(reporte: &Value) -> Vec<&str> {
    let archivos = reporte["multimedia"].as_array().unwrap();
    archivos
        .iter()
        .map(|a| a["estado"].as_str().unwrap())
        .collect()
}

en_cuatro! {
    async fn los_archivos_completan_su_reporte(t: &Taller<'_>) {
        let autor = t.sitio.trabajador().await;
        let fotos = [Foto::nueva(300_000), Foto::nueva(20_000)];
        let r = t.sitio.crea(&autor, &reporte_con(&[&fotos[0], &fotos[1]])).await.json;
        assert_eq!(r["sync_status"], "multimedia_pendiente");
        for (n, foto) in fotos.iter().enumerate() {
            let recibida = t.envia(&autor, foto).await.unwrap();
            assert_eq!(recibida.recibidos, foto.largo());
            let reporte = recibida.reporte.unwrap().reporte;
            assert_eq!(reporte.version, i64::try_from(n).unwrap() + 2);
            assert_eq!(t.bytes_de(&foto.sha256()).await.unwrap(), foto.bytes);
        }
        let r = ver(t.sitio, &autor, &r).await;
        assert_eq!((&r["sync_status"], &r["version"]), (&json!("completo"), &json!(3)));
        assert_eq!(estados(&r), ["subido", "subido"]);
        // Sent again after a lost answer: nothing happens.
        let otra_vez = t.crea(&autor, &fotos[0]).await;
        assert_eq!((otra_vez.recibidos, otra_vez.terminada.is_some()), (300_000, true));
        let fin = t.evidencia.estado(autor.rut, &otra_vez.id).await.unwrap();
        assert_eq!(fin.recibidos, 300_000);
        assert_eq!(ver(t.sitio, &autor, &r).await["version"], 3);
        assert_eq!(t.claves().await.len(), 2);
    }

    async fn los_bytes_pueden_llegar_antes_que_su_reporte(t: &Taller<'_>) {
        let (autor, otra) = (t.sitio.trabajador().await, t.sitio.trabajador().await);
        let foto = Foto::nueva(40_000);
        assert!(t.envia(&autor, &foto).await.unwrap().reporte.is_none());
        // A stranger's report that names the same file gets nothing, and hears nothing.
        let ajeno = t.sitio.crea(&otra, &reporte_con(&[&foto])).await.json;
        assert_eq!(t.evidencia.adopta(&otra.quien, &[&foto.uuid]).await.unwrap().len(), 0);
        assert_eq!(t.evidencia.adopta(&autor.quien, &[&foto.uuid]).await.unwrap().len(), 0);
        assert_eq!(estados(&ver(t.sitio, &otra, &ajeno).await), ["pendiente"]);
        let r = t.crea_sin_adoptar(&autor, &reporte_con(&[&foto])).await;
        let adoptados = t.evidencia.adopta(&autor.quien, &[&foto.uuid]).await.unwrap();
        assert_eq!(adoptados.len(), 1);
        assert_eq!(ver(t.sitio, &autor, &r).await["sync_status"], "completo");
        assert_eq!(t.evidencia.adopta(&autor.quien, &[&foto.uuid]).await.unwrap().len(), 0);
    }

    async fn por_un_enlace_que_se_corta_llega_entero(t: &Taller<'_>) {
        let autor = t.sitio.trabajador().await;
        let mut azar = Azar::nuevo();
        for _ in 0..cuenta(20) {
            let foto = Foto::nueva(azar.entre(1_000, 3_000_000));
            let subida = t.crea(&autor, &foto).await;
            let (mut enviados, mut cortes) = (0, 0);
            loop {
                let va_en = t.evidencia.estado(autor.rut, &subida.id).await.unwrap().recibidos;
                let desde = usize::try_from(va_en).unwrap();
                let hasta = azar.entre(desde, foto.bytes.len()) + 1;
                let parte = foto.bytes.slice(desde..hasta);
                enviados += parte.len();
                let entera = cortes > 30;
                let r = if entera {
                    t.evidencia.recibe(&autor.quien, &subida.id, va_en, None, entero(&foto.bytes.slice(desde..))).await
                } else {
                    t.evidencia.recibe(&autor.quien, &subida.id, va_en, None, cortado(&parte)).await
                };
                match r {
                    Ok(r) => {
                        assert_eq!(r.recibidos, foto.largo());
                        break;
                    }
                    Err(Rechazo::Interrumpida) => cortes += 1,
                    Err(e) => panic!("{e}"),
                }
            }
            assert!(enviados <= foto.bytes.len(), "se guarda todo lo que llegó: {enviados}");
            assert_eq!(t.bytes_de(&foto.sha256()).await.unwrap(), foto.bytes);
        }
    }

    /// Whoever asks ends whoever was still sending, and is told what came of it.
    async fn el_mas_nuevo_sigue(t: &Taller<'_>) {
        let autor = t.sitio.trabajador().await;
        let foto = Foto::nueva(400_000);
        let subida = t.crea(&autor, &foto).await;
        let (e, quien, id) = (t.evidencia.clone(), autor.quien.clone(), subida.id.clone());
        let parte = callado(&foto.bytes.slice(..150_000));
        let colgado = tokio::spawn(async move { e.recibe(&quien, &id, 0, None, parte).await });
        let va_en = loop {
            // The old connection may not have begun yet: then it ends with nothing.
            let s = t.evidencia.estado(autor.rut, &subida.id).await.unwrap();
            if colgado.is_finished() {
                break s.recibidos;
            }
            tokio::task::yield_now().await;
        };
        let viejo = colgado.await.unwrap();
        assert!(matches!(viejo, Err(Rechazo::Interrumpida | Rechazo::Subida(RechazoSubida::TurnoPerdido))), "{viejo:?}");
        let va_en = t.evidencia.estado(autor.rut, &subida.id).await.unwrap().recibidos.max(va_en);
        let resto = foto.bytes.slice(usize::try_from(va_en).unwrap()..);
        t.evidencia.recibe(&autor.quien, &subida.id, va_en, None, entero(&resto)).await.unwrap();
        assert_eq!(t.bytes_de(&foto.sha256()).await.unwrap(), foto.bytes);
    }

    /// The same when the old connection ends at another server, which only the database knows of.
    async fn el_mas_nuevo_sigue_en_otro_servidor(t: &Taller<'_>) {
        let autor = t.sitio.trabajador().await;
        let foto = Foto::nueva(400_000);
        let subida = t.crea(&autor, &foto).await;
        let (manda, cuerpo) = mandado();
        let (e, quien, id) = (t.evidencia.clone(), autor.quien.clone(), subida.id.clone());
        let viejo = tokio::spawn(async move { e.recibe(&quien, &id, 0, None, cuerpo).await });
        // The second is taken only when the first has been.
        manda.send(foto.bytes.slice(..100_000)).await.unwrap();
        manda.send(foto.bytes.slice(100_000..150_000)).await.unwrap();
        let otro = t.otro_servidor();
        assert_eq!(otro.estado(autor.rut, &subida.id).await.unwrap().recibidos, 0);
        drop(manda);
        let viejo = viejo.await.unwrap();
        assert!(matches!(viejo, Err(Rechazo::Subida(RechazoSubida::TurnoPerdido))), "{viejo:?}");
        // What was told is still so.
        let fin = otro.recibe(&autor.quien, &subida.id, 0, None, entero(&foto.bytes)).await.unwrap();
        assert_eq!(fin.recibidos, foto.largo());
        assert_eq!(t.bytes_de(&foto.sha256()).await.unwrap(), foto.bytes);
    }

    /// Nor may the old one end the upload.
    async fn quien_perdio_su_turno_no_termina(t: &Taller<'_>) {
        let autor = t.sitio.trabajador().await;
        let foto = Foto::nueva(100_000);
        let subida = t.crea(&autor, &foto).await;
        let (manda, cuerpo) = mandado();
        let (e, quien, id) = (t.evidencia.clone(), autor.quien.clone(), subida.id.clone());
        let viejo = tokio::spawn(async move { e.recibe(&quien, &id, 0, None, cuerpo).await });
        manda.send(foto.bytes.slice(..60_000)).await.unwrap();
        let otro = t.otro_servidor();
        // It has begun once the second is taken; the third ends the file.
        manda.send(foto.bytes.slice(60_000..90_000)).await.unwrap();
        otro.estado(autor.rut, &subida.id).await.unwrap();
        manda.send(foto.bytes.slice(90_000..)).await.unwrap();
        drop(manda);
        let viejo = viejo.await.unwrap();
        assert!(matches!(viejo, Err(Rechazo::Subida(RechazoSubida::TurnoPerdido))), "{viejo:?}");
        assert_eq!(otro.estado(autor.rut, &subida.id).await.unwrap().recibidos, 0);
        assert_eq!(t.claves().await.len(), 1, "el pedazo que nadie contó espera al barrido");
        otro.recibe(&autor.quien, &subida.id, 0, None, entero(&foto.bytes)).await.unwrap();
        assert_eq!(t.claves().await.len(), 1);
    }

    async fn lo_que_no_es_lo_anunciado_no_queda(t: &Taller<'_>) {
        let autor = t.sitio.trabajador().await;
        let foto = Foto::nueva(30_000);
        let r = t.sitio.crea(&autor, &reporte_con(&[&foto])).await.json;
        let subida = t.crea(&autor, &foto).await;
        let mut otros = foto.bytes.to_vec();
        otros[20_000] ^= 1;
        let mal = t.evidencia.recibe(&autor.quien, &subida.id, 0, None, entero(&otros.into())).await;
        assert!(matches!(mal, Err(Rechazo::HashDistinto)), "{mal:?}");
        let ya_no = t.evidencia.estado(autor.rut, &subida.id).await;
        assert!(matches!(ya_no, Err(Rechazo::Subida(RechazoSubida::NoEncontrada))), "{ya_no:?}");
        assert_eq!(t.claves().await.len(), 0);
        // More than was announced: not a byte of that request counts.
        let subida = t.crea(&autor, &foto).await;
        let mut largos = foto.bytes.to_vec();
        largos.push(0);
        let sobran = t.evidencia.recibe(&autor.quien, &subida.id, 0, None, entero(&largos.into())).await;
        assert!(matches!(sobran, Err(Rechazo::Sobran)), "{sobran:?}");
        let otro = t.evidencia.recibe(&autor.quien, &subida.id, 5, None, entero(&foto.bytes)).await;
        assert!(matches!(otro, Err(Rechazo::OtroDesfase(0))), "{otro:?}");
        // And then it can be sent.
        assert!(t.envia(&autor, &foto).await.unwrap().reporte.is_some());
        assert_eq!(ver(t.sitio, &autor, &r).await["sync_status"], "completo");
    }

    async fn el_tipo_lo_dicen_los_bytes(t: &Taller<'_>) {
        let autor = t.sitio.trabajador().await;
        for inicio in [&b"<!DOCTYPE html><script>alert(1)</script>"[..], b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"] {
            let foto = Foto { bytes: Bytes::from_static(inicio), ..Foto::nueva(0) };
            let mal = t.envia(&autor, &foto).await;
            assert!(matches!(mal, Err(Rechazo::NoAdmitido(_))), "{mal:?}");
        }
        let mut enorme = Foto::nueva(0);
        enorme.tipo = "image/png";
        enorme.bytes = [&b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x36\xb0\0\0\x36\xb0\x08\x06\0\0\0"[..], &[0; 40]].concat().into();
        let mal = t.envia(&autor, &enorme).await;
        assert!(matches!(mal, Err(Rechazo::MuchosPixeles)), "{mal:?}");
        assert_eq!(t.claves().await.len(), 0);
    }

    async fn con_suma_es_todo_o_nada(t: &Taller<'_>) {
        let autor = t.sitio.trabajador().await;
        let foto = Foto::nueva(100_000);
        let subida = t.crea(&autor, &foto).await;
        let mitad = foto.bytes.slice(..50_000);
        let de = |algoritmo, esperada: &[u8]| Some(Suma { algoritmo, esperada: esperada.to_vec() });
        let buena = de(Algoritmo::Sha1, &sha1::Sha1::digest(&mitad));
        let otra = de(Algoritmo::Sha256, &sha2::Sha256::digest(b"otra"));
        let mal = t.evidencia.recibe(&autor.quien, &subida.id, 0, otra, entero(&mitad)).await;
        assert!(matches!(mal, Err(Rechazo::SumaDistinta)), "{mal:?}");
        let mal = t.evidencia.recibe(&autor.quien, &subida.id, 0, buena.clone(), cortado(&mitad.slice(..40_000))).await;
        assert!(matches!(mal, Err(Rechazo::Interrumpida)), "{mal:?}");
        assert_eq!(t.evidencia.estado(autor.rut, &subida.id).await.unwrap().recibidos, 0);
        let bien = t.evidencia.recibe(&autor.quien, &subida.id, 0, buena, entero(&mitad)).await.unwrap();
        assert_eq!(bien.recibidos, 50_000);
        let resto = foto.bytes.slice(50_000..);
        let suma = de(Algoritmo::Sha256, &sha2::Sha256::digest(&resto));
        t.evidencia.recibe(&autor.quien, &subida.id, 50_000, suma, entero(&resto)).await.unwrap();
        assert_eq!(t.bytes_de(&foto.sha256()).await.unwrap(), foto.bytes);
    }

    async fn los_mismos_bytes_se_guardan_una_vez(t: &Taller<'_>) {
        let (una, otro) = (t.sitio.trabajador().await, t.sitio.trabajador().await);
        let suya = Foto::nueva(50_000);
        let ajena = Foto { uuid: crate::arnes::uuid(), ..suya.clone() };
        let ra = t.sitio.crea(&una, &reporte_con(&[&suya])).await.json;
        let rb = t.sitio.crea(&otro, &reporte_con(&[&ajena])).await.json;
        // To know the hash is not to have the file.
        let empezada = t.crea(&otro, &ajena).await;
        t.envia(&una, &suya).await.unwrap();
        assert_eq!(t.evidencia.estado(otro.rut, &empezada.id).await.unwrap().recibidos, 0);
        assert_eq!(estados(&ver(t.sitio, &otro, &rb).await), ["pendiente"]);
        t.envia(&otro, &ajena).await.unwrap();
        for (quien, r) in [(&una, &ra), (&otro, &rb)] {
            assert_eq!(ver(t.sitio, quien, r).await["sync_status"], "completo");
        }
        assert_eq!(t.claves().await.len(), 1);
    }

    async fn un_uuid_es_de_un_archivo(t: &Taller<'_>) {
        let (autor, otra) = (t.sitio.trabajador().await, t.sitio.trabajador().await);
        let foto = Foto::nueva(9_000);
        let subida = t.crea(&autor, &foto).await;
        assert_eq!(t.crea(&autor, &foto).await.id, subida.id, "la misma, otra vez");
        assert_ne!(t.crea(&otra, &foto).await.id, subida.id, "de otra persona");
        let ajena = t.evidencia.estado(otra.rut, &subida.id).await;
        assert!(matches!(ajena, Err(Rechazo::Subida(RechazoSubida::NoEncontrada))));
        let distinta = Foto { uuid: foto.uuid.clone(), ..Foto::nueva(9_000) };
        let mal = t.evidencia.crea(&autor.quien, distinta.anuncio(None)).await;
        assert!(matches!(mal, Err(Rechazo::Subida(RechazoSubida::ArchivoDistinto))), "{mal:?}");
        // What the manifest says decides.
        t.sitio.crea(&autor, &reporte_con(&[&distinta])).await;
        t.envia(&autor, &distinta).await.unwrap();
        let mal = t.evidencia.crea(&autor.quien, foto.anuncio(None)).await;
        assert!(matches!(mal, Err(Rechazo::Subida(RechazoSubida::ArchivoDistinto))), "{mal:?}");
    }

    /// A server that dies between any two steps leaves an upload that goes on.
    async fn una_labor_que_se_corta_en_cualquier_parte_sigue(t: &Taller<'_>) {
        let autor = t.sitio.trabajador().await;
        let mut azar = Azar::nuevo();
        for _ in 0..cuenta(40) {
            let foto = Foto::nueva(azar.entre(60_000, 400_000));
            let r = t.sitio.crea(&autor, &reporte_con(&[&foto])).await.json;
            let subida = t.crea(&autor, &foto).await;
            for paso in 0.. {
                let s = t.evidencia.estado(autor.rut, &subida.id).await.unwrap();
                let desde = usize::try_from(s.recibidos).unwrap();
                let parte = entero(&foto.bytes.slice(desde..));
                let labor = t.evidencia.recibe(&autor.quien, &subida.id, s.recibidos, None, parte);
                // Polled so many times and then never again.
                let polls = if paso > 20 { usize::MAX } else { azar.entre(1, 60) };
                if let Some(fin) = a_medias(labor, polls).await {
                    assert_eq!(fin.unwrap().recibidos, foto.largo());
                    break;
                }
            }
            t.evidencia.adopta(&autor.quien, &[&foto.uuid]).await.unwrap();
            assert_eq!(ver(t.sitio, &autor, &r).await["sync_status"], "completo");
            assert_eq!(t.bytes_de(&foto.sha256()).await.unwrap(), foto.bytes);
        }
    }
}

/// Drops the future after so many polls.
async fn a_medias<F: Future>(labor: F, mut polls: usize) -> Option<F::Output> {
    let mut labor = std::pin::pin!(labor);
    std::future::poll_fn(|cx| {
        if polls == 0 {
            return std::task::Poll::Ready(None);
        }
        polls -= 1;
        labor.as_mut().poll(cx).map(Some)
    })
    .await
}
