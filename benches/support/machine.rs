//! What the figures were measured on, and what may have disturbed them.

use std::fs;
use std::path::Path;

/// One line on the machine, printed before the figures that depend on it.
pub fn describe() {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let load = fs::read_to_string("/proc/loadavg").ok();
    let load = load.as_deref().and_then(|text| text.split(' ').next()).unwrap_or("unknown");
    println!("{cores} cores, shared by load generator, server and PostgreSQL; load average before the start {load}");
    if cfg!(debug_assertions) {
        println!("A build without optimisation: the figures say nothing.");
    }
}

/// The type of the file system that holds a path, as the kernel names it.
pub fn file_system(path: &Path) -> Option<String> {
    let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
    let mounts = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        Some((fields.next()?, fields.next()?))
    });
    // The last of equals: a later mount covers an earlier one.
    let (_, kind) = mounts.filter(|(point, _)| path.starts_with(point)).max_by_key(|(point, _)| point.len())?;
    Some(kind.to_owned())
}
