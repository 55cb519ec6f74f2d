//! What the command line takes. It must not do anything with it.

use clap::{Args, Parser, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  toolyard list
  toolyard call read_file path=README.md limit=20
  toolyard call grep pattern='fn main' path=src --json
  toolyard run batch.json
  toolyard plan batch.json

Exit codes: 0 all calls ended ok; 1 some call did not; 2 usage or bad input, nothing ran; 3 the host failed;
130 interrupted.";

/// Runs an agent's tools as sandboxed WebAssembly components, many at once, without two of them colliding.
#[derive(Debug, Parser)]
#[command(name = "toolyard", version, after_help = EXAMPLES, max_term_width = 110)]
pub(super) struct Cli {
    /// The folder that calls work in; nothing outside can be reached [default: the current directory]
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) workspace: Option<PathBuf>,
    /// Loads every *.wasm file of this folder, beside the standard plugins; may be given several times
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) plugins: Vec<PathBuf>,
    /// The policy file [default: toolyard.toml in the workspace, else the built-in policy]
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) policy: Option<PathBuf>,
    /// Adds a line to this file for every decision and every end of a call [default: as the policy's [audit] says]
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) audit: Option<PathBuf>,
    /// Never asks whether to allow what the policy refuses, not even at a terminal
    #[arg(long, global = true)]
    pub(super) no_ask: bool,
    /// Says more on standard error; twice for even more
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Shows all tools: what they do, and what each claims
    List {
        /// Prints a JSON array
        #[arg(long)]
        json: bool,
    },
    /// Shows a tool, or all that a component file declares: manifest, schemas, claims, imports
    #[command(
        after_help = "Examples:\n  toolyard inspect edit_file\n  toolyard inspect plugins/prebuilt/fs.wasm --json"
    )]
    Inspect {
        /// A tool's name, or the path of a .wasm file
        #[arg(value_name = "TOOL|FILE.wasm")]
        what: String,
        /// Prints JSON
        #[arg(long)]
        json: bool,
    },
    /// Runs one tool and prints its answer
    Call(CallArgs),
    /// Runs a batch of calls, in parallel where they don't conflict, and prints the outcomes in request order
    Run(RunArgs),
    /// Checks and explains the operator's rules
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Adds to the policy what one call would be refused, after showing it
    Allow(AllowArgs),
    /// Accepts what a plugin claims now, after showing it
    Approve(ApproveArgs),
    /// Shows, ends and opens browser sessions
    #[command(subcommand)]
    Browser(BrowserCommand),
    /// Serves the tools to agents over the Model Context Protocol, on standard input and output or over HTTP
    #[command(after_help = SERVE)]
    Serve(ServeArgs),
    /// Looks at what this machine has for Toolyard, a browser included, and says what would help
    Doctor {
        /// Prints a JSON array
        #[arg(long)]
        json: bool,
    },
    /// Shows what a batch would touch and who would wait for whom; runs nothing
    #[command(after_help = BATCH)]
    Plan {
        /// A file with the batch, or - for standard input
        batch: String,
        /// Prints JSON
        #[arg(long)]
        json: bool,
    },
}

const SERVE: &str = "\
Put this into a client's configuration:
  { \"mcpServers\": { \"toolyard\": { \"command\": \"toolyard\", \"args\": [\"serve\", \"--workspace\", \"/path/to/project\"] } } }

One that is started on a workspace that another serves already joins that one, so that all calls are scheduled together.

Over HTTP clients have to send a token: the one in the variable TOOLYARD_TOKEN, or one that is made and printed at the start.";

/// How clients reach the server.
#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// Listens there, at the path /mcp, instead of serving standard input and output; port 0 is any that is free
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(super) http: Option<SocketAddr>,
    /// Lets in whoever reaches it, without a token
    #[arg(long, requires = "http")]
    pub(super) no_token: bool,
    /// Allows an address that other machines can reach
    #[arg(long, requires = "http")]
    pub(super) remote: bool,
    /// A name under which clients reach it, beside those of loopback; may be given several times
    #[arg(long, requires = "http", value_name = "HOST[:PORT]")]
    pub(super) allow_host: Vec<String>,
    /// Where pages that call it may come from, beside loopback; may be given several times
    #[arg(long, requires = "http", value_name = "ORIGIN")]
    pub(super) allow_origin: Vec<String>,
}

