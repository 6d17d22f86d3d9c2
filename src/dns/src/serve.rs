//! The server: UDP and TCP in, records or forwarded answers out.

use std::net::SocketAddr;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{DNSClass, Name, RecordType};
use kube::Client;
use tasks::{CancellationToken, Group};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::{Semaphore, watch};

use crate::answer::{Answer, Zone};
use crate::follow::{self, Shared};
use crate::forward::Forwarder;
use crate::health;

/// What a client without EDNS can take over UDP.
const PLAIN: usize = 512;
/// What we say that we take.
const PAYLOAD: u16 = 1232;
/// Questions being answered at once; more wait in the socket's buffer.
const AT_ONCE: usize = 1024;
const TCP_IDLE: Duration = Duration::from_secs(10);

/// How the server is run.
#[derive(Debug, Clone)]
pub struct Config {
    /// Address for DNS, UDP and TCP.
    pub listen: SocketAddr,
    /// Address for the kubelet's probes.
    pub health: SocketAddr,
    /// The cluster's domain, `cluster.local`.
    pub domain: String,
    /// Servers for everything else, in order.
    pub upstream: Vec<SocketAddr>,
}

/// Why the server ended.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A watch ended for good.
    #[error("the {0} watch ended")]
    WatchEnded(&'static str),
    /// A socket failed.
    #[error("{what} on {address}: {source}")]
    Socket {
        /// Which.
        what: &'static str,
        /// Where.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
}

/// Finds what a name stands for; `None` for names that are none of its own.
pub(crate) type Lookup = Box<dyn Fn(&Name, RecordType) -> Option<Answer> + Send + Sync>;

/// Where a server is reached.
pub(crate) struct Places {
    pub(crate) dns: SocketAddr,
    pub(crate) health: SocketAddr,
}

pub(crate) struct Server {
    lookup: Lookup,
    /// Asked for everything else; without it, everything else is refused.
    forwarder: Option<Forwarder>,
    turns: Arc<Semaphore>,
}

/// Serves until cancelled.
pub fn run(client: Client, config: Config, cancel: CancellationToken) -> BoxFuture<'static, Result<(), RunError>> {
    // boxed: compiled in this crate, once, and not in every crate that awaits it
    Box::pin(work(client, config, cancel))
}

async fn work(client: Client, config: Config, cancel: CancellationToken) -> Result<(), RunError> {
    let records = Shared::default();
    let (ready, is_ready) = watch::channel(false);
    let (zone, known) = (Zone::new(&config.domain), Arc::clone(&records));
    let lookup = move |question: &Name, kind| {
        let records = known.read().unwrap_or_else(PoisonError::into_inner);
        zone.answer(&records, question, kind)
    };
    let server = Server::new(Box::new(lookup), Some(Forwarder::new(config.upstream)));
    let places = Places {
        dns: config.listen,
        health: config.health,
    };
    let following = follow::follow(client, records, ready);
    serve(server, places, following, is_ready, cancel).await
}

/// Serves while `following` keeps what the server looks up, until cancelled.
pub(crate) async fn serve(
    server: Server,
    places: Places,
    following: impl Future<Output = Result<(), RunError>>,
    is_ready: watch::Receiver<bool>,
    cancel: CancellationToken,
) -> Result<(), RunError> {
    let Places { dns, health } = places;
    let (server, group) = (Arc::new(server), Group::below(&cancel));
    let failed = |what: &'static str, address| move |source| RunError::Socket { what, address, source };
    let udp = UdpSocket::bind(dns).await.map_err(failed("UDP", dns))?;
    let tcp = TcpListener::bind(dns).await.map_err(failed("TCP", dns))?;
    let outcome = tokio::select! {
        outcome = following => outcome,
        outcome = Arc::clone(&server).serve_udp(Arc::new(udp), &group) => outcome.map_err(failed("UDP", dns)),
        outcome = server.serve_tcp(tcp, &group) => outcome.map_err(failed("TCP", dns)),
        outcome = health::serve(health, is_ready) => outcome.map_err(failed("health", health)),
        () = cancel.cancelled() => Ok(()),
    };
    group.stop(Duration::from_secs(1)).await;
    outcome
}

