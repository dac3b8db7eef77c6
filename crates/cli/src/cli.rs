//! The command line: names, options and help.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::output::Format;

const EXIT_CODES: &str = "\
Exit codes:
  0        done
  1        failed for a reason of this machine
  2        the command line makes no sense
  3        done, and something is not as it should be (doctor, status, figures that do not reconcile)
  10 + n   the call ended with gRPC code n: 13 INVALID_ARGUMENT, 15 NOT_FOUND, 16 ALREADY_EXISTS,
           17 PERMISSION_DENIED, 19 FAILED_PRECONDITION, 20 ABORTED, 24 UNAVAILABLE, 26 UNAUTHENTICATED

Environment:
  TESSERA_ADDRESS   where the gateway is, such as http://127.0.0.1:8080
  TESSERA_TOKEN     an access token; the stored login is then not used
  TESSERA_CONFIG    the file with the stored login (default ~/.config/tessera/config.toml)
  TESSERA_HOME      the folder of the local suite (default .tessera)
  TESSERA_CA_FILE   the certificate authority of an https:// address, if it is none that everybody knows
  NO_COLOR          no colours

Examples:
  tessera up                          start everything on this machine
  tessera demo                        fill it with a small company
  tessera call crm.ListAccounts       call any method
  tessera describe orders.PlaceOrder  what it takes and answers
  tessera import northwind --from DIR load the Northwind folder";

/// Runs Tessera on this machine, signs in to it, calls it and fills it.
///
/// Data go to stdout, everything else goes to stderr. A terminal gets tables, a pipe gets JSON.
#[derive(Debug, Parser)]
#[command(name = "tessera", version, after_help = EXIT_CODES, max_term_width = 110)]
pub struct Tessera {
    /// Tables or JSON (default: tables on a terminal, JSON otherwise).
    #[arg(long, short, global = true, value_name = "FORMAT")]
    pub output: Option<Format>,
    /// Where the gateway is, such as `http://127.0.0.1:8080`.
    #[arg(long, global = true, env = "TESSERA_ADDRESS", hide_env = true, value_name = "URL")]
    pub address: Option<String>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start everything on this machine: database, event log, services, gateway. Ctrl-C stops it; the data stay.
    #[command(after_help = "Examples:
  tessera up
  tessera up --listen 127.0.0.1:9000
  TESSERA_DATABASE_URL=postgres://admin@db/postgres tessera up   with your own PostgreSQL
  TESSERA_KAFKA_BROKERS=localhost:9092 tessera up                with your own Kafka")]
    Up(Up),
    /// Stop what `tessera up` started in another terminal. The data stay.
    Down,
    /// Tell what runs here and whether it is well.
    Status,
    /// Check this machine for what Tessera needs; each finding with its remedy.
    Doctor,
    /// Fill the demo tenant with a small company: customers, products, stock, orders, invoices.
    #[command(after_help = "It can be run again: nothing is doubled.

Examples:
  tessera demo
  tessera demo --here      into the tenant that you are signed in to")]
    Demo(Demo),
    /// Sign in and keep the tokens in a file that only you read.
    #[command(after_help = "Without an address the demo login of the local suite is used.
The password is asked for on a terminal, or taken from TESSERA_PASSWORD or, with --password-stdin, from stdin.

Examples:
  tessera login
  tessera login ada@example.com --tenant acme
  tessera login ada@northwind.example --sign-up --tenant northwind --company 'Northwind Traders' --currency USD")]
    Login(Login),
    /// End the session and forget its tokens.
    Logout,
    /// Tell who you are, in which tenant, and what you may do.
    #[command(after_help = "Examples:
  tessera whoami
  curl -H \"Authorization: Bearer $(tessera whoami --token)\" http://127.0.0.1:8080/api/v1/orders")]
    Whoami(Whoami),
    /// Call any method of any service.
    #[command(after_help = "Short names will do where they are clear: `crm.ListAccounts`, `orders.GetOrder`.
Methods that take a request_id get one; it is printed to stderr, and sent again it repeats nothing.

Examples:
  tessera call crm.ListAccounts
  tessera call erp.crm.v1.AccountService/ListAccounts '{\"filter\": \"type = CUSTOMER\", \"page_size\": 5}'
  tessera call crm.CreateAccount -d @account.json
  echo '{\"id\": \"...\"}' | tessera call orders.GetOrderTimeline @-
  tessera call orders.PlaceOrder -d @order.json --dry-run")]
    Call(Call),
    /// Tell what a service, method, message or enum is: fields, rules, permissions, comments.
    #[command(after_help = "Examples:
  tessera describe                     all services
  tessera describe crm                 the services of a domain
  tessera describe orders.PlaceOrder   a method with its request
  tessera describe crm.Account         a message")]
    Describe(Describe),
    /// Load data of another system through the public API.
    #[command(subcommand)]
    Import(Import),
    /// Look into the event log.
    #[command(subcommand)]
    Events(Events),
    /// Tell what a release holds and in which order it goes out, and bring it out in that order.
    #[command(subcommand)]
    Release(Release),
}

