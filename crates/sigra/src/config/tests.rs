//! The configuration as tables of what is set and what comes of it.

use std::{ffi::OsString, fs, path::PathBuf};

use sigra_domain::Rut;
use sigra_store::sqlite_file;
use tempfile::TempDir;

use super::{Config, LoadedConfig, SettingSources, settings::SETTINGS};

/// Reads with this file content and these variables, in a directory of its own.
fn read(toml: Option<&str>, variables: &[(&str, &str)]) -> Result<LoadedConfig, Vec<String>> {
    let dir = TempDir::new().unwrap();
    if let Some(toml) = toml {
        fs::write(dir.path().join("sigra.toml"), toml).unwrap();
    }
    read_in(dir.path().into(), variables)
}

fn read_in(dir: PathBuf, variables: &[(&str, &str)]) -> Result<LoadedConfig, Vec<String>> {
    let variables = variables
        .iter()
        .map(|(n, v)| (OsString::from(n), OsString::from(v)))
        .collect();
    LoadedConfig::load(&SettingSources {
        file: None,
        variables,
        dir,
    })
    .map_err(|e| e.text().lines().map(str::to_owned).collect())
}

/// A configuration whose data are in `dir`, for the tests of commands.
pub(crate) fn config_in(dir: &TempDir, variables: &[(&str, &str)]) -> Config {
    let datos = dir.path().join("datos");
    let variables = [variables, &[("SIGRA_DATA_DIR", datos.to_str().unwrap())]].concat();
    read_in(dir.path().into(), &variables).unwrap().config
}

#[test]
fn defaults() {
    let Config {
        listen,
        data_dir,
        database_url,
        database_conexiones,
        log,
        secret_file,
        ..
    } = read(None, &[]).unwrap().config;
    assert_eq!(listen.to_string(), "127.0.0.1:8000");
    assert_eq!(data_dir, PathBuf::from("./data"));
    assert_eq!(database_url.0, "sqlite:./data/sigra.db");
    assert_eq!(
        sqlite_file(&database_url.0),
        Some("./data/sigra.db".as_ref())
    );
    assert_eq!((database_conexiones, log.as_str()), (20, "info"));
    assert_eq!(secret_file, PathBuf::from("./data/claves.json"));
}

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_defaults() {
    let toml = "listen = '0.0.0.0:1'\ndata_dir = '/var/lib/sigra'\nproxies = ['10.0.0.1', '::1']\nadmin_rut = 12345678";
    let c = read(
        Some(toml),
        &[
            ("SIGRA_LISTEN", "[::]:2"),
            ("SIGRA_ADMIN_PASSWORD", "una frase"),
        ],
    )
    .unwrap()
    .config;
    assert_eq!(c.listen.to_string(), "[::]:2");
    assert_eq!(c.database_url.0, "sqlite:/var/lib/sigra/sigra.db");
    assert_eq!(c.proxies.len(), 2);
    assert_eq!(c.admin_rut.map(Rut::body), Some(12_345_678));
}

#[test]
fn an_empty_variable_takes_away_what_may_be_absent() {
    let toml = "admin_rut = '12345678-5'\nadmin_password = 'una frase'\nproxies = ['10.0.0.1']";
    let vacias = [
        ("SIGRA_ADMIN_RUT", ""),
        ("SIGRA_ADMIN_PASSWORD", ""),
        ("SIGRA_PROXIES", ""),
    ];
    let c = read(Some(toml), &vacias).unwrap().config;
    assert!(c.admin_rut.is_none() && c.admin_password.is_none() && c.proxies.is_empty());
}

