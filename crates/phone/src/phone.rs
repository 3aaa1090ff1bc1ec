//! The phone: its file, its link and what it remembers while it runs.

use std::{fmt, path::Path, time::Duration};

use sigra_domain::Instante;
use sqlx::SqlitePool;

use crate::{
    Error, SyncSummary,
    backoff::Backoff,
    batch::MAX_ITEMS,
    db::{self, NamedValue},
    http::HttpClient,
    pull::MAX_PAGE,
    session::Tokens,
    upload::OngoingUpload,
};

/// What a phone is made with. The clock and the dice come from outside, so that a test can put a
/// phone three hours off or repeat a run.
pub struct PhoneOptions {
    /// `http://host:port`, with or without a path and its last slash.
    pub url: String,
    /// 1–64 visible ASCII characters.
    pub device_id: String,
    pub app_version: String,
    /// Milliseconds since 1970.
    pub clock: Box<dyn Fn() -> i64 + Send + Sync>,
    /// Random 64 bits at each call, for uuids and jitter.
    pub azar: Box<dyn FnMut() -> u64 + Send + Sync>,
    /// Items in the first batch; the phone goes on from there between 1 and 500.
    pub lote_inicial: usize,
    /// Reports asked for in one page of a pull, at most 1,000; fewer while the link breaks.
    pub pagina: usize,
    /// Bound of the first wait after a failure; it doubles with each.
    pub espera_base: Duration,
    /// Where it stops doubling.
    pub espera_techo: Duration,
    /// Failures in a row after which [`Phone::sync`] gives up until it is called again.
    pub intentos: u32,
    pub plazo_conexion: Duration,
    /// For a whole request with its answer.
    pub plazo_peticion: Duration,
}

impl PhoneOptions {
    /// The usual ones: batches from 100, pages of 500, waits from 1 s to 5 min, 5 failures, 10 s to
    /// connect and 60 s for a request.
    pub fn new(
        url: impl Into<String>,
        device_id: impl Into<String>,
        clock: impl Fn() -> i64 + Send + Sync + 'static,
        azar: impl FnMut() -> u64 + Send + Sync + 'static,
    ) -> Self {
        Self {
            url: url.into(),
            device_id: device_id.into(),
            app_version: concat!("sigra-phone/", env!("CARGO_PKG_VERSION")).into(),
            clock: Box::new(clock),
            azar: Box::new(azar),
            lote_inicial: 100,
            pagina: 500,
            espera_base: Duration::from_secs(1),
            espera_techo: Duration::from_mins(5),
            intentos: 5,
            plazo_conexion: Duration::from_secs(10),
            plazo_peticion: Duration::from_mins(1),
        }
    }
}

impl fmt::Debug for PhoneOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ajustes")
            .field("url", &self.url)
            .field("device_id", &self.device_id)
            .finish_non_exhaustive()
    }
}

/// One person's phone: one file on disk, which may be closed, killed, copied or put back at any
/// moment.
pub struct Phone {
    pub(crate) settings: PhoneOptions,
    pub(crate) db: SqlitePool,
    pub(crate) client: HttpClient,
    pub(crate) tokens: Option<Tokens>,
    pub(crate) delay: Backoff,
    /// Items that the next batch may have.
    pub(crate) tamano_lote: usize,
    /// Reports that the next page may have.
    pub(crate) tamano_pagina: usize,
    pub(crate) summary: SyncSummary,
    /// The file that is being sent.
    pub(crate) en_subida: Option<OngoingUpload>,
}

impl Phone {
    /// Opens the phone's file, made when it is not there.
    ///
    /// [`Error::Disco`] or [`Error::Dato`] when it can't be used.
    pub async fn open(archivo: &Path, settings: PhoneOptions) -> Result<Self, Error> {
        let db = db::open(archivo).await?;
        let mut c = db.acquire().await?;
        let access = NamedValue::AccessToken.read(&mut c).await?;
        let refresh = NamedValue::RefreshToken.read(&mut c).await?;
        drop(c);
        Ok(Self {
            client: HttpClient::new(
                &settings.url,
                settings.plazo_conexion,
                settings.plazo_peticion,
            )?,
            tokens: access
                .zip(refresh)
                .map(|(access, refresh)| Tokens { access, refresh }),
            delay: Backoff::new(settings.espera_base, settings.espera_techo),
            tamano_lote: settings.lote_inicial.clamp(1, MAX_ITEMS),
            tamano_pagina: settings.pagina.clamp(1, MAX_PAGE),
            summary: SyncSummary::default(),
            en_subida: None,
            db,
            settings,
        })
    }

    /// Talks to another address from now on, as when the link changes.
    ///
    /// [`Error::Http`] when no client can be made for it.
    pub fn set_url(&mut self, url: &str) -> Result<(), Error> {
        self.client.set_url(
            url,
            self.settings.plazo_conexion,
            self.settings.plazo_peticion,
        )?;
        url.clone_into(&mut self.settings.url);
        Ok(())
    }

    /// Closes the file. After this its database is one file, ready to be copied.
    pub async fn close(self) {
        self.db.close().await;
    }

    pub(crate) fn now(&self) -> Instante {
        Instante((self.settings.clock)())
    }

    /// The wait after one more failure.
    pub(crate) fn failure(&mut self, pedida: Option<Duration>) -> Duration {
        let azar = (self.settings.azar)();
        self.delay.failure(azar, pedida)
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        Error, Phone, SessionState,
        db::open,
        test_support::{Fixture, sample_contenido},
    };

    #[tokio::test]
    async fn a_closed_phone_is_one_file() {
        let mut e = Fixture::new().await;
        let uuid = e.telefono.create(sample_contenido()).await.unwrap();
        let copia = e.copy_phone().await;
        assert_eq!(copia.session(), SessionState::Abierta);
        assert!(copia.own_reporte(&uuid).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn a_file_of_a_newer_phone_is_left_alone() {
        let carpeta = tempfile::tempdir().unwrap();
        let archivo = carpeta.path().join("telefono.db");
        let db = open(&archivo).await.unwrap();
        sqlx::query("PRAGMA user_version = 3")
            .execute(&db)
            .await
            .unwrap();
        db.close().await;
        assert!(matches!(open(&archivo).await, Err(Error::Dato(_))));
    }

    /// A phone can be driven by a task of its own, and a batch be sent by two at once.
    #[test]
    fn phones_go_anywhere() {
        fn assert_send<T: Send>(_: impl FnOnce(&'static mut Phone) -> T) {}
        fn assert_send_sync<T: Send + Sync>() {}
        assert_send_sync::<Phone>();
        assert_send(Phone::sync);
        assert_send(|t| t.create(sample_contenido()));
        assert_send(Phone::reconcile);
    }
}
