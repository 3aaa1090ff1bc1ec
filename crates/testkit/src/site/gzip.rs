//! Compressed bodies, and those that are meant to fill the memory.

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut e = GzEncoder::new(Vec::new(), Compression::best());
    e.write_all(bytes).expect("gzip");
    e.finish().expect("gzip")
}

/// `mib` MiB of zeros in a few kB each.
pub fn gzip_bomb(mib: usize) -> Vec<u8> {
    let mut e = GzEncoder::new(Vec::new(), Compression::best());
    let ceros = vec![0; 1 << 20];
    for _ in 0..mib {
        e.write_all(&ceros).expect("gzip");
    }
    e.finish().expect("gzip")
}
