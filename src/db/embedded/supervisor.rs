//! The thread that starts the server, waits for its end and starts it again until told to stop.
//!
//! It is one thread for the whole life of the server because the kernel's "die with the parent" means the parent **thread**:
//! started from a worker that ends, the server would end with it.

use std::process::{Child, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::{io, path::PathBuf};

use super::error::{EmbeddedError, tells_of_full_disk};
use super::identity::Identity;
use super::locate::Install;
use super::place::ServerLog;
use super::process::{self, Signal};
use super::{cluster, stray};

const GLANCE: Duration = Duration::from_millis(10);
/// Recovery after a crash reads the write-ahead log, up to `max_wal_size`.
pub const READY_LIMIT: Duration = Duration::from_secs(60);
/// How long a stop may take, and then each stronger signal.
const STOP_LIMIT: Duration = Duration::from_secs(10);
const FORCE_LIMIT: Duration = Duration::from_secs(5);
/// Pause before a new start: doubled up to the last while starts keep failing, the first again after a good run.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LAST_PAUSE: Duration = Duration::from_secs(2);
const GOOD_RUN: Duration = Duration::from_secs(10);

/// All that is needed to start the server, again and again.
#[derive(Debug, Clone)]
pub struct Plan {
    pub install: Install,
    pub identity: Identity,
    pub cluster: PathBuf,
    pub socket_dir: PathBuf,
    pub log: ServerLog,
    pub durable: bool,
    /// How long it may take until it is ready; `None`: as long as it takes.
    pub ready_limit: Option<Duration>,
}

/// The handle on the thread. Dropping it does not stop the server: [`Supervisor::stop`] does.
#[derive(Debug)]
pub struct Supervisor {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    serving: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    /// Set from the server's start until it is reaped: only then is the id certain to be the server's.
    pid: Option<u32>,
    stopping: bool,
    ended: bool,
}

/// The server process: our child, or (where children outlive us) one of an earlier run that was taken over.
enum Server {
    Child(Child),
    Adopted(u32),
}

impl Supervisor {
    /// Starts the server and returns when it accepts connections.
    ///
    /// # Errors
    /// Why the first start failed; later ones are logged and tried again.
    pub fn start(plan: Plan) -> Result<Self, EmbeddedError> {
        let shared = Arc::new(Shared::default());
        let (sender, first) = channel();
        let theirs = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("postgres-supervisor".to_owned())
            .spawn(move || {
                supervise(&plan, &theirs, &sender);
                theirs.serving.store(false, Ordering::Relaxed);
                theirs.lock().ended = true;
                theirs.changed.notify_all();
            })
            .map_err(|source| EmbeddedError::Supervisor { source })?;
        let supervisor = Self { shared, thread: Some(thread) };
        match first.recv() {
            Ok(Ok(())) => Ok(supervisor),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(EmbeddedError::Supervisor { source: io::Error::other("it ended early") }),
        }
    }

    /// Whether the server accepts connections, as far as is known.
    pub fn is_alive(&self) -> bool {
        self.shared.serving.load(Ordering::Relaxed)
    }

    /// Stops the server: clients are disconnected, data is written out; by force if that takes too long. Once.
    ///
    /// # Errors
    /// [`EmbeddedError::StopForced`] when force was needed.
    pub fn stop(&mut self) -> Result<(), EmbeddedError> {
        let Some(thread) = self.thread.take() else {
            return Ok(());
        };
        let mut forced = false;
        let steps = [(Signal::Fast, STOP_LIMIT), (Signal::Immediate, FORCE_LIMIT), (Signal::Kill, FORCE_LIMIT)];
        let mut ended = false;
        for (signal, limit) in steps {
            forced = signal != Signal::Fast;
            if forced {
                log::warn!("PostgreSQL does not stop: sending it {signal:?}");
            }
            let state = self.shared.ask_to_stop(signal);
            let waited = self.shared.changed.wait_timeout_while(state, limit, |state| !state.ended);
            ended = waited.unwrap_or_else(PoisonError::into_inner).0.ended;
            if ended {
                break;
            }
        }
        if ended && thread.join().is_err() {
            log::error!("The thread that watches over PostgreSQL has panicked");
        }
        if forced { Err(EmbeddedError::StopForced { seconds: STOP_LIMIT.as_secs() }) } else { Ok(()) }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask_to_stop(&self, signal: Signal) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        state.stopping = true;
        if let Some(pid) = state.pid {
            // Already gone is fine: then the thread is about to notice.
            let _ = process::send(pid, signal);
        }
        self.changed.notify_all();
        state
    }

    /// Sleeps, but not past being told to stop. Returns whether to go on.
    fn pause(&self, pause: Duration) -> bool {
        let state = self.lock();
        let waited = self.changed.wait_timeout_while(state, pause, |state| !state.stopping);
        !waited.unwrap_or_else(PoisonError::into_inner).0.stopping
    }
}

fn supervise(plan: &Plan, shared: &Shared, first: &Sender<Result<(), EmbeddedError>>) {
    let mut pause = FIRST_PAUSE;
    let mut started_once = false;
    loop {
        let begun = Instant::now();
        match launch(plan, shared) {
            Ok(server) => {
                shared.serving.store(true, Ordering::Relaxed);
                log::info!("PostgreSQL {} is ready after {} ms", plan.install.major, begun.elapsed().as_millis());
                if !started_once {
                    started_once = true;
                    // Nobody listens any more when the caller gave up: then it also told us to stop.
                    let _ = first.send(Ok(()));
                }
                let ready = Instant::now();
                let end = wait_for_end(server, shared);
                shared.serving.store(false, Ordering::Relaxed);
                if shared.lock().stopping {
                    return;
                }
                log::error!("PostgreSQL ended unexpectedly ({end}): starting it again");
                if ready.elapsed() >= GOOD_RUN {
                    pause = FIRST_PAUSE;
                }
            }
            Err(error) if !started_once => {
                let _ = first.send(Err(error));
                return;
            }
            Err(_) if shared.lock().stopping => return,
            Err(error) => log::error!("PostgreSQL could not be started again: {error}"),
        }
        if !shared.pause(pause) {
            return;
        }
        pause = (pause * 2).min(LAST_PAUSE);
    }
}

/// Clears what an earlier server left, starts one and waits until it accepts connections.
fn launch(plan: &Plan, shared: &Shared) -> Result<Server, EmbeddedError> {
    if let Some(pid) = stray::adoptable(&plan.cluster, &plan.socket_dir) {
        log::info!("Taking over PostgreSQL (process {pid}) of an earlier run");
        shared.lock().pid = Some(pid);
        return Ok(Server::Adopted(pid));
    }
    stray::clear(&plan.cluster, &plan.socket_dir)?;
    let (log, length) = plan.log.open()?;
    let mut command = cluster::server_command(&plan.install, &plan.cluster, &plan.socket_dir, &plan.identity, plan.durable);
    let errors = log.try_clone().map_err(EmbeddedError::file("write to", plan.log.path()))?;
    command.stdin(std::process::Stdio::null()).stdout(log).stderr(errors);
    let program = plan.install.bin_dir.join("postgres");
    let child = {
        // Under the lock, so that a stop comes either before the start or after the id is known.
        let mut state = shared.lock();
        if state.stopping {
            return Err(EmbeddedError::Supervisor { source: io::ErrorKind::Interrupted.into() });
        }
        let child = command.spawn().map_err(EmbeddedError::file("run", &program))?;
        state.pid = Some(child.id());
        child
    };
    match wait_until_ready(&child, plan, length) {
        Ok(()) => Ok(Server::Child(child)),
        Err(error) => {
            end_now(child, shared);
            Err(error)
        }
    }
}

fn wait_until_ready(child: &Child, plan: &Plan, log_from: u64) -> Result<(), EmbeddedError> {
    let begun = Instant::now();
    let log = || plan.log.path().to_path_buf();
    loop {
        let ready = stray::read_pid_file(&plan.cluster).is_some_and(|file| file.ready && file.pid == child.id());
        if ready && stray::answers(&plan.socket_dir) {
            return Ok(());
        }
        if has_ended(child) {
            let reason = plan.log.reason_since(log_from);
            if tells_of_full_disk(&reason) {
                return Err(EmbeddedError::file("write to", &plan.cluster)(io::ErrorKind::StorageFull.into()));
            }
            return Err(EmbeddedError::StartFailed { reason, log: log() });
        }
        if let Some(limit) = plan.ready_limit.filter(|limit| begun.elapsed() > *limit) {
            return Err(EmbeddedError::NotReady { seconds: limit.as_secs(), log: log() });
        }
        thread::sleep(GLANCE);
    }
}

/// Does not reap: while `State::pid` is set, the id has to stay the server's. A child that cannot be asked about is gone.
fn has_ended(child: &Child) -> bool {
    process::has_ended(child.id()).unwrap_or(true)
}

/// A server that is not ready in time has no clients: nothing to be gentle about.
fn end_now(mut child: Child, shared: &Shared) {
    let deadline = Instant::now() + FORCE_LIMIT;
    if !has_ended(&child) {
        let _ = process::send(child.id(), Signal::Immediate);
    }
    while !has_ended(&child) && Instant::now() < deadline {
        thread::sleep(GLANCE);
    }
    let mut state = shared.lock();
    state.pid = None;
    // Both fail only when there is nothing left to end or to reap.
    let _ = child.kill();
    let _ = child.wait();
}

/// Blocks until the server has ended, and says how.
fn wait_for_end(server: Server, shared: &Shared) -> String {
    match server {
        Server::Child(mut child) => {
            if let Err(error) = process::wait_without_reaping(child.id()) {
                log::error!("Waiting for PostgreSQL failed: {error}");
            }
            let mut state = shared.lock();
            state.pid = None;
            child.wait().map_or_else(|error| error.to_string(), |status: ExitStatus| status.to_string())
        }
        Server::Adopted(pid) => {
            while process::exists(pid) {
                thread::sleep(Duration::from_millis(100));
            }
            shared.lock().pid = None;
            "it was no child of ours".to_owned()
        }
    }
}
