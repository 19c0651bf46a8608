//! A proxy before a MongoDB server that ends a process, as its server sees it, at a chosen write: all connections are cut
//! before the write arrives, or after it was done and before its answer comes back. Or it holds the write up for a while.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Where at a write the cut comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The server never hears of it.
    Before,
    /// The server has done it.
    After,
    /// The server hears of it once it is let go, and nothing is cut.
    Hold,
    /// Likewise, of a search of that collection, which is counted instead of writes.
    HoldFind(&'static str),
}

impl Cut {
    fn holds(self) -> bool {
        matches!(self, Self::Hold | Self::HoldFind(_))
    }

    /// Whether it may come at this message.
    fn counts(self, message: &[u8]) -> bool {
        match self {
            Self::HoldFind(collection) => is_find(message, collection),
            Self::Before | Self::After | Self::Hold => is_write(message),
        }
    }
}

struct Plan {
    server: String,
    at: usize,
    cut: Cut,
    writes: AtomicUsize,
    dead: watch::Sender<bool>,
    holds: watch::Sender<bool>,
}

/// A proxy that listens on loopback until it is dropped.
pub struct Proxy {
    /// Its address.
    pub address: String,
    plan: Arc<Plan>,
    listener: tokio::task::JoinHandle<()>,
}

impl Proxy {
    /// Stands before `server` and cuts at the write of that number, counted from one.
    pub async fn start(server: &str, at: usize, cut: Cut) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let (writes, dead, holds) = (AtomicUsize::new(0), watch::Sender::new(false), watch::Sender::new(false));
        let plan = Arc::new(Plan { server: server.to_owned(), at, cut, writes, dead, holds });
        let serving = plan.clone();
        let listener = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, serving.clone()));
            }
        });
        Self { address, plan, listener }
    }

    /// Comes back when the write is held up.
    pub async fn is_held(&self) {
        self.plan.holds.subscribe().wait_for(|holds| *holds).await.expect("the proxy lives");
    }

    /// Lets the write go that is held up.
    pub fn let_go(&self) {
        self.plan.holds.send_replace(false);
    }

    /// Whether the cut has come.
    pub fn was_cut(&self) -> bool {
        *self.plan.dead.borrow()
    }

    /// Comes back when the cut has come.
    pub async fn is_cut(&self) {
        self.plan.dead.subscribe().wait_for(|dead| *dead).await.expect("the proxy lives");
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

async fn serve(client: TcpStream, plan: Arc<Plan>) {
    let mut dead = plan.dead.subscribe();
    let Ok(server) = TcpStream::connect(&plan.server).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        () = forward(from_client, to_server, from_server, to_client, &plan) => {}
        _ = dead.wait_for(|dead| *dead) => {}
    }
}

/// Requests and answers take turns; a monitor's stream of answers to one request has no end and needs none here.
async fn forward(
    mut from_client: OwnedReadHalf,
    mut to_server: OwnedWriteHalf,
    mut from_server: OwnedReadHalf,
    mut to_client: OwnedWriteHalf,
    plan: &Plan,
) {
    loop {
        tokio::select! {
            request = message(&mut from_client) => {
                let Some(request) = request else { return };
                let is_due = plan.cut.counts(&request) && plan.writes.fetch_add(1, Ordering::SeqCst) + 1 == plan.at;
                if is_due && plan.cut.holds() {
                    plan.holds.send_replace(true);
                    plan.holds.subscribe().wait_for(|holds| !*holds).await.expect("the proxy lives");
                }
                let cuts = is_due && !plan.cut.holds();
                if !(cuts && plan.cut == Cut::Before) && to_server.write_all(&request).await.is_err() {
                    return;
                }
                if cuts {
                    if plan.cut == Cut::After {
                        message(&mut from_server).await;
                    }
                    plan.dead.send_replace(true);
                    return;
                }
            }
            answer = answer(&mut from_server) => {
                let Some(answer) = answer else { return };
                if to_client.write_all(&answer).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Whatever has come, so that giving up waiting for more never loses a part of a message.
async fn answer(from: &mut OwnedReadHalf) -> Option<Vec<u8>> {
    let mut bytes = vec![0; 65_536];
    let length = from.read(&mut bytes).await.ok().filter(|length| *length > 0)?;
    bytes.truncate(length);
    Some(bytes)
}

/// One whole message: its first four bytes are its length.
async fn message(from: &mut OwnedReadHalf) -> Option<Vec<u8>> {
    let mut bytes = vec![0; 4];
    // The peek may be given up and repeated; once the length is there, the whole message is read.
    while from.peek(&mut bytes).await.ok()? < 4 {}
    let length = u32::from_le_bytes(bytes.clone().try_into().ok()?) as usize;
    let mut bytes = vec![0; length];
    from.read_exact(&mut bytes).await.ok()?;
    Some(bytes)
}

/// Whether a message bears a command that writes.
fn is_write(message: &[u8]) -> bool {
    matches!(command(message).0, b"insert" | b"update" | b"delete" | b"findAndModify")
}

fn is_find(message: &[u8], collection: &str) -> bool {
    command(message) == (b"find", collection.as_bytes())
}

/// The name of an OP_MSG's command and of its collection: the first key of its first section, and that key's text.
fn command(message: &[u8]) -> (&[u8], &[u8]) {
    const KIND: usize = 16 + 4;
    const NAME: usize = KIND + 1 + 4 + 1;
    let is_message = message.get(12..16) == Some(&2013_u32.to_le_bytes()) && message.get(KIND) == Some(&0);
    let text = |from: usize| {
        let rest = message.get(from..).filter(|_| is_message).unwrap_or_default();
        rest.split(|byte| *byte == 0).next().unwrap_or_default()
    };
    let name = text(NAME);
    // Behind the name's end stands the length of the text.
    (name, text(NAME + name.len() + 1 + 4))
}
