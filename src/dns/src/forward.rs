//! Questions about the world outside go on to other servers, as they came.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{Name, RecordType};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

const TRY: Duration = Duration::from_secs(2);
/// Questions under way at once; more are refused.
const IN_FLIGHT: usize = 512;
const CACHED: usize = 1024;
/// An answer is kept as long as its records allow, but no longer than this.
const LONGEST: Duration = Duration::from_secs(30);

type Question = (Name, RecordType);

/// Other servers and what they lately said.
#[derive(Debug)]
pub(crate) struct Forwarder {
    servers: Vec<SocketAddr>,
    turns: Semaphore,
    cache: Mutex<Cache>,
}

#[derive(Debug, Default)]
struct Cache {
    answers: HashMap<Question, (Instant, Message)>,
    order: VecDeque<Question>,
}

impl Forwarder {
    pub(crate) fn new(servers: Vec<SocketAddr>) -> Self {
        Self {
            servers,
            turns: Semaphore::new(IN_FLIGHT),
            cache: Mutex::default(),
        }
    }

    /// The servers' answer to the query; a server failure if none gives one.
    pub(crate) async fn ask(&self, query: &Message) -> Message {
        let question = query
            .queries
            .first()
            .map(|query| (query.name().to_lowercase(), query.query_type()));
        if let Some(kept) = question.as_ref().and_then(|question| self.kept(question)) {
            let mut answer = kept;
            answer.metadata.id = query.metadata.id;
            answer.queries.clone_from(&query.queries);
            return answer;
        }
        let failed = |code| {
            let mut failure = Message::error_msg(query.metadata.id, query.metadata.op_code, code);
            failure.queries.clone_from(&query.queries);
            failure
        };
        let Ok(_turn) = self.turns.try_acquire() else {
            return failed(ResponseCode::Refused);
        };
        let Ok(bytes) = query.to_vec() else {
            return failed(ResponseCode::FormErr);
        };
        for server in &self.servers {
            match timeout(TRY, exchange(*server, &bytes, query.metadata.id)).await {
                Ok(Ok(answer)) => {
                    if let Some(question) = question {
                        self.keep(question, &answer);
                    }
                    return answer;
                }
                Ok(Err(error)) => tracing::debug!(%server, %error, "forwarding a query"),
                Err(_) => tracing::debug!(%server, "no answer in time"),
            }
        }
        failed(ResponseCode::ServFail)
    }

    fn kept(&self, question: &Question) -> Option<Message> {
        let cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache
            .answers
            .get(question)
            .filter(|(until, _)| *until > Instant::now())
            .map(|(_, answer)| answer.clone())
    }

    fn keep(&self, question: Question, answer: &Message) {
        let shortest = answer.answers.iter().map(|record| record.ttl).min().unwrap_or_default();
        let keep = Duration::from_secs(u64::from(shortest)).min(LONGEST);
        if keep.is_zero() || answer.metadata.response_code != ResponseCode::NoError {
            return;
        }
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if cache
            .answers
            .insert(question.clone(), (Instant::now() + keep, answer.clone()))
            .is_none()
        {
            cache.order.push_back(question);
        }
        while cache.order.len() > CACHED {
            if let Some(oldest) = cache.order.pop_front() {
                cache.answers.remove(&oldest);
            }
        }
    }
}

/// UDP first; TCP if the answer did not fit.
async fn exchange(server: SocketAddr, query: &[u8], id: u16) -> std::io::Result<Message> {
    let any: SocketAddr = if server.is_ipv4() {
        ([0, 0, 0, 0], 0).into()
    } else {
        ([0_u16; 8], 0).into()
    };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(server).await?;
    socket.send(query).await?;
    let mut buffer = vec![0; 4096];
    loop {
        let length = socket.recv(&mut buffer).await?;
        let Ok(answer) = Message::from_vec(&buffer[..length]) else {
            continue;
        };
        if answer.metadata.id != id {
            continue;
        }
        return if answer.metadata.truncation {
            over_tcp(server, query).await
        } else {
            Ok(answer)
        };
    }
}

async fn over_tcp(server: SocketAddr, query: &[u8]) -> std::io::Result<Message> {
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(query.len()).map_err(std::io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes()[..], query].concat()).await?;
    let length = stream.read_u16().await?;
    let mut bytes = vec![0; usize::from(length)];
    stream.read_exact(&mut bytes).await?;
    Message::from_vec(&bytes).map_err(std::io::Error::other)
}
