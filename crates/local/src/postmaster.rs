//! The running server, as its `postmaster.pid` and the process table tell.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::{Error, Result};

/// What stands in `postmaster.pid`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Postmaster {
    pub pid: i32,
    pub port: u16,
    pub ready: bool,
}

impl Postmaster {
    /// What the file says, whether or not it is true.
    fn recorded(data: &Path) -> Option<Self> {
        let text = fs::read_to_string(data.join("postmaster.pid")).ok()?;
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        let pid: i32 = lines.first()?.parse().ok()?;
        let port = lines.get(3).and_then(|line| line.parse().ok()).unwrap_or(0);
        Some(Self { pid: pid.abs(), port, ready: lines.get(7) == Some(&"ready") })
    }

    /// The server that runs on these data, if one does.
    pub fn running(data: &Path) -> Option<Self> {
        Self::recorded(data).filter(|server| server.pid > 1 && is_postmaster(server.pid, data))
    }

    /// Makes harmless what a killed server left, when its process number is somebody else's by now, or a zombie's.
    /// The caller holds the start lock and knows that no server runs on these data.
    ///
    /// `postmaster.pid` itself must stay: the server finds in it the shared memory of its predecessor, and
    /// refuses to start while orphans of that still write. So only the number is replaced, by one that no process has.
    /// The socket's lock guards nothing more, as the socket folder serves these data alone.
    pub fn disarm_stale_files(data: &Path, run: &Path) -> Result<()> {
        for entry in fs::read_dir(run).into_iter().flatten().flatten() {
            if entry.file_name().as_encoded_bytes().starts_with(b".s.PGSQL.") {
                let path = entry.path();
                fs::remove_file(&path).map_err(Error::io("Cannot remove", &path))?;
            }
        }
        let Some(stale) = Self::recorded(data) else { return Ok(()) };
        if !is_alive(stale.pid) {
            return Ok(());
        }
        let path = data.join("postmaster.pid");
        let text = fs::read_to_string(&path).map_err(Error::io("Cannot read", &path))?;
        let rest = text.split_once('\n').map_or("", |(_, rest)| rest);
        fs::write(&path, format!("{NO_PROCESS}\n{rest}")).map_err(Error::io("Cannot write", &path))
    }

    /// Waits until it takes connections; false when it went away or `patience` is over.
    pub fn wait_ready(data: &Path, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        while let Some(server) = Self::running(data) {
            if server.ready {
                return true;
            }
            if Instant::now() > deadline {
                return false;
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        false
    }

    /// Asks the server on this port whether it speaks TLS, and waits for an answer, whichever it is. That it takes the
    /// connection says nothing: the kernel does so, also for a process that is about to vanish.
    pub fn answers(port: u16) -> io::Result<()> {
        /// The message `SSLRequest`: its length and its code.
        const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        stream.write_all(&SSL_REQUEST)?;
        stream.read_exact(&mut [0])
    }

    /// Fast shutdown: ends the sessions, keeps what was committed. True when a server was running.
    pub fn stop(data: &Path, patience: Duration) -> Result<bool> {
        let Some(server) = Self::running(data) else { return Ok(false) };
        let action = || format!("Stopping PostgreSQL (process {})", server.pid);
        match kill(Pid::from_raw(server.pid), Signal::SIGINT) {
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(errno) => return Err(Error::Server { action: action(), detail: errno.desc().to_owned() }),
        }
        let deadline = Instant::now() + patience;
        while Self::running(data).is_some_and(|now| now.pid == server.pid) {
            if Instant::now() > deadline {
                let detail = format!("it did not end within {} s", patience.as_secs());
                return Err(Error::Server { action: action(), detail });
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(true)
    }
}

/// Above Linux's largest possible process number, 2^22.
const NO_PROCESS: i32 = 4_194_999;

/// Whether any process has this number (also one that is not ours, or a zombie).
pub(crate) fn is_alive(pid: i32) -> bool {
    pid > 0 && kill(Pid::from_raw(pid), None) != Err(Errno::ESRCH)
}

/// Whether this process is a server on these data. Its command line tells, which everybody may read; the
/// working directory, which only its user may, tells it for one that was started by hand.
fn is_postmaster(pid: i32, data: &Path) -> bool {
    if !Path::new("/proc/self/cmdline").exists() {
        return is_alive(pid);
    }
    let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let mut words = command.split(|byte| *byte == 0);
    let program = words.next().unwrap_or_default();
    let is_server = program.ends_with(b"postgres") || program.ends_with(b"postmaster");
    let names_data = words.any(|word| word == data.as_os_str().as_encoded_bytes());
    is_server && (names_data || fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|dir| dir == data))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_with_a_foreign_process_number_is_disarmed_but_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("postmaster.pid");
        let rest = "/data\n1700000000\n15432\n/run\n127.0.0.1\n  5432001         7\nready\n";
        fs::write(&path, format!("{}\n{rest}", std::process::id())).unwrap();
        assert_eq!(Postmaster::running(dir.path()), None);
        let run = tempfile::tempdir().unwrap();
        fs::write(run.path().join(".s.PGSQL.15432.lock"), rest).unwrap();
        Postmaster::disarm_stale_files(dir.path(), run.path()).unwrap();
        assert_eq!(fs::read_dir(run.path()).unwrap().count(), 0);
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{NO_PROCESS}\n{rest}"));
        let recorded = Postmaster::recorded(dir.path()).unwrap();
        assert_eq!((recorded.port, recorded.ready), (15432, true));
        assert!(!is_alive(NO_PROCESS));
    }
}
