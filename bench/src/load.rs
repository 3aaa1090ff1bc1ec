//! The load: connections that each wait for an answer before they ask again.

use std::{cell::RefCell, net::SocketAddr, time::Duration};

use futures_util::future::try_join_all;
use hdrhistogram::Histogram;
use sigra_store::Env;

use crate::{Error, client::Connection};

/// What so many connections got done.
pub struct Load {
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
    let latencies = RefCell::new(Histogram::new(3)?);
    let start = Env::monotonic_now();
    let repeat = async |(mut work, mut connection): (W, Connection)| {
        while start.elapsed() < duration {
            let sent = Env::monotonic_now();
            work(&mut connection).await?;
            let latency = u64::try_from(sent.elapsed().as_micros())?;
            latencies.borrow_mut().record(latency)?;
        }
        Ok::<_, Error>(connection.bytes)
    };
    let bytes = try_join_all(works.into_iter().zip(connections).map(repeat)).await?;
    Ok(Load {
        seconds: start.elapsed().as_secs_f64(),
        bytes: bytes.into_iter().sum(),
        latencies: latencies.into_inner(),
    })
}
