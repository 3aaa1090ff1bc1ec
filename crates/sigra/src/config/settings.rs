//! Every setting, declared once: the sentence that `sigra config print` shows (text for users, so in
//! Spanish), its name in `sigra.toml`, its type (which reads and checks it), its default and its
//! variable.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use sigra_domain::{Rut, Zona};

use super::{
    secret::{DatabaseUrl, Password},
    sources::RawSettings,
    value::{
        Bounded, HttpUrl, LineValue, LogFilter, LogFormat, Networks, SettingValue, SmtpSecurity,
        ValueKind, WordValue,
    },
};

/// What is known of a setting apart from its value.
#[derive(Debug)]
pub(crate) struct Setting {
    /// Its name in `sigra.toml`.
    pub(crate) name: &'static str,
    pub(crate) variable: &'static str,
    pub(crate) default: DefaultValue,
    /// What it is for, a sentence a line.
    pub(crate) doc: &'static [&'static str],
    pub(crate) kind: ValueKind,
    /// The value as it may be shown: secrets masked.
    pub(crate) visible: fn(&str) -> String,
}

/// The value of a setting that nobody sets.
#[derive(Clone, Copy, Debug)]
pub(crate) enum DefaultValue {
    Fixed(&'static str),
    /// A file inside `data_dir`, after a prefix.
    InDataDir(&'static str, &'static str),
    /// None; the text is an example.
    Unset(&'static str),
}

use DefaultValue::{Fixed, InDataDir, Unset};

macro_rules! settings {
    ($($(#[doc = $doc:literal])+ $name:ident: $type:ty = $default:expr, $variable:literal;)+) => {
        /// The configuration, read and checked.
        #[derive(Clone, Debug)]
        pub(crate) struct Config {
            $($(#[doc = $doc])+ pub(crate) $name: $type,)+
        }

        /// The settings in the order in which people see them; `data_dir` comes before those whose
        /// default lies in it.
        pub(crate) const SETTINGS: &[Setting] = &[$(Setting {
            name: stringify!($name),
            variable: $variable,
            default: $default,
            doc: &[$($doc),+],
            kind: <$type as SettingValue>::KIND,
            visible: <$type as SettingValue>::visible,
        },)+];

        impl Config {
            /// `None` when a value is wrong; `raw` has noted which and why.
            pub(super) fn build(raw: &mut RawSettings) -> Option<Self> {
                $(let $name = raw.value::<$type>(stringify!($name));)+
                Some(Self { $($name: $name?,)+ })
            }
        }
    };
}

settings! {
    /// Dirección IP y puerto en que escucha el servidor.
    /// Con 127.0.0.1 solo entra este equipo; con 0.0.0.0 entra toda la red.
    listen: SocketAddr = Fixed("127.0.0.1:8000"), "SIGRA_LISTEN";
    /// Carpeta donde SIGRA guarda sus datos; se crea si no existe.
    /// Una ruta relativa parte de la carpeta desde la que se ejecuta sigra.
    data_dir: PathBuf = Fixed("./data"), "SIGRA_DATA_DIR";
    /// Base de datos: sqlite:ARCHIVO o postgres://usuario:clave@servidor/base.
    /// Si no se indica, es el archivo sigra.db dentro de data_dir.
    database_url: DatabaseUrl = InDataDir("sqlite:", "sigra.db"), "SIGRA_DATABASE_URL";
    /// Conexiones simultáneas a PostgreSQL que abre este servidor, de 2 a 500; SQLite no la usa.
    database_conexiones: Bounded<2, 500> = Fixed("20"), "SIGRA_DATABASE_CONEXIONES";
    /// Zona horaria de la faena, por su nombre IANA; decide en qué día cae cada reporte.
    zona: Zona = Fixed("America/Santiago"), "SIGRA_ZONA";
    /// Qué se registra: error, warn, info, debug o trace.
    /// También por módulo, por ejemplo info,sigra_store=debug.
    log: LogFilter = Fixed("info"), "SIGRA_LOG";
    /// Forma del registro: pretty para leerlo, json para procesarlo.
    log_format: LogFormat = Fixed("pretty"), "SIGRA_LOG_FORMAT";
    /// RUT del primer administrador, que se crea al iniciar si no hay ninguno.
    /// Va junto con admin_password.
    admin_rut: Option<Rut> = Unset("12.345.678-5"), "SIGRA_ADMIN_RUT";
    /// Contraseña del primer administrador; solo se usa para crearlo.
    /// Después conviene quitarla de aquí y cambiarla en el panel.
    admin_password: Option<Password> = Unset("una frase larga"), "SIGRA_ADMIN_PASSWORD";
    /// Archivo con las claves que firman las sesiones; se crea si no existe.
    /// Si varios servidores comparten la base de datos, todos deben usar el mismo archivo.
    /// Si no se indica, es claves.json dentro de data_dir.
    secret_file: PathBuf = InDataDir("", "claves.json"), "SIGRA_SECRET_FILE";
    /// Direcciones IP de los proxies inversos de confianza (nginx, Caddy…) que están delante.
    /// Solo a ellos se les cree la dirección de quien llama; vacío si no hay ninguno.
    proxies: Vec<IpAddr> = Fixed(""), "SIGRA_PROXIES";
    /// Carpeta de las fotos, videos y documentos de los reportes; se crea si no existe.
    /// Si varios servidores comparten la base de datos, use S3 o una carpeta que todos vean.
    archivos_dir: PathBuf = InDataDir("", "archivos"), "SIGRA_ARCHIVOS_DIR";
    /// Dirección de S3 o de otro servicio compatible; con ella los archivos se guardan allí.
    /// Va junto con s3_bucket, s3_clave_id y s3_clave_secreta.
    s3_url: Option<HttpUrl> = Unset("https://s3.us-east-1.amazonaws.com"), "SIGRA_S3_URL";
    /// Dirección de S3 para quien tenga un enlace a un archivo, si S3 se alcanza desde fuera.
    /// Sin ella los enlaces pasan por este servidor.
    s3_url_publica: Option<HttpUrl> = Unset("https://archivos.faena.cl"), "SIGRA_S3_URL_PUBLICA";
    /// Región de S3.
    s3_region: WordValue = Fixed("us-east-1"), "SIGRA_S3_REGION";
    /// Bucket donde se guardan los archivos; debe existir y ser solo de SIGRA.
    s3_bucket: Option<WordValue> = Unset("sigra"), "SIGRA_S3_BUCKET";
    /// Identificador de la clave de acceso a S3.
    s3_clave_id: Option<WordValue> = Unset("AKIAIOSFODNN7EXAMPLE"), "SIGRA_S3_CLAVE_ID";
    /// Clave secreta de acceso a S3.
    s3_clave_secreta: Option<Password> = Unset("tal como la dio S3"), "SIGRA_S3_CLAVE_SECRETA";
    /// Tamaño máximo de una foto, en MiB, de 1 a 200.
    max_foto_mib: Bounded<1, 200> = Fixed("25"), "SIGRA_MAX_FOTO_MIB";
    /// Tamaño máximo de un video o audio, en MiB, de 1 a 200.
    max_video_mib: Bounded<1, 200> = Fixed("200"), "SIGRA_MAX_VIDEO_MIB";
    /// Tamaño máximo de un documento PDF, en MiB, de 1 a 200.
    max_documento_mib: Bounded<1, 200> = Fixed("25"), "SIGRA_MAX_DOCUMENTO_MIB";
    /// Cuántas subidas sin terminar o sin reporte puede tener una persona a la vez, de 1 a 10000.
    subidas_abiertas: Bounded<1, 10_000> = Fixed("200"), "SIGRA_SUBIDAS_ABIERTAS";
    /// Cuántos MiB pueden sumar esas subidas, de 1 a 1000000.
    subidas_mib: Bounded<1, 1_000_000> = Fixed("2048"), "SIGRA_SUBIDAS_MIB";
    /// Días que el servidor guarda una subida con la que nadie sigue, de 1 a 90.
    subida_dias: Bounded<1, 90> = Fixed("7"), "SIGRA_SUBIDA_DIAS";
    /// Cuántas veces por minuto puede sincronizar cada sesión, de 0 a 100000; 0 es sin límite.
    sync_por_minuto: Bounded<0, 100_000> = Fixed("120"), "SIGRA_SYNC_POR_MINUTO";
    /// Horas sin sincronizar tras las cuales un teléfono se muestra como silencioso, de 1 a 8760.
    silencio_horas: Bounded<1, 8_760> = Fixed("72"), "SIGRA_SILENCIO_HORAS";
    /// Dirección con la que se entra a este servidor; va en los enlaces de los correos.
    url_publica: Option<HttpUrl> = Unset("https://sigra.faena.cl"), "SIGRA_URL_PUBLICA";
    /// Servidor de correo, con su puerto; sin él no se envían correos.
    /// Va junto con correo_remitente.
    smtp_servidor: Option<WordValue> = Unset("smtp.faena.cl:465"), "SIGRA_SMTP_SERVIDOR";
    /// Cómo se cifra la conexión: tls (puerto 465), starttls (587) o ninguna (25, dentro de la red).
    smtp_seguridad: SmtpSecurity = Fixed("tls"), "SIGRA_SMTP_SEGURIDAD";
    /// Usuario del servidor de correo, si lo pide; va junto con smtp_clave.
    smtp_usuario: Option<WordValue> = Unset("sigra@faena.cl"), "SIGRA_SMTP_USUARIO";
    /// Clave de ese usuario.
    smtp_clave: Option<Password> = Unset("tal como la dio el servidor"), "SIGRA_SMTP_CLAVE";
    /// Quién firma los correos.
    correo_remitente: Option<LineValue> = Unset("SIGRA <sigra@faena.cl>"), "SIGRA_CORREO_REMITENTE";
    /// Carpeta en que los correos se dejan como archivos, en vez de enviarlos.
    /// Para probar, o para que otro programa los recoja.
    correo_carpeta: Option<PathBuf> = Unset("./correos"), "SIGRA_CORREO_CARPETA";
    /// Redes internas a las que sí se envían webhooks, por ejemplo 10.1.0.0/16.
    /// Sin ellas solo salen hacia Internet, por HTTPS.
    webhooks_redes: Networks = Fixed(""), "SIGRA_WEBHOOKS_REDES";
    /// Si nadie que decida abre un reporte urgente en estos minutos, se avisa a los administradores.
    /// De 0 a 10080; con 0 no se les avisa.
    escalar_minutos: Bounded<0, 10_080> = Fixed("30"), "SIGRA_ESCALAR_MINUTOS";
    /// Horas tras las que se avisa al autor de que faltan archivos de su reporte, de 1 a 720.
    archivos_horas: Bounded<1, 720> = Fixed("24"), "SIGRA_ARCHIVOS_HORAS";
    /// Si la cookie de sesión viaja solo por HTTPS.
    /// Use true cuando se entra por HTTPS; con true no se puede usar el panel por HTTP.
    cookie_segura: bool = Fixed("false"), "SIGRA_COOKIE_SEGURA";
}
