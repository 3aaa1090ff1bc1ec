//! What can't be said of one setting alone. One that is missing may stand in a file that could not
//! be used: then nobody is told to add it.

use sigra_domain::{Language, password};

use super::{Config, sources::RawSettings};

/// A setting, the one it needs, and what to do about it.
const NEEDS: [(&str, &str, &str); 7] = [
    ("admin_rut", "admin_password", "indique los dos o ninguno"),
    ("admin_password", "admin_rut", "indique los dos o ninguno"),
    ("smtp_servidor", "correo_remitente", "indique los dos"),
    ("correo_carpeta", "correo_remitente", "indique los dos"),
    ("smtp_usuario", "smtp_clave", "indique los dos"),
    ("smtp_clave", "smtp_usuario", "indique los dos"),
    ("smtp_usuario", "smtp_servidor", "indique los dos"),
];

/// S3 needs all four: with three, files would go to a directory that nobody expects.
const S3: [&str; 4] = ["s3_url", "s3_bucket", "s3_clave_id", "s3_clave_secreta"];

pub(super) fn check(config: &Config, raw: &mut RawSettings) {
    let set = |name: &str| !raw.get(name).0.is_empty();
    let mut wrong: Vec<(&str, String)> = vec![];
    if !raw.file_unusable {
        for (name, other, advice) in NEEDS {
            if set(name) && !set(other) {
                wrong.push((name, format!("falta {other}; {advice}")));
            }
        }
        let missing: Vec<&str> = S3.into_iter().filter(|name| !set(name)).collect();
        let first = S3
            .into_iter()
            .chain(["s3_url_publica"])
            .find(|name| set(name));
        if let (Some(name), false) = (first, missing.is_empty()) {
            let missing = missing.join(", ");
            let why = format!("falta {missing}; indique los cuatro, o no use S3");
            wrong.push((name, why));
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
