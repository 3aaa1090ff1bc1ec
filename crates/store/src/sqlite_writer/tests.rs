//! What the group commit promises: nobody pays for a neighbour, and nobody hears "done" too early.

mod fixture;

use std::sync::Arc;

use fixture::{BUSY_TIMEOUT, Gate, TestWrite, TestWriter, WriteBehavior, await_results, runs};
use sqlx::{ConnectOptions as _, SqliteConnection};
use tokio::time::Instant;

use crate::StoreError;

#[tokio::test]
async fn failed_writes_are_rolled_back_alone_and_the_others_stay() {
    let batch_judge = TestWriter::new().await;
    // More than one group.
    let ops: Vec<_> = (1..=300)
        .map(|n| {
            TestWrite::new(
                n,
                if n % 3 == 0 {
                    WriteBehavior::Falla
                } else {
                    WriteBehavior::Nada
                },
            )
        })
        .collect();
    let oido = await_results(batch_judge.run_in_group(&ops).await).await;
    for (n, r) in (1..).zip(&oido) {
        assert_eq!(r.is_ok(), n % 3 != 0, "{n}: {r:?}");
    }
    assert_eq!(
        batch_judge.committed().await,
        (1..=300).filter(|n| n % 3 != 0).collect::<Vec<_>>()
    );
    let mut veces = [1; 300];
    // The first refusal undoes what ran before it; from then on there are savepoints.
    veces[..3].fill(2);
    assert_eq!(runs(&ops), veces, "el grupo no se perdió");
}

#[tokio::test]
async fn no_answer_leaves_before_the_commit() {
    let batch_judge = TestWriter::new().await;
    let gate = Gate::new();
    let ops = [
        TestWrite::new(1, WriteBehavior::Nada),
        TestWrite::new(2, WriteBehavior::Falla),
        TestWrite::new(3, WriteBehavior::Espera(Arc::clone(&gate))),
    ];
    let tareas = batch_judge.run_in_group(&ops).await;
    gate.wait_for_arrival().await;
    for _ in 0..100 {
        // An answer that had left would wake its task, and this thread is the only one.
        tokio::task::yield_now().await;
    }
    assert_eq!(runs(&ops), [2, 2, 1], "otra vez desde el rechazo");
    assert_eq!(
        tareas.iter().filter(|t| t.is_finished()).count(),
        0,
        "respondió sin COMMIT"
    );
    assert!(batch_judge.committed().await.is_empty());
    gate.open();
    let oido = await_results(tareas).await;
    assert!(matches!(&oido[..], [Ok(1), Err(_), Ok(3)]), "{oido:?}");
    assert_eq!(batch_judge.committed().await, [1, 3]);
}

#[tokio::test]
async fn when_the_group_commit_fails_each_write_hears_its_own_outcome() {
    let batch_judge = TestWriter::new().await;
    let ops = [
        WriteBehavior::Nada,
        WriteBehavior::Falla,
        WriteBehavior::Huerfana,
        WriteBehavior::Nada,
    ];
    let ops: Vec<_> = (1..)
        .zip(ops)
        .map(|(n, hace)| TestWrite::new(n, hace))
        .collect();
    let oido = await_results(batch_judge.run_in_group(&ops).await).await;
    assert!(
        matches!(&oido[..], [Ok(1), Err(_), Err(_), Ok(4)]),
        "{oido:?}"
    );
    assert!(
        oido[2].as_ref().unwrap_err().contains("FOREIGN KEY"),
        "{oido:?}"
    );
    assert_eq!(
        runs(&ops),
        [3, 3, 2, 2],
        "en el grupo, con savepoints, y después a solas"
    );
    assert_eq!(batch_judge.committed().await, [1, 4]);

    let ops = [
        WriteBehavior::Nada,
        WriteBehavior::Huerfana,
        WriteBehavior::Nada,
    ];
    let ops: Vec<_> = (5..)
        .zip(ops)
        .map(|(n, hace)| TestWrite::new(n, hace))
        .collect();
    let oido = await_results(batch_judge.run_in_group(&ops).await).await;
    assert!(matches!(&oido[..], [Ok(5), Err(_), Ok(7)]), "{oido:?}");
    assert_eq!(runs(&ops), [2; 3], "en el grupo, y después a solas");
    assert_eq!(batch_judge.committed().await, [1, 4, 5, 7]);
}