#[test]
fn the_file_is_looked_for_here_and_then_in_data_dir() {
    let dir = TempDir::new().unwrap();
    fs::create_dir_all(dir.path().join("otra")).unwrap();
    fs::write(
        dir.path().join("otra/sigra.toml"),
        "zona = 'UTC'\nlisten = '1.1.1.1:1'",
    )
    .unwrap();
    let datos = [("SIGRA_DATA_DIR", "otra")];
    let leida = read_in(dir.path().into(), &datos).unwrap();
    assert_eq!(leida.config.listen.to_string(), "1.1.1.1:1");
    fs::write(dir.path().join("sigra.toml"), "listen = '2.2.2.2:2'").unwrap();
    let leida = read_in(dir.path().into(), &datos).unwrap();
    assert_eq!(leida.config.listen.to_string(), "2.2.2.2:2");
}

#[test]
fn a_wrong_value_is_named_with_its_origin() {
    let malas = [
        ("SIGRA_LISTEN", "localhost", "listen", "127.0.0.1:8000"),
        ("SIGRA_DATA_DIR", "", "data_dir", "vacío"),
        (
            "SIGRA_DATABASE_URL",
            "mysql://x",
            "database_url",
            "sqlite: o postgres://",
        ),
        (
            "SIGRA_DATABASE_URL",
            "sqlite:",
            "database_url",
            "falta el archivo",
        ),
        (
            "SIGRA_DATABASE_URL",
            "sqlite::memory:",
            "database_url",
            "falta el archivo",
        ),
        (
            "SIGRA_DATABASE_URL",
            "sqlite:a.db?mode=rw",
            "database_url",
            "opciones",
        ),
        (
            "SIGRA_DATABASE_URL",
            "postgres://u:p/x@host/db",
            "database_url",
            "%2F",
        ),
        (
            "SIGRA_DATABASE_URL",
            "postgres://u:********@h/db",
            "database_url",
            "el verdadero",
        ),
        (
            "SIGRA_DATABASE_CONEXIONES",
            "1",
            "database_conexiones",
            "2 a 500",
        ),
        (
            "SIGRA_DATABASE_CONEXIONES",
            "501",
            "database_conexiones",
            "2 a 500",
        ),
        (
            "SIGRA_DATABASE_CONEXIONES",
            "diez",
            "database_conexiones",
            "2 a 500",
        ),
        ("SIGRA_ZONA", "America/Santago", "zona", "America/Santiago"),
        ("SIGRA_LOG", "inof", "log", "info"),
        ("SIGRA_LOG", "info,sigra=mucho", "log", "info"),
        ("SIGRA_LOG_FORMAT", "xml", "log_format", "json o pretty"),
        ("SIGRA_PROXIES", "10.0.0.1,nginx", "proxies", "«nginx»"),
        ("SIGRA_COOKIE_SEGURA", "sí", "cookie_segura", "true"),
    ];
    for (variable, valor, nombre, motivo) in malas {
        let errores = read(None, &[(variable, valor)]).unwrap_err();
        let esperado = format!("sigra: {nombre} (variable {variable}): ");
        assert_eq!(errores.len(), 1, "{errores:?}");
        assert!(
            errores[0].starts_with(&esperado) && errores[0].contains(motivo),
            "{errores:?}"
        );
    }
}

#[test]
fn what_is_accepted() {
    for (variable, valor) in [
        (
            "SIGRA_DATABASE_URL",
            "postgresql://u:cl%40ve@host:5432/base?sslmode=require",
        ),
        (
            "SIGRA_DATABASE_URL",
            "postgres:///base?host=/run/postgresql",
        ),
        ("SIGRA_DATABASE_URL", "sqlite:///var/lib/sigra.db"),
        ("SIGRA_LOG", "warn,sigra_store=debug"),
        ("SIGRA_LOG", "INFO"),
        ("SIGRA_COOKIE_SEGURA", "true"),
        ("SIGRA_PROXIES", "10.0.0.1, ::1"),
        ("SIGRA_TEST_POSTGRES_URL", "x"),
        ("SIGRA_SOAK", "1"),
        ("SIGRA_DEMO_DIR", "x"),
        ("OTRA", "x"),
    ] {
        assert!(
            read(None, &[(variable, valor)]).is_ok(),
            "{variable}={valor}"
        );
    }
}

