//! What a backup and a restore refuse, and what is left of one that is killed: nothing, and nobody's keys are overwritten.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::backup::{Follower, PATIENCE, is_there, refer, restore, switch_segment, told};
use super::place::{Place, refusal};
use crate::embedded::support::{query, servers_under, wait_for};

/// Files of a backup that are more than a few bytes and no WAL.
fn data_file(backup: &Path) -> PathBuf {
    let base = backup.join("base/base");
    let databases = std::fs::read_dir(base).unwrap().flatten();
    let files = databases.flat_map(|database| std::fs::read_dir(database.path()).unwrap().flatten());
    files.map(|file| file.path()).find(|path| path.metadata().unwrap().len() > 65_536).unwrap()
}

#[actix_web::test]
async fn a_backup_is_whole_or_none_and_never_overwrites() {
    let place = Place::new();
    let served = place.serve(&[]);
    let sent = refer(&place, &place.printed("PARTNER_KEY"), "ana@mail.example").await;
    let admin = place.printed("ADMIN_TOKEN");
    served.stop();
    // Nobody serves: the server is started for the copy, and nothing follows one that is not there.
    let backup = place.home.path().join("backup");
    let named = backup.to_str().unwrap();
    assert!(refusal(&place.run(&["backup", named, "--follow"])).contains("No handoff runs"));
    assert!(told(&place.run(&["backup", named])).contains("It holds the master key"));
    assert!(refusal(&place.run(&["backup", named])).contains("holds a backup already"));
    let private = |name: &str| super::mode(&backup.join(name));
    assert_eq!((private("base"), private("master.key")), (0o700, 0o600));

    let of_ones_own = place.command(&["backup", named]).env("DATABASE_URL", "postgresql://a@b/c").output().unwrap();
    assert!(refusal(&of_ones_own).contains("DATABASE_URL"));
    let other = Place::new();
    assert!(refusal(&restore(&other, place.home.path(), &[])).contains("holds no whole backup"));
    std::fs::create_dir(other.data_dir()).unwrap();
    std::fs::write(other.data_dir().join("master.key"), "0".repeat(64)).unwrap();
    assert!(refusal(&restore(&other, &backup, &[])).contains("is another one"));
    std::fs::remove_file(other.data_dir().join("master.key")).unwrap();

    // One byte of one page, and nothing of it is taken.
    let file = data_file(&backup);
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[40_000] ^= 1;
    std::fs::write(&file, &bytes).unwrap();
    assert!(refusal(&restore(&other, &backup, &[])).contains("checksum mismatch"));
    bytes[40_000] ^= 1;
    std::fs::write(&file, &bytes).unwrap();
    assert!(told(&restore(&other, &backup, &[])).contains("the end of the base backup"));
    let serving = other.serve(&["--no-demo"]);
    assert!(is_there(&other, &admin, &sent).await);
    drop(serving);
}

#[actix_web::test]
async fn a_backup_goes_nowhere_that_is_not_its_own() {
    let (place, other) = (Place::new(), Place::new());
    let backup = place.home.path().join("backup");
    let named = backup.to_str().unwrap();
    assert!(refusal(&place.run(&["backup", named])).contains("holds no data"), "and none is made");
    assert!(!place.data_dir().exists() && !backup.exists());

    let (served, _other_served) = (place.serve(&["--no-demo"]), other.serve(&["--no-demo"]));
    told(&place.run(&["backup", named]));
    let key = std::fs::read_to_string(backup.join("master.key")).unwrap();
    assert!(refusal(&other.run(&["backup", named])).contains("holds a backup already"));
    assert!(refusal(&other.run(&["backup", named, "--follow"])).contains("of another server"));
    let others = other.data_dir();
    for directory in [others.to_str().unwrap(), place.data_dir().join("more").to_str().unwrap()] {
        assert!(refusal(&place.run(&["backup", directory])).contains("a data directory"), "{directory}");
    }
    assert_eq!(std::fs::read_to_string(backup.join("master.key")).unwrap(), key, "nobody's key is another one now");

    // What the server has not kept ends a backup, and is said.
    let follower = Follower::of(&place, &backup);
    follower.caught_up(&place);
    drop(follower);
    let socket = place.data_dir().join("run");
    for _ in 0..24 {
        query(&socket, "CREATE TABLE segment (); DROP TABLE segment").unwrap();
        switch_segment(&place);
    }
    for _ in 0..2 {
        query(&socket, "CHECKPOINT").unwrap();
    }
    assert!(refusal(&place.run(&["backup", named, "--follow"])).contains("make a new one"));
    drop(served);

    // Restored, it is another server: its history is no longer the backup's.
    let restored = Place::new();
    told(&restore(&restored, &backup, &[]));
    let _served = restored.serve(&["--no-demo"]);
    assert!(refusal(&restored.run(&["backup", named, "--follow"])).contains("before it was restored"));
}

