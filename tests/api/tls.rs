//! TLS to PostgreSQL: over TCP on the loopback, against a real server with a certificate of an authority made here.
//!
//! Needs the feature: `cargo test --features postgres-tls --test api tls`. Without it there is one sentence to show.

pub mod server;
#[cfg(feature = "postgres-tls")]
mod verified;

#[cfg(not(feature = "postgres-tls"))]
#[test]
fn a_build_without_tls_names_the_feature_that_it_lacks() {
    for mode in ["require", "verify-ca", "verify-full"] {
        let url = format!("postgresql://canary-user:canary-password@127.0.0.1:1/canary?sslmode={mode}");
        let place = crate::process::Place::new();
        let mut command = place.command(&["check"]);
        command.env("DATABASE_URL", url).env("HANDOFF_MASTER_KEY", "5a".repeat(32));
        let said = crate::process::refusal(&command.output().unwrap());
        assert!(said.contains("--features postgres-tls") && !said.contains("canary") && !said.contains("://"), "{said}");
    }
}
