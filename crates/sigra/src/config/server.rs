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
                webhook_networks: self.webhooks_redes.clone(),
                public_url: self.url_publica.clone(),
                ..DeliverySettings::default()
            },
            escalation: EscalationSettings {
                unopened_minutes: self.escalar_minutos,
                missing_files_hours: self.archivos_horas,
            },
            app: AppOptions {
                zona: self.zona.clone(),
                claves: keys,
                proxies: self.proxies.clone(),
                cookie_segura: self.cookie_segura,
                sync_por_minuto: self.sync_por_minuto,
                silencio_horas: self.silencio_horas,
            },
        }
    }

    pub(crate) fn database(&self) -> DatabaseSettings {
        DatabaseSettings {
            url: self.database_url.0.clone(),
            connections: self.database_conexiones,
        }
    }

    pub(crate) fn files(&self) -> FileSettings {
        let dir = || BlobSettings::Dir(self.archivos_dir.clone());
        FileSettings {
            blobs: self.s3().map_or_else(dir, BlobSettings::S3),
            limits: Limits {
                max_foto: self.max_foto_mib * MIB,
                max_video: self.max_video_mib * MIB,
                max_documento: self.max_documento_mib * MIB,
                max_abiertas: self.subidas_abiertas,
                max_bytes_abiertos: self.subidas_mib * MIB,
                vigencia_ms: self.subida_dias * Instante::DAY,
            },
        }
    }

    /// `None`: files are kept in a directory.
    pub(super) fn s3(&self) -> Option<S3Options> {
        Some(S3Options {
            url: self.s3_url.clone()?,
            url_publica: self.s3_url_publica.clone(),
            region: self.s3_region.clone(),
            bucket: self.s3_bucket.clone()?,
            clave_id: self.s3_clave_id.clone()?,
            clave_secreta: self.s3_clave_secreta.clone()?.0,
        })
    }

    /// `None`: the site sends no mail.
    pub(super) fn email(&self) -> Option<EmailSettings> {
        let sender = self.correo_remitente.clone()?;
        if let Some(dir) = self.correo_carpeta.clone() {
            return Some(EmailSettings::Folder { dir, sender });
        }
        Some(EmailSettings::Smtp(SmtpOptions {
            servidor: self.smtp_servidor.clone()?,
            seguridad: self.smtp_seguridad,
            usuario: self.smtp_usuario.clone(),
            clave: self.smtp_clave.clone().map(|clave| clave.0),
            remitente: sender,
            plazo: TIMEOUT,
        }))
    }
}
