//! The whole suite in the mesh, as somebody at the desk would use it.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Output;

use mesh::envoy;
use mesh::run::{Options, Suite};
use tempfile::TempDir;
use tokio::process::Command;

use crate::support::root;

/// The suite, and the folder of its data.
pub struct Desk {
    pub folder: TempDir,
    pub suite: Suite,
}

impl Desk {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        // PostgreSQL runs as another user where tests run as root, and must get through.
        let open = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(folder.path(), open).expect("the folder is ours");
        let root = root();
        let options = Options {
            envoy: envoy::find(&root).unwrap_or_else(|error| panic!("{error:#}")),
            root,
            folder: folder.path().join("home"),
            programs: programs(),
            listen: ([127, 0, 0, 1], 0).into(),
            replicas: 1,
            images: folder.path().join("images"),
        };
        let suite = Suite::start(&options).await.unwrap_or_else(|error| panic!("{error:#}"));
        Self { folder, suite }
    }
}

/// Where the programs are.
pub fn programs() -> PathBuf {
    let mesh = Path::new(env!("CARGO_BIN_EXE_mesh"));
    mesh.parent().expect("a program lies in a folder").to_owned()
}

/// Runs the command `tessera`.
pub async fn tessera(folder: &Path, arguments: &[&(dyn AsRef<OsStr> + Sync)]) -> Output {
    let tessera: PathBuf = programs().join("tessera");
    assert!(tessera.exists(), "{} is not there: `make test-mesh` builds it", tessera.display());
    let mut command = Command::new(tessera);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TESSERA_")) {
        command.env_remove(name);
    }
    command
        .args(arguments)
        .env("TESSERA_HOME", folder.join("home"))
        .env("TESSERA_CONFIG", folder.join("login.toml"));
    command.env("NO_COLOR", "1").current_dir(folder).kill_on_drop(true);
    command.output().await.expect("the command runs")
}
