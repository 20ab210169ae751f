//! What `compose.yaml` is made of, without containers: its secrets, its script for roles, and the commands in its order.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::json;

use crate::embedded::support::{home, wait_for};
use crate::process::{Place, Serving, refusal};
use crate::tls::server::{PASSWORD, Server};

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn text(output: Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Makes the secrets for a database on this host.
fn make_secrets(directory: &Path, host: &str) {
    let output = Command::new(repository("deploy/make-secrets")).arg(directory).arg(host).output().unwrap();
    let said = text(output);
    for name in ["postgres_password", "master_key"] {
        assert!(!said.contains(&fs::read_to_string(directory.join(name)).unwrap()), "secrets are not printed");
    }
}

#[test]
fn every_secret_of_the_compose_file_is_made_once_and_none_is_in_it() {
    let home = home();
    let secrets = home.path().join("secrets");
    make_secrets(&secrets, "postgres");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&secrets), 0o700, "nobody else on the machine reaches the files");
    let compose = fs::read_to_string(repository("compose.yaml")).unwrap();
    let mut named: Vec<&str> = compose.lines().filter_map(|line| line.trim().strip_prefix("file: ./secrets/")).collect();
    named.sort_unstable();
    let mut made: Vec<String> =
        fs::read_dir(&secrets).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    made.sort();
    assert_eq!(named, made);
    let read = |name: &String| fs::read_to_string(secrets.join(name)).unwrap();
    let first: Vec<String> = made.iter().map(read).collect();
    for (name, value) in made.iter().zip(&first) {
        assert_eq!(mode(&secrets.join(name)), 0o444, "users of the containers read {name}");
        assert!(value.len() >= 64 && !compose.contains(value.as_str()));
    }
    make_secrets(&secrets, "elsewhere");
    assert_eq!(first, made.iter().map(read).collect::<Vec<_>>(), "a second run keeps them");
    for line in
        compose.lines().map(str::trim).filter(|line| line.contains("PASSWORD") || line.contains("_URL") || line.contains("_KEY"))
    {
        assert!(line.contains("_FILE: /run/secrets/"), "{line}");
    }
}

#[actix_web::test]
async fn the_commands_of_the_compose_file_lead_from_nothing_to_a_site_and_a_token() {
    let server = Server::bare();
    let Some(psql_dir) = server.psql_dir() else {
        println!("not run: this PostgreSQL came without psql");
        return;
    };
    let place = Place::new();
    let home = home();
    let secrets = home.path().join("secrets");
    make_secrets(&secrets, &format!("127.0.0.1:{}", server.port));
    let roles = || {
        let mut script = Command::new("/bin/sh");
        script
            .arg(repository("deploy/postgres/10-roles.sh"))
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", psql_dir.display()));
        script.env("PGHOST", "127.0.0.1").env("PGPORT", server.port.to_string()).env("PGPASSWORD", PASSWORD);
        script.env("HANDOFF_OWNER_PASSWORD_FILE", secrets.join("owner_password"));
        script.env("HANDOFF_APP_PASSWORD_FILE", secrets.join("app_password"));
        script.output().unwrap()
    };
    assert_eq!(text(roles()), "");
    assert_eq!(text(roles()), "", "twice is once");

    let with = |arguments: &[&str], files: &[(&str, &str)]| {
        let mut command = place.command(arguments);
        command.env("HANDOFF_EMBEDDED", "off");
        for (name, file) in files {
            command.env(name, secrets.join(file));
        }
        command
    };
    let serving_files = [("DATABASE_URL_FILE", "app_url"), ("HANDOFF_MASTER_KEY_FILE", "master_key")];
    let migrate_files = [("HANDOFF_MIGRATE_DATABASE_URL_FILE", "owner_url")];
    assert!(refusal(&with(&[], &[]).output().unwrap()).contains("DATABASE_URL is not set"));
    assert!(refusal(&with(&[], &serving_files).output().unwrap()).contains("migration(s) are pending"));
    for _ in 0..2 {
        text(with(&["migrate"], &migrate_files).output().unwrap());
    }
    let serving = Serving::of(&place, with(&[], &serving_files));
    wait_for("readiness", Duration::from_secs(30), || {
        with(&["healthcheck"], &[]).output().unwrap().status.success().then_some(())
    });
    let site = "site create --name Riverside --time-zone America/New_York --phone-region US --admin-name Alex";
    let mut site: Vec<&str> = site.split(' ').collect();
    site.extend(["--admin-email", "alex@riverside.example", "--intake-url", "https://intake.riverside.example/"]);
    let said = text(with(&site, &serving_files).output().unwrap());
    let admin = said.lines().find_map(|line| line.strip_prefix("admin  ")).unwrap();
    let token = text(with(&["token", "create", "--member", admin], &serving_files).output().unwrap());
    let answer = place.person(token.trim()).get("/v1/site").await.expect(200);
    assert_eq!(answer.body["name"], json!("Riverside"));
    serving.stop();
    let log = server.log();
    for name in ["owner_password", "app_password"] {
        assert!(!log.contains(&fs::read_to_string(secrets.join(name)).unwrap()), "passwords are not logged");
    }
}
