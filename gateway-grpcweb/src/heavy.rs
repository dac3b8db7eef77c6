//! Work that keeps a core busy for long, such as reading megabytes of JSON, beside which the other
//! calls must go on.

use std::sync::LazyLock;
use std::thread::available_parallelism;

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::Semaphore;
use tokio::task::block_in_place;

/// On so many bytes a core works for about half a millisecond.
const LONG: usize = 64 * 1024;

/// No more of it at a time than there are cores.
static CORES: LazyLock<Semaphore> =
    LazyLock::new(|| Semaphore::new(available_parallelism().map_or(1, usize::from)));

/// Does work on so many bytes. While it is long, other calls go on in another thread, and others
/// that are long wait for a core.
pub(crate) async fn in_turn<T>(bytes: usize, work: impl FnOnce() -> T) -> T {
    let _core = match bytes > LONG {
        true => CORES.acquire().await.ok(),
        false => None,
    };
    aside(bytes, work)
}

/// The same without a turn, for those who cannot wait.
pub(crate) fn aside<T>(bytes: usize, work: impl FnOnce() -> T) -> T {
    let flavor = || Handle::try_current().map(|runtime| runtime.runtime_flavor());
    if bytes > LONG && flavor().is_ok_and(|flavor| flavor == RuntimeFlavor::MultiThread) {
        block_in_place(work)
    } else {
        work()
    }
}
