//! Carries what the writer committed from SQLite's log into the database file, beside the writer.
//!
//! Left to itself SQLite does this inside the COMMIT that makes the log too long, and everybody who
//! waits for that commit also waits for megabytes and two fsyncs. Here another connection does most
//! of it while the writer goes on. The writer's own limit ([`MAX_WAL_PAGES`]) stays as the bound on the
//! log: what is left to carry by then is little.

use std::time::Duration;

use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::{sync::mpsc, task::JoinHandle};

/// Pages in the log from which the writer itself carries them: 32 MiB of 4 KiB pages. What is not
/// carried yet when a disk fills up needs as much space again.
pub(crate) const MAX_WAL_PAGES: u32 = 8_000;
/// Pages that are worth carrying. More at once means that pages which change all the time (the ends
/// of indexes) are carried less often.
const MIN_PAGES: i64 = 4_000;
/// Passes in a row, each over what came during the one before. When one leaves nothing behind, the
/// writer begins the log anew.
const MAX_PASSES: usize = 5;
/// At most one look at the log in this time.
const MIN_INTERVAL: Duration = Duration::from_millis(50);

/// The way to whoever carries. It ends with this.
pub(super) struct Checkpointer {
    commits: mpsc::Sender<()>,
    tarea: JoinHandle<()>,
}

impl Checkpointer {
    pub(super) fn new(opciones: SqliteConnectOptions) -> Self {
        // One unseen commit is as good as many.
        let (commits, vistos) = mpsc::channel(1);
        let tarea = tokio::spawn(run_checkpointer(opciones, vistos));
        Self { commits, tarea }
    }

    pub(super) fn committed(&self) {
        self.commits.try_send(()).ok();
    }

    /// Waits until its connection is closed.
    pub(super) async fn close(self) {
        drop(self.commits);
        self.tarea.await.ok();
    }
}

async fn run_checkpointer(opciones: SqliteConnectOptions, mut commits: mpsc::Receiver<()>) {
    let mut conn = None;
    while commits.recv().await.is_some() {
        if let Err(error) = checkpoint(&opciones, &mut conn).await {
            // The writer does it in the end; a new connection tries again.
            tracing::warn!(%error, "no se pudo volcar el registro de SQLite");
            conn = None;
        }
        tokio::time::sleep(MIN_INTERVAL).await;
    }
    if let Some(conn) = conn {
        conn.close().await.ok();
    }
}

async fn checkpoint(
    opciones: &SqliteConnectOptions,
    conn: &mut Option<SqliteConnection>,
) -> Result<(), sqlx::Error> {
    let conn = match conn {
        Some(conn) => conn,
        None => conn.insert(opciones.connect().await?),
    };
    let mut bastan = MIN_PAGES;
    for _ in 0..MAX_PASSES {
        let (_, en_log, volcadas) = wal_checkpoint(conn, "PRAGMA wal_checkpoint(NOOP)").await?;
        if en_log - volcadas < bastan {
            break;
        }
        wal_checkpoint(conn, "PRAGMA wal_checkpoint(PASSIVE)").await?;
        bastan = 1;
    }
    Ok(())
}

/// Carries everything and cuts the log to nothing; false while somebody else uses it.
pub(super) async fn truncate_wal(conn: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    let (ocupada, ..) = wal_checkpoint(conn, "PRAGMA wal_checkpoint(TRUNCATE)").await?;
    Ok(ocupada == 0)
}

/// Whether it was busy, the pages in the log, and those of them that were carried.
async fn wal_checkpoint(
    c: &mut SqliteConnection,
    sql: &'static str,
) -> Result<(i64, i64, i64), sqlx::Error> {
    sqlx::query_as(sql).fetch_one(c).await
}