impl Server {
    pub(crate) fn new(lookup: Lookup, forwarder: Option<Forwarder>) -> Self {
        Self {
            lookup,
            forwarder,
            turns: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    async fn serve_udp(self: Arc<Self>, socket: Arc<UdpSocket>, group: &Group) -> std::io::Result<()> {
        let mut buffer = vec![0; 4096];
        loop {
            let Ok(turn) = Arc::clone(&self.turns).acquire_owned().await else {
                return Ok(());
            };
            let (length, peer) = match socket.recv_from(&mut buffer).await {
                Ok(received) => received,
                // an earlier answer could not be delivered
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => continue,
                Err(error) => return Err(error),
            };
            let Ok(query) = Message::from_vec(&buffer[..length]) else {
                continue;
            };
            let (server, socket) = (Arc::clone(&self), Arc::clone(&socket));
            group.spawn("dns-query", async move {
                let _turn = turn;
                let room = query
                    .edns
                    .as_ref()
                    .map_or(PLAIN, |edns| usize::from(edns.max_payload()).clamp(PLAIN, 4096));
                let Some(answer) = server.answer(&query).await else {
                    return;
                };
                let bytes = match answer.to_vec() {
                    Ok(bytes) if bytes.len() > room => answer.truncate().to_vec(),
                    other => other,
                };
                if let Ok(bytes) = bytes
                    && let Err(error) = socket.send_to(&bytes, peer).await
                {
                    tracing::debug!(%peer, %error, "sending an answer");
                }
            });
        }
    }

    async fn serve_tcp(self: Arc<Self>, listener: TcpListener, group: &Group) -> std::io::Result<()> {
        loop {
            let Ok(turn) = Arc::clone(&self.turns).acquire_owned().await else {
                return Ok(());
            };
            let (stream, _) = listener.accept().await?;
            let server = Arc::clone(&self);
            group.spawn("dns-connection", async move {
                let _turn = turn;
                if let Err(error) = server.connection(stream).await {
                    tracing::trace!(%error, "connection ended");
                }
            });
        }
    }

    async fn connection(&self, mut stream: TcpStream) -> std::io::Result<()> {
        loop {
            let length = tokio::time::timeout(TCP_IDLE, stream.read_u16()).await??;
            let mut bytes = vec![0; usize::from(length)];
            tokio::time::timeout(TCP_IDLE, stream.read_exact(&mut bytes)).await??;
            let query = Message::from_vec(&bytes).map_err(std::io::Error::other)?;
            let Some(answer) = self.answer(&query).await else {
                return Ok(());
            };
            let bytes = answer.to_vec().map_err(std::io::Error::other)?;
            let length = u16::try_from(bytes.len()).map_err(std::io::Error::other)?;
            stream.write_all(&[&length.to_be_bytes()[..], &bytes].concat()).await?;
        }
    }

    /// The answer; `None` for what is not a question.
    async fn answer(&self, query: &Message) -> Option<Message> {
        if query.metadata.message_type != MessageType::Query {
            return None;
        }
        let fail = |code| {
            let mut failure = Message::error_msg(query.metadata.id, query.metadata.op_code, code);
            failure.queries.clone_from(&query.queries);
            Some(failure)
        };
        let [question] = query.queries.as_slice() else {
            return fail(ResponseCode::FormErr);
        };
        if query.metadata.op_code != OpCode::Query {
            return fail(ResponseCode::NotImp);
        }
        if question.query_class() != DNSClass::IN {
            return fail(ResponseCode::Refused);
        }
        let Some(found) = (self.lookup)(question.name(), question.query_type()) else {
            return match &self.forwarder {
                Some(forwarder) => Some(forwarder.ask(query).await),
                None => fail(ResponseCode::Refused),
            };
        };
        let mut answer = Message::response(query.metadata.id, OpCode::Query);
        answer.queries.clone_from(&query.queries);
        answer.metadata.authoritative = true;
        answer.metadata.recursion_desired = query.metadata.recursion_desired;
        answer.metadata.recursion_available = self.forwarder.is_some();
        answer.metadata.response_code = found.code.unwrap_or(ResponseCode::NoError);
        answer.answers = found.answers;
        answer.authorities = found.authorities;
        answer.additionals = found.additionals;
        if let (Some(target), Some(forwarder)) = (found.follow, &self.forwarder) {
            let mut onward = Message::query();
            onward.metadata.id = query.metadata.id;
            onward.metadata.recursion_desired = true;
            onward.add_query(Query::query(target, question.query_type()));
            let records = forwarder.ask(&onward).await.answers;
            answer.answers.extend(records);
        }
        if query.edns.is_some() {
            let mut edns = Edns::new();
            edns.set_max_payload(PAYLOAD);
            answer.set_edns(edns);
        }
        Some(answer)
    }
}
