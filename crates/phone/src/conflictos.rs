//! Conflicts: what both sides changed, and whose word counts.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use sigra_domain::sync::Lado;

use crate::{
    Conflicto, Error, Telefono,
    ficha::{Aparte, Ficha},
    fila::Fila,
    http::{Peticion, comprime},
    reporte::Reporte,
};

/// Times that a decision is sent again because the report changed meanwhile.
const INTENTOS: u32 = 5;

/// Whose word counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "decision", content = "campos", rename_all = "snake_case")]
pub enum Politica {
    /// The report stays as it is; on a decided report the only one that the server takes.
    Servidor,
    /// The phone's values replace it.
    Cliente,
    /// Field by field, for each of [`Conflicto::campos`].
    Mezcla(BTreeMap<String, Lado>),
}

#[derive(Serialize)]
struct Decision<'a> {
    #[serde(flatten)]
    politica: &'a Politica,
    version: i64,
}

impl Telefono {
    /// The conflicts of this phone that nobody decided yet, as far as it knows.
    pub async fn conflictos(&self) -> Result<Vec<Conflicto>, Error> {
        let filas: Vec<Fila> =
            sqlx::query_as("SELECT * FROM cola WHERE aparte IS NOT NULL ORDER BY n")
                .fetch_all(&self.disco)
                .await?;
        let mut conflictos = Vec::new();
        for fila in filas {
            if let Some(Aparte::Conflicto(c)) = Ficha::try_from(fila)?.aparte {
                conflictos.push(*c);
            }
        }
        Ok(conflictos)
    }

