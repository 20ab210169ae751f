//! CPU time of processes, read from `/proc`. Where there is no `/proc`, nothing is known and nothing is claimed.

use std::fs;
use std::time::Duration;

/// One tick of `/proc/<pid>/stat`: `USER_HZ` is 100 on every Linux that this builds for, whatever the kernel's own rate.
const TICK: Duration = Duration::from_millis(10);

/// The times of one process, in ticks.
#[derive(Debug, Clone, Copy)]
struct Ticks {
    parent: u32,
    own: u32,
    reaped: u32,
}

fn ticks(pid: &str) -> Option<Ticks> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may itself hold blanks and parentheses.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<u32>().ok();
    Some(Ticks { parent: field(4)?, own: field(14)? + field(15)?, reaped: field(16)? + field(17)? })
}

/// What a process has used so far, all its threads together.
#[must_use]
pub fn of_process(pid: u32) -> Option<Duration> {
    Some(TICK * ticks(&pid.to_string())?.own)
}

/// What a process has used so far together with its children, those that have ended included: PostgreSQL's postmaster with
/// its backends.
#[must_use]
pub fn of_family(pid: u32) -> Option<Duration> {
    let parent = ticks(&pid.to_string())?;
    let children = fs::read_dir("/proc").ok()?.flatten().filter_map(|entry| ticks(entry.file_name().to_str()?));
    let living: u32 = children.filter(|child| child.parent == pid).map(|child| child.own).sum();
    Some(TICK * (parent.own + parent.reaped + living))
}

/// What this process and the children that it has waited for have used so far.
#[must_use]
pub fn of_ourselves() -> Option<Duration> {
    let own = ticks("self")?;
    Some(TICK * (own.own + own.reaped))
}

/// A line of `/proc/<pid>/status` that counts kibibytes, such as `VmRSS`.
#[must_use]
pub fn memory(pid: u32, name: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse().ok()
}
