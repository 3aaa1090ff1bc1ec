//! From the configuration to what the server is made of.

use sigra_api::{AppOptions, SigningKey};
use sigra_delivery::email::{SmtpOptions, TIMEOUT};
use sigra_domain::Instante;
use sigra_files::{Limits, blobs::S3Options};
use sigra_server::{
    BlobSettings, DatabaseSettings, DeliverySettings, EmailSettings, EscalationSettings,
    FileSettings, Settings,
};

use super::Config;

const MIB: i64 = 1024 * 1024;

impl Config {
    /// All but the keys that sign sessions, which have a file of their own.
    pub(crate) fn server_settings(&self, keys: Vec<SigningKey>) -> Settings {
        Settings {
            database: self.database(),
            files: self.files(),
            delivery: DeliverySettings {
                email: self.email(),
                webhook_networks: self.webhooks_redes.0.clone(),
                public_url: self.url_publica.as_ref().map(|url| url.0.clone()),
                ..DeliverySettings::default()
            },
            escalation: EscalationSettings {
                unopened_minutes: self.escalar_minutos.0,
                missing_files_hours: self.archivos_horas.0,
            },
            app: AppOptions {
                zona: self.zona.clone(),
                claves: keys,
                proxies: self.proxies.clone(),
                cookie_segura: self.cookie_segura,
                sync_por_minuto: self.sync_por_minuto.0.into(),
                silencio_horas: self.silencio_horas.0.into(),
            },
        }
    }

    pub(crate) fn database(&self) -> DatabaseSettings {
        DatabaseSettings {
            url: self.database_url.0.clone(),
            connections: self.database_conexiones.0,
        }
    }

    pub(crate) fn files(&self) -> FileSettings {
        let mib = |n: u32| i64::from(n) * MIB;
        FileSettings {
            blobs: self.blobs(),
            limits: Limits {
                max_foto: mib(self.max_foto_mib.0),
                max_video: mib(self.max_video_mib.0),
                max_documento: mib(self.max_documento_mib.0),
                max_abiertas: self.subidas_abiertas.0.into(),
                max_bytes_abiertos: mib(self.subidas_mib.0),
                vigencia_ms: i64::from(self.subida_dias.0) * Instante::DAY,
            },
        }
    }

    /// In S3 when it is configured, else in a directory.
    fn blobs(&self) -> BlobSettings {
        let Some(s3) = self.s3() else {
            return BlobSettings::Dir(self.archivos_dir.clone());
        };
        BlobSettings::S3(S3Options {
            url: s3.url.to_owned(),
            url_publica: self.s3_url_publica.as_ref().map(|url| url.0.clone()),
            region: self.s3_region.0.clone(),
            bucket: s3.bucket.to_owned(),
            clave_id: s3.clave_id.to_owned(),
            clave_secreta: s3.clave_secreta.0.clone(),
        })
    }

    /// `None`: the site sends no mail.
    pub(crate) fn email(&self) -> Option<EmailSettings> {
        let sender = self.correo_remitente.as_ref()?.0.clone();
        if let Some(dir) = self.correo_carpeta.clone() {
            return Some(EmailSettings::Folder { dir, sender });
        }
        let server = self.smtp_servidor.as_ref()?;
        Some(EmailSettings::Smtp(SmtpOptions {
            servidor: server.0.clone(),
            seguridad: self.smtp_seguridad.0,
            usuario: self.smtp_usuario.as_ref().map(|user| user.0.clone()),
            clave: self.smtp_clave.as_ref().map(|password| password.0.clone()),
            remitente: sender,
            plazo: TIMEOUT,
        }))
    }
}
