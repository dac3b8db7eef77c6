//! A private PostgreSQL cluster in a folder.

use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use crate::binaries::{self, Binaries};
use crate::place::Place;
use crate::postmaster::Postmaster;
use crate::settings::{self, Profile};
use crate::system::{self, ServerUser, lock_file, random_secret, write_private};
use crate::{Error, MINIMUM_FREE_DISK, Result};

/// The database superuser of a private cluster.
const ADMIN: &str = "postgres";
/// Where private clusters look for a port first; below the range that outgoing connections use.
const PORTS: std::ops::Range<u16> = 15432..15932;
const START_PATIENCE: Duration = Duration::from_secs(120);
const STOP_PATIENCE: Duration = Duration::from_secs(60);

/// How to start a cluster.
#[derive(Clone, Debug)]
pub struct ClusterOptions {
    /// The `.tessera` folder; the cluster lies in its `pg`.
    pub folder: PathBuf,
    /// For keeps, or for tests.
    pub profile: Profile,
    /// Exactly this port, or an error. Otherwise the last one used, or any that is free.
    pub port: Option<u16>,
    /// Exactly these binaries, or an error.
    pub bindir: Option<PathBuf>,
}

impl ClusterOptions {
    /// Durable, with `TESSERA_PG_BINDIR` and `TESSERA_PG_PORT` from the environment.
    pub fn new(folder: impl Into<PathBuf>) -> Result<Self> {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let port = set("TESSERA_PG_PORT")
            .map(|value| {
                value.to_str().and_then(|text| text.parse().ok()).filter(|&port| port > 0).ok_or_else(|| {
                    Error::Invalid(format!(
                        "TESSERA_PG_PORT is {}, which is no port number.",
                        value.display()
                    ))
                })
            })
            .transpose()?;
        let bindir = set("TESSERA_PG_BINDIR").map(PathBuf::from);
        Ok(Self { folder: folder.into(), profile: Profile::default(), port, bindir })
    }
}

/// A running cluster. Dropping it leaves the server running; [`Cluster::stop`] ends it.
#[derive(Clone, Debug)]
pub struct Cluster {
    place: Place,
    port: u16,
    password: String,
    started_here: bool,
}

impl Cluster {
    /// Makes the cluster if it is new, starts it unless it runs, and waits until it takes connections.
    pub async fn start(options: ClusterOptions) -> Result<Self> {
        blocking(move || Self::start_blocking(&options)).await
    }

    /// [`Cluster::start`] for callers without a runtime.
    pub fn start_blocking(options: &ClusterOptions) -> Result<Self> {
        let user = ServerUser::detect_for(&options.folder)?;
        let place = Place::prepare(&options.folder, &user)?;
        let user = user.adopt_owner(&place.data)?;
        // Held until the server is up: two starters would make the same data folder.
        let path = place.root.join("start.lock");
        let lock = lock_file(&path)?;
        lock.lock().map_err(Error::io("Cannot lock", &path))?;

        if let Some(port) = reuse(&place) {
            return Ok(Self { port, password: read_password(&place)?, place, started_here: false });
        }
        match Self::start_stopped(&place, &user, options) {
            // Tests keep nothing, and run without fsync: what a power cut or an upgrade broke is made anew.
            Err(Error::Server { .. } | Error::DataVersion { .. } | Error::NotUsable { .. })
                if options.profile == Profile::Test
                    && Postmaster::running(&place.data).is_none()
                    && fs::remove_dir_all(&place.data).is_ok() =>
            {
                Self::start_stopped(&place, &user, options)
            }
            result => result,
        }
    }

    /// Starts a server that does not run; the caller holds the start lock.
    fn start_stopped(place: &Place, user: &ServerUser, options: &ClusterOptions) -> Result<Self> {
        system::ensure_disk(&place.root, MINIMUM_FREE_DISK)?;
        let wrote = data_version(&place.data);
        let wanted = wrote.as_deref().and_then(|version| version.parse().ok());
        let binaries = binaries::find(options.bindir.as_deref(), wanted, &place.npm, user)?;
        let is_new = wrote.is_none();
        if let Some(wrote) = wrote.filter(|_| wanted != Some(binaries.major)) {
            let Binaries { bindir, major: found } = binaries;
            return Err(Error::DataVersion { data: place.data.clone(), wrote, found, bindir });
        }
        let password =
            if is_new { initialise(place, user, &binaries, options.profile)? } else { read_password(place)? };
        let port = launch(place, user, &binaries, options)?;
        Ok(Self { place: place.clone(), port, password, started_here: true })
    }

