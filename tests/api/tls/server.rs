//! Certificates, and a PostgreSQL that listens on a loopback port and takes passwords: what a database of one's own is like.
#![cfg_attr(not(feature = "postgres-tls"), allow(dead_code, reason = "certificates are for tests of TLS"))]

use std::fs::{self, File, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use handoff::db::embedded::SUPERUSER;
use handoff::db::{self, APP_ROLE, OWNER_ROLE};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use tempfile::TempDir;

use crate::embedded::support::{home, servers_under, start, wait_for};

/// The name in the server's certificate. No resolver knows it: URLs say `hostaddr` too.
pub const HOST: &str = "db.handoff.example";
/// Of every role.
pub const PASSWORD: &str = "canary-password";

/// An authority that issues certificates for servers.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, name);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Certificate and key for [`HOST`].
    fn issue(&self) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![HOST.to_owned()]).unwrap();
        (params.signed_by(&key, &self.0).unwrap().pem(), key.serialize_pem())
    }

    /// Writes its certificate where a client reads it.
    pub fn root_certificate(&self, directory: &Path) -> PathBuf {
        let path = directory.join("root.crt");
        fs::write(&path, self.0.pem()).unwrap();
        path
    }
}

/// A server on a loopback port. Dropping it stops it.
pub struct Server {
    shell: Child,
    home: TempDir,
    bin_dir: PathBuf,
    pub port: u16,
}

impl Server {
    /// Takes nothing but TLS, with a certificate of this authority; has the roles and the empty database `handoff`.
    pub fn with_tls(authority: &Authority) -> Self {
        Self::start(Some(authority), true)
    }

    /// Knows no TLS; has the roles and the empty database `handoff`.
    pub fn without_tls() -> Self {
        Self::start(None, true)
    }

    /// As it comes: a superuser with a password.
    pub fn bare() -> Self {
        Self::start(None, false)
    }

    fn start(authority: Option<&Authority>, prepared: bool) -> Self {
        let home = home();
        // The embedded server makes the cluster, under the user that it steps down to; it has no TCP, so another one serves it.
        let embedded = start(&home);
        let mut superuser = db::connect(&embedded.url(SUPERUSER, "postgres")).unwrap();
        superuser.batch_execute(&format!("ALTER ROLE {SUPERUSER} PASSWORD '{PASSWORD}'")).unwrap();
        if prepared {
            db::ensure_roles_and_database(&mut superuser, "handoff").unwrap();
            for role in [OWNER_ROLE, APP_ROLE] {
                superuser.batch_execute(&format!("ALTER ROLE {role} PASSWORD '{PASSWORD}'")).unwrap();
            }
        }
        drop(superuser);
        let bin_dir = embedded.bin_dir().to_path_buf();
        let cluster = embedded.data_dir().join(format!("pg{}", embedded.server_version()));
        embedded.stop().unwrap();

        let kind = if authority.is_some() { "hostssl" } else { "host" };
        fs::write(cluster.join("pg_hba.conf"), format!("{kind} all all 127.0.0.1/32 scram-sha-256\n")).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut settings = vec!["listen_addresses=127.0.0.1".to_owned(), format!("port={port}"), "fsync=off".to_owned()];
        settings.push("unix_socket_directories=".to_owned());
        if let Some(authority) = authority {
            let (certificate, key) = authority.issue();
            give(&cluster, "server.crt", &certificate);
            give(&cluster, "server.key", &key);
            settings.push("ssl=on".to_owned());
        }
        let log = home.path().join("postgres.log");
        let shell = run(&bin_dir.join("postgres"), &cluster, &settings, &log);
        let server = Self { shell, home, bin_dir, port };
        wait_for("the server", Duration::from_secs(30), || {
            let said = server.log();
            assert!(!said.contains("not supported by this build"), "this PostgreSQL has no TLS; name one with HANDOFF_PG_BIN");
            assert!(!said.contains("FATAL"), "{said}");
            said.contains("ready to accept connections").then_some(())
        });
        server
    }

    /// The URL for a role: the host to verify, and what else it says.
    pub fn url(&self, role: &str, host: &str, more: &str) -> String {
        format!("postgresql://{role}:{PASSWORD}@{host}:{}/handoff?hostaddr=127.0.0.1&{more}", self.port)
    }

    /// What the server logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.home.path().join("postgres.log")).unwrap()
    }

    /// Where psql is: beside the server, or else in the PATH.
    pub fn psql_dir(&self) -> Option<PathBuf> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut places = std::iter::once(self.bin_dir.clone()).chain(std::env::split_paths(&path));
        places.find(|place| place.join("psql").is_file())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
        let left = servers_under(self.home.path());
        assert!(std::thread::panicking() || left.is_empty(), "still there: {left:?}");
    }
}

/// Writes a file that only the cluster's owner may read, and gives it to that owner.
fn give(cluster: &Path, name: &str, text: &str) {
    let (path, owner) = (cluster.join(name), fs::metadata(cluster).unwrap());
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    chown(&path, Some(owner.uid()), Some(owner.gid())).unwrap();
}

/// The server under a shell that stops it when its standard input ends: on drop, and when the test run is killed.
fn run(program: &Path, cluster: &Path, settings: &[String], log: &Path) -> Child {
    const SCRIPT: &str = r#""$@" & server=$!; read -r _; kill -INT "$server"; wait "$server""#;
    let owner = fs::metadata(cluster).unwrap();
    let log = File::create(log).unwrap();
    let mut command = Command::new("/bin/sh");
    command.args(["-c", SCRIPT, "sh"]).arg(program).arg("-D").arg(cluster);
    for setting in settings {
        command.args(["-c", setting]);
    }
    command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C").current_dir("/");
    command.stdin(Stdio::piped()).stdout(log.try_clone().unwrap()).stderr(log);
    if crate::embedded::support::as_root() {
        command.uid(owner.uid()).gid(owner.gid());
    }
    // Of its own group, so that Ctrl-C at the test run leaves stopping to the shell.
    command.process_group(0).spawn().unwrap()
}
