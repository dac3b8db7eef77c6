//! Talk on stderr: progress of long work.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar that counts to `total` with its rate. Where stderr is no terminal nothing is drawn.
pub fn bar(name: &'static str, total: usize) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(
        Some(u64::try_from(total).unwrap_or(u64::MAX)),
        ProgressDrawTarget::stderr_with_hz(10),
    );
    let style = "  {prefix:12} [{bar:30}] {pos}/{len}  {per_sec:.0}  {eta} left  {msg}";
    let style = style.replace("{per_sec:.0}", "{per_sec}");
    if let Ok(style) = ProgressStyle::with_template(&style) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_prefix(name);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// Ends a bar with a line that stays, on a terminal or in a log.
pub fn finish(bar: &ProgressBar, line: &str) {
    let name = bar.prefix();
    bar.finish_and_clear();
    eprintln!("  {name:12} {line}");
}
