//! Whose phone it is: tokens, and how they are renewed on a link that loses answers.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    Error, Telefono,
    disco::Nota,
    http::{Peticion, Respuesta, comprime},
};

/// The tokens of a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokens {
    /// Minutes.
    #[serde(rename = "access_token")]
    pub access: String,
    /// Weeks; it is used once, and again when the answer was lost.
    #[serde(rename = "refresh_token")]
    pub refresh: String,
}

/// Whether the phone can talk to the server by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sesion {
    Abierta,
    /// Only the owner's password helps; everything else works without it.
    EntrarDeNuevo,
}

impl Telefono {
    pub fn sesion(&self) -> Sesion {
        if self.tokens.is_some() {
            Sesion::Abierta
        } else {
            Sesion::EntrarDeNuevo
        }
    }

    /// Signs in. `rut` in any of the forms that SIGRA takes.
    ///
    /// [`Error::Problema`] for a wrong password, [`Error::OtraPersona`] when the file holds
    /// another's reports, [`Error::Espere`] after too many wrong ones.
    pub async fn entrar(&mut self, rut: &str, password: &str) -> Result<(), Error> {
        let datos = json!({
            "rut": rut,
            "password": password,
            "device_id": self.ajustes.device_id,
        });
        let gzip = comprime(&datos)?;
        let peticion = Peticion::post("/auth/login", &gzip);
        let respuesta = self.cliente.pide(&peticion, None).await?;
        let datos: Value = respuesta.datos()?;
        let rut = datos["usuario"]["rut"]
            .as_i64()
            .ok_or_else(|| Error::SinRespuesta("falta el usuario".into()))?;
        let tokens = tokens(datos)?;
        let mut c = self.disco.acquire().await?;
        let dueno = Nota::Rut.lee(&mut c).await?;
        if dueno.is_some_and(|d| d != rut.to_string()) {
            return Err(Error::OtraPersona);
        }
        Nota::Rut.pon(&mut c, &rut.to_string()).await?;
        drop(c);
        self.continuar(tokens).await
    }

    /// Goes on with tokens got elsewhere, of the same person.
    pub async fn continuar(&mut self, tokens: Tokens) -> Result<(), Error> {
        let mut tx = self.disco.begin().await?;
        Nota::AccessToken.pon(&mut tx, &tokens.access).await?;
        Nota::RefreshToken.pon(&mut tx, &tokens.refresh).await?;
        tx.commit().await?;
        self.tokens = Some(tokens);
        Ok(())
    }

    /// Renews the tokens. When the answer was lost, the same `refresh_token` goes again next time:
    /// the server expects that. The new pair is on disk before it is used, or a phone that dies in
    /// between would come back with a token that the server takes for a stolen one.
    ///
    /// [`Error::EntrarDeNuevo`] when the session ended.
    pub async fn renueva(&mut self) -> Result<(), Error> {
        let refresh = &self.tokens.as_ref().ok_or(Error::EntrarDeNuevo)?.refresh;
        let gzip = comprime(&json!({ "refresh_token": refresh }))?;
        let peticion = Peticion::post("/auth/refresh", &gzip);
        let respuesta = self.cliente.pide(&peticion, None).await?;
        if respuesta.no_autenticado() {
            return self.cierra_sesion().await;
        }
        let tokens = tokens(respuesta.datos()?)?;
        self.continuar(tokens).await
    }

    /// Sends with the session's token; when it is not good any more, renews it and sends the same
    /// again, once.
    pub(crate) async fn pide(&mut self, peticion: &Peticion<'_>) -> Result<Respuesta, Error> {
        let respuesta = self.cliente.pide(peticion, Some(self.acceso()?)).await?;
        if !respuesta.no_autenticado() {
            return Ok(respuesta);
        }
        self.renueva().await?;
        let respuesta = self.cliente.pide(peticion, Some(self.acceso()?)).await?;
        if respuesta.no_autenticado() {
            self.cierra_sesion().await?;
        }
        Ok(respuesta)
    }

    pub(crate) fn acceso(&self) -> Result<&str, Error> {
        let tokens = self.tokens.as_ref().ok_or(Error::EntrarDeNuevo)?;
        Ok(&tokens.access)
    }

    /// Forgets the tokens and nothing else.
    async fn cierra_sesion(&mut self) -> Result<(), Error> {
        let mut tx = self.disco.begin().await?;
        Nota::AccessToken.quita(&mut tx).await?;
        Nota::RefreshToken.quita(&mut tx).await?;
        tx.commit().await?;
        self.tokens = None;
        Err(Error::EntrarDeNuevo)
    }
}

