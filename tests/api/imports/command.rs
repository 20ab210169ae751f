//! `handoff import` as a site's IT runs it.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use handoff::jobs::referral_imports;
use serde_json::json;

use super::{HEADER, file, referrals, row};
use crate::support::App;

/// A directory of files to import, gone with the test.
struct Files(std::path::PathBuf);

impl Files {
    fn new() -> Self {
        let place = std::env::temp_dir().join(format!("handoff-import-{}", uuid::Uuid::now_v7()));
        std::fs::create_dir(&place).unwrap();
        Self(place)
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Hands connections on to the server, or drops them.
struct Door {
    address: SocketAddr,
    is_shut: Arc<AtomicBool>,
    turned_away: Arc<AtomicU32>,
}

impl Door {
    fn open(to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let door = Self { address: listener.local_addr().unwrap(), is_shut: Arc::default(), turned_away: Arc::default() };
        let (is_shut, turned_away) = (Arc::clone(&door.is_shut), Arc::clone(&door.turned_away));
        std::thread::spawn(move || {
            for caller in listener.incoming().map_while(Result::ok) {
                if is_shut.load(Ordering::SeqCst) {
                    turned_away.fetch_add(1, Ordering::SeqCst);
                    continue;
                }
                let server = TcpStream::connect(to).unwrap();
                hand_on(caller.try_clone().unwrap(), server.try_clone().unwrap(), Arc::clone(&is_shut));
                hand_on(server, caller, Arc::clone(&is_shut));
            }
        });
        door
    }

    fn shut(&self, is_shut: bool) {
        self.is_shut.store(is_shut, Ordering::SeqCst);
    }

    fn turned_away(&self) -> u32 {
        self.turned_away.load(Ordering::SeqCst)
    }
}

/// Until one of them ends, or something comes while the door is shut.
fn hand_on(mut from: TcpStream, mut to: TcpStream, is_shut: Arc<AtomicBool>) {
    std::thread::spawn(move || {
        let mut piece = [0; 16 * 1024];
        while let Ok(read @ 1..) = from.read(&mut piece) {
            if is_shut.load(Ordering::SeqCst) || to.write_all(&piece[..read]).is_err() {
                break;
            }
        }
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    });
}

fn start(app: &App, key: &str, arguments: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_handoff"));
    command.env_clear().arg("import").args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.env("HANDOFF_SERVER", format!("http://{}", app.address)).env("HANDOFF_API_KEY", key);
    command.spawn().unwrap()
}

/// Runs it while the server does what waits; whether it succeeded, and what it printed on both ways.
async fn run(app: &App, key: &str, arguments: &[&str]) -> (bool, String, String) {
    let (mut child, begun) = (start(app, key, arguments), Instant::now());
    while child.try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it does not end");
        referral_imports::pass(&app.state).await.unwrap();
        actix_web::rt::time::sleep(Duration::from_millis(20)).await;
    }
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

async fn loader(app: &App) -> String {
    let key = app.admin().post("/v1/api-keys", &json!({"name": "Loader", "scopes": ["import:write"]})).await.expect(201);
    key.body["secret"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn it_shows_what_columns_are_read_as_what_was_made_and_why_the_rest_was_not() {
    let app = App::start().await;
    let (key, files) = (loader(&app).await, Files::new());
    let text = file([row("r-1"), row("r-2").replace("secure_form", "fax"), row("r-3")]);
    let path = files.write("referrals.csv", &text);
    let (done, told, _) = run(&app, &key, &[&path, "--dry-run"]).await;
    assert!(done && told.contains("completed: 2 created, 0 imported before, 1 refused (a dry run: nothing was made)"), "{told}");
    assert_eq!(referrals(&app), 0);
    let (done, told, _) = run(&app, &key, &[&path]).await;
    for line in
        [": 3 rows\n", "  column 1: row_key\n", "completed: 2 created, 0 imported before, 1 refused\n", "  row 3: channel "]
    {
        assert!(done && told.contains(line), "{line}: {told}");
    }
    assert!(!told.contains("fax"), "the value comes back: {told}");
    let (done, told, _) = run(&app, &key, &[&path]).await;
    assert!(done && told.contains("completed: 0 created, 2 imported before, 1 refused\n"), "{told}");
    // Lines of JSON are known by the name of the file.
    let line = json!({
        "row_key": "n-1", "partner": "lakeside", "study": "heart-2026", "channel": "secure_form", "contact_basis": "permission_to_contact",
        "contact_path": "person_uses_intake"
    });
    let path = files.write("referrals.NDJSON", &format!("{line}\n"));
    let (done, told, _) = run(&app, &key, &[&path]).await;
    assert!(done && told.contains("completed: 1 created"), "{told}");
    assert_eq!(referrals(&app), 3);
}

#[actix_web::test]
async fn what_does_not_work_is_said_in_a_sentence_and_fails() {
    let app = App::start().await;
    let (key, files) = (loader(&app).await, Files::new());
    let narrative =
        files.write("narrative.csv", &format!("{HEADER},Medical history\n{},she has had diabetes since March\n", row("r-1")));
    let (done, told, why) = run(&app, &key, &[&narrative]).await;
    assert!(!done && told.is_empty() && why.contains("422") && why.contains("drop_columns"), "{told}{why}");
    assert!(!why.contains("diabetes") && !why.contains("Medical"), "{why}");
    let (done, told, _) = run(&app, &key, &[&narrative, "--drop-columns", "Medical history"]).await;
    assert!(done && told.contains("  column 8: left out\n") && told.contains("completed: 1 created"), "{told}");
    let (done, _, why) = run(&app, &key.replace("hk_live_", "hk_live_z"), &[&narrative]).await;
    assert!(!done && why.contains("401") && !why.contains(&key[8..]), "{why}");
    let (done, _, why) = run(&app, &app.site.partner.key, &[&narrative]).await;
    assert!(!done && why.contains("403"), "{why}");
    let (done, _, why) = run(&app, &key, &["/nowhere/at-all.csv"]).await;
    assert!(!done && why.contains("the file cannot be read"), "{why}");
    // A server that is not there when the file is sent.
    let (done, _, why) = run(&app, &key, &[&narrative, "--server", "http://127.0.0.1:9"]).await;
    assert!(!done && why.contains("no answer of the server") && !why.contains(&key), "{why}");
}

#[actix_web::test]
async fn a_server_that_is_away_for_a_while_is_asked_again() {
    let app = App::start().await;
    let (key, files) = (loader(&app).await, Files::new());
    let path = files.write("referrals.csv", &file([row("r-1")]));
    // A door that is shut once the file has come in, and opened again: nothing is done before.
    let door = Door::open(app.address);
    let child = start(&app, &key, &[&path, "--server", &format!("http://{}", door.address)]);
    let begun = Instant::now();
    while app.db.count("SELECT count(*) FROM referral_imports WHERE status = 'queued'") == 0 {
        assert!(begun.elapsed() < Duration::from_secs(30), "the file does not come in");
        actix_web::rt::time::sleep(Duration::from_millis(20)).await;
    }
    door.shut(true);
    actix_web::rt::time::sleep(Duration::from_secs(2)).await;
    referral_imports::pass(&app.state).await.unwrap();
    door.shut(false);
    let output = actix_web::web::block(move || child.wait_with_output().unwrap()).await.unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success() && told.contains("completed: 1 created"),
        "{told}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(door.turned_away() > 0, "the control: it was asked while the door was shut");
}
