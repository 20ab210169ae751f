//! The origins whose scripts may call: what `HANDOFF_CORS_ORIGINS` lists.

use url::{Host, Url};

/// Web sites, each by its origin as a browser sends it. Nothing is listed by itself, and there is no word for "any".
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins(Vec<String>);

impl Origins {
    /// Reads a list that is separated by commas: `https://` with a host and, if it is not the usual one, a port. Without TLS this
    /// machine's own names alone, for development. `None`: something else stands in it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        text.split(',').map(|one| origin(one.trim())).collect::<Option<_>>().map(Self)
    }

    /// Whether nobody is listed.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each origin.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

fn origin(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let own = match url.host()? {
        Host::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => ip.is_loopback(),
    };
    let origin = url.origin().ascii_serialization();
    // Written as a browser sends it, or it would match nothing and nobody would know why.
    (text == origin && (url.scheme() == "https" || own && url.scheme() == "http")).then_some(origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_written_as_browsers_send_them() {
        let read =
            Origins::parse("https://app.site.example, https://[2001:db8::1]:8443,http://localhost:5173,http://127.0.0.1:3000");
        assert_eq!(read.unwrap().iter().count(), 4);
        for wrong in [
            "*",
            "null",
            "",
            "app.site.example",
            "https://app.site.example/",
            "https://app.site.example/path",
            "https://App.site.example",
            "https://app.site.example:443",
            "https://user@app.site.example",
            "http://app.site.example",
            "ftp://app.site.example",
            "https://a.example,,https://b.example",
            "https://*.site.example,https://a.example/?",
        ] {
            assert_eq!(Origins::parse(wrong), None, "{wrong}");
        }
    }
}
