//! Work that keeps a core busy for long, such as reading megabytes of JSON, beside which the other
//! calls must go on.

use std::sync::LazyLock;
use std::thread::available_parallelism;

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::Semaphore;
use tokio::task::block_in_place;

/// On so many bytes a core works for about half a millisecond.
const LONG: usize = 64 * 1024;

/// How far long work stands back behind all other: a tenth of a core is left to it where both want the
/// same one, so that it comes to its end all the same.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

/// No more of it at a time than there are cores.
static CORES: LazyLock<Semaphore> =
    LazyLock::new(|| Semaphore::new(available_parallelism().map_or(1, usize::from)));

/// Does work on so many bytes. While it is long, other calls go on in another thread, and others
/// that are long wait for a core.
pub(crate) async fn in_turn<T: Send>(bytes: usize, work: impl FnOnce() -> T + Send) -> T {
    let _core = match bytes > LONG {
        true => CORES.acquire().await.ok(),
        false => None,
    };
    aside(bytes, work)
}

/// The same without a turn, for those who cannot wait.
pub(crate) fn aside<T: Send>(bytes: usize, work: impl FnOnce() -> T + Send) -> T {
    let flavor = || Handle::try_current().map(|runtime| runtime.runtime_flavor());
    if bytes > LONG && flavor().is_ok_and(|flavor| flavor == RuntimeFlavor::MultiThread) {
        block_in_place(|| standing_back(work))
    } else {
        work()
    }
}

/// Does the work in a thread of its own, since a thread that has stood back may not come forward again.
/// To begin one takes a twentieth of the time of what is long.
fn standing_back<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let aside = move || {
        // Elsewhere this would be said of the whole process; where it is refused, the work is done all the same.
        #[cfg(target_os = "linux")]
        let _ = rustix::process::nice(NICE);
        work()
    };
    std::thread::scope(|scope| {
        scope.spawn(aside).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
