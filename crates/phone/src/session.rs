//! Whose phone it is: tokens, and how they are renewed on a link that loses answers.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    Error, Phone,
    db::NamedValue,
    http::{ApiRequest, ApiResponse, gzip_json},
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
pub enum SessionState {
    Abierta,
    /// Only the owner's password helps; everything else works without it.
    EntrarDeNuevo,
}

impl Phone {
    pub fn session(&self) -> SessionState {
        if self.tokens.is_some() {
            SessionState::Abierta
        } else {
            SessionState::EntrarDeNuevo
        }
    }

    /// Signs in. `rut` in any of the forms that SIGRA takes.
    ///
    /// [`Error::Problema`] for a wrong password, [`Error::OtraPersona`] when the file holds
    /// another's reports, [`Error::Espere`] after too many wrong ones.
    pub async fn log_in(&mut self, rut: &str, password: &str) -> Result<(), Error> {
        let datos = json!({
            "rut": rut,
            "password": password,
            "device_id": self.settings.device_id,
        });
        let gzip = gzip_json(&datos)?;
        let peticion = ApiRequest::post("/auth/login", &gzip);
        let response = self.client.request(&peticion, None).await?;
        let datos: Value = response.data()?;
        let rut = datos["usuario"]["rut"]
            .as_i64()
            .ok_or_else(|| Error::SinRespuesta("falta el usuario".into()))?;
        let tokens = tokens(datos)?;
        let mut c = self.db.acquire().await?;
        let dueno = NamedValue::Rut.read(&mut c).await?;
        if dueno.is_some_and(|d| d != rut.to_string()) {
            return Err(Error::OtraPersona);
        }
        NamedValue::Rut.set(&mut c, &rut.to_string()).await?;
        drop(c);
        self.resume_session(tokens).await
    }