#[tokio::test]
async fn when_one_write_does_not_fit_the_others_of_the_group_stay() {
    let batch_judge = TestWriter::new().await;
    // SQLite drops the whole group at 3; 4 finds no transaction.
    let ops = [
        WriteBehavior::Nada,
        WriteBehavior::Falla,
        WriteBehavior::Enorme,
        WriteBehavior::Nada,
    ];
    let ops: Vec<_> = (1..)
        .zip(ops)
        .map(|(n, hace)| TestWrite::new(n, hace))
        .collect();
    let oido = await_results(batch_judge.run_in_group(&ops).await).await;
    assert!(
        matches!(&oido[..], [Ok(1), Err(_), Err(_), Ok(4)]),
        "{oido:?}"
    );
    assert!(
        oido[2].as_ref().unwrap_err().starts_with("sin espacio"),
        "{oido:?}"
    );
    // 3 a last time once the log has been emptied.
    assert_eq!(runs(&ops), [3, 3, 3, 1]);
    assert_eq!(batch_judge.committed().await, [1, 4]);

    // SQLite drops 7's statement alone, and the group goes on.
    let ops = [
        WriteBehavior::Nada,
        WriteBehavior::Nada,
        WriteBehavior::Muchas,
        WriteBehavior::Nada,
    ];
    let ops: Vec<_> = (5..)
        .zip(ops)
        .map(|(n, hace)| TestWrite::new(n, hace))
        .collect();
    let oido = await_results(batch_judge.run_in_group(&ops).await).await;
    assert!(
        matches!(&oido[..], [Ok(5), Ok(6), Err(_), Ok(8)]),
        "{oido:?}"
    );
    assert!(
        oido[2].as_ref().unwrap_err().starts_with("sin espacio"),
        "{oido:?}"
    );
    assert_eq!(runs(&ops), [2, 2, 3, 1]);
    assert_eq!(batch_judge.committed().await, [1, 4, 5, 6, 8]);
}

#[tokio::test]
async fn a_panic_does_not_end_the_writer() {
    let batch_judge = TestWriter::new().await;
    let ops = [
        WriteBehavior::Nada,
        WriteBehavior::Panico,
        WriteBehavior::Nada,
    ];
    let ops: Vec<_> = (1..)
        .zip(ops)
        .map(|(n, hace)| TestWrite::new(n, hace))
        .collect();
    let oido = await_results(batch_judge.run_in_group(&ops).await).await;
    assert!(matches!(&oido[..], [Ok(1), Err(_), Ok(3)]), "{oido:?}");
    let a_solas = batch_judge
        .enqueue(&TestWrite::new(4, WriteBehavior::Panico))
        .await;
    assert!(a_solas.await.unwrap().is_err());
    assert!(
        batch_judge
            .writer
            .write(TestWrite::new(5, WriteBehavior::Nada))
            .await
            .is_ok()
    );
    assert_eq!(batch_judge.committed().await, [1, 3, 5]);
}

#[tokio::test]
async fn a_caller_that_leaves_does_not_leave_half_a_write() {
    let batch_judge = TestWriter::new().await;
    let gate = Gate::new();
    let espera = || WriteBehavior::Espera(Arc::clone(&gate));
    // 1 leaves while alone in the writer, 2 while it waits behind 1, 3 in the middle of a group.
    let (uno, dos, tres, cuatro) = (
        TestWrite::new(1, espera()),
        TestWrite::new(2, WriteBehavior::Nada),
        TestWrite::new(3, espera()),
        TestWrite::new(4, WriteBehavior::Nada),
    );
    let tareas = [
        batch_judge.enqueue(&uno).await,
        batch_judge.enqueue(&dos).await,
        batch_judge.enqueue(&tres).await,
    ];
    let ultima = batch_judge.enqueue(&cuatro).await;
    gate.wait_for_arrival().await;
    tareas[0].abort();
    tareas[1].abort();
    gate.open();
    gate.wait_for_arrival().await;
    tareas[2].abort();
    gate.open();
    assert_eq!(ultima.await.unwrap().unwrap(), 4);
    assert_eq!(batch_judge.committed().await, [1, 2, 3, 4]);
}

#[tokio::test]
async fn closing_answers_what_is_queued_and_takes_nothing_more() {
    let batch_judge = TestWriter::new().await;
    let ops: Vec<_> = (1..=200)
        .map(|n| TestWrite::new(n, WriteBehavior::Nada))
        .collect();
    let tareas = batch_judge.run_in_group(&ops).await;
    batch_judge.writer.close().await;
    let oido = await_results(tareas).await;
    assert!(oido.iter().all(Result::is_ok), "{oido:?}");
    assert_eq!(batch_judge.committed().await.len(), 200);
    let tarde = batch_judge
        .writer
        .write(TestWrite::new(201, WriteBehavior::Nada))
        .await;
    assert!(
        matches!(tarde, Err(StoreError::NoDisponible(_))),
        "{tarde:?}"
    );
}

#[tokio::test]
async fn when_another_process_holds_the_database_no_write_waits_for_the_others() {
    let batch_judge = TestWriter::new().await;
    let mut otro = batch_judge.opciones.connect().await.unwrap();
    let sql = async |c: &mut SqliteConnection, sql| sqlx::raw_sql(sql).execute(c).await.unwrap();
    sql(&mut otro, "BEGIN IMMEDIATE").await;
    let inicio = Instant::now();
    let mut tareas = Vec::new();
    // The first waits alone; the others gather behind it.
    for n in 1..=41 {
        tareas.push(
            batch_judge
                .enqueue(&TestWrite::new(n, WriteBehavior::Nada))
                .await,
        );
    }
    for r in await_results(tareas).await {
        assert!(r.unwrap_err().starts_with("base de datos no disponible"));
    }
    assert!(
        inicio.elapsed() < 10 * BUSY_TIMEOUT,
        "{:?}",
        inicio.elapsed()
    );
    sql(&mut otro, "ROLLBACK").await;
    batch_judge
        .writer
        .write(TestWrite::new(50, WriteBehavior::Nada))
        .await
        .unwrap();
    assert_eq!(batch_judge.committed().await, [50]);
}
