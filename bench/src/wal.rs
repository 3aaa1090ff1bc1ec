//! Bytes that go to SQLite's log. The log begins anew now and then, so its length does not say: the
//! header of its index (`-shm`) is looked at all the time. What is written between the last look and
//! a new beginning is not seen: some pages in thousands.

use std::{
    fs::File,
    io::Read as _,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

const INTERVAL: Duration = Duration::from_millis(5);
/// Bytes before each page in the log.
const FRAME_HEADER: u64 = 24;

/// Counts from its beginning on.
pub struct WalMeter(Arc<AtomicU64>);

/// What the index says of the log (https://sqlite.org/walformat.html, 2.1).
#[derive(Clone, Copy, Default, PartialEq)]
struct Header {
    page_size: u16,
    frames: u32,
    /// Another one each time that the log begins anew.
    salt: [u8; 8],
}

impl WalMeter {
    pub fn new(database: &str) -> Self {
        let path = PathBuf::from(format!("{database}-shm"));
        let bytes = Arc::new(AtomicU64::new(0));
        let sum = Arc::clone(&bytes);
        // Ends when nobody is left to ask.
        tokio::spawn(async move {
            let mut last = read(&path).unwrap_or_default();
            let mut clock = tokio::time::interval(INTERVAL);
            while Arc::strong_count(&sum) > 1 {
                clock.tick().await;
                if let Some(now) = read(&path) {
                    sum.fetch_add(written(last, now), Relaxed);
                    last = now;
                }
            }
        });
        Self(bytes)
    }

    /// Written until now.
    pub async fn bytes(&self) -> u64 {
        tokio::time::sleep(2 * INTERVAL).await;
        self.0.load(Relaxed)
    }
}

fn read(path: &PathBuf) -> Option<Header> {
    let mut bytes = [0; 48];
    File::open(path).ok()?.read_exact(&mut bytes).ok()?;
    Some(Header {
        page_size: u16::from_ne_bytes(bytes[14..16].try_into().ok()?),
        frames: u32::from_ne_bytes(bytes[16..20].try_into().ok()?),
        salt: bytes[32..40].try_into().ok()?,
    })
}

fn written(last: Header, now: Header) -> u64 {
    let before = if last.salt == now.salt {
        last.frames
    } else {
        0
    };
    let frames = now.frames.saturating_sub(before);
    u64::from(frames) * (FRAME_HEADER + u64::from(now.page_size))
}

#[cfg(test)]
mod tests {
    use super::{Header, written};

    #[test]
    fn a_log_that_begins_anew_counts_from_its_beginning() {
        let at = |frames, salt| Header {
            page_size: 4_096,
            frames,
            salt: [salt; 8],
        };
        assert_eq!(written(at(10, 1), at(12, 1)), 2 * 4_120);
        assert_eq!(written(at(10, 1), at(3, 2)), 3 * 4_120);
        assert_eq!(written(at(3, 2), at(3, 2)), 0);
    }
}
