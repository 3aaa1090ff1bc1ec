//! What a site decides, as plain typed data: whoever reads files or the environment makes one of these.

use std::path::{Path, PathBuf};

use sigra_api::AppOptions;
use sigra_delivery::{
    AllowList, DeliveryError, DeliveryOptions, DeliveryWorker,
    email::{Mailer, SmtpOptions},
};
use sigra_domain::Instante;
use sigra_files::{
    FileService, Limits,
    blobs::{BlobStore, S3Options},
};
use sigra_store::{Env, Store, StoreError, notifications::EscalationDelays, sqlite_file};

use crate::OpenError;

/// A phone that owes reports is looked for after that at the latest, in milliseconds.
const MAX_SILENCE_WITH_PENDING: i64 = Instante::DAY;

/// All of it.
pub struct Settings {
    pub database: DatabaseSettings,
    pub files: FileSettings,
    pub delivery: DeliverySettings,
    pub escalation: EscalationSettings,
    pub app: AppOptions,
}

/// Where the database is.
#[derive(Clone)]
pub struct DatabaseSettings {
    /// `sqlite:FILE` or `postgres://…`, with the password inside.
    pub url: String,
    /// Connections to PostgreSQL.
    pub connections: u32,
}

impl DatabaseSettings {
    /// Opens the database, which is created and brought to this version's schema when needed.
    pub async fn open(&self) -> Result<Store, OpenError> {
        self.open_with(Env::default()).await
    }

    pub(crate) async fn open_with(&self, env: Env) -> Result<Store, OpenError> {
        if let Some(dir) = sqlite_file(&self.url).and_then(Path::parent)
            && !dir.as_os_str().is_empty()
            && !dir.is_dir()
        {
            return Err(OpenError::DatabaseDir(dir.to_owned()));
        }
        Store::open(&self.url, self.connections, env)
            .await
            .map_err(|e| match e {
                StoreError::NoDisponible(_) => OpenError::Unavailable(e),
                e => OpenError::Database(e),
            })
    }

    /// Like [`open`](Self::open) for commands that read what is there: an empty database in the wrong
    /// place would answer them that all is well.
    pub async fn open_existing(&self) -> Result<Store, OpenError> {
        match sqlite_file(&self.url) {
            Some(file) if !file.exists() => Err(OpenError::NoDatabase(file.to_owned())),
            _ => self.open().await,
        }
    }
}

/// Where the bytes of files are, and how many there may be.
pub struct FileSettings {
    pub blobs: BlobSettings,
    pub limits: Limits,
}

#[derive(Clone)]
pub enum BlobSettings {
    /// Created when it is missing.
    Dir(PathBuf),
    S3(S3Options),
}

impl BlobSettings {
    pub fn open(self) -> Result<BlobStore, OpenError> {
        match self {
            Self::Dir(dir) => BlobStore::open_dir(dir.clone())
                .map_err(|source| OpenError::FilesDir { dir, source }),
            Self::S3(options) => BlobStore::s3(&options).map_err(OpenError::S3),
        }
    }
}

impl FileSettings {
    pub fn open(self, store: Store) -> Result<FileService, OpenError> {
        Ok(FileService::new(store, self.blobs.open()?, self.limits))
    }
}

/// What leaves for others.
#[derive(Default)]
pub struct DeliverySettings {
    /// `None`: the site sends no mail.
    pub email: Option<EmailSettings>,
    /// Networks inside that webhooks may be sent to.
    pub webhook_networks: AllowList,
    /// And push messages, whose addresses anybody signed in may give: none, but in tests.
    pub push_networks: AllowList,
    /// Under which people reach the site.
    pub public_url: Option<String>,
}

impl DeliverySettings {
    pub(crate) async fn open(self, store: Store) -> Result<DeliveryWorker, OpenError> {
        let options = DeliveryOptions {
            correo: self
                .email
                .map(|email| email.open().map_err(OpenError::Email))
                .transpose()?,
            redes: self.webhook_networks,
            redes_push: self.push_networks,
            // RFC 8292 takes no http address.
            contacto: self
                .public_url
                .clone()
                .filter(|url| url.starts_with("https://")),
            url_publica: self.public_url,
        };
        DeliveryWorker::open(store, options)
            .await
            .map_err(OpenError::Delivery)
    }
}

/// How mail leaves.
pub enum EmailSettings {
    Smtp(SmtpOptions),
    /// Each message becomes a file.
    Folder {
        dir: PathBuf,
        sender: String,
    },
}

impl EmailSettings {
    pub fn open(&self) -> Result<Mailer, DeliveryError> {
        match self {
            Self::Smtp(options) => Mailer::smtp(options),
            Self::Folder { dir, sender } => Mailer::folder(dir, sender),
        }
    }
}

/// How long nothing may happen until somebody is told.
#[derive(Clone, Copy, Debug)]
pub struct EscalationSettings {
    /// Until somebody who may decide an urgent report opens it; 0: nobody is told.
    pub unopened_minutes: u32,
    /// Until the announced files of a report are there.
    pub missing_files_hours: u32,
}

impl Default for EscalationSettings {
    fn default() -> Self {
        Self {
            unopened_minutes: 30,
            missing_files_hours: 24,
        }
    }
}

impl EscalationSettings {
    /// `silence_hours` is after how many a phone counts as silent.
    pub(crate) fn delays(self, silence_hours: i64) -> EscalationDelays {
        let minutes = i64::from(self.unopened_minutes);
        let silence = silence_hours.saturating_mul(Instante::HOUR);
        EscalationDelays {
            sin_abrir: (minutes > 0).then(|| minutes * Instante::MINUTE),
            sin_archivos: i64::from(self.missing_files_hours) * Instante::HOUR,
            silencio: silence,
            silencio_con_deuda: silence.min(MAX_SILENCE_WITH_PENDING),
        }
    }
}
