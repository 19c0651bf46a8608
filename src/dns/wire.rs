//! Sending a message to one server and reading its answer: UDP and TCP (RFC 1035 section 4.2), within a time, and only an
//! answer to what was asked.

use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use hickory_proto::op::{Message, MessageType};
use hickory_proto::rr::Name;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};

use super::fault;
use crate::job::ErrorClass;
use crate::ports::PortResult;

/// Bytes of an answer by UDP that are read: what the question offers (RFC 6891), with room for servers that exceed it.
const DATAGRAM: usize = 4096;
/// How long a connection is kept for the next message. Servers close theirs after some seconds (RFC 7766 section 6.2.3),
/// and what lies between may forget it without a word.
const IDLE: Duration = Duration::from_secs(5);

/// A name from a text without a final dot.
///
/// # Errors
/// `Rejected` when it is no domain name.
pub(super) fn name(text: &str) -> PortResult<Name> {
    let mut name = Name::from_ascii(text.trim_end_matches('.'))
        .map_err(|error| fault(ErrorClass::Rejected, format!("\"{text}\" is no domain name: {error}")))?;
    name.set_fqdn(true);
    Ok(name)
}

/// A fresh, unpredictable number for a message, so that an answer cannot be made up by who does not see the question.
pub(super) fn fresh_id() -> io::Result<u16> {
    let mut bytes = [0; 2];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| io::Error::other("no randomness"))?;
    Ok(u16::from_be_bytes(bytes))
}

/// Sends bytes by TCP and reads one answer, of 65535 bytes at most by its nature.
pub(super) async fn tcp(server: SocketAddr, message: &[u8], limit: Duration) -> io::Result<Vec<u8>> {
    within(limit, async { talk(&mut connect(server).await?, message).await }).await
}

async fn connect(server: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(server).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn talk(stream: &mut TcpStream, message: &[u8]) -> io::Result<Vec<u8>> {
    let length = u16::try_from(message.len()).map_err(|_| io::Error::other("the message is too long"))?;
    stream.write_all(&[&length.to_be_bytes(), message].concat()).await?;
    let mut length = [0; 2];
    stream.read_exact(&mut length).await?;
    let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut answer).await?;
    Ok(answer)
}

/// A connection by TCP that is kept for the next message (RFC 7766 section 6.2.1).
#[derive(Default)]
pub(super) struct Line {
    idle: Mutex<Option<Idle>>,
}

struct Idle {
    server: SocketAddr,
    stream: TcpStream,
    since: Instant,
}

impl Line {
    /// Like [`tcp`], by the kept connection where there is one. A server may have closed that one, and may have read the
    /// message first: it goes by a new one then, so it must be one that may be repeated.
    pub(super) async fn send(&self, server: SocketAddr, message: &[u8], limit: Duration) -> io::Result<Vec<u8>> {
        let exchange = async {
            if let Some(mut stream) = self.take(server)
                && let Ok(answer) = talk(&mut stream, message).await
                // What answers an earlier message leaves this one without an answer.
                && answer.get(..2) == message.get(..2)
            {
                return Ok((stream, answer));
            }
            let mut stream = connect(server).await?;
            let answer = talk(&mut stream, message).await?;
            Ok((stream, answer))
        };
        let (stream, answer) = within(limit, exchange).await?;
        *self.idle() = Some(Idle { server, stream, since: Instant::now() });
        Ok(answer)
    }

    fn take(&self, server: SocketAddr) -> Option<TcpStream> {
        let idle = self.idle().take()?;
        (idle.server == server && idle.since.elapsed() < IDLE).then_some(idle.stream)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Option<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends a question by UDP and waits for its answer; others are passed over.
pub(super) async fn udp(server: SocketAddr, question: &Message, bytes: &[u8], limit: Duration) -> io::Result<Message> {
    let here: SocketAddr = if server.is_ipv4() { ([0; 4], 0).into() } else { ([0_u16; 8], 0).into() };
    let talk = async {
        let socket = UdpSocket::bind(here).await?;
        socket.connect(server).await?;
        socket.send(bytes).await?;
        let mut room = vec![0; DATAGRAM];
        loop {
            let length = socket.recv(&mut room).await?;
            let answer = Message::from_vec(&room[..length]).ok();
            if let Some(answer) = answer.filter(|answer| answers(question, answer)) {
                return Ok(answer);
            }
        }
    };
    within(limit, talk).await
}

async fn within<T>(limit: Duration, talk: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let late = |_| io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {limit:?}"));
    tokio::time::timeout(limit, talk).await.map_err(late)?
}

/// Whether a message answers a question: number, operation and question section are those that were sent. A server that
/// cannot make sense of a message may leave the question out.
pub(super) fn answers(question: &Message, answer: &Message) -> bool {
    let same = answer.queries == question.queries || answer.queries.is_empty();
    answer.id == question.id
        && answer.message_type == MessageType::Response
        && answer.op_code == question.op_code
        && same
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// A server that takes so many connections, answers so many messages on each with what it was sent, and closes it then.
    async fn echo(listener: TcpListener, connections: usize, answers: usize) {
        for _ in 0..connections {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            for _ in 0..answers {
                let mut message = [0; 5];
                stream.read_exact(&mut message).await.expect("the connection is kept for another message");
                stream.write_all(&message).await.expect("written");
            }
        }
    }

    #[tokio::test]
    async fn a_connection_is_kept_and_one_that_the_server_closed_is_made_anew() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let server = listener.local_addr().expect("an address");
        let serving = tokio::spawn(echo(listener, 2, 2));
        let line = Line::default();
        for message in [b"1st", b"2nd", b"3rd", b"4th"] {
            let answer = line.send(server, message, Duration::from_secs(10)).await.expect("an answer");
            assert_eq!(answer, message);
        }
        serving.await.expect("two messages on each of two connections");
    }
}
