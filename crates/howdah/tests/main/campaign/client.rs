//! One HTTP request as a client makes it, and the ways in which a client misbehaves.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How long a client waits for an answer.
const WAIT: Duration = Duration::from_secs(5);
/// The pause of a client that is slow.
const PAUSE: Duration = Duration::from_millis(150);

/// How a client sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// In one piece, and waits for the answer.
    Plain,
    /// Closes the connection in the middle of the body.
    LeavesInBody,
    /// Closes the connection as soon as everything is sent.
    LeavesBeforeAnswer,
    /// Pauses in the middle of the body.
    Slow,
    /// Stops in the middle of the body until the server gives up.
    Stalls,
}

/// What is sent.
#[derive(Debug, Clone)]
pub struct Message {
    /// `/v1/streams/…`.
    pub path: &'static str,
    /// The content type.
    pub notation: &'static str,
    /// The Idempotency-Key.
    pub name: String,
    /// The events.
    pub body: String,
}

/// What was answered.
#[derive(Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// It was stored by an earlier request.
    pub replayed: bool,
    /// The body.
    pub body: String,
}

/// What came of an attempt.
#[derive(Debug)]
pub enum Came {
    /// A whole answer.
    Reply(Reply),
    /// No answer; `sent` says whether the server was given what the manner gives it.
    Nothing { sent: bool },
}

/// Sends one request on a connection of its own.
pub async fn send(port: u16, secret: &str, message: &Message, manner: Manner) -> Came {
    let mut sent = false;
    let reply = tokio::time::timeout(WAIT, talk(port, secret, message, manner, &mut sent)).await;
    match reply {
        Ok(Some(reply)) => Came::Reply(reply),
        Ok(None) | Err(_) => Came::Nothing { sent },
    }
}

async fn talk(
    port: u16,
    secret: &str,
    message: &Message,
    manner: Manner,
    sent: &mut bool,
) -> Option<Reply> {
    let Message { path, notation, name, body } = message;
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: h\r\nauthorization: Bearer {secret}\r\n\
         idempotency-key: {name}\r\ncontent-type: {notation}\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    let (first, rest) = body.as_bytes().split_at(body.len() / 2);
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
    stream.set_nodelay(true).ok()?;
    stream.write_all(head.as_bytes()).await.ok()?;
    stream.write_all(first).await.ok()?;
    match manner {
        Manner::LeavesInBody => {
            *sent = true;
            return None;
        }
        Manner::Slow => tokio::time::sleep(PAUSE).await,
        Manner::Stalls => {
            *sent = true;
            return read(&mut stream).await;
        }
        Manner::Plain | Manner::LeavesBeforeAnswer => {}
    }
    stream.write_all(rest).await.ok()?;
    *sent = true;
    if manner == Manner::LeavesBeforeAnswer {
        return None;
    }
    read(&mut stream).await
}

async fn read(stream: &mut TcpStream) -> Option<Reply> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let field = |name: &str| {
        head.lines().skip(1).find_map(|line| {
            let (field, value) = line.split_once(':')?;
            field.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    };
    let length: usize = field("content-length")?.parse().ok()?;
    // One that was cut off is no answer.
    (body.len() == length).then(|| Reply {
        status,
        replayed: field("idempotency-replayed").is_some(),
        body: body.to_owned(),
    })
}
