//! What cannot work is refused, in one sentence that says what to do.

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use handoff::db::embedded::{Embedded, EmbeddedError, Options};

use super::support::*;

#[test]
fn a_second_instance_on_the_same_directory_is_refused() {
    let home = home();
    let server = start(&home);
    let (error, sentence) = refusal(&installed(server.data_dir()));
    assert!(matches!(error, EmbeddedError::Locked { .. }));
    assert!(sentence.contains(&std::process::id().to_string()), "{sentence}");
    assert!(sentence.contains(server.data_dir().to_str().unwrap()), "{sentence}");
    assert_eq!(ask(&server, "select 1"), "1");
}

#[test]
fn places_that_cannot_hold_the_data_are_refused_in_one_sentence() {
    let home = home();
    let file = home.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(matches!(refusal(&installed(&file)).0, EmbeddedError::NotADirectory { .. }));
    let (_, sentence) = refusal(&installed(&file.join("below")));
    assert!(sentence.contains("something else than a directory"), "{sentence}");
    let open = home.path().join("open");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, Permissions::from_mode(0o777)).unwrap();
    assert!(matches!(refusal(&installed(&open)).0, EmbeddedError::OpenToAll { .. }));
    let (_, sentence) = refusal(&installed(Path::new("/proc/handoff")));
    assert!(sentence.contains("/proc/handoff"), "{sentence}");
    let closed = home.path().join("closed");
    fs::create_dir(&closed).unwrap();
    if as_root() {
        fs::set_permissions(&closed, Permissions::from_mode(0o700)).unwrap();
        let (error, sentence) = refusal(&installed(&closed.join("data")));
        assert!(matches!(&error, EmbeddedError::Unreachable { parent, .. } if parent.ends_with("closed")), "{sentence}");
        std::os::unix::fs::chown(&closed, Some(65534), None).unwrap();
        assert!(matches!(refusal(&installed(&closed)).0, EmbeddedError::ForeignOwner { .. }));
    } else {
        fs::set_permissions(&closed, Permissions::from_mode(0o500)).unwrap();
        let (_, sentence) = refusal(&installed(&closed.join("data")));
        assert!(sentence.contains("may not make"), "{sentence}");
        let (_, sentence) = refusal(&installed(&closed));
        assert!(sentence.contains("may not write to"), "{sentence}");
    }
}

#[test]
fn a_full_disk_is_told_in_one_sentence() {
    let source = std::io::ErrorKind::StorageFull.into();
    let error = EmbeddedError::File { action: "write to", path: "/data/lock".into(), source };
    assert_eq!(
        error.to_string(),
        "The disk that holds /data/lock is full, so handoff could not write to it: free some space, then start again."
    );
}

#[test]
fn missing_too_old_and_broken_binaries_are_told_apart() {
    let home = home();
    let data_dir = home.path().join("data");
    let only = |path: Option<OsString>| Options { path, well_known: false, pg_bin: None, ..installed(&data_dir) };
    let (error, sentence) = refusal(&only(None));
    assert!(matches!(error, EmbeddedError::NothingFound { offline: true }));
    assert!(sentence.contains("apt install postgresql") && sentence.contains("DATABASE_URL"), "{sentence}");
    let (error, _) = refusal(&Options { offline: false, ..only(None) });
    assert!(matches!(error, EmbeddedError::NothingFound { offline: false }));
    let old = pretended(&home, "14.9");
    let (error, sentence) = refusal(&only(Some(old.clone().into())));
    assert!(matches!(error, EmbeddedError::TooOld { major: 14, .. }), "{sentence}");
    let named = |path: &Path| Options { pg_bin: Some(path.to_path_buf()), ..only(None) };
    assert!(matches!(refusal(&named(&old)).0, EmbeddedError::TooOld { major: 14, .. }));
    assert!(matches!(refusal(&named(home.path())).0, EmbeddedError::BadBinaries { .. }));
    let (error, sentence) = refusal(&named(&pretended(&home, "16.1")));
    assert!(matches!(error, EmbeddedError::InitFailed { .. }) && sentence.contains("this is no initdb"), "{sentence}");
    // Too old ones in the way do not hide good ones.
    let both = std::env::join_paths([old.as_path(), installed_bin_dir()]).unwrap();
    let server = Embedded::start(&only(Some(both))).unwrap();
    assert_eq!(server.bin_dir(), installed_bin_dir());
}

#[test]
fn data_of_another_major_version_is_never_touched() {
    let home = home();
    let data_dir = home.path().join("data");
    fs::create_dir_all(data_dir.join("pg97")).unwrap();
    if as_root() {
        std::os::unix::fs::chown(data_dir.join("pg97"), Some(65534), Some(65534)).unwrap();
    }
    let (error, sentence) = refusal(&installed(&data_dir));
    assert!(matches!(error, EmbeddedError::MissingMajor { major: 97, .. }), "{sentence}");
    assert!(sentence.contains("PostgreSQL 97"), "{sentence}");
}
