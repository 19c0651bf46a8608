//! Sending a message to one server and reading its answer: UDP and TCP (RFC 1035 section 4.2), within a time, and only an
//! answer to what was asked.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use hickory_proto::op::{Message, MessageType};
use hickory_proto::rr::Name;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};

use super::fault;
use crate::job::ErrorClass;
use crate::ports::PortResult;

/// Bytes of an answer by UDP that are read: what the question offers (RFC 6891), with room for servers that exceed it.
const DATAGRAM: usize = 4096;

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
    let talk = async {
        let length = u16::try_from(message.len()).map_err(|_| io::Error::other("the message is too long"))?;
        let mut stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        stream.write_all(&[&length.to_be_bytes(), message].concat()).await?;
        let mut length = [0; 2];
        stream.read_exact(&mut length).await?;
        let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut answer).await?;
        Ok(answer)
    };
    within(limit, talk).await
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
