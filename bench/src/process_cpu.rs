//! Processor time of other processes, from Linux's `/proc`; `None` where there is none.

use std::fs;

use crate::real;

/// Linux counts in hundredths of a second (USER_HZ) on every architecture that Rust builds for.
const TICK_US: f64 = 10_000.0;

struct Stat {
    parent: u32,
    /// User and system time of all its threads.
    own: u64,
    /// And of its children that ended.
    ended: u64,
}

/// Microseconds that a process has used.
pub fn process_us(pid: u32) -> Option<f64> {
    Some(real(read(pid)?.own) * TICK_US)
}

/// Microseconds that a process and its children have used, those that ended too.
pub fn family_us(pid: u32) -> Option<f64> {
    let head = read(pid)?;
    let pids = fs::read_dir("/proc").ok()?;
    let pids = pids.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let children = pids.filter_map(read).filter(|stat| stat.parent == pid);
    Some(real(head.own + head.ended + children.map(|stat| stat.own).sum::<u64>()) * TICK_US)
}

/// PostgreSQL's first process, by one that serves a connection; `None` when it runs elsewhere.
pub fn postmaster(backend: u32) -> Option<u32> {
    let name = fs::read_to_string(format!("/proc/{backend}/comm")).ok()?;
    if name.trim() == "postgres" {
        Some(read(backend)?.parent)
    } else {
        None
    }
}

fn read(pid: u32) -> Option<Stat> {
    parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// proc_pid_stat(5)
fn parse(stat: &str) -> Option<Stat> {
    // The program's name, in parentheses, may hold spaces.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some(Stat {
        parent: fields.get(1)?.parse().ok()?,
        own: ticks(11)? + ticks(12)?,
        ended: ticks(13)? + ticks(14)?,
    })
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn stat_of_a_program_with_a_strange_name() {
        let line = "42 (a) b (c)) S 7 42 42 0 -1 4194560 100 0 0 0 30 4 500 60 20 0 9 0 100 1 1";
        let stat = parse(line).unwrap();
        assert_eq!((stat.parent, stat.own, stat.ended), (7, 34, 560));
        assert!(parse("42 (sigra) S 7").is_none());
    }
}
