//! What can't be said of one setting alone. One that is missing may stand in a file that could not
//! be used: then nobody is told to add it.

use sigra_domain::{Language, password};

use super::{Config, sources::RawSettings};

const S3: &str = "s3_url s3_bucket s3_clave_id s3_clave_secreta";
const ANY_OF_S3: &str = "s3_url s3_bucket s3_clave_id s3_clave_secreta s3_url_publica";

/// When one of the first is set, all of the second must be; and what to do about it.
const NEEDS: [(&str, &str, &str); 8] = [
    ("admin_rut", "admin_password", "indique los dos o ninguno"),
    ("admin_password", "admin_rut", "indique los dos o ninguno"),
    ("smtp_servidor", "correo_remitente", "indique los dos"),
    ("correo_carpeta", "correo_remitente", "indique los dos"),
    ("smtp_usuario", "smtp_clave", "indique los dos"),
    ("smtp_clave", "smtp_usuario", "indique los dos"),
    ("smtp_usuario", "smtp_servidor", "indique los dos"),
    // With three of them, files would go to a directory that nobody expects.
    (ANY_OF_S3, S3, "indique los cuatro, o no use S3"),
];

pub(super) fn check(config: &Config, raw: &mut RawSettings) {
    let set = |name: &str| !raw.get(name).0.is_empty();
    let mut wrong: Vec<(&str, String)> = vec![];
    if !raw.file_unusable {
        for (names, needed, advice) in NEEDS {
            let missing: Vec<&str> = needed.split(' ').filter(|name| !set(name)).collect();
            if let Some(name) = names.split(' ').find(|name| set(name))
                && !missing.is_empty()
            {
                wrong.push((name, format!("falta {}; {advice}", missing.join(", "))));
            }
        }
        if set("correo_remitente") && !set("smtp_servidor") && !set("correo_carpeta") {
            let why = "falta smtp_servidor o correo_carpeta; sin uno de ellos no se envía nada";
            wrong.push(("correo_remitente", why.into()));
        }
    }
    if set("smtp_servidor") && set("correo_carpeta") {
        let why = "o se envían a smtp_servidor o se dejan en la carpeta; indique uno";
        wrong.push(("correo_carpeta", why.into()));
    }
    // The first administrador's password must be one that the panel would take too.
    if let (Some(rut), Some(password)) = (config.admin_rut, &config.admin_password)
        && let Err(weak) = password::validate(&password.0, rut)
    {
        wrong.push(("admin_password", weak.message(Language::Es)));
    }
    // What the mail library would say when the server starts.
    if set("smtp_servidor")
        && let Some(Err(e)) = config.email().map(|email| email.open())
    {
        wrong.push(("smtp_servidor", e.to_string()));
    }
    for (name, why) in wrong {
        raw.refuse(name, &why);
    }
}