fn tokens(datos: Value) -> Result<Tokens, Error> {
    serde_json::from_value(datos).map_err(|_| Error::SinRespuesta("faltan los tokens".into()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::{
        Error, Paso, Sesion,
        pruebas::{Contesta, Escena, par, problema, roca, todo_creado},
    };

    fn vencido() -> Contesta {
        Contesta::Con(401, problema(401, "token_vencido"))
    }

    fn acepta(access: &str, refresh: &str) -> Contesta {
        Contesta::Con(
            200,
            json!({"access_token": access, "refresh_token": refresh,
            "token_type": "Bearer", "expires_in": 900, "debe_cambiar_password": false,
            "usuario": {"rut": 12_345_678}}),
        )
    }

    fn lineas(e: &Escena) -> Vec<String> {
        let linea = |p: crate::pruebas::Pedido| format!("{} {:?}", p.linea, p.token);
        e.guion.pedidos().into_iter().map(linea).collect()
    }

    #[tokio::test]
    async fn an_expired_token_is_renewed_and_the_same_bytes_go_again() {
        let mut e = Escena::nueva().await;
        e.telefono.crear(roca()).await.unwrap();
        e.guion
            .contesta([vencido(), acepta("a2", "r2"), Contesta::Segun(todo_creado)]);
        assert_eq!(e.telefono.push_una_vez().await.unwrap(), Paso::Sigue);
        let pedidos = e.guion.pedidos();
        assert_eq!(pedidos.len(), 3);
        assert_eq!(pedidos[0].token.as_deref(), Some("a1"));
        assert_eq!(pedidos[1].cuerpo, json!({"refresh_token": "r1"}));
        assert_eq!(pedidos[2].token.as_deref(), Some("a2"));
        assert_eq!(pedidos[0].crudo, pedidos[2].crudo);
        e.reinicia().await;
        assert_eq!(e.telefono.tokens, Some(par("a2", "r2")));
    }

    #[tokio::test]
    async fn when_the_new_pair_was_lost_the_same_refresh_token_goes_again() {
        let mut e = Escena::nueva().await;
        e.telefono.crear(roca()).await.unwrap();
        e.guion.contesta([vencido(), Contesta::SePierde]);
        let paso = e.telefono.push_una_vez().await.unwrap();
        assert!(matches!(paso, Paso::Espera(_)));
        e.reinicia().await;
        e.guion.pedidos();
        e.guion
            .contesta([vencido(), acepta("a3", "r3"), Contesta::Segun(todo_creado)]);
        assert_eq!(e.telefono.push_una_vez().await.unwrap(), Paso::Sigue);
        assert_eq!(e.guion.pedidos()[1].cuerpo, json!({"refresh_token": "r1"}));
    }

    #[tokio::test]
    async fn a_session_that_ended_asks_for_its_owner_and_keeps_the_queue() {
        let mut e = Escena::nueva().await;
        e.telefono.crear(roca()).await.unwrap();
        let cerrada = Contesta::Con(401, problema(401, "sesion_cerrada"));
        e.guion.contesta([vencido(), cerrada]);
        let error = e.telefono.push_una_vez().await.unwrap_err();
        assert!(matches!(error, Error::EntrarDeNuevo));
        e.reinicia().await;
        assert_eq!(e.telefono.sesion(), Sesion::EntrarDeNuevo);
        assert_eq!(e.telefono.pendientes().await.unwrap(), 1);
        e.guion.pedidos();
        // No token, no request.
        assert!(e.telefono.push_una_vez().await.is_err());
        assert!(lineas(&e).is_empty());
        e.guion
            .contesta([acepta("a9", "r9"), Contesta::Segun(todo_creado)]);
        e.telefono
            .entrar("12345678-5", "roca firme 42")
            .await
            .unwrap();
        assert_eq!(e.telefono.push_una_vez().await.unwrap(), Paso::Sigue);
        let esperado = ["POST /auth/login None", r#"POST /sync/batch Some("a9")"#];
        assert_eq!(lineas(&e), esperado);
    }

    #[tokio::test]
    async fn a_portal_that_says_401_does_not_end_the_session() {
        let mut e = Escena::nueva().await;
        e.telefono.crear(roca()).await.unwrap();
        e.guion
            .contesta([Contesta::Crudo("401 X", "<html>Pague</html>")]);
        let paso = e.telefono.push_una_vez().await.unwrap();
        assert!(matches!(paso, Paso::Espera(_)));
        assert_eq!(e.telefono.sesion(), Sesion::Abierta);
        assert_eq!(e.guion.pedidos().len(), 1);
    }

    #[tokio::test]
    async fn the_file_belongs_to_the_first_who_signs_in() {
        let mut e = Escena::nueva().await;
        let otro = Contesta::Con(
            200,
            json!({"access_token": "b", "refresh_token": "b",
            "usuario": {"rut": 9_999_999}}),
        );
        e.guion.contesta([acepta("a2", "r2"), otro]);
        e.telefono.entrar("12345678-5", "x").await.unwrap();
        let error = e.telefono.entrar("9999999-3", "x").await.unwrap_err();
        assert!(matches!(error, Error::OtraPersona));
        assert_eq!(e.telefono.tokens, Some(par("a2", "r2")));
    }
}