    /// Goes on with tokens got elsewhere, of the same person.
    pub async fn resume_session(&mut self, tokens: Tokens) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        NamedValue::AccessToken.set(&mut tx, &tokens.access).await?;
        NamedValue::RefreshToken
            .set(&mut tx, &tokens.refresh)
            .await?;
        tx.commit().await?;
        self.tokens = Some(tokens);
        Ok(())
    }

    /// Renews the tokens. When the answer was lost, the same `refresh_token` goes again next time:
    /// the server expects that. The new pair is on disk before it is used, or a phone that dies in
    /// between would come back with a token that the server takes for a stolen one.
    ///
    /// [`Error::EntrarDeNuevo`] when the session ended.
    pub async fn refresh_tokens(&mut self) -> Result<(), Error> {
        let refresh = &self.tokens.as_ref().ok_or(Error::EntrarDeNuevo)?.refresh;
        let gzip = gzip_json(&json!({ "refresh_token": refresh }))?;
        let peticion = ApiRequest::post("/auth/refresh", &gzip);
        let response = self.client.request(&peticion, None).await?;
        if response.no_autenticado() {
            return self.close_session().await;
        }
        let tokens = tokens(response.data()?)?;
        self.resume_session(tokens).await
    }

    /// Sends with the session's token; when it is not good any more, renews it and sends the same
    /// again, once.
    pub(crate) async fn request(
        &mut self,
        peticion: &ApiRequest<'_>,
    ) -> Result<ApiResponse, Error> {
        let response = self
            .client
            .request(peticion, Some(self.access_token()?))
            .await?;
        if !response.no_autenticado() {
            return Ok(response);
        }
        self.refresh_tokens().await?;
        let response = self
            .client
            .request(peticion, Some(self.access_token()?))
            .await?;
        if response.no_autenticado() {
            self.close_session().await?;
        }
        Ok(response)
    }

    pub(crate) fn access_token(&self) -> Result<&str, Error> {
        let tokens = self.tokens.as_ref().ok_or(Error::EntrarDeNuevo)?;
        Ok(&tokens.access)
    }

    /// Forgets the tokens and nothing else.
    async fn close_session(&mut self) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        NamedValue::AccessToken.remove(&mut tx).await?;
        NamedValue::RefreshToken.remove(&mut tx).await?;
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
        Error, SessionState, StepOutcome,
        test_support::{Fixture, Reply, all_created, problema, sample_contenido, token_pair},
    };

    fn expired_token() -> Reply {
        Reply::Con(401, problema(401, "token_vencido"))
    }

    fn refreshed_tokens(access: &str, refresh: &str) -> Reply {
        Reply::Con(
            200,
            json!({"access_token": access, "refresh_token": refresh,
            "token_type": "Bearer", "expires_in": 900, "debe_cambiar_password": false,
            "usuario": {"rut": 12_345_678}}),
        )
    }

    fn request_lines(e: &Fixture) -> Vec<String> {
        let linea = |p: crate::test_support::RecordedRequest| format!("{} {:?}", p.linea, p.token);
        e.script.take_requests().into_iter().map(linea).collect()
    }

    #[tokio::test]
    async fn an_expired_token_is_renewed_and_the_same_bytes_go_again() {
        let mut e = Fixture::new().await;
        e.telefono.create(sample_contenido()).await.unwrap();
        e.script.enqueue_answers([
            expired_token(),
            refreshed_tokens("a2", "r2"),
            Reply::Segun(all_created),
        ]);
        assert_eq!(e.telefono.push_once().await.unwrap(), StepOutcome::Sigue);
        let requests = e.script.take_requests();
        assert_eq!(requests.len(), 3);
        assert_eq!(requests[0].token.as_deref(), Some("a1"));
        assert_eq!(requests[1].cuerpo, json!({"refresh_token": "r1"}));
        assert_eq!(requests[2].token.as_deref(), Some("a2"));
        assert_eq!(requests[0].crudo, requests[2].crudo);
        e.restart().await;
        assert_eq!(e.telefono.tokens, Some(token_pair("a2", "r2")));
    }

    #[tokio::test]
    async fn when_the_new_pair_was_lost_the_same_refresh_token_goes_again() {
        let mut e = Fixture::new().await;
        e.telefono.create(sample_contenido()).await.unwrap();
        e.script.enqueue_answers([expired_token(), Reply::SePierde]);
        let paso = e.telefono.push_once().await.unwrap();
        assert!(matches!(paso, StepOutcome::Espera(_)));
        e.restart().await;
        e.script.take_requests();
        e.script.enqueue_answers([
            expired_token(),
            refreshed_tokens("a3", "r3"),
            Reply::Segun(all_created),
        ]);
        assert_eq!(e.telefono.push_once().await.unwrap(), StepOutcome::Sigue);
        assert_eq!(
            e.script.take_requests()[1].cuerpo,
            json!({"refresh_token": "r1"})
        );
    }

    #[tokio::test]
    async fn a_session_that_ended_asks_for_its_owner_and_keeps_the_queue() {
        let mut e = Fixture::new().await;
        e.telefono.create(sample_contenido()).await.unwrap();
        let cerrada = Reply::Con(401, problema(401, "sesion_cerrada"));
        e.script.enqueue_answers([expired_token(), cerrada]);
        let error = e.telefono.push_once().await.unwrap_err();
        assert!(matches!(error, Error::EntrarDeNuevo));
        e.restart().await;
        assert_eq!(e.telefono.session(), SessionState::EntrarDeNuevo);
        assert_eq!(e.telefono.pending_count().await.unwrap(), 1);
        e.script.take_requests();
        // No token, no request.
        assert!(e.telefono.push_once().await.is_err());
        assert!(request_lines(&e).is_empty());
        e.script
            .enqueue_answers([refreshed_tokens("a9", "r9"), Reply::Segun(all_created)]);
        e.telefono
            .log_in("12345678-5", "roca firme 42")
            .await
            .unwrap();
        assert_eq!(e.telefono.push_once().await.unwrap(), StepOutcome::Sigue);
        let esperado = ["POST /auth/login None", r#"POST /sync/batch Some("a9")"#];
        assert_eq!(request_lines(&e), esperado);
    }

    #[tokio::test]
    async fn a_portal_that_says_401_does_not_end_the_session() {
        let mut e = Fixture::new().await;
        e.telefono.create(sample_contenido()).await.unwrap();
        e.script
            .enqueue_answers([Reply::Crudo("401 X", "<html>Pague</html>")]);
        let paso = e.telefono.push_once().await.unwrap();
        assert!(matches!(paso, StepOutcome::Espera(_)));
        assert_eq!(e.telefono.session(), SessionState::Abierta);
        assert_eq!(e.script.take_requests().len(), 1);
    }

    #[tokio::test]
    async fn the_file_belongs_to_the_first_who_signs_in() {
        let mut e = Fixture::new().await;
        let otro = Reply::Con(
            200,
            json!({"access_token": "b", "refresh_token": "b",
            "usuario": {"rut": 9_999_999}}),
        );
        e.script
            .enqueue_answers([refreshed_tokens("a2", "r2"), otro]);
        e.telefono.log_in("12345678-5", "x").await.unwrap();
        let error = e.telefono.log_in("9999999-3", "x").await.unwrap_err();
        assert!(matches!(error, Error::OtraPersona));
        assert_eq!(e.telefono.tokens, Some(token_pair("a2", "r2")));
    }
}
