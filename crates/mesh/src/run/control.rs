//! What another terminal asks of a running mesh: the steps of a release, one after the other.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use local::Folder;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Where it is asked, in the folder that holds the data.
const SOCKET: &str = "mesh/control.sock";
/// The longest line that is read.
const LINE_MAX: u64 = 4_096;
/// How long whoever has connected may take to ask.
const ASK_MAX: Duration = Duration::from_secs(5);
/// How many may wait for their turn.
const WAITING: usize = 8;

/// A step of a release, as `tessera release apply --run` has it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Step {
    /// What is to be done.
    pub verb: Verb,
    /// The program.
    pub name: String,
    /// The image of its version.
    pub image: String,
}

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verb {
    /// Brings the program's database to the newest schema.
    Migrate,
    /// Puts the version in the place of what runs, one pod after the other.
    RollOut,
    /// Asks each of its pods for its health.
    Health,
    /// Puts back what ran before.
    RollBack,
}

#[derive(Serialize, Deserialize)]
struct Answer {
    error: Option<String>,
}

/// Asks the mesh that runs on this folder's data for a step, and waits until it is done.
pub async fn ask(folder: &Path, step: &Step) -> Result<()> {
    let path = folder.join(SOCKET);
    let stream = UnixStream::connect(&path).await;
    let mut stream =
        stream.with_context(|| format!("{}: no mesh runs here; `make mesh` starts one", path.display()))?;
    stream.write_all(&line(step)?).await?;
    let mut answer = String::new();
    BufReader::new(stream).take(LINE_MAX).read_line(&mut answer).await?;
    if answer.is_empty() {
        bail!("the mesh has ended before the step was done");
    }
    match serde_json::from_str::<Answer>(&answer)?.error {
        Some(error) => bail!("{error}"),
        None => Ok(()),
    }
}

/// A step that somebody waits for.
pub struct Asked {
    /// The step.
    pub step: Step,
    stream: UnixStream,
}

impl Asked {
    /// Tells how it went.
    pub async fn answer(mut self, done: Result<()>) {
        let mut error = done.err().map(|error| format!("{error:#}"));
        // A program's last lines may be long.
        if let Some(text) = &mut error {
            text.truncate(text.floor_char_boundary(LINE_MAX as usize / 2));
        }
        if let Ok(line) = line(&Answer { error }) {
            // Whoever has gone does not need to know.
            let _ = self.stream.write_all(&line).await;
        }
    }
}

/// Takes what is asked. Dropping it takes nothing more.
pub struct Control {
    asked: mpsc::Receiver<Asked>,
    path: PathBuf,
    _taking: JoinSet<()>,
}

impl Control {
    /// Listens in the folder.
    pub fn open(folder: &Folder) -> Result<Self> {
        let path: PathBuf = folder.join(SOCKET);
        // Who holds the folder's lock is the only one to listen here: what is there was left behind.
        if path.exists() {
            std::fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
        let listener =
            UnixListener::bind(&path).with_context(|| format!("cannot listen at {}", path.display()))?;
        let (sender, asked) = mpsc::channel(WAITING);
        let mut taking = JoinSet::new();
        taking.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                match tokio::time::timeout(ASK_MAX, read(stream)).await {
                    Ok(Ok(asked)) => {
                        if sender.send(asked).await.is_err() {
                            return;
                        }
                    }
                    Ok(Err(error)) => eprintln!("mesh: somebody asks for no step: {error:#}"),
                    Err(_) => eprintln!("mesh: somebody has connected and asks for nothing"),
                }
            }
        });
        Ok(Self { asked, path, _taking: taking })
    }

    /// The next step that is asked for.
    pub async fn next(&mut self) -> Result<Asked> {
        self.asked.recv().await.with_context(|| format!("{} is closed", self.path.display()))
    }
}

async fn read(mut stream: UnixStream) -> Result<Asked> {
    let mut line = String::new();
    BufReader::new((&mut stream).take(LINE_MAX)).read_line(&mut line).await?;
    Ok(Asked { step: serde_json::from_str(&line)?, stream })
}

fn line(value: &impl Serialize) -> Result<Vec<u8>> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    Ok(line)
}
