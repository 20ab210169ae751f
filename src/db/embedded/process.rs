//! The calls that std does not offer: signals, sessions, "die with the parent", waiting without reaping.
//! Nothing here knows what PostgreSQL is. No other file may hold unsafe code.
#![allow(unsafe_code, reason = "libc calls that std has no safe form of; each block says why it is sound")]

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Whether the kernel can signal a child when its parent dies. Elsewhere a server that outlives us is taken over.
pub const CHILDREN_DIE_WITH_US: bool = cfg!(target_os = "linux");

/// The signals that are sent to a server, by what PostgreSQL makes of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT: roll back, checkpoint, end.
    Fast,
    /// SIGQUIT: end at once; the next start recovers.
    Immediate,
    /// SIGKILL: the kernel's end, for a process that does not answer.
    Kill,
}

impl Signal {
    fn number(self) -> libc::c_int {
        match self {
            Self::Fast => libc::SIGINT,
            Self::Immediate => libc::SIGQUIT,
            Self::Kill => libc::SIGKILL,
        }
    }
}

/// Our effective user id.
pub fn effective_uid() -> u32 {
    // SAFETY: takes nothing, touches no memory and cannot fail.
    unsafe { libc::geteuid() }
}

/// Sends a signal to one process.
///
/// # Errors
/// The system's, when the process is gone or not ours to signal.
pub fn send(pid: u32, signal: Signal) -> io::Result<()> {
    call(pid, signal.number())
}

/// Whether a process (a zombie too) has this id, whoever owns it.
pub fn exists(pid: u32) -> bool {
    match call(pid, 0) {
        Ok(()) => true,
        Err(error) => error.raw_os_error() == Some(libc::EPERM),
    }
}

fn call(pid: u32, number: libc::c_int) -> io::Result<()> {
    // 0 and negative numbers mean whole groups of processes to kill(2): only a plain id may get through.
    let pid =
        libc::pid_t::try_from(pid).ok().filter(|pid| *pid > 1).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    // SAFETY: plain integers; the kernel checks both.
    match unsafe { libc::kill(pid, number) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Blocks until a child of ours has ended, and leaves it to be reaped: until then its id cannot belong to another
/// process, so a signal sent meanwhile reaches the right one or nobody.
///
/// # Errors
/// The system's, when `pid` is no child of ours.
pub fn wait_without_reaping(pid: u32) -> io::Result<()> {
    look_at_child(pid, 0).map(|_| ())
}

/// Whether a child of ours has ended, leaving it to be reaped.
///
/// # Errors
/// The system's, when `pid` is no child of ours.
pub fn has_ended(pid: u32) -> io::Result<bool> {
    look_at_child(pid, libc::WNOHANG)
}

fn look_at_child(pid: u32, more: libc::c_int) -> io::Result<bool> {
    loop {
        // SAFETY: siginfo_t is plain data for which all zeroes is a valid value.
        let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
        let options = libc::WEXITED | libc::WNOWAIT | more;
        // SAFETY: `info` is a live siginfo_t that the kernel may write to.
        if unsafe { libc::waitid(libc::P_PID, pid as libc::id_t, &mut info, options) } == 0 {
            // SAFETY: waitid has filled in a child's event, or left the zeroes when there was none.
            return Ok(unsafe { info.si_pid() } != 0);
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// Has written data reach the disk before a rename says that it is there.
pub fn flush_disks() {
    // SAFETY: takes nothing and cannot fail.
    unsafe { libc::sync() }
}

/// Puts the command into a session of its own, so that Ctrl-C in our terminal does not reach it before we are done with
/// it; has it get `on_our_death` when the **thread** that spawns it ends (Linux); leaves no core file, which
/// would hold values, and no file that others can read.
pub fn isolate(command: &mut Command, on_our_death: Signal) {
    let parent = libc::pid_t::try_from(std::process::id()).unwrap_or(-1);
    let signal = on_our_death.number();
    // SAFETY: the closure runs between fork and exec, where only async-signal-safe calls are allowed: it makes system calls
    // and neither allocates nor locks.
    unsafe {
        command.pre_exec(move || {
            if libc::setsid() == -1 {
                return Err(io::Error::last_os_error());
            }
            libc::umask(0o077);
            let no_core = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
            if libc::setrlimit(libc::RLIMIT_CORE, &no_core) == -1 {
                return Err(io::Error::last_os_error());
            }
            die_with_parent(parent, signal)
        });
    }
}

/// std changes user and group before it runs `pre_exec` closures. That matters: a change of credentials clears the
/// parent-death signal, so one set earlier would be lost.
#[cfg(target_os = "linux")]
fn die_with_parent(parent: libc::pid_t, signal: libc::c_int) -> io::Result<()> {
    // SAFETY: PR_SET_PDEATHSIG takes one integer.
    if unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, signal as libc::c_ulong) } == -1 {
        return Err(io::Error::last_os_error());
    }
    // The parent may have died before the call above: then nobody would ever send the signal.
    // SAFETY: takes nothing and cannot fail.
    if unsafe { libc::getppid() } != parent {
        return Err(io::Error::from_raw_os_error(libc::ESRCH));
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn die_with_parent(_parent: libc::pid_t, _signal: libc::c_int) -> io::Result<()> {
    Ok(())
}