    /// Decides the conflict `id` and tells the server. Edits made since the conflict was known go
    /// with the next push, on what was decided.
    ///
    /// When the report changed meanwhile, the decision goes again for its new version, a few times.
    /// When somebody else decided otherwise and a pull brought that, theirs counts.
    /// [`Error::SinConflicto`] when the phone knows no such conflict, else any [`Error`] of a
    /// request; nothing changed then, and the same decision can be sent again.
    pub async fn resolver(&mut self, id: i64, politica: &Politica) -> Result<(), Error> {
        let conflicto = self.conflictos().await?.into_iter().find(|c| c.id == id);
        let Conflicto {
            uuid_cliente,
            actual,
            ..
        } = conflicto.ok_or(Error::SinConflicto(id))?;
        let ruta = format!("/sync/conflictos/{id}/resolver");
        let mut version = actual.version;
        for intento in 1.. {
            let gzip = comprime(&Decision { politica, version })?;
            let respuesta = self.pide(&Peticion::post(&ruta, &gzip)).await?;
            match respuesta.datos::<Reporte>() {
                Ok(decidido) => return self.anota_decision(&uuid_cliente, &decidido).await,
                Err(Error::Problema(p)) if p.status == 412 && intento < INTENTOS => {
                    let nueva = p.actual.as_ref().map(|a| &a["version"]);
                    match nueva.and_then(Value::as_i64) {
                        Some(nueva) => version = nueva,
                        None => return Err(Error::Problema(p)),
                    }
                }
                Err(Error::Problema(p)) if p.codigo == "conflicto_resuelto" => {
                    let mut c = self.disco.acquire().await?;
                    let visto = Reporte::visto(&mut c, &uuid_cliente).await?;
                    drop(c);
                    return match visto.filter(|v| v.version > actual.version) {
                        Some(visto) => self.anota_decision(&uuid_cliente, &visto).await,
                        None => Err(Error::Problema(p)),
                    };
                }
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    async fn anota_decision(&mut self, uuid: &str, decidido: &Reporte) -> Result<(), Error> {
        let mut tx = self.disco.begin().await?;
        if let Some(mut ficha) = Ficha::lee(&mut tx, uuid).await? {
            ficha.resuelve(decidido);
            ficha.guarda(&mut tx).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::{
        Error, Estado, Lado, Politica,
        pruebas::{Contesta, Escena, pagina, problema, reporte, roca, titulo},
    };

    /// An acknowledged report whose title both sides changed: conflict 9, the server at version 3.
    async fn en_conflicto() -> (Escena, String) {
        let mut e = Escena::nueva().await;
        let uuid = e.entregado(1).await;
        e.telefono.editar(&uuid, titulo("Mío")).await.unwrap();
        let suyo = titulo("Suyo").sobre(&roca());
        let mut actual = reporte(1, &uuid, 3, &suyo);
        actual["sync_status"] = "conflicto".into();
        e.responde(
            &json!({"uuid_cliente": uuid, "resultado": "conflicto", "id": 1, "version": 3,
            "conflicto_id": 9, "actual": actual, "campos": [{"campo": "titulo", "base": "Roca",
            "servidor": "Suyo", "cliente": "Mío"}]}),
        )
        .await;
        (e, uuid)
    }

    fn decidido(uuid: &str, version: i64, t: &str) -> Value {
        reporte(1, uuid, version, &titulo(t).sobre(&roca()))
    }

    #[tokio::test]
    async fn a_conflict_waits_for_a_decision_and_both_sides_are_there() {
        let (mut e, uuid) = en_conflicto().await;
        e.reinicia().await;
        assert_eq!(e.telefono.arma_lote(10).await.unwrap().largo(), 0);
        let conflictos = e.telefono.conflictos().await.unwrap();
        let [c] = &conflictos[..] else {
            panic!("{conflictos:?}");
        };
        assert_eq!((c.id, c.uuid_cliente.as_str()), (9, uuid.as_str()));
        assert_eq!(
            (
                c.actual.contenido.titulo.as_str(),
                c.enviado.titulo.as_str()
            ),
            ("Suyo", "Mío")
        );
        assert_eq!(c.campos[0].cliente, "Mío");
        assert_eq!(e.telefono.libro().await.unwrap()[1].resultado, "conflicto");
    }

    #[tokio::test]
    async fn a_decision_goes_again_for_the_version_that_there_is() {
        let (mut e, uuid) = en_conflicto().await;
        let mut tarde = problema(412, "version_desfasada");
        tarde["actual"] = decidido(&uuid, 5, "Suyo");
        e.guion.contesta([
            Contesta::Con(412, tarde),
            Contesta::SePierde,
            Contesta::Con(200, decidido(&uuid, 6, "Mío")),
        ]);
        let campos = [("titulo".to_owned(), Lado::Cliente)].into();
        let lost = e.telefono.resolver(9, &Politica::Mezcla(campos)).await;
        assert!(matches!(lost, Err(Error::SinRespuesta(_))));
        e.telefono.resolver(9, &Politica::Cliente).await.unwrap();
        let pedidos = e.guion.pedidos();
        assert_eq!(pedidos[0].linea, "POST /sync/conflictos/9/resolver");
        let cuerpos: Vec<_> = pedidos.into_iter().map(|p| p.cuerpo).collect();
        let mezcla = |version| {
            json!({"decision": "mezcla", "version": version,
            "campos": {"titulo": "cliente"}})
        };
        let cliente = json!({"decision": "cliente", "version": 3});
        assert_eq!(cuerpos, [mezcla(3), mezcla(5), cliente]);
        let propio = e.telefono.propio(&uuid).await.unwrap().unwrap();
        assert_eq!(
            (propio.version, propio.estado),
            (Some(6), Estado::Entregado)
        );
        let otra_vez = e.telefono.resolver(9, &Politica::Servidor).await;
        assert!(matches!(otra_vez, Err(Error::SinConflicto(9))));
    }

    #[tokio::test]
    async fn a_pull_tells_that_somebody_else_decided() {
        let (mut e, uuid) = en_conflicto().await;
        let mut sigue = decidido(&uuid, 4, "Suyo");
        sigue["sync_status"] = "conflicto".into();
        for (r, estado) in [
            (sigue, Estado::EnConflicto),
            (decidido(&uuid, 5, "Suyo"), Estado::Entregado),
        ] {
            let p = pagina(&json!([r]), &json!([]), "c");
            e.guion.contesta([Contesta::Con(200, p)]);
            e.telefono.pull_una_vez().await.unwrap();
            let propio = e.telefono.propio(&uuid).await.unwrap().unwrap();
            assert_eq!(propio.estado, estado);
        }
    }

    #[tokio::test]
    async fn a_decision_that_comes_too_late_gives_way() {
        let (mut e, uuid) = en_conflicto().await;
        let resuelto = || Contesta::Con(409, problema(409, "conflicto_resuelto"));
        e.guion.contesta([resuelto()]);
        let antes_de_saber = e.telefono.resolver(9, &Politica::Cliente).await;
        assert!(matches!(antes_de_saber, Err(Error::Problema(_))));
        // Another conflict of the same report is still open.
        let mut suyo = decidido(&uuid, 4, "Suyo");
        suyo["sync_status"] = "conflicto".into();
        let p = pagina(&json!([suyo]), &json!([]), "c");
        e.guion.contesta([Contesta::Con(200, p), resuelto()]);
        e.telefono.pull_una_vez().await.unwrap();
        e.telefono.resolver(9, &Politica::Cliente).await.unwrap();
        let propio = e.telefono.propio(&uuid).await.unwrap().unwrap();
        assert_eq!(
            (propio.version, propio.estado),
            (Some(4), Estado::Entregado)
        );
    }

    #[tokio::test]
    async fn an_edit_during_the_conflict_does_not_undo_the_decision_unseen() {
        for (queda, base) in [("Suyo", 1), ("Mío", 5)] {
            let (mut e, uuid) = en_conflicto().await;
            e.telefono.editar(&uuid, titulo("Después")).await.unwrap();
            e.guion
                .contesta([Contesta::Con(200, decidido(&uuid, 5, queda))]);
            e.telefono.resolver(9, &Politica::Servidor).await.unwrap();
            let lote = e.telefono.arma_lote(10).await.unwrap();
            let (_, item) = lote.items().next().unwrap();
            let item: Value = serde_json::from_str(item).unwrap();
            let esperado = (&json!("Después"), &json!(base));
            assert_eq!((&item["titulo"], &item["version_base"]), esperado);
        }
    }
}
