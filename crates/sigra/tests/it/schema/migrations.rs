//! Migrations: from nothing, from each earlier version with its data, by many at once, and never
//! backwards.

use sha2::{Digest as _, Sha256};
use sigra_domain::{bitacora::GENESIS, hex};
use sigra_store::{
    Env, Migrations, SCHEMA_VERSION, Store,
    reportes::{ReporteRef, reporte},
};

use super::describe;
use sigra_testkit::{DbKind, TestDb, client, process::ServerProcess, run_concurrently};

/// What the schema is, in a text that can be compared.
async fn dump_schema(bd: &TestDb) -> String {
    match bd.motor {
        DbKind::Sqlite => format!("{:#?}", describe::sqlite(bd).await),
        DbKind::Postgres => format!("{:#?}", describe::postgres(bd).await),
    }
}

async fn for_each_backend(prueba: impl AsyncFn(&TestDb)) {
    for motor in [DbKind::Sqlite, DbKind::Postgres] {
        let Some(bd) = TestDb::empty(motor).await else {
            continue;
        };
        prueba(&bd).await;
        bd.delete().await;
    }
}

async fn open(bd: &TestDb) -> Result<Store, String> {
    Store::open(&bd.url, 4, Env::default())
        .await
        .map_err(|e| e.to_string())
}

/// A person and a report with its entry, as version 1 wrote them.
async fn insert_version_1_data(bd: &TestDb) {
    let canonica = r#"{"accion":"crear","antes":{},"despues":{"area_id":1,"descripcion":"Sobre el paso.","device_id":null,"estado_id":1,"fecha_reporte":"2026-03-01","hora_creado":"2026-03-01T12:00:00.000Z","hora_sincronizado":"2026-03-01T12:00:00.000Z","multimedia":[],"retirado":false,"rut":12345678,"severidad_id":3,"sha256_contenido":"aa","titulo":"Roca suelta","ubicacion":{"lat":-33,"lon":-70.5,"precision_m":null,"referencia":"Nivel 1200"}},"detalle":null,"en":"2026-03-01T12:00:00.000Z","n":1,"rut":12345678,"uuid_cliente":"6f1c2f7e-3c61-4c52-9d0e-5a8a4b8f0c11","version":1}"#;
    let hash = hex(&Sha256::digest(format!("{GENESIS}{canonica}")));
    let (si, no) = if bd.motor == DbKind::Sqlite {
        ("1", "0")
    } else {
        ("TRUE", "FALSE")
    };
    let t = 1_772_366_400_000_i64;
    bd.sql(&format!(
        "INSERT INTO usuarios (rut, nombre, apellido_1, rol, activo, hash_password,
            debe_cambiar_password, creado, actualizado)
         VALUES (12345678, 'Rosa', 'Díaz', 'trabajador', {si}, '$argon2id$no', {no}, {t}, {t});
         INSERT INTO reportes (uuid_cliente, rut, titulo, descripcion, area_id, severidad_id, estado_id,
            fecha_reporte, hora_creado, hora_sincronizado, hora_actualizado, sync_status,
            sha256_contenido, con_ubicacion, lat, lon, referencia, con_manifiesto, version, busqueda,
            entradas, ultimo_hash)
         VALUES ('6f1c2f7e-3c61-4c52-9d0e-5a8a4b8f0c11', 12345678, 'Roca suelta', 'Sobre el paso.', 1, 3,
            1, '2026-03-01', {t}, {t}, {t}, 'completo', 'aa', {si}, -33, -70.5, 'Nivel 1200', {si}, 1,
            'roca suelta sobre el paso', 1, '{hash}');
         INSERT INTO bitacora (reporte_id, n, version, accion, rut, en, canonica, hash)
         VALUES (1, 1, 1, 'crear', 12345678, {t}, '{canonica}', '{hash}')"
    ))
    .await
    .expect("datos de la versión 1");
}

