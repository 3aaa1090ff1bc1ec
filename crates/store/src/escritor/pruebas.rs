//! What the group commit promises: nobody pays for a neighbour, and nobody hears "done" too early.

mod mesa;

use std::sync::Arc;

use mesa::{Doble, Hace, Mesa, OCUPADA, Puerta, corridas, respuestas};
use sqlx::{ConnectOptions as _, SqliteConnection};
use tokio::time::Instant;

use crate::Fallo;

#[tokio::test]
async fn los_que_fallan_se_deshacen_solos_y_los_demas_quedan() {
    let mesa = Mesa::nueva().await;
    // More than one group.
    let ops: Vec<_> = (1..=300)
        .map(|n| Doble::nueva(n, if n % 3 == 0 { Hace::Falla } else { Hace::Nada }))
        .collect();
    let oido = respuestas(mesa.en_grupo(&ops).await).await;
    for (n, r) in (1..).zip(&oido) {
        assert_eq!(r.is_ok(), n % 3 != 0, "{n}: {r:?}");
    }
    assert_eq!(
        mesa.quedo().await,
        (1..=300).filter(|n| n % 3 != 0).collect::<Vec<_>>()
    );
    let mut veces = [1; 300];
    // The first refusal undoes what ran before it; from then on there are savepoints.
    veces[..3].fill(2);
    assert_eq!(corridas(&ops), veces, "el grupo no se perdió");
}

#[tokio::test]
async fn ninguna_respuesta_sale_antes_del_commit() {
    let mesa = Mesa::nueva().await;
    let puerta = Puerta::nueva();
    let ops = [
        Doble::nueva(1, Hace::Nada),
        Doble::nueva(2, Hace::Falla),
        Doble::nueva(3, Hace::Espera(Arc::clone(&puerta))),
    ];
    let tareas = mesa.en_grupo(&ops).await;
    puerta.alguien_espera().await;
    for _ in 0..100 {
        // An answer that had left would wake its task, and this thread is the only one.
        tokio::task::yield_now().await;
    }
    assert_eq!(corridas(&ops), [2, 2, 1], "otra vez desde el rechazo");
    assert_eq!(
        tareas.iter().filter(|t| t.is_finished()).count(),
        0,
        "respondió sin COMMIT"
    );
    assert!(mesa.quedo().await.is_empty());
    puerta.abre();
    let oido = respuestas(tareas).await;
    assert!(matches!(&oido[..], [Ok(1), Err(_), Ok(3)]), "{oido:?}");
    assert_eq!(mesa.quedo().await, [1, 3]);
}

#[tokio::test]
async fn si_falla_el_commit_del_grupo_cada_uno_oye_su_propia_suerte() {
    let mesa = Mesa::nueva().await;
    let ops = [Hace::Nada, Hace::Falla, Hace::Huerfana, Hace::Nada];
    let ops: Vec<_> = (1..)
        .zip(ops)
        .map(|(n, hace)| Doble::nueva(n, hace))
        .collect();
    let oido = respuestas(mesa.en_grupo(&ops).await).await;
    assert!(
        matches!(&oido[..], [Ok(1), Err(_), Err(_), Ok(4)]),
        "{oido:?}"
    );
    assert!(
        oido[2].as_ref().unwrap_err().contains("FOREIGN KEY"),
        "{oido:?}"
    );
    assert_eq!(
        corridas(&ops),
        [3, 3, 2, 2],
        "en el grupo, con savepoints, y después a solas"
    );
    assert_eq!(mesa.quedo().await, [1, 4]);

    let ops = [Hace::Nada, Hace::Huerfana, Hace::Nada];
    let ops: Vec<_> = (5..)
        .zip(ops)
        .map(|(n, hace)| Doble::nueva(n, hace))
        .collect();
    let oido = respuestas(mesa.en_grupo(&ops).await).await;
    assert!(matches!(&oido[..], [Ok(5), Err(_), Ok(7)]), "{oido:?}");
    assert_eq!(corridas(&ops), [2; 3], "en el grupo, y después a solas");
    assert_eq!(mesa.quedo().await, [1, 4, 5, 7]);
}