/// Options of `tessera up`.
#[derive(Debug, Args)]
pub struct Up {
    /// Where the gateway listens (TESSERA_LISTEN).
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<std::net::SocketAddr>,
    /// Make no tenant to play with.
    #[arg(long)]
    pub no_demo: bool,
    /// The folder of the built web console (TESSERA_CONSOLE, or console/dist).
    #[arg(long, value_name = "FOLDER")]
    pub console: Option<PathBuf>,
}

/// Options of `tessera demo`.
#[derive(Debug, Args)]
pub struct Demo {
    /// Fill the tenant that you are signed in to, and not the local demo tenant.
    #[arg(long)]
    pub here: bool,
    /// Orders on their way at a time.
    #[arg(long, default_value_t = crate::load::IN_FLIGHT, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=500))]
    pub in_flight: u16,
}

/// Options of `tessera login`.
#[derive(Debug, Args)]
pub struct Login {
    /// Your e-mail address (default: the demo login of the local suite).
    pub email: Option<String>,
    /// The tenant, where your address and password fit in several.
    #[arg(long, value_name = "SLUG")]
    pub tenant: Option<String>,
    /// Take the password from stdin.
    #[arg(long)]
    pub password_stdin: bool,
    /// Found a new tenant with you as its first user; needs --tenant and --company.
    #[arg(long, requires_all = ["email", "tenant", "company"])]
    pub sign_up: bool,
    /// The new tenant's name.
    #[arg(long, requires = "sign_up", value_name = "NAME")]
    pub company: Option<String>,
    /// The currency of the new tenant's books.
    #[arg(long, requires = "sign_up", default_value = "EUR", value_name = "CODE")]
    pub currency: String,
}

/// Options of `tessera whoami`.
#[derive(Debug, Args)]
pub struct Whoami {
    /// Print your access token and nothing else, for other programs. Whoever has it is you for a quarter of an hour.
    #[arg(long)]
    pub token: bool,
}

/// Options of `tessera call`.
#[derive(Debug, Args)]
pub struct Call {
    /// The method, such as `erp.crm.v1.AccountService/ListAccounts` or `crm.ListAccounts`.
    pub method: String,
    /// The request as JSON, `@FILE`, or `@-` for stdin (default: an empty request).
    pub request: Option<String>,
    /// The same as an option.
    #[arg(long, short, conflicts_with = "request", value_name = "JSON|@FILE|@-")]
    pub data: Option<String>,
    /// Print the request and send nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Give up after so many seconds.
    #[arg(long, default_value_t = 60, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=300))]
    pub timeout: u64,
}

/// Options of `tessera describe`.
#[derive(Debug, Args)]
pub struct Describe {
    /// A domain, service, method, message or enum (default: all services).
    pub symbol: Option<String>,
}

/// Where the data come from.
#[derive(Debug, Subcommand)]
pub enum Import {
    /// Load a Northwind folder (CSV): customers, suppliers, products, opening stock, and orders up to their invoices.
    #[command(
        after_help = "It can be interrupted and run again: nothing is doubled. Rows that make no sense are listed, and the
rest goes on. It ends with 3 when the figures of what was imported do not reconcile with the ledger.

Examples:
  tessera import northwind --from ../shared/data/northwind
  tessera import northwind --from northwind --rows 50
  tessera import northwind --from northwind --errors refused.csv"
    )]
    Northwind(Northwind),
}

/// Options of `tessera import northwind`.
#[derive(Debug, Args)]
pub struct Northwind {
    /// The folder with customers.csv, orders.csv and the others.
    #[arg(long, value_name = "DIR")]
    pub from: PathBuf,
    /// Only the first so many orders.
    #[arg(long, value_name = "N")]
    pub rows: Option<usize>,
    /// Orders on their way at a time.
    #[arg(long, default_value_t = crate::load::IN_FLIGHT, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=500))]
    pub in_flight: u16,
    /// Also write the rows that were refused to this file, as CSV.
    #[arg(long, value_name = "FILE")]
    pub errors: Option<PathBuf>,
    /// Send nothing when a row is refused.
    #[arg(long)]
    pub strict: bool,
    /// The currency of all amounts.
    #[arg(long, default_value = "USD", value_name = "CODE")]
    pub currency: String,
}