#[tokio::test]
async fn every_earlier_version_migrates_to_the_same_schema() {
    for_each_backend(async |bd| {
        Migrations::all().apply(&bd.url).await.expect("desde nada");
        let nuevo = dump_schema(bd).await;
        // Once more changes nothing.
        Migrations::all().apply(&bd.url).await.expect("otra vez");
        assert_eq!(dump_schema(bd).await, nuevo);
        for version in 0..=SCHEMA_VERSION {
            let bd = TestDb::empty(bd.motor).await.expect("base");
            Migrations::up_to(version)
                .apply(&bd.url)
                .await
                .expect("versión anterior");
            let aplicadas = "SELECT count(*) FROM _sqlx_migrations";
            assert_eq!(bd.query_i64(aplicadas).await, version);
            if version >= 1 {
                insert_version_1_data(&bd).await;
            }
            let store = open(&bd).await.expect("migra");
            assert_eq!(bd.query_i64(aplicadas).await, SCHEMA_VERSION);
            assert_eq!(dump_schema(&bd).await, nuevo, "desde la versión {version}");
            let resumen = store.verify_bitacora(|_| ()).await.expect("verifica");
            assert_eq!(resumen.hallazgos, []);
            assert_eq!(resumen.reportes, i64::from(version >= 1));
            let mut lectura = store.read().await.expect("lectura");
            let leido = reporte(&mut lectura, &ReporteRef::Id(1))
                .await
                .expect("lee");
            assert_eq!(
                leido.map(|l| l.reporte.contenido.titulo),
                (version >= 1).then(|| "Roca suelta".into())
            );
            drop(lectura);
            // What its entries could not tell yet they tell nothing else of.
            let si = if bd.motor == DbKind::Sqlite {
                "1"
            } else {
                "TRUE"
            };
            let forja = format!("UPDATE reportes SET decidido_en = 1, a_tiempo = {si}");
            bd.sql(&forja).await.expect("forja");
            let resumen = store.verify_bitacora(|_| ()).await.expect("verifica");
            assert_eq!(resumen.hallazgos.len(), usize::from(version >= 1));
            store.close().await;
            bd.delete().await;
        }
    })
    .await;
}

