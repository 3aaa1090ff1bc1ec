//! The memory of a server under test, as Linux tells it.

use std::fs;

pub const MIB: u64 = 1024 * 1024;

/// What it holds now, in bytes.
pub fn resident(pid: u32) -> u64 {
    field(pid, "VmRSS:")
}

/// The most it ever held, in bytes, since [`reset_peak`].
pub fn peak(pid: u32) -> u64 {
    field(pid, "VmHWM:")
}

/// The peak begins anew.
pub fn reset_peak(pid: u32) {
    fs::write(format!("/proc/{pid}/clear_refs"), "5").expect("clear_refs");
}

fn field(pid: u32, cual: &str) -> u64 {
    let estado = fs::read_to_string(format!("/proc/{pid}/status")).expect("proc");
    let linea = estado.lines().find(|l| l.starts_with(cual)).expect(cual);
    let kib = linea.split_whitespace().nth(1);
    kib.and_then(|k| k.parse::<u64>().ok()).expect(cual) * 1024
}