#[actix_web::test]
async fn a_restore_that_is_killed_leaves_nothing_that_a_start_takes_for_data() {
    let place = Place::new();
    let served = place.serve(&[]);
    let sent = refer(&place, &place.printed("PARTNER_KEY"), "ana@mail.example").await;
    let admin = place.printed("ADMIN_TOKEN");
    let backup = place.home.path().join("backup");
    told(&place.run(&["backup", backup.to_str().unwrap()]));
    drop(served);
    let other = Place::new();
    let clusters = |begins: &str| {
        let entries = std::fs::read_dir(other.data_dir()).into_iter().flatten().flatten();
        entries
            .filter(|entry| entry.file_name().to_str().unwrap().starts_with(begins))
            .map(|entry| entry.path())
            .collect::<Vec<PathBuf>>()
    };
    let has = |file: &Path| clusters(".unfinished-").iter().any(|cluster| cluster.join(file).exists());
    for file in ["PG_VERSION", "recovery.signal", "postmaster.pid"] {
        let mut child = other.command(&["restore", backup.to_str().unwrap()]).spawn().unwrap();
        wait_for(file, PATIENCE, || has(Path::new(file)).then_some(()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(clusters("pg"), [] as [PathBuf; 0], "killed with {file}");
    }
    assert!(told(&restore(&other, &backup, &[])).contains("Restored"));
    wait_for("its end", Duration::from_secs(20), || servers_under(other.home.path()).is_empty().then_some(()));
    assert_eq!(clusters(".unfinished-"), [] as [PathBuf; 0]);
    let _served = other.serve(&["--no-demo"]);
    assert!(is_there(&other, &admin, &sent).await);
}

#[actix_web::test]
async fn a_key_of_the_settings_is_not_in_a_backup_and_is_asked_for() {
    let (place, other) = (Place::new(), Place::new());
    let backup = place.home.path().join("backup");
    let key = ("HANDOFF_MASTER_KEY", "5a".repeat(32));
    let mut command = place.command(&["demo"]);
    told(&command.envs([key.clone()]).output().unwrap());
    let mut command = place.command(&["backup", backup.to_str().unwrap()]);
    assert!(told(&command.envs([key.clone()]).output().unwrap()).contains("NOT in it"));
    assert!(!backup.join("master.key").exists());
    assert!(refusal(&restore(&other, &backup, &[])).contains("set HANDOFF_MASTER_KEY"));
    // What lies beside the database comes to where the settings say.
    std::fs::write(backup.join("erasures.ndjson"), "\n").unwrap();
    let erasures = other.home.path().join("outside.ndjson");
    let mut command = other.command(&["restore", backup.to_str().unwrap()]);
    command.envs([key]).env("HANDOFF_ERASURES", &erasures);
    assert!(told(&command.output().unwrap()).contains("outside.ndjson"));
    assert!(erasures.exists() && !other.data_dir().join("erasures.ndjson").exists());
}
