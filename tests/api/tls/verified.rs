//! What a connection with TLS takes and refuses, and the sentence an operator sees.

use std::time::Duration;

use diesel::{Connection as _, PgConnection, QueryableByName, RunQueryDsl as _, sql_query, sql_types};
use handoff::db::embedded::SUPERUSER;
use handoff::db::{self, APP_ROLE, OWNER_ROLE};

use super::server::{Authority, HOST, PASSWORD, Server};
use crate::embedded::support::{home, wait_for};
use crate::process::{Place, Serving, refusal};

#[derive(QueryableByName, Debug, PartialEq)]
struct Connected {
    #[diesel(sql_type = sql_types::Bool)]
    ssl: bool,
    #[diesel(sql_type = sql_types::BigInt)]
    count: i64,
}

fn connected(conn: &mut PgConnection, which: &str) -> Vec<Connected> {
    let query = "SELECT ssl, count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE";
    sql_query(format!("{query} {which} GROUP BY ssl")).load(conn).unwrap()
}

/// The one sentence; nothing of the URL is in it.
fn sentence(url: &str) -> String {
    let said = db::connect(url).err().expect("refused");
    assert!(!said.contains(PASSWORD) && !said.contains("://") && !said.contains("handoff_app"), "{said}");
    assert!(!said.contains('\n') && !said.contains(HOST) && !said.contains("127.0.0.1"), "{said}");
    said
}

#[test]
fn the_server_migrates_and_serves_over_a_connection_that_it_has_verified() {
    let authority = Authority::new("Handoff test root");
    let server = Server::with_tls(&authority);
    let files = home();
    let verify = format!("sslmode=verify-full&sslrootcert={}", authority.root_certificate(files.path()).display());
    let mut app = db::connect(&server.url(APP_ROLE, HOST, &verify)).unwrap();
    assert_eq!(connected(&mut app, "pid = pg_backend_pid()"), [Connected { ssl: true, count: 1 }]);
    drop(app);

    let place = Place::new();
    let command = |arguments: &[&str]| {
        let mut command = place.command(arguments);
        command.env("HANDOFF_MIGRATE_DATABASE_URL", server.url(OWNER_ROLE, HOST, &verify));
        command.env("DATABASE_URL", server.url(APP_ROLE, HOST, &verify)).env("HANDOFF_MASTER_KEY", "5a".repeat(32));
        command
    };
    assert!(command(&["migrate"]).output().unwrap().status.success());
    let serving = Serving::of(&place, command(&[]));
    wait_for("readiness", Duration::from_secs(30), || command(&["healthcheck"]).output().unwrap().status.success().then_some(()));
    let mut superuser = db::connect(&server.url(SUPERUSER, HOST, &verify)).unwrap();
    let all = connected(&mut superuser, "usename = 'handoff_app'");
    assert!(matches!(all.as_slice(), [Connected { ssl: true, count: 1.. }]), "{all:?}");
    serving.stop();
}

#[test]
fn a_certificate_that_does_not_vouch_for_the_server_is_refused() {
    let (authority, stranger) = (Authority::new("Handoff test root"), Authority::new("Another test root"));
    // As after a root was made anew: the name is the same, the key is not.
    let namesake = Authority::new("Handoff test root");
    let server = Server::with_tls(&authority);
    let directories = [home(), home(), home(), home()];
    let written =
        |authority: &Authority, index: usize| authority.root_certificate(directories[index].path()).display().to_string();
    let (right, wrong, anew) = (written(&authority, 0), written(&stranger, 1), written(&namesake, 2));
    let missing = directories[3].path().join("root.crt").display().to_string();
    let url = |host: &str, mode: &str, root: &str| server.url(APP_ROLE, host, &format!("sslmode={mode}&sslrootcert={root}"));
    db::connect(&url(HOST, "verify-full", &right)).unwrap();
    for (host, mode, root) in [
        (HOST, "verify-full", &wrong),
        (HOST, "verify-ca", &wrong),
        (HOST, "verify-full", &anew),
        (HOST, "verify-full", &missing),
        ("other.handoff.example", "verify-full", &right),
        ("127.0.0.1", "verify-full", &right),
    ] {
        let url = url(host, mode, root);
        let (said, libpq) = (sentence(&url), PgConnection::establish(&url).err().unwrap());
        assert!(said.contains("certificate is not accepted") && said.contains("sslrootcert"), "{said}: {libpq}");
    }
    // The control: the host name is all that is wrong.
    db::connect(&url("other.handoff.example", "verify-ca", &right)).unwrap();

    let place = Place::new();
    let mut check = place.command(&["check"]);
    check.env("DATABASE_URL", url(HOST, "verify-full", &wrong)).env("HANDOFF_MASTER_KEY", "5a".repeat(32));
    let output = check.output().unwrap();
    assert!(refusal(&output).contains("certificate is not accepted"));
    assert!(!String::from_utf8(output.stderr).unwrap().contains(PASSWORD));
}

#[test]
fn one_side_that_insists_on_tls_is_told_when_the_other_has_none() {
    let plain = Server::without_tls();
    for mode in ["require", "verify-full"] {
        let files = home();
        let root = Authority::new("Handoff test root").root_certificate(files.path()).display().to_string();
        let said = sentence(&plain.url(APP_ROLE, HOST, &format!("sslmode={mode}&sslrootcert={root}")));
        assert!(said.contains("offers no TLS") && !said.contains("features"), "{said}");
    }
    let mut conn = db::connect(&plain.url(APP_ROLE, HOST, "sslmode=prefer")).unwrap();
    assert_eq!(connected(&mut conn, "pid = pg_backend_pid()"), [Connected { ssl: false, count: 1 }]);
    drop((conn, plain));

    let server = Server::with_tls(&Authority::new("Handoff test root"));
    let said = sentence(&server.url(APP_ROLE, HOST, "sslmode=disable"));
    assert!(said.contains("without TLS") && said.contains("sslmode"), "{said}");
    let said = sentence(&server.url(APP_ROLE, HOST, "sslmode=require").replace(PASSWORD, "canary-mistyped"));
    assert!(said.contains("refuses the login") && !said.contains("canary"), "{said}");
}
