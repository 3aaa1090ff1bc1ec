//! Files that somebody took away or changed behind the server's back are found.

use sigra_evidencia::{Danado, Dano};
use sigra_store::multimedia::objeto;

use super::{
    entrega::con_lugar,
    taller::{Foto, Taller, reporte_con},
};
use crate::{arnes::uuid, en_cuatro};

en_cuatro! {
    async fn cada_dano_se_encuentra(t: &Taller<'_>) {
        let autor = t.sitio.trabajador().await;
        let vista = con_lugar();
        let fotos = [Foto::nueva(9_000), Foto::nueva(8_000), vista, Foto::nueva(7_000), Foto::nueva(600_000)];
        let mut claves = vec![];
        for foto in &fotos {
            t.sitio.crea(&autor, &reporte_con(&[foto])).await.espera(201, "");
            t.envia(&autor, foto).await.unwrap();
            while t.evidencia.hace_vistas().await.unwrap() {}
            let mut lectura = t.sitio.store.leer().await.unwrap();
            claves.push(objeto(&mut lectura, &foto.sha256()).await.unwrap().unwrap());
        }
        let total: u64 = fotos.iter().map(|f| f.bytes.len() as u64).sum();
        let mut vistos = 0;
        let r = t.evidencia.revisa(|n| vistos += n).await.unwrap();
        assert_eq!((r.objetos, r.bytes, vistos, r.danados), (5, total, total, vec![]));
        let guardar = t.bytes_de(&fotos[0].sha256()).await.unwrap();
        t.almacen.borra(&claves[0].clave).await.unwrap();
        let mut otros = fotos[1].bytes.to_vec();
        otros[5_000] ^= 1;
        t.almacen.escribe(&claves[1].clave, otros.into()).await.unwrap();
        t.almacen.borra(claves[2].clave_miniatura.as_ref().unwrap()).await.unwrap();
        let huerfano = Foto { uuid: uuid(), ..Foto::nueva(100) };
        let sql = format!("UPDATE multimedia SET sha256 = '{}' WHERE uuid_cliente = '{}'",
            huerfano.sha256(), fotos[3].uuid);
        t.sitio.bd.sql(&sql).await.unwrap();
        let mut danados = t.evidencia.revisa(|_| ()).await.unwrap().danados;
        danados.sort_by_key(|d| format!("{:?}", d.dano));
        let son = |foto: &Foto, dano| Danado { sha256: foto.sha256(), dano };
        let espera = [son(&fotos[1], Dano::Distinto), son(&fotos[0], Dano::Falta), son(&fotos[2], Dano::SinCopia),
            son(&huerfano, Dano::SinObjeto)];
        assert_eq!(danados, espera);
        // As it was, for what every test is asked at its end.
        t.almacen.escribe(&claves[0].clave, guardar).await.unwrap();
        t.almacen.escribe(&claves[1].clave, fotos[1].bytes.clone()).await.unwrap();
        t.almacen.escribe(claves[2].clave_miniatura.as_ref().unwrap(), b"x".as_slice().into()).await.unwrap();
        let sql = format!("UPDATE multimedia SET sha256 = '{}' WHERE uuid_cliente = '{}'",
            fotos[3].sha256(), fotos[3].uuid);
        t.sitio.bd.sql(&sql).await.unwrap();
    }
}
