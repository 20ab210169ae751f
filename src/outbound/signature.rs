//! Signatures of Standard Webhooks 1.0.0: HMAC-SHA256 over `id.timestamp.body`. The tests verify them with the reference library.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The secret as its receiver writes it down: `whsec_` and base64.
#[must_use]
pub fn secret_text(secret: &[u8]) -> String {
    format!("whsec_{}", STANDARD.encode(secret))
}

/// The three headers of a message, signed under each of these secrets: while one is rotated, its receiver knows one of two.
#[must_use]
pub fn headers(secrets: &[[u8; 32]], id: &str, timestamp: i64, body: &str) -> Vec<(&'static str, String)> {
    let signatures: Vec<String> = secrets.iter().map(|secret| sign(secret, id, timestamp, body)).collect();
    vec![("webhook-id", id.to_owned()), ("webhook-timestamp", timestamp.to_string()), ("webhook-signature", signatures.join(" "))]
}

fn sign(secret: &[u8], id: &str, timestamp: i64, body: &str) -> String {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else { return String::new() };
    mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_library_signs_alike_under_each_secret() {
        let secrets = [[7; 32], [9; 32]];
        let (id, body) = ("0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", r#"{"type":"alert"}"#);
        let ours = headers(&secrets, id, 1_780_000_000, body);
        let theirs: Vec<String> = secrets
            .iter()
            .map(|secret| {
                standardwebhooks::Webhook::new(&secret_text(secret)).unwrap().sign(id, 1_780_000_000, body.as_bytes()).unwrap()
            })
            .collect();
        assert_eq!(ours[2], ("webhook-signature", theirs.join(" ")));
        assert_ne!(sign(&secrets[0], id, 1_780_000_000, body), sign(&secrets[0], id, 1_780_000_001, body));
    }
}
