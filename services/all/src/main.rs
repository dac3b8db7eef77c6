//! `all`: the whole suite in one process, on private servers in `.tessera`. See `tessera up` for the same with help.

fn main() -> anyhow::Result<()> {
    all::up(all::StackOptions::from_env()?)
}
