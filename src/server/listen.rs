//! The listening sockets: of our own, or the one that whoever started this process holds (systemd's socket activation).

use std::net::{SocketAddr, TcpListener};

use listenfd::ListenFd;
use socket2::SockRef;

/// The socket that this process was started with (`LISTEN_FDS`, `LISTEN_PID`), if there is one. It outlives the process: what connects
/// between two servers waits in its queue.
///
/// # Errors
/// One sentence for the operator, when it is not one listening TCP socket.
pub fn inherited() -> Result<Option<TcpListener>, String> {
    let mut given = ListenFd::from_env();
    if given.len() > 1 {
        return Err(format!("{} sockets were passed on by LISTEN_FDS: pass on the one to serve on, and no other", given.len()));
    }
    let strange =
        |error: std::io::Error| format!("the socket passed on by LISTEN_FDS is no listening TCP socket: {}", error.kind());
    let Some(listener) = given.take_tcp_listener(0).map_err(strange)? else { return Ok(None) };
    // An embedded database server and its like are no servers of ours.
    SockRef::from(&listener).set_cloexec(true).map_err(strange)?;
    Ok(Some(listener))
}

/// Binds the listening socket.
///
/// # Errors
/// One sentence for the operator, for a port in use or an address that is not ours.
pub fn bind(address: SocketAddr) -> Result<TcpListener, String> {
    bind_for("HANDOFF_LISTEN", address)
}

/// Binds a socket that this setting names.
///
/// # Errors
/// As [`bind`].
pub fn bind_for(setting: &str, address: SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(address).map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            format!("{address} is in use: stop what listens there, or set {setting} to another address")
        }
        std::io::ErrorKind::PermissionDenied => {
            format!("no permission to listen on {address}: set {setting} to a port above 1023")
        }
        _ => format!("cannot listen on {address}: {}", error.kind()),
    })
}
