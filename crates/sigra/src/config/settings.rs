//! Every setting, declared once: the sentences that `sigra config print` shows (text for users, so in
//! Spanish), its name in `sigra.toml`, its type, how it is written and read, and its default or, where it
//! may be left out, an example.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use sigra_delivery::{AllowList, email::SmtpSecurity};
use sigra_domain::{Rut, Zona};

use super::{
    secret::{Secret, database_url, password},
    sources::RawSettings,
    value::{
        Kind, LogFormat, address, between, boolean, http_url, ip_addresses, line, log_filter,
        log_format, networks, optional, path, rut, smtp_security, word, zone,
    },
};

/// What is known of a setting apart from its value.
#[derive(Debug)]
pub(crate) struct Setting {
    /// Its name in `sigra.toml`.
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// Empty for one that may have no value; `{data_dir}` stands for that setting.
    pub(crate) default: &'static str,
    /// Shown while there is no value.
    pub(crate) example: &'static str,
    /// What it is for, a sentence a line.
    pub(crate) doc: &'static [&'static str],
}

impl Setting {
    pub(crate) fn variable(&self) -> String {
        format!("SIGRA_{}", self.name.to_uppercase())
    }
}

macro_rules! settings {
    ($(
        $(#[doc = $doc:literal])+
        $name:ident: $type:ty = $kind:ident($parse:expr)
        $(, default $default:literal)? $(, example $example:literal)?;
    )+) => {
        /// The configuration, read and checked.
        #[derive(Clone, Debug)]
        pub(crate) struct Config {
            $($(#[doc = $doc])+ pub(crate) $name: $type,)+
        }

        /// The settings in the order in which people see them; `data_dir` comes before those whose
        /// default lies in it.
        pub(crate) const SETTINGS: &[Setting] = &[$(Setting {
            name: stringify!($name),
            kind: Kind::$kind,
            default: concat!($($default)?),
            example: concat!($($example)?),
            doc: &[$($doc),+],
        },)+];

        impl Config {
            /// `None` when a value is wrong; `raw` has noted which and why.
            pub(super) fn build(raw: &mut RawSettings) -> Option<Self> {
                $(let $name = raw.value(stringify!($name), $parse);)+
                Some(Self { $($name: $name?,)+ })
            }
        }
    };
}

settings! {
    /// Dirección IP y puerto en que escucha el servidor.
    /// Con 127.0.0.1 solo entra este equipo; con 0.0.0.0 entra toda la red.
    listen: SocketAddr = Text(address), default "127.0.0.1:8000";
    /// Carpeta donde SIGRA guarda sus datos; se crea si no existe.
    /// Una ruta relativa parte de la carpeta desde la que se ejecuta sigra.
    data_dir: PathBuf = Text(path), default "./data";
    /// Base de datos: sqlite:ARCHIVO o postgres://usuario:clave@servidor/base.
    /// Si no se indica, es el archivo sigra.db dentro de data_dir.
    database_url: Secret = DatabaseUrl(database_url), default "sqlite:{data_dir}/sigra.db";
    /// Conexiones simultáneas a PostgreSQL que abre este servidor, de 2 a 500; SQLite no la usa.
    database_conexiones: u32 = Integer(between(2, 500)), default "20";
    /// Zona horaria de la faena, por su nombre IANA; decide en qué día cae cada reporte.
    zona: Zona = Text(zone), default "America/Santiago";
    /// Qué se registra: error, warn, info, debug o trace.
    /// También por módulo, por ejemplo info,sigra_store=debug.
    log: String = Text(log_filter), default "info";
    /// Forma del registro: pretty para leerlo, json para procesarlo.
    log_format: LogFormat = Text(log_format), default "pretty";
    /// RUT del primer administrador, que se crea al iniciar si no hay ninguno.
    /// Va junto con admin_password.
    admin_rut: Option<Rut> = TextOrNumber(optional(rut)), example "12.345.678-5";
    /// Contraseña del primer administrador; solo se usa para crearlo.
    /// Después conviene quitarla de aquí y cambiarla en el panel.
    admin_password: Option<Secret> = Secret(optional(password)), example "una frase larga";
    /// Archivo con las claves que firman las sesiones; se crea si no existe.
    /// Si varios servidores comparten la base de datos, todos deben usar el mismo archivo.
    /// Si no se indica, es claves.json dentro de data_dir.
    secret_file: PathBuf = Text(path), default "{data_dir}/claves.json";
    /// Direcciones IP de los proxies inversos de confianza (nginx, Caddy…) que están delante.
    /// Solo a ellos se les cree la dirección de quien llama; vacío si no hay ninguno.
    proxies: Vec<IpAddr> = List(ip_addresses);
    /// Carpeta de las fotos, videos y documentos de los reportes; se crea si no existe.
    /// Si varios servidores comparten la base de datos, use S3 o una carpeta que todos vean.
    archivos_dir: PathBuf = Text(path), default "{data_dir}/archivos";
    /// Dirección de S3 o de otro servicio compatible; con ella los archivos se guardan allí.
    /// Va junto con s3_bucket, s3_clave_id y s3_clave_secreta.
    s3_url: Option<String> = Text(optional(http_url)), example "https://s3.us-east-1.amazonaws.com";
    /// Dirección de S3 para quien tenga un enlace a un archivo, si S3 se alcanza desde fuera.
    /// Sin ella los enlaces pasan por este servidor.
    s3_url_publica: Option<String> = Text(optional(http_url)), example "https://archivos.faena.cl";
    /// Región de S3.
    s3_region: String = Text(word), default "us-east-1";
    /// Bucket donde se guardan los archivos; debe existir y ser solo de SIGRA.
    s3_bucket: Option<String> = Text(optional(word)), example "sigra";
    /// Identificador de la clave de acceso a S3.
    s3_clave_id: Option<String> = Text(optional(word)), example "AKIAIOSFODNN7EXAMPLE";
    /// Clave secreta de acceso a S3.
    s3_clave_secreta: Option<Secret> = Secret(optional(password)), example "tal como la dio S3";
    /// Tamaño máximo de una foto, en MiB, de 1 a 200.
    max_foto_mib: i64 = Integer(between(1, 200)), default "25";
    /// Tamaño máximo de un video o audio, en MiB, de 1 a 200.
    max_video_mib: i64 = Integer(between(1, 200)), default "200";
    /// Tamaño máximo de un documento PDF, en MiB, de 1 a 200.
    max_documento_mib: i64 = Integer(between(1, 200)), default "25";
    /// Cuántas subidas sin terminar o sin reporte puede tener una persona a la vez, de 1 a 10000.
    subidas_abiertas: i64 = Integer(between(1, 10_000)), default "200";
    /// Cuántos MiB pueden sumar esas subidas, de 1 a 1000000.
    subidas_mib: i64 = Integer(between(1, 1_000_000)), default "2048";
    /// Días que el servidor guarda una subida con la que nadie sigue, de 1 a 90.
    subida_dias: i64 = Integer(between(1, 90)), default "7";
    /// Cuántas veces por minuto puede sincronizar cada sesión, de 0 a 100000; 0 es sin límite.
    sync_por_minuto: i64 = Integer(between(0, 100_000)), default "120";
    /// Horas sin sincronizar tras las cuales un teléfono se muestra como silencioso, de 1 a 8760.
    silencio_horas: i64 = Integer(between(1, 8_760)), default "72";
    /// Dirección con la que se entra a este servidor; va en los enlaces de los correos.
    url_publica: Option<String> = Text(optional(http_url)), example "https://sigra.faena.cl";
    /// Servidor de correo, con su puerto; sin él no se envían correos.
    /// Va junto con correo_remitente.
    smtp_servidor: Option<String> = Text(optional(word)), example "smtp.faena.cl:465";
    /// Cómo se cifra la conexión: tls (puerto 465), starttls (587) o ninguna (25, dentro de la red).
    smtp_seguridad: SmtpSecurity = Text(smtp_security), default "tls";
    /// Usuario del servidor de correo, si lo pide; va junto con smtp_clave.
    smtp_usuario: Option<String> = Text(optional(word)), example "sigra@faena.cl";
    /// Clave de ese usuario.
    smtp_clave: Option<Secret> = Secret(optional(password)), example "tal como la dio el servidor";
    /// Quién firma los correos.
    correo_remitente: Option<String> = Text(optional(line)), example "SIGRA <sigra@faena.cl>";
    /// Carpeta en que los correos se dejan como archivos, en vez de enviarlos.
    /// Para probar, o para que otro programa los recoja.
    correo_carpeta: Option<PathBuf> = Text(optional(path)), example "./correos";
    /// Redes internas a las que sí se envían webhooks, por ejemplo 10.1.0.0/16.
    /// Sin ellas solo salen hacia Internet, por HTTPS.
    webhooks_redes: AllowList = List(networks);
    /// Si nadie que decida abre un reporte urgente en estos minutos, se avisa a los administradores.
    /// De 0 a 10080; con 0 no se les avisa.
    escalar_minutos: u32 = Integer(between(0, 10_080)), default "30";
    /// Horas tras las que se avisa al autor de que faltan archivos de su reporte, de 1 a 720.
    archivos_horas: u32 = Integer(between(1, 720)), default "24";
    /// Si la cookie de sesión viaja solo por HTTPS.
    /// Use true cuando se entra por HTTPS; con true no se puede usar el panel por HTTP.
    cookie_segura: bool = Bool(boolean), default "false";
}
