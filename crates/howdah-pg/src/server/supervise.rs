//! A server process that ends with us, however we end.
//!
//! A tiny `sh` stands between: it starts the server, then reads its standard input, a pipe whose
//! other end we hold (close-on-exec, so that no other child of ours keeps it open). When the pipe
//! closes, because we close it or because we die, `sh` sends the server its stop signal and waits
//! for it. A second pipe, held by the server and its children alone, tells us when the last of
//! them is gone.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::time::Duration;

use howdah_error::{Error, Kind, Result};
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use tokio::sync::watch;

use super::user::OsUser;

/// Arguments: stop signal, log file, then the server's command. The server gets pipe 1 as its
/// file 3, by which its end is seen; `sh` lets go of it at once. `read` is a builtin, so the
/// server stays unreaped, and its process number its own, until `wait`.
const SCRIPT: &str = r#"
stop=$1 log=$2
shift 2
"$@" 3>&1 </dev/null >>"$log" 2>&1 &
server=$!
echo "$server"
exec >/dev/null 2>&1
while read -r _; do :; done
kill -CONT "$server"
kill -"$stop" "$server"
wait "$server"
"#;

/// What to run under supervision.
#[derive(Debug)]
pub struct ServerCommand {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// Variables of its environment; of ours it gets none but `PATH`.
    pub environment: Vec<(String, String)>,
    /// The signal that ends it in an orderly way.
    pub stop: Signal,
    /// Where its output is appended; the user must be able to write it.
    pub log: PathBuf,
    /// Who runs it.
    pub user: Option<OsUser>,
}

/// A running server; dropping it lets the supervisor end it in an orderly way.
#[derive(Debug)]
pub struct Supervised {
    /// Closing it is the word to end the server.
    pipe: Option<ChildStdin>,
    pid: Pid,
    state: watch::Receiver<State>,
}

/// How far the end of a server has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    /// The server or one of its children lives.
    Running,
    /// The last of them is gone.
    Gone,
    /// So is the supervisor; no zombie is left.
    Reaped,
}

impl Supervised {
    /// Starts the command; returns as soon as the process exists.
    pub fn start(command: &ServerCommand) -> Result<Self> {
        let failed = |error: std::io::Error| {
            Error::new(Kind::Io, format!("cannot start \"{}\"", command.program.display()))
                .source(error)
        };
        let mut shell = clean_command(Path::new("sh"), command.user);
        shell
            .args(["-c", SCRIPT, "howdah-supervisor", signal_name(command.stop)])
            .arg(&command.log)
            .arg(&command.program)
            .args(&command.args)
            .envs(command.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut shell = shell.spawn().map_err(failed)?;
        let mut output = BufReader::new(shell.stdout.take().ok_or_else(no_pipe)?);
        let mut line = String::new();
        output.read_line(&mut line).map_err(failed)?;
        let Some(pid) = line.trim().parse().ok().map(Pid::from_raw) else {
            let _ = shell.wait();
            return Err(Error::new(
                Kind::Io,
                format!("cannot start \"{}\"", command.program.display()),
            ));
        };
        let pipe = shell.stdin.take();
        let (tell, state) = watch::channel(State::Running);
        // A thread, not a task: the server may outlive the runtime that started it.
        std::thread::Builder::new()
            .name("howdah-supervised".to_owned())
            .spawn(move || {
                let _ = std::io::copy(&mut output, &mut std::io::sink());
                tell.send_replace(State::Gone);
                let _ = shell.wait();
                tell.send_replace(State::Reaped);
            })
            .map_err(failed)?;
        Ok(Self { pipe, pid, state })
    }

    /// The process number of the server.
    pub fn pid(&self) -> i32 {
        self.pid.as_raw()
    }

    /// Whether the server and all its children have ended.
    pub fn is_gone(&self) -> bool {
        *self.state.borrow() >= State::Gone
    }

    /// Waits until the server and all its children have ended; `false` when `limit` passes first.
    pub async fn wait_gone(&self, limit: Duration) -> bool {
        self.wait(State::Gone, limit).await
    }

    async fn wait(&self, wanted: State, limit: Duration) -> bool {
        let mut state = self.state.clone();
        tokio::time::timeout(limit, state.wait_for(|state| *state >= wanted)).await.is_ok()
    }

    /// Sends `signal` to the server.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        if self.is_gone() {
            return Ok(());
        }
        nix::sys::signal::kill(self.pid, signal).map_err(|error| {
            Error::new(Kind::Io, format!("cannot send {signal} to the server")).source(error)
        })
    }

    /// Ends the server in an orderly way; `false` when it had to be killed after `limit`.
    ///
    /// For one that is already gone this reaps it: until then its process number stays taken.
    pub async fn stop(&mut self, limit: Duration) -> bool {
        drop(self.pipe.take());
        let orderly = self.wait_gone(limit).await;
        if !orderly {
            let _ = self.signal(Signal::SIGKILL);
        }
        // The supervisor ends right after the server.
        self.wait(State::Reaped, limit).await;
        orderly
    }
}

/// The name that every `kill` understands: `INT` for SIGINT.
fn signal_name(signal: Signal) -> &'static str {
    signal.as_str().trim_start_matches("SIG")
}

fn no_pipe() -> Error {
    Error::internal("the supervisor has no output pipe")
}

/// A command with a clean environment, away from our terminal's signals, as `user`.
pub(super) fn clean_command(program: &Path, user: Option<OsUser>) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into()))
        .env("LC_ALL", "C")
        .current_dir("/")
        .process_group(0);
    if let Some(user) = user {
        command.gid(user.gid).uid(user.uid);
    }
    command
}
