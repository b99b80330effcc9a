//! A TCP proxy that fails on command.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Forwards a loopback port to another one until it is told to fail. It ends with its drop.
pub struct TcpProxy {
    port: u16,
    state: Arc<State>,
    listener: JoinHandle<()>,
}

struct State {
    target: AtomicU16,
    refuse: AtomicBool,
    hold: watch::Sender<Hold>,
    /// Counts the cuts; a connection lives while it does not change.
    cuts: watch::Sender<u64>,
    held_bytes: AtomicU64,
}

/// Which replies are withheld.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hold {
    Nothing,
    All,
    /// From the first one on that says that a transaction was committed.
    Commits,
}

/// PostgreSQL's command tag of a commit (documentation, "Message Formats", CommandComplete).
const COMMITTED: &[u8] = b"COMMIT\0";

impl TcpProxy {
    /// Listens on a free loopback port and forwards to `target` of 127.0.0.1.
    ///
    /// # Panics
    /// When no port can be had.
    pub async fn start(target: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let port = listener.local_addr().expect("a bound port").port();
        let state = Arc::new(State {
            target: AtomicU16::new(target),
            refuse: AtomicBool::new(false),
            hold: watch::Sender::new(Hold::Nothing),
            cuts: watch::Sender::new(0),
            held_bytes: AtomicU64::new(0),
        });
        let shared = Arc::clone(&state);
        let listener = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if !shared.refuse.load(Ordering::SeqCst) {
                    tokio::spawn(forward(client, Arc::clone(&shared)));
                }
            }
        });
        Self { port, state, listener }
    }

    /// The port to connect to.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Forwards new connections to another port; those that are open stay where they are.
    pub fn retarget(&self, target: u16) {
        self.state.target.store(target, Ordering::SeqCst);
    }

    /// Drops all connections that are open now, with whatever is on its way.
    pub fn cut(&self) {
        self.state.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Closes new connections at once while `refuse`.
    pub fn refuse(&self, refuse: bool) {
        self.state.refuse.store(refuse, Ordering::SeqCst);
    }

    /// Withholds what the server answers while `hold`; what the client sends still passes. A
    /// [`cut`](Self::cut) during a hold loses the answers, such as that of a commit.
    pub fn hold_replies(&self, hold: bool) {
        self.state.hold.send_replace(if hold { Hold::All } else { Hold::Nothing });
    }

    /// Withholds PostgreSQL's answers to commits, and what a connection would hear after one,
    /// until [`hold_replies(false)`](Self::hold_replies). Without TLS only.
    pub fn hold_commits(&self) {
        self.state.hold.send_replace(Hold::Commits);
    }

    /// How many bytes of answers came from the server during holds, so that a test can wait until
    /// there is something to lose.
    #[must_use]
    pub fn held_bytes(&self) -> u64 {
        self.state.held_bytes.load(Ordering::SeqCst)
    }
}

impl Drop for TcpProxy {
    fn drop(&mut self) {
        self.listener.abort();
        self.cut();
    }
}

/// Moves bytes both ways until one side ends or the connection is cut.
async fn forward(client: TcpStream, state: Arc<State>) {
    let mut cuts = state.cuts.subscribe();
    cuts.mark_unchanged();
    let target = (Ipv4Addr::LOCALHOST, state.target.load(Ordering::SeqCst));
    let Ok(server) = TcpStream::connect(target).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        _ = cuts.changed() => {}
        () = requests(from_client, to_server) => {}
        () = replies(from_server, to_client, &state) => {}
    }
}

async fn requests(mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
    let _ = tokio::io::copy(&mut from, &mut to).await;
}

async fn replies(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, state: &State) {
    let mut hold = state.hold.subscribe();
    let mut buffer = vec![0; 16 << 10];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let mode = *hold.borrow();
        let committed = || buffer[..read].windows(COMMITTED.len()).any(|part| part == COMMITTED);
        if mode == Hold::All || (mode == Hold::Commits && committed()) {
            state.held_bytes.fetch_add(read as u64, Ordering::SeqCst);
            if hold.wait_for(|hold| *hold == Hold::Nothing).await.is_err() {
                return;
            }
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