    /// Where the server listens on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// PostgreSQL's data folder.
    pub fn data_dir(&self) -> &Path {
        &self.place.data
    }

    /// The server's log.
    pub fn log_file(&self) -> PathBuf {
        self.place.log()
    }

    /// Whether this call started the server, or found it running.
    pub fn started_here(&self) -> bool {
        self.started_here
    }

    /// What the person should know, such as why the data lie elsewhere.
    pub fn note(&self) -> Option<&str> {
        self.place.note.as_deref()
    }

    /// The superuser's URL of a database, over TCP.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{ADMIN}:{}@127.0.0.1:{}/{database}?sslmode=disable", self.password, self.port)
    }

    /// The same through the Unix socket, which costs less per round trip. None where the path is too long for one.
    pub fn socket_url(&self, database: &str) -> Option<String> {
        let dir = crate::url::encode(settings::socket_folder(&self.place)?);
        Some(format!("postgres://{ADMIN}:{}@{dir}:{}/{database}?sslmode=disable", self.password, self.port))
    }

    /// Ends all sessions and stops the server. True when it was running.
    pub async fn stop(&self) -> Result<bool> {
        let data = self.place.data.clone();
        blocking(move || Postmaster::stop(&data, STOP_PATIENCE)).await
    }

    /// Stops the cluster of a `.tessera` folder, whoever started it. True when it was running.
    pub async fn stop_in(folder: &Path) -> Result<bool> {
        let folder = folder.to_owned();
        blocking(move || {
            Postmaster::stop(&Place::look(&folder, &ServerUser::detect_for(&folder)?)?, STOP_PATIENCE)
        })
        .await
    }

    /// The port of the cluster of a `.tessera` folder, if it runs.
    pub fn running_in(folder: &Path) -> Result<Option<u16>> {
        let data = Place::look(folder, &ServerUser::detect_for(folder)?)?;
        Ok(Postmaster::running(&data).map(|server| server.port))
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }
}

/// Runs what waits for files and processes off the runtime's threads.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(Error::Invalid(format!("The work was cut short: {error}"))),
    }
}

/// The port of a server that already runs on these data and takes connections.
fn reuse(place: &Place) -> Option<u16> {
    Postmaster::running(&place.data)?;
    if !Postmaster::wait_ready(&place.data, START_PATIENCE) {
        return None;
    }
    let port = Postmaster::running(&place.data)?.port;
    // One that was killed this moment is still in the process table, but answers no more.
    Postmaster::answers(port).ok()?;
    Postmaster::running(&place.data).map(|server| server.port)
}

fn data_version(data: &Path) -> Option<String> {
    fs::read_to_string(data.join("PG_VERSION")).ok().map(|text| text.trim().to_owned())
}

fn password_file(place: &Place) -> PathBuf {
    place.root.join("password")
}

fn read_password(place: &Place) -> Result<String> {
    let path = password_file(place);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(text.trim().to_owned()),
        Err(error) => Err(Error::NotUsable {
            reason: format!(
                "it holds the password of the cluster in {}, and cannot be read: {error}",
                place.data.display()
            ),
            path,
        }),
    }
}

/// Makes the data folder. It is built under another name: one that was cut short is never taken for a whole one.
fn initialise(place: &Place, user: &ServerUser, binaries: &Binaries, profile: Profile) -> Result<String> {
    let fresh = place.root.join("data.new");
    for dir in [&fresh, &place.data] {
        // Without PG_VERSION `data` holds nothing that a server wrote; anything but leftovers is not ours to remove.
        let removed = if dir == &fresh { fs::remove_dir_all(dir) } else { fs::remove_dir(dir) };
        match removed {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                let reason = format!("it is neither a cluster nor empty ({error}). Move it away.");
                return Err(Error::NotUsable { path: dir.clone(), reason });
            }
            _ => {}
        }
    }
    system::make_dir(&fresh, 0o700)?;
    user.own(&fresh)?;
    let password = random_secret();
    let handed = place.run.join("initdb.password");
    write_private(&handed, &password)?;
    user.own(&handed)?;
    let output = user
        .command(&binaries.program("initdb"), &place.run)
        .args(["--encoding=UTF8", "--locale=C.UTF-8", "--auth=scram-sha-256", "--data-checksums"])
        .args(["--username", ADMIN])
        .args((profile == Profile::Test).then_some("--no-sync"))
        .arg("--pgdata")
        .arg(&fresh)
        .arg("--pwfile")
        .arg(&handed)
        .output();
    let _ = fs::remove_file(&handed);
    let output = output.map_err(Error::io("Cannot run", &binaries.program("initdb")))?;
    if !output.status.success() {
        let _ = fs::remove_dir_all(&fresh);
        return Err(explain("Making the PostgreSQL cluster", place, &said(&output)));
    }
    write_private(&password_file(place), &password)?;
    fs::rename(&fresh, &place.data).map_err(Error::io("Cannot create", &place.data))?;
    Ok(password)
}

