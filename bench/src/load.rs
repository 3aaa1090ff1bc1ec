//! The load: connections that each wait for an answer before they ask again.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use futures_util::future::try_join_all;
use hdrhistogram::Histogram;
use sigra_store::Env;

use crate::{Error, client::Connection};

/// What so many connections got done.
pub struct Load {
    pub requests: u64,
    pub seconds: f64,
    /// Both ways.
    pub bytes: u64,
    /// Microseconds from the first byte sent to the last one received.
    pub latencies: Histogram<u64>,
}

/// Asks for that long, one connection for each of `works`. What is under way when time is up is waited
/// for and counts.
pub async fn run<W>(address: SocketAddr, works: Vec<W>, duration: Duration) -> Result<Load, Error>
where
    W: AsyncFnMut(&mut Connection) -> Result<(), Error>,
{
    let connections = try_join_all(works.iter().map(|_| Connection::open(address))).await?;
    let start = Env::monotonic_now();
    let all = works.into_iter().zip(connections);
    let all = all.map(|(work, connection)| repeat(work, connection, (start, duration)));
    let mut load = Load {
        requests: 0,
        seconds: 0.0,
        bytes: 0,
        latencies: Histogram::new(3)?,
    };
    for (latencies, bytes) in try_join_all(all).await? {
        load.latencies.add(latencies)?;
        load.bytes += bytes;
    }
    load.seconds = start.elapsed().as_secs_f64();
    load.requests = load.latencies.len();
    Ok(load)
}

async fn repeat<W>(
    mut work: W,
    mut connection: Connection,
    (start, duration): (Instant, Duration),
) -> Result<(Histogram<u64>, u64), Error>
where
    W: AsyncFnMut(&mut Connection) -> Result<(), Error>,
{
    let mut latencies = Histogram::new(3)?;
    while start.elapsed() < duration {
        let sent = Env::monotonic_now();
        work(&mut connection).await?;
        latencies.record(u64::try_from(sent.elapsed().as_micros())?)?;
    }
    Ok((latencies, connection.bytes))
}
