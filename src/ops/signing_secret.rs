//! Secrets that sign what is posted to a site's addresses. Each is derived from the master key, the site and a random id, so that none is
//! kept. It stays what it was while the master key that it was made under is accepted.

use chrono::{DateTime, Utc};

use super::Context;
use crate::domain::ids::{SigningSecretId, SiteId};
use crate::privacy::keys::{MasterKey, Purpose, SiteKey};

/// The bytes of a signing secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SigningSecret(pub [u8; 32]);

impl std::fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningSecret(redacted)")
    }
}

/// What is kept of the secrets of one address.
#[derive(Debug, Clone, Copy)]
pub struct Kept<'a> {
    /// Which secret signs.
    pub id: SigningSecretId,
    /// Under which master key it was made.
    pub key_id: &'a [u8],
    /// Which one signs beside it, under which master key that one was made, and until when.
    pub previous: Option<(SigningSecretId, &'a [u8], DateTime<Utc>)>,
}

fn under(key: &SiteKey, id: SigningSecretId) -> SigningSecret {
    SigningSecret(key.mac(&[b"secret", id.0.as_bytes()]))
}

/// A fresh secret, with its id and that of its master key.
pub(super) fn fresh(master: &MasterKey, purpose: Purpose, context: &Context) -> (SigningSecretId, Vec<u8>, SigningSecret) {
    let key = master.derive(purpose, context.scope.site());
    let id = SigningSecretId::at(context.now);
    (id, key.id().0.to_vec(), under(&key, id))
}

/// The secrets that sign now, the current one first; none when the master key of the current one is accepted no more.
#[must_use]
pub fn all(master: &MasterKey, purpose: Purpose, site: SiteId, kept: Kept<'_>, now: DateTime<Utc>) -> Vec<SigningSecret> {
    let keyring = master.keyring(purpose, site);
    let find = |key_id: &[u8], id| keyring.all().find(|key| key.id().0.as_slice() == key_id).map(|key| under(key, id));
    let Some(current) = find(kept.key_id, kept.id) else { return Vec::new() };
    let previous = kept.previous.filter(|(.., until)| *until > now).and_then(|(id, key_id, _)| find(key_id, id));
    std::iter::once(current).chain(previous).collect()
}