#[test]
fn wrong_lines_of_the_file_are_named_all_at_once() {
    let toml = "lisen = 'x'\nlisten = 8000\n\nlog = 'verbose'\nproxies = '10.0.0.1'\ndatabase_conexiones = '5'\n[servidor]\n";
    let errores = read(Some(toml), &[("SIGRA_PUERTO", "1")]).unwrap_err();
    let inicios = [
        "sigra: SIGRA_PUERTO (variable de entorno): no es un ajuste",
        "sigra: lisen (sigra.toml, línea 1): no es un ajuste",
        "sigra: listen (sigra.toml, línea 2): debe ser un texto",
        "sigra: proxies (sigra.toml, línea 5): debe ser una lista",
        "sigra: database_conexiones (sigra.toml, línea 6): debe ser un número",
        "sigra: servidor (sigra.toml, línea 7): no es un ajuste",
        "sigra: log (sigra.toml, línea 4): «verbose»",
    ];
    assert_eq!(errores.len(), inicios.len(), "{errores:?}");
    for (error, inicio) in errores.iter().zip(inicios) {
        assert!(error.starts_with(inicio), "{error}");
    }
}

#[test]
fn a_file_that_is_not_toml_is_told_by_line_and_never_quoted() {
    let toml = "listen = '1.1.1.1:1'\nadmin_password = secreto\n";
    let errores = read(Some(toml), &[("SIGRA_ADMIN_RUT", "12345678")]).unwrap_err();
    assert_eq!(errores.len(), 1, "{errores:?}");
    assert!(
        errores[0].starts_with("sigra: sigra.toml, línea 2: no es TOML válido"),
        "{errores:?}"
    );
    assert!(!errores[0].contains("secreto"));
}

#[test]
fn a_file_asked_for_must_exist() {
    let sources = SettingSources {
        file: Some("no-existe.toml".into()),
        variables: vec![],
        dir: PathBuf::new(),
    };
    let texto = LoadedConfig::load(&sources).unwrap_err().text();
    assert!(texto.starts_with("sigra: no-existe.toml (archivo de configuración): no existe"));
}

#[test]
fn the_first_administrador_needs_rut_and_password() {
    let rut = ("SIGRA_ADMIN_RUT", "12.345.678-5");
    let clave = |c| ("SIGRA_ADMIN_PASSWORD", c);
    assert!(read(None, &[rut, clave("ocho chr")]).is_ok());
    for (variables, inicio) in [
        (
            vec![rut],
            "sigra: admin_rut (variable SIGRA_ADMIN_RUT): falta admin_password",
        ),
        (
            vec![clave("ocho chr")],
            "sigra: admin_password (variable SIGRA_ADMIN_PASSWORD): falta",
        ),
        (
            vec![rut, clave("siete77")],
            "sigra: admin_password (variable SIGRA_ADMIN_PASSWORD): Use",
        ),
        (
            vec![rut, clave("12345678")],
            "sigra: admin_password (variable SIGRA_ADMIN_PASSWORD): ",
        ),
        (
            vec![rut, clave("********")],
            "sigra: admin_password (variable SIGRA_ADMIN_PASSWORD): «*",
        ),
    ] {
        let errores = read(None, &variables).unwrap_err();
        assert_eq!(errores.len(), 1, "{errores:?}");
        assert!(errores[0].starts_with(inicio), "{errores:?}");
        assert!(!errores[0].contains("siete77"));
    }
}