/// Starts the server on a free port and remembers which.
fn launch(place: &Place, user: &ServerUser, binaries: &Binaries, options: &ClusterOptions) -> Result<u16> {
    rotate_log(place)?;
    let mut attempt = 0;
    loop {
        Postmaster::disarm_stale_files(&place.data, &place.run)?;
        let port = choose_port(place, options.port)?;
        settings::write(place, user, options.profile, port)?;
        match launch_once(place, user, binaries) {
            Ok(()) => {
                let path = place.root.join("port");
                fs::write(&path, port.to_string()).map_err(Error::io("Cannot write", &path))?;
                return Ok(port);
            }
            Err(said) if attempt < 20 && is_passing(&said) => {
                // Somebody took the port meanwhile, or orphans of a killed server are about to end.
                attempt += 1;
                std::thread::sleep(Duration::from_millis(500));
            }
            Err(said) => return Err(explain("Starting PostgreSQL", place, &said)),
        }
    }
}

/// On failure what the server said.
fn launch_once(place: &Place, user: &ServerUser, binaries: &Binaries) -> Result<(), String> {
    let log = place.log();
    let before = fs::metadata(&log).map_or(0, |meta| meta.len());
    let output = user
        .command(&binaries.program("pg_ctl"), &place.run)
        .args(["start", "--silent", "--wait", "--timeout"])
        .arg(START_PATIENCE.as_secs().to_string())
        .arg("--pgdata")
        .arg(&place.data)
        .arg("--log")
        .arg(&log)
        .output()
        .map_err(|error| format!("pg_ctl does not run: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let mut tail = String::new();
    if let Ok(mut file) = fs::File::open(&log) {
        let _ = file.seek(SeekFrom::Start(before)).and_then(|_| file.read_to_string(&mut tail));
    }
    tail.push_str(&said(&output));
    Err(tail)
}

fn is_passing(said: &str) -> bool {
    said.contains("Address already in use") || said.contains("is still in use") || said.contains("is in use")
}

/// The asked-for port or an error; else the remembered one, else one of ours, else any.
fn choose_port(place: &Place, exact: Option<u16>) -> Result<u16> {
    if let Some(port) = exact {
        return system::require_port(port, "TESSERA_PG_PORT");
    }
    let remembered: Option<u16> =
        fs::read_to_string(place.root.join("port")).ok().and_then(|text| text.trim().parse().ok());
    if let Some(port) = remembered.filter(|&port| system::port_is_free(port)) {
        return Ok(port);
    }
    // Clusters of several checkouts begin at different places, so that they rarely meet.
    let sum = place
        .root
        .as_os_str()
        .as_encoded_bytes()
        .iter()
        .fold(0u16, |sum, b| sum.wrapping_mul(31) ^ u16::from(*b));
    let count = PORTS.end - PORTS.start;
    (0..count)
        .map(|step| PORTS.start + (sum % count + step) % count)
        .find(|&port| system::port_is_free(port))
        .map_or_else(|| system::free_port(None), Ok)
}

/// The log is for the last runs, not for ever.
fn rotate_log(place: &Place) -> Result<()> {
    let log = place.log();
    if fs::metadata(&log).is_ok_and(|meta| meta.len() > 10 * 1024 * 1024) {
        fs::rename(&log, log.with_extension("log.old")).map_err(Error::io("Cannot rename", &log))?;
    }
    Ok(())
}

fn said(output: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout))
}

/// Turns what PostgreSQL printed into one error.
fn explain(action: &str, place: &Place, said: &str) -> Error {
    if said.contains("No space left on device") {
        let needed_mb = MINIMUM_FREE_DISK / (1024 * 1024);
        return Error::DiskFull { path: place.root.clone(), free_mb: 0, needed_mb };
    }
    let telling = |line: &&str| ["FATAL", "PANIC", "error:", "HINT"].iter().any(|mark| line.contains(mark));
    let mut lines: Vec<&str> = said.lines().filter(telling).take(4).collect();
    if lines.is_empty() {
        lines = said.lines().filter(|line| !line.trim().is_empty()).take(4).collect();
    }
    let detail = format!("{} (log: {})", lines.join(" "), place.log().display());
    Error::Server { action: action.to_owned(), detail }
}