/// The counts that the migration makes in SQL are those that the code makes, whatever the durations.
#[tokio::test]
async fn migrating_counts_the_reportes_that_were_there() {
    const REPORTES: i64 = 120;
    for_each_backend(async |bd| {
        Migrations::up_to(4).apply(&bd.url).await.expect("versión 4");
        insert_version_1_data(bd).await;
        let t = 1_772_366_400_000_i64;
        let (si, no) = if bd.motor == DbKind::Sqlite { ("1", "0") } else { ("TRUE", "FALSE") };
        let mut sql = String::new();
        for i in 2..=REPORTES {
            // From a minute before to years after, and on both sides of each edge.
            let minutos = if i == 2 { -1 } else { (1_i64 << (i / 6)) + i % 3 - 1 };
            let (creado, decidido) = (t - minutos * 60_000 + i % 2, t + minutos * 60_000 - i % 2);
            let (estado, severidad, sync) = (1 + i % 3, 1 + i % 3, ["completo", "multimedia_pendiente", "conflicto"][usize::try_from(i % 3).unwrap()]);
            let retirado = if i % 10 == 9 { t.to_string() } else { "NULL".into() };
            sql.push_str(&format!(
                "INSERT INTO reportes (uuid_cliente, rut, titulo, area_id, severidad_id, estado_id, fecha_reporte,
                    hora_creado, hora_sincronizado, hora_actualizado, sync_status, sha256_contenido,
                    con_ubicacion, con_manifiesto, version, busqueda, entradas, ultimo_hash, retirado_en)
                 VALUES ('u{i}', 12345678, 'x', {area}, {severidad}, {estado}, '2026-0{mes}-11', {creado}, {t}, {t},
                    '{sync}', 'aa', {no}, {si}, 1, 'x', 1, 'h', {retirado});",
                area = 1 + i % 4, mes = 1 + i % 5,
            ));
            if estado != 1 {
                sql.push_str(&format!(
                    "INSERT INTO bitacora (reporte_id, n, version, accion, rut, en, canonica, hash)
                     VALUES ({i}, 1, 1, 'cambiar_estado', 12345678, {decidido}, '{{}}', 'h');"
                ));
            }
        }
        bd.sql(&sql).await.expect("datos de la versión 4");
        let store = open(bd).await.expect("migra");
        let r = store.recount(std::sync::Arc::new(|_| ())).await.expect("recuenta");
        assert_eq!((r.reportes, r.primeras.as_slice()), (REPORTES, [].as_slice()));
        assert!(r.celdas > 300, "{}", r.celdas);
        let cuantos = async |donde: &str| bd.query_i64(&format!("SELECT count(*) FROM reportes WHERE {donde}")).await;
        assert_eq!(cuantos("(estado_id = 1) <> (decidido_en IS NULL)").await, 0);
        let mal = "SELECT count(*) FROM reportes r JOIN bitacora b ON b.reporte_id = r.id
            JOIN severidades s ON s.id = r.severidad_id WHERE b.accion = 'cambiar_estado'
            AND (r.decidido_en <> b.en OR r.a_tiempo <> (b.en - r.hora_sincronizado <= s.meta_horas * 3600000))";
        assert_eq!(bd.query_i64(mal).await, 0);
        assert!(cuantos("a_tiempo").await > 10 && cuantos("NOT a_tiempo").await > 10);
        store.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_that_start_at_once_migrate_once() {
    for_each_backend(async |bd| {
        let abren = (0..8).map(|_| {
            let url = bd.url.clone();
            async move { Store::open(&url, 2, Env::default()).await }
        });
        for store in run_concurrently(abren).await {
            let store = store.expect("abre");
            store.ping().await.expect("responde");
            store.close().await;
        }
        assert_eq!(
            bd.query_i64("SELECT count(*) FROM _sqlx_migrations").await,
            SCHEMA_VERSION
        );
        assert_eq!(bd.query_i64("SELECT count(*) FROM areas").await, 10);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_that_start_at_once_both_serve() {
    let variables = [
        ("SIGRA_ADMIN_RUT", "12345678"),
        ("SIGRA_ADMIN_PASSWORD", "roca firme 42"),
    ];
    for_each_backend(async |bd| {
        let dir = tempfile::tempdir().expect("directorio");
        let parten = (0..2).map(|_| ServerProcess::start(&bd.url, dir.path(), &variables));
        for servidor in futures_util::future::join_all(parten).await {
            let servidor = servidor.expect("arranca");
            let cuerpo = r#"{"rut": 12345678, "password": "roca firme 42"}"#;
            let entra = client::http();
            let entra = entra
                .post(format!("{}/auth/login", servidor.url))
                .body(cuerpo);
            let r = entra
                .header("content-type", "application/json")
                .send()
                .await
                .expect("login");
            assert_eq!(r.status(), 200);
            assert!(servidor.terminate().await.success());
        }
        assert_eq!(
            bd.query_i64("SELECT count(*) FROM _sqlx_migrations").await,
            SCHEMA_VERSION
        );
        assert_eq!(bd.query_i64("SELECT count(*) FROM usuarios").await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_schema_is_refused_with_a_clear_sentence() {
    let si = |bd: &TestDb| {
        if bd.motor == DbKind::Sqlite {
            "1"
        } else {
            "TRUE"
        }
    };
    let suma = |bd: &TestDb| {
        if bd.motor == DbKind::Sqlite {
            "x'00'"
        } else {
            "'\\x00'"
        }
    };
    for_each_backend(async |bd| {
        open(bd).await.expect("abre").close().await;
        let antes = dump_schema(bd).await;
        let nueva = format!(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             VALUES (999, 'futura', {}, {}, 0)",
            si(bd),
            suma(bd),
        );
        for (dana, repara, frase) in [
            (
                nueva,
                "DELETE FROM _sqlx_migrations WHERE version = 999".to_owned(),
                "es de una versión más nueva de SIGRA (esquema 999",
            ),
            (
                format!(
                    "UPDATE _sqlx_migrations SET checksum = {} WHERE version = 1",
                    suma(bd)
                ),
                String::new(),
                "la migración 1 aplicada a la base de datos no es la de este programa",
            ),
            (
                format!(
                    "UPDATE _sqlx_migrations SET success = NOT {} WHERE version = 1",
                    si(bd)
                ),
                String::new(),
                "la migración 1 quedó a medias",
            ),
        ] {
            bd.sql(&dana).await.expect("daña");
            let dicho = open(bd).await.err().unwrap_or_default();
            assert!(dicho.contains(frase), "{dicho}");
            let dir = tempfile::tempdir().expect("directorio");
            let dicho = ServerProcess::start(&bd.url, dir.path(), &[])
                .await
                .err()
                .unwrap_or_default();
            assert!(dicho.contains(frase), "{dicho}");
            assert_eq!(dump_schema(bd).await, antes);
            if !repara.is_empty() {
                bd.sql(&repara).await.expect("repara");
                open(bd).await.expect("abre de nuevo").close().await;
            }
        }
    })
    .await;
}