#[test]
fn what_is_printed_can_be_read_again_and_hides_secrets() {
    let toml = "admin_rut = '12345678-5'\nadmin_password = 'muy secreta'\n\
                zona = 'UTC'\nproxies = ['10.0.0.1', '10.0.0.2']\ncookie_segura = true\n\
                s3_url = 'https://s3.mina.example'\ns3_bucket = 'sigra'\ns3_clave_id = 'AKIA'\n\
                s3_clave_secreta = 'muy reservada'\n\
                s3_url_publica = 'https://archivos.mina.example'\n\
                url_publica = 'https://sigra.mina.example'\nsmtp_servidor = 'smtp.mina.example:465'\n\
                smtp_usuario = 'sigra'\nsmtp_clave = 'muy callada'\n\
                correo_remitente = 'SIGRA <sigra@mina.example>'\nwebhooks_redes = ['10.1.0.0/16']\n";
    let url = "postgres://sigra:muysecreta@servidor/base?password=muysecreta&sslmode=disable";
    let leida = read(Some(toml), &[("SIGRA_DATABASE_URL", url)]).unwrap();
    let texto = leida.print();
    assert!(!texto.contains("secreta\""), "{texto}");
    assert!(
        !texto.contains("muy") && !format!("{:?}", leida.config).contains("muy"),
        "{texto}"
    );
    let tabla: toml::Table = texto.parse().unwrap();
    // Mail goes to a server or into a folder.
    assert_eq!(tabla.len(), SETTINGS.len() - 1);
    assert_eq!(tabla["admin_password"].as_str(), Some("********"));
    let url = "postgres://sigra:********@servidor/base?password=********&sslmode=disable";
    assert_eq!(tabla["database_url"].as_str(), Some(url));
    assert_eq!(tabla["proxies"].as_array().map(Vec::len), Some(2));
    assert_eq!(tabla["cookie_segura"].as_bool(), Some(true));
    assert!(
        texto.contains("# Variable: SIGRA_ZONA. Origen: sigra.toml, línea 3.\n"),
        "{texto}"
    );
    assert!(
        texto.contains("Origen: variable SIGRA_DATABASE_URL.\n"),
        "{texto}"
    );

    // Without secrets the text is a configuration that says the same.
    let texto = read(Some("zona = 'UTC'"), &[]).unwrap().print();
    let valores = |t: &str| {
        t.lines()
            .filter(|l| !l.starts_with("# "))
            .collect::<Vec<_>>()
            .join("\n")
    };
    let otra_vez = read(Some(&texto), &[]).unwrap().print();
    assert_eq!(valores(&texto), valores(&otra_vez));
}

#[test]
fn s3_is_all_four_settings_or_none() {
    let todas = [
        ("SIGRA_S3_URL", "https://s3.mina.example"),
        ("SIGRA_S3_BUCKET", "sigra"),
        ("SIGRA_S3_CLAVE_ID", "AKIA"),
        ("SIGRA_S3_CLAVE_SECRETA", "muy reservada"),
    ];
    assert!(read(None, &todas).unwrap().config.s3().is_some());
    assert!(read(None, &[]).unwrap().config.s3().is_none());
    let publica = [("SIGRA_S3_URL_PUBLICA", "https://archivos.mina.example")];
    let errores = read(None, &publica).unwrap_err();
    assert!(
        errores[0].contains("falta s3_url, s3_bucket"),
        "{errores:?}"
    );
    for sin in 0..todas.len() {
        let mut tres = todas.to_vec();
        let (falta, _) = tres.remove(sin);
        let errores = read(None, &tres).unwrap_err();
        let nombre = falta.trim_start_matches("SIGRA_").to_lowercase();
        assert_eq!(errores.len(), 1, "{errores:?}");
        assert!(
            errores[0].contains(&format!("falta {nombre};")),
            "{errores:?}"
        );
        assert!(!errores[0].contains("reservada"));
    }
}

#[test]
fn names_follow_one_pattern() {
    for a in SETTINGS {
        assert_eq!(a.variable(), format!("SIGRA_{}", a.name.to_uppercase()));
        assert!(
            a.doc.iter().all(|d| d.trim().ends_with(['.', ';'])),
            "{}",
            a.name
        );
    }
}