/// What to do with the event log.
#[derive(Debug, Subcommand)]
pub enum Events {
    /// Print events of your tenant as they happened, one a line.
    #[command(after_help = "Examples:
  tessera events tail --since 20
  tessera events tail --follow --type 'order.*' --type invoice.posted")]
    Tail(Tail),
    /// List events that a service could not handle, newest first.
    DeadLetters(DeadLetters),
    /// Give an event once more to the service that could not handle it.
    #[command(after_help = "Examples:
  tessera events replay 0190b6f0-0000-7000-8000-000000000000
  tessera events replay 0190b6f0-0000-7000-8000-000000000000 --consumer finance")]
    Replay(Replay),
}

/// Options of `tessera events tail`.
#[derive(Debug, Args)]
pub struct Tail {
    /// Only these types, such as `order.completed` or `order.*`; may be given several times.
    #[arg(long = "type", value_name = "TYPE")]
    pub types: Vec<String>,
    /// Begin with so many of the newest events.
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(i32).range(0..=1000))]
    pub since: i32,
    /// Go on with what happens from now on, until Ctrl-C.
    #[arg(long, short)]
    pub follow: bool,
}

/// Options of `tessera events dead-letters`.
#[derive(Debug, Args)]
pub struct DeadLetters {
    /// Only those of this service, such as `finance`.
    #[arg(long, value_name = "SERVICE")]
    pub consumer: Option<String>,
    /// At most so many.
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=1000))]
    pub limit: i32,
}

/// Options of `tessera events replay`.
#[derive(Debug, Args)]
pub struct Replay {
    /// The event's id.
    pub event_id: String,
    /// The service that could not handle it (default: every one that could not).
    #[arg(long, value_name = "SERVICE")]
    pub consumer: Option<String>,
}

/// What to do with a release.
#[derive(Debug, Subcommand)]
pub enum Release {
    /// Print the stages: each service goes out after all that it needs.
    #[command(after_help = "Examples:
  tessera release plan 0.1.0")]
    Plan(Plan),
    /// Print a release with the images that were pushed for it: their registry, and each by its digest.
    #[command(after_help = "Examples:
  tessera release pin 0.1.0 --images .tessera/images/digests.txt > .tessera/releases/0.1.0.yaml")]
    Pin(Pin),
    /// Go through the stages. Each begins when all of the one before are healthy; at the first that is not, all goes back.
    #[command(
        after_help = "PROGRAM is called with `migrate`, `roll-out`, `roll-back` or `health`, the service's name and its image.
It ends with 3 when a service was not healthy.

Examples:
  tessera release apply 0.1.0 --dry-run --at 'http://{}:50051' --at gateway=http://gateway:8080/readyz
  tessera release apply 0.1.0 --run scripts/roll-out.sh"
    )]
    Apply(Apply),
}

/// Options of `tessera release plan`.
#[derive(Debug, Args)]
pub struct Plan {
    /// The release, such as `0.1.0`.
    pub version: String,
    /// The folder with the releases.
    #[arg(long, default_value = "releases", value_name = "DIR")]
    pub releases: PathBuf,
}

/// Options of `tessera release pin`.
#[derive(Debug, Args)]
pub struct Pin {
    /// The release, such as `0.1.0`.
    pub version: String,
    /// The folder with the releases.
    #[arg(long, default_value = "releases", value_name = "DIR")]
    pub releases: PathBuf,
    /// The images, one `REGISTRY/SERVICE@sha256:...` a line, as `make push-images` writes them.
    #[arg(long, value_name = "FILE")]
    pub images: PathBuf,
}

/// Options of `tessera release apply`.
#[derive(Debug, Args)]
pub struct Apply {
    /// The release, such as `0.1.0`.
    pub version: String,
    /// The folder with the releases.
    #[arg(long, default_value = "releases", value_name = "DIR")]
    pub releases: PathBuf,
    /// Say what would be done, do nothing, and ask for the health of what runs now.
    #[arg(long)]
    pub dry_run: bool,
    /// What migrates, rolls out and rolls back one service.
    #[arg(long, value_name = "PROGRAM")]
    pub run: Option<PathBuf>,
    /// Where services are asked for their health: `http://{}:50051` for all, `SERVICE=ADDRESS` for one; by gRPC, or by
    /// HTTP where there is a path (default: PROGRAM is asked).
    #[arg(long, value_name = "ADDRESS")]
    pub at: Vec<String>,
    /// How many seconds a service may take to be healthy.
    #[arg(long, default_value_t = 120, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(0..=7200))]
    pub patience: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_sound() {
        // clap checks names, conflicts and defaults against each other.
        Tessera::command().debug_assert();
    }
}
