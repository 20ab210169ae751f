//! Backups by the command line: copied, followed over kills, brought back on another machine.

use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};
use std::time::Duration;

use chrono::{SecondsFormat, TimeDelta, Utc};
use serde_json::json;

use super::place::{Place, refusal};
use crate::embedded::support::{query, wait_for};
use crate::support::make;

pub(super) const PATIENCE: Duration = Duration::from_secs(90);

pub(super) fn told(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// `handoff restore` to a place of its own: another machine, as far as it can tell.
pub(super) fn restore(to: &Place, backup: &Path, more: &[&str]) -> Output {
    let mut arguments = vec!["restore", backup.to_str().unwrap()];
    arguments.extend(more);
    to.run(&arguments)
}

pub(super) async fn refer(place: &Place, key: &str, email: &str) -> String {
    place.person(key).post("/v1/referrals", &make::referral_with(json!({"match": {"email": email}}))).await.expect(201).id()
}

pub(super) async fn is_there(place: &Place, token: &str, id: &str) -> bool {
    place.person(token).get(&format!("/v1/referrals/{id}")).await.status == 200
}

/// A process that follows; killed with the test at the latest.
pub(super) struct Follower(Child);

impl Follower {
    pub(super) fn of(place: &Place, backup: &Path) -> Self {
        let mut command = place.command(&["backup", backup.to_str().unwrap(), "--follow"]);
        Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    /// Waits until the disk beside it has all that the server has answered.
    pub(super) fn caught_up(&self, place: &Place) {
        let has_all = "SELECT count(*) FROM pg_stat_replication WHERE flush_lsn >= pg_current_wal_flush_lsn()";
        let count = || query(&place.data_dir().join("run"), has_all).ok()?.first()?.parse::<u32>().ok();
        wait_for("the follower", PATIENCE, || count().filter(|count| *count > 0));
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Has the server begin another segment of its write-ahead log.
pub(super) fn switch_segment(place: &Place) {
    query(&place.data_dir().join("run"), "SELECT pg_switch_wal()").unwrap();
}

#[actix_web::test]
async fn a_followed_backup_brings_back_all_that_a_lost_machine_had_taken_or_the_state_of_a_moment() {
    let place = Place::new();
    let served = place.serve(&[]);
    let (key, admin) = (place.printed("PARTNER_KEY"), place.printed("ADMIN_TOKEN"));
    let backup = place.home.path().join("backup");
    let before = refer(&place, &key, "ana@mail.example").await;
    let follower = Follower::of(&place, &backup);
    follower.caught_up(&place);
    let after = refer(&place, &key, "bo@mail.example").await;
    follower.caught_up(&place);
    switch_segment(&place);
    let third = refer(&place, &key, "di@mail.example").await;
    switch_segment(&place);
    // Both are killed and come back. What comes then goes into the same backup.
    drop(follower);
    // The one was killed while it made room for a segment. The other comes back with more connections, which a server that may be
    // asked while it recovers would not bear.
    let segments = std::fs::read_dir(backup.join("wal")).unwrap().flatten().map(|file| file.path());
    for partial in segments.filter(|path| path.extension().is_some_and(|end| end == "partial")) {
        std::fs::OpenOptions::new().write(true).open(partial).unwrap().set_len(5_000_000).unwrap();
    }
    query(&place.data_dir().join("run"), "ALTER SYSTEM SET max_connections = 150").unwrap();
    drop(served);
    let served = place.serve(&["--no-demo"]);
    let moment = Utc::now();
    std::thread::sleep(Duration::from_millis(20));
    let follower = Follower::of(&place, &backup);
    let late = refer(&place, &key, "cy@mail.example").await;
    // A key that is rotated meanwhile is in the backup too, and the one before stays there.
    let keys = || std::fs::read_to_string(backup.join("master.key")).unwrap();
    let first_key = keys();
    told(&place.run(&["master-key", "rotate"]));
    wait_for("the new key", PATIENCE, || (keys() != first_key).then_some(()));
    assert!(std::fs::read_to_string(backup.join("master.key.also")).unwrap().contains(first_key.trim()));
    assert!(refusal(&place.run(&["backup", backup.to_str().unwrap()])).contains("another backup writes"));
    place.person(&admin).post("/v1/erasures", &json!({"match": {"email": "ana@mail.example"}})).await.expect(201);
    follower.caught_up(&place);
    wait_for("what lies beside the database", PATIENCE, || backup.join("audit-anchors.ndjson").exists().then_some(()));
    // The machine is lost.
    drop(served);
    drop(follower);

    let other = Place::new();
    let said = told(&restore(&other, &backup, &[]));
    assert!(said.contains("up to 20") && said.contains("audit verify"), "{said}");
    assert!(told(&other.run(&["audit", "verify"])).contains(": whole, "));
    let serving = other.serve(&["--no-demo"]);
    for id in [&before, &after, &third, &late] {
        assert!(is_there(&other, &admin, id).await, "what was answered is there, and tokens are as good as before");
    }
    let erased = other.person(&admin).get(&format!("/v1/referrals/{before}")).await.expect(200);
    assert_eq!(erased.body["close_reason"], "person_requested_no_contact");
    drop(serving);
    assert!(refusal(&restore(&other, &backup, &[])).contains("does not overwrite"));

    let earlier = Place::new();
    told(&restore(&earlier, &backup, &["--until", &moment.to_rfc3339_opts(SecondsFormat::Millis, true)]));
    let serving = earlier.serve(&["--no-demo"]);
    assert!(is_there(&earlier, &admin, &after).await);
    assert!(!is_there(&earlier, &admin, &late).await, "that was later");
    drop(serving);

    // Without the segment of the third there is no way to the last.
    let mut segments: Vec<PathBuf> = std::fs::read_dir(backup.join("wal")).unwrap().flatten().map(|file| file.path()).collect();
    segments.sort();
    let (middle, aside) = (&segments[1], place.home.path().join("aside"));
    std::fs::rename(middle, &aside).unwrap();
    assert!(refusal(&restore(&Place::new(), &backup, &[])).contains("lacks the segment after"));
    std::fs::rename(&aside, middle).unwrap();
    // Nor with one that is cut, or changed in one bit of what was written: that is not taken for the end.
    let whole = std::fs::read(middle).unwrap();
    std::fs::write(middle, &whole[..5_000_000]).unwrap();
    assert!(refusal(&restore(&Place::new(), &backup, &[])).contains("has 5000000 bytes"));
    let mut changed = whole.clone();
    changed[9_000] ^= 1;
    std::fs::write(middle, &changed).unwrap();
    assert!(refusal(&restore(&Place::new(), &backup, &[])).contains("damaged before the end"));
    std::fs::write(middle, &whole).unwrap();

    // What is not in it cannot come back, and says so.
    let nothing = Place::new();
    let tomorrow = (Utc::now() + TimeDelta::days(1)).to_rfc3339_opts(SecondsFormat::Secs, true);
    let refused = refusal(&restore(&nothing, &backup, &["--until", &tomorrow]));
    assert!(refused.contains("recovery target"), "{refused}");
    told(&restore(&nothing, &backup, &[]));
}