/// A tool and its arguments.
#[derive(Debug, Args)]
pub(super) struct ToolCall {
    /// The tool's name
    pub(super) tool: String,
    /// Arguments, on top of those in --args
    #[arg(value_name = "KEY=VALUE")]
    pub(super) pairs: Vec<String>,
    /// All arguments as a JSON object: the text itself, @FILE, or - for standard input
    #[arg(long, value_name = "JSON|@FILE|-")]
    pub(super) args: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum PolicyCommand {
    /// Reads a policy, and says what in it can't be right
    Check {
        /// The file [default: the workspace's toolyard.toml]
        file: Option<PathBuf>,
    },
    /// Shows what a call would be granted, and by which rule
    Explain(ExplainArgs),
    /// Shows all limits: their defaults, the attack that each answers, and what happens beyond it
    Limits,
}

#[derive(Debug, Subcommand)]
pub(super) enum BrowserCommand {
    /// Shows the browser sessions of all hosts of this user on this machine
    Status {
        /// Prints a JSON array
        #[arg(long)]
        json: bool,
    },
    /// Ends the browsers of a session, or of all; a host that needs one starts another
    Stop {
        /// The session, as `main` or `browser/main`
        session: Option<String>,
    },
    /// Opens a session with a window and waits until it is closed; what it keeps, calls find if the policy's
    /// `[browser] profiles` names a folder
    Open {
        /// Where to go first; the policy must allow it
        url: Option<String>,
        /// The session's name
        #[arg(long, default_value = "main")]
        session: String,
    },
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  toolyard policy explain edit_file path=.github/workflows/ci.yml")]
pub(super) struct ExplainArgs {
    #[command(flatten)]
    pub(super) call: ToolCall,
    /// Prints JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  toolyard allow fetch url=https://example.com")]
pub(super) struct AllowArgs {
    #[command(flatten)]
    pub(super) call: ToolCall,
    /// Writes it without asking
    #[arg(long)]
    pub(super) yes: bool,
}

#[derive(Debug, Args)]
pub(super) struct ApproveArgs {
    /// The plugin's name
    pub(super) plugin: String,
    /// Remembers it without asking
    #[arg(long)]
    pub(super) yes: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  toolyard call read_file path=src/main.rs
  toolyard call read_files paths=a.txt paths=b.txt
  toolyard call edit_file --args '{\"path\":\"a.txt\",\"edits\":[{\"old_text\":\"one\",\"new_text\":\"two\"}]}'
  toolyard call write_file path=notes.txt --args @content.json

A value is text where the tool's schema says text, and JSON elsewhere; a key given several times makes a list.")]
pub(super) struct CallArgs {
    #[command(flatten)]
    pub(super) call: ToolCall,
    /// Prints the whole outcome as JSON
    #[arg(long)]
    pub(super) json: bool,
    /// Ends the call after this many milliseconds
    #[arg(long, value_name = "MS")]
    pub(super) timeout: Option<u64>,
}

const BATCH: &str = "\
A batch is a JSON array, or one JSON object a line, of
  {\"tool\": \"…\", \"arguments\": {…}, \"id\"?: \"…\", \"after\"?: [\"id\", …], \"when\"?: …, \"priority\"?: 0,
   \"timeout_ms\"?: 1000, \"max_wait_ms\"?: 1000}
when: \"ok\" (the default), \"failed\", \"always\", or {\"path\": \"$.count\", \"equals\": 0, \"id\"?: \"…\"}.
In arguments, {\"$result\": \"id\", \"path\": \"$.…\"} stands for a value of an earlier call's result.";

#[derive(Debug, Args)]
#[command(after_help = BATCH)]
pub(super) struct RunArgs {
    /// A file with the batch, or - for standard input
    pub(super) batch: String,
    /// Prints one JSON object: outcomes in request order, and a summary
    #[arg(long)]
    pub(super) json: bool,
    /// At most this many calls at once
    #[arg(long, value_name = "N", conflicts_with = "serial")]
    pub(super) max_parallel: Option<std::num::NonZeroUsize>,
    /// One call after the other, in the order of the batch
    #[arg(long)]
    pub(super) serial: bool,
    /// Ends a call after this many milliseconds, unless it has its own timeout_ms
    #[arg(long, value_name = "MS")]
    pub(super) timeout: Option<u64>,
    /// Ends a call that has waited for its start this many milliseconds, unless it has its own max_wait_ms
    #[arg(long, value_name = "MS")]
    pub(super) max_wait: Option<u64>,
    /// Gives the answers of calls that only read again while no file that they were granted has changed
    #[arg(long)]
    pub(super) reuse: bool,
    /// Writes what happens to each call as it happens, one JSON object a line
    #[arg(long, value_name = "FILE")]
    pub(super) events: Option<PathBuf>,
    /// Writes the run as a Chrome trace, for Perfetto and its like
    #[arg(long, value_name = "FILE.json")]
    pub(super) trace: Option<PathBuf>,
    /// Writes the run as a picture: one page that needs nothing else
    #[arg(long, value_name = "FILE.html")]
    pub(super) timeline: Option<PathBuf>,
}