#[tokio::test]
async fn si_no_cabe_uno_los_demas_del_grupo_quedan() {
    let mesa = Mesa::nueva().await;
    // SQLite drops the whole group at 3; 4 finds no transaction.
    let ops = [Hace::Nada, Hace::Falla, Hace::Enorme, Hace::Nada];
    let ops: Vec<_> = (1..)
        .zip(ops)
        .map(|(n, hace)| Doble::nueva(n, hace))
        .collect();
    let oido = respuestas(mesa.en_grupo(&ops).await).await;
    assert!(
        matches!(&oido[..], [Ok(1), Err(_), Err(_), Ok(4)]),
        "{oido:?}"
    );
    assert!(
        oido[2].as_ref().unwrap_err().starts_with("sin espacio"),
        "{oido:?}"
    );
    // 3 a last time once the log has been emptied.
    assert_eq!(corridas(&ops), [3, 3, 3, 1]);
    assert_eq!(mesa.quedo().await, [1, 4]);

    // SQLite drops 7's statement alone, and the group goes on.
    let ops = [Hace::Nada, Hace::Nada, Hace::Muchas, Hace::Nada];
    let ops: Vec<_> = (5..)
        .zip(ops)
        .map(|(n, hace)| Doble::nueva(n, hace))
        .collect();
    let oido = respuestas(mesa.en_grupo(&ops).await).await;
    assert!(
        matches!(&oido[..], [Ok(5), Ok(6), Err(_), Ok(8)]),
        "{oido:?}"
    );
    assert!(
        oido[2].as_ref().unwrap_err().starts_with("sin espacio"),
        "{oido:?}"
    );
    assert_eq!(corridas(&ops), [2, 2, 3, 1]);
    assert_eq!(mesa.quedo().await, [1, 4, 5, 6, 8]);
}

#[tokio::test]
async fn un_panico_no_acaba_con_el_escritor() {
    let mesa = Mesa::nueva().await;
    let ops = [Hace::Nada, Hace::Panico, Hace::Nada];
    let ops: Vec<_> = (1..)
        .zip(ops)
        .map(|(n, hace)| Doble::nueva(n, hace))
        .collect();
    let oido = respuestas(mesa.en_grupo(&ops).await).await;
    assert!(matches!(&oido[..], [Ok(1), Err(_), Ok(3)]), "{oido:?}");
    let a_solas = mesa.encola(&Doble::nueva(4, Hace::Panico)).await;
    assert!(a_solas.await.unwrap().is_err());
    assert!(
        mesa.escritor
            .escribir(Doble::nueva(5, Hace::Nada))
            .await
            .is_ok()
    );
    assert_eq!(mesa.quedo().await, [1, 3, 5]);
}

#[tokio::test]
async fn quien_se_va_no_deja_media_escritura() {
    let mesa = Mesa::nueva().await;
    let puerta = Puerta::nueva();
    let espera = || Hace::Espera(Arc::clone(&puerta));
    // 1 leaves while alone in the writer, 2 while it waits behind 1, 3 in the middle of a group.
    let (uno, dos, tres, cuatro) = (
        Doble::nueva(1, espera()),
        Doble::nueva(2, Hace::Nada),
        Doble::nueva(3, espera()),
        Doble::nueva(4, Hace::Nada),
    );
    let tareas = [
        mesa.encola(&uno).await,
        mesa.encola(&dos).await,
        mesa.encola(&tres).await,
    ];
    let ultima = mesa.encola(&cuatro).await;
    puerta.alguien_espera().await;
    tareas[0].abort();
    tareas[1].abort();
    puerta.abre();
    puerta.alguien_espera().await;
    tareas[2].abort();
    puerta.abre();
    assert_eq!(ultima.await.unwrap().unwrap(), 4);
    assert_eq!(mesa.quedo().await, [1, 2, 3, 4]);
}

#[tokio::test]
async fn al_cerrar_se_responde_lo_encolado_y_nada_mas_entra() {
    let mesa = Mesa::nueva().await;
    let ops: Vec<_> = (1..=200).map(|n| Doble::nueva(n, Hace::Nada)).collect();
    let tareas = mesa.en_grupo(&ops).await;
    mesa.escritor.cerrar().await;
    let oido = respuestas(tareas).await;
    assert!(oido.iter().all(Result::is_ok), "{oido:?}");
    assert_eq!(mesa.quedo().await.len(), 200);
    let tarde = mesa.escritor.escribir(Doble::nueva(201, Hace::Nada)).await;
    assert!(matches!(tarde, Err(Fallo::NoDisponible(_))), "{tarde:?}");
}

#[tokio::test]
async fn si_otro_proceso_ocupa_la_base_nadie_espera_por_los_demas() {
    let mesa = Mesa::nueva().await;
    let mut otro = mesa.opciones.connect().await.unwrap();
    let sql = async |c: &mut SqliteConnection, sql| sqlx::raw_sql(sql).execute(c).await.unwrap();
    sql(&mut otro, "BEGIN IMMEDIATE").await;
    let inicio = Instant::now();
    let mut tareas = Vec::new();
    // The first waits alone; the others gather behind it.
    for n in 1..=41 {
        tareas.push(mesa.encola(&Doble::nueva(n, Hace::Nada)).await);
    }
    for r in respuestas(tareas).await {
        assert!(r.unwrap_err().starts_with("base de datos no disponible"));
    }
    assert!(inicio.elapsed() < 10 * OCUPADA, "{:?}", inicio.elapsed());
    sql(&mut otro, "ROLLBACK").await;
    mesa.escritor
        .escribir(Doble::nueva(50, Hace::Nada))
        .await
        .unwrap();
    assert_eq!(mesa.quedo().await, [50]);
}
