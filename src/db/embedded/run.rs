//! Running a helper program to its end, bounded in time and with what it says kept.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::place::UNFINISHED;
use super::process::{self, Signal};

/// How often a running helper is looked at, and how often one that runs for longer.
const GLANCE: Duration = Duration::from_millis(5);
const LATER_GLANCE: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_secs(5);

/// A name for something unfinished that no other process or thread uses.
pub fn unfinished_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{UNFINISHED}{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Runs the command and returns what it wrote, as `Ok` when it succeeded and as `Err` when it failed or took longer than
/// `limit`. It dies with us.
///
/// # Errors
/// The outer error is the system's: the program or the file for its words could not be opened.
pub fn to_end(mut command: Command, limit: Duration, scratch: &Path) -> io::Result<Result<String, String>> {
    // A file and not pipes: nobody has to drain it, and a grandchild that keeps it open holds nobody up.
    let path = scratch.join(unfinished_name());
    let mut words = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    fs::remove_file(&path)?;
    command.stdin(Stdio::null()).stdout(words.try_clone()?).stderr(words.try_clone()?);
    process::isolate(&mut command, Signal::Kill);
    let mut child = command.spawn()?;
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break Some(status);
        }
        if begun.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            break None;
        }
        std::thread::sleep(if begun.elapsed() > LONG { LATER_GLANCE } else { GLANCE });
    };
    let mut said = Vec::new();
    words.seek(SeekFrom::Start(0))?;
    words.take(1024 * 1024).read_to_end(&mut said)?;
    let said = String::from_utf8_lossy(&said).into_owned();
    Ok(match status {
        Some(status) if status.success() => Ok(said),
        Some(_) => Err(said),
        None => Err(format!("{said}\nerror: it took longer than {} s", limit.as_secs())),
    })
}
