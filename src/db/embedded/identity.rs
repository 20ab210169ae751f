//! Who the server runs as. PostgreSQL refuses root, so as root it gets an unprivileged account of the password file.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::error::EmbeddedError;
use super::process;

const PASSWORD_FILE: &str = "/etc/passwd";

/// Preferred accounts: `postgres` owns nothing else, `nobody` is there on every system.
const PREFERRED: [&str; 3] = ["postgres", "_postgres", "nobody"];

/// An account of the password file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
}

/// Who runs the server: ourselves, or an account that we, as root, step down to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    Ourselves { uid: u32 },
    Dropped(Account),
}

impl Identity {
    /// Chooses the identity. A cluster that exists keeps its owner: `postgres` may have been installed since it was made.
    ///
    /// # Errors
    /// [`EmbeddedError::NoUnprivilegedUser`], or [`EmbeddedError::ForeignOwner`] when root owns the cluster.
    pub fn choose(cluster: Option<&Path>) -> Result<Self, EmbeddedError> {
        let uid = process::effective_uid();
        if uid != 0 {
            return Ok(Self::Ourselves { uid });
        }
        let text = fs::read_to_string(PASSWORD_FILE).unwrap_or_default();
        let accounts = parse_accounts(&text);
        let preferred = || {
            let by_name = |name: &&str| accounts.iter().find(|account| account.name == **name);
            PREFERRED.iter().find_map(by_name).cloned()
        };
        let Some(cluster) = cluster else {
            return preferred().map(Self::Dropped).ok_or(EmbeddedError::NoUnprivilegedUser);
        };
        let owner = fs::symlink_metadata(cluster).map_err(EmbeddedError::file("read", cluster))?.uid();
        match accounts.iter().find(|account| account.uid == owner) {
            Some(account) => Ok(Self::Dropped(account.clone())),
            None => Err(EmbeddedError::ForeignOwner {
                path: cluster.to_path_buf(),
                owner,
                expected: preferred().ok_or(EmbeddedError::NoUnprivilegedUser)?.uid,
            }),
        }
    }

    /// The user id that owns the server's files.
    pub fn uid(&self) -> u32 {
        match self {
            Self::Ourselves { uid } => *uid,
            Self::Dropped(account) => account.uid,
        }
    }

    /// Has the command run under this identity. As root std clears the supplementary groups before it changes the user.
    pub fn apply(&self, command: &mut Command) {
        if let Self::Dropped(account) = self {
            command.uid(account.uid).gid(account.gid);
        }
    }

    /// Gives a directory that we made to this identity.
    ///
    /// # Errors
    /// [`EmbeddedError::File`] when the owner cannot be changed.
    pub fn own(&self, path: &Path) -> Result<(), EmbeddedError> {
        match self {
            Self::Ourselves { .. } => Ok(()),
            // lchown: should somebody have put a link there, its target must not change hands.
            Self::Dropped(account) => std::os::unix::fs::lchown(path, Some(account.uid), Some(account.gid))
                .map_err(EmbeddedError::file("change the owner of", path)),
        }
    }

    /// Checks that the identity can pass through `path` and each of its parents.
    ///
    /// # Errors
    /// [`EmbeddedError::Unreachable`] names the first parent that it cannot pass.
    pub fn check_reach(&self, path: &Path) -> Result<(), EmbeddedError> {
        let Self::Dropped(account) = self else {
            return Ok(());
        };
        let mut parents: Vec<PathBuf> = path.ancestors().map(Path::to_path_buf).collect();
        parents.reverse();
        for parent in parents {
            let metadata = fs::metadata(&parent).map_err(EmbeddedError::file("read", &parent))?;
            if !may_pass(account, metadata.uid(), metadata.gid(), metadata.mode()) {
                return Err(EmbeddedError::Unreachable { parent, path: path.to_path_buf(), user: account.name.clone() });
            }
        }
        Ok(())
    }
}

/// The kernel's rule: the owner's bit if it is the owner, else the group's if in the group, else the others'.
fn may_pass(account: &Account, uid: u32, gid: u32, mode: u32) -> bool {
    if account.uid == uid {
        mode & 0o100 != 0
    } else if account.gid == gid {
        mode & 0o010 != 0
    } else {
        mode & 0o001 != 0
    }
}

/// Reads `name:x:uid:gid:…` lines; leaves out root. macOS writes the id of `nobody` as -2.
fn parse_accounts(text: &str) -> Vec<Account> {
    let parse = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?.to_owned();
        let uid = fields.nth(1)?.parse::<i64>().ok()? as u32;
        let gid = fields.next()?.parse::<i64>().ok()? as u32;
        Some(Account { name, uid, gid })
    };
    text.lines().filter_map(parse).filter(|account| account.uid != 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_file_is_read_without_root_and_with_negative_ids() {
        let accounts = parse_accounts("# x\nroot:x:0:0::/root:/bin/sh\nnobody:*:-2:-2:::\npostgres:x:101:104:::\n");
        let names: Vec<_> = accounts.iter().map(|a| (a.name.as_str(), a.uid, a.gid)).collect();
        assert_eq!(names, [("nobody", u32::MAX - 1, u32::MAX - 1), ("postgres", 101, 104)]);
    }

    #[test]
    fn the_most_specific_bit_decides_who_may_pass() {
        let account = Account { name: "a".into(), uid: 5, gid: 6 };
        assert!(may_pass(&account, 0, 0, 0o711));
        assert!(!may_pass(&account, 0, 0, 0o770));
        assert!(!may_pass(&account, 5, 0, 0o077));
        assert!(may_pass(&account, 0, 6, 0o010));
    }
}
