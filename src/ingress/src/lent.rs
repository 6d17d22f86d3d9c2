//! A request's body, lent to one endpoint after the other until one of them reads of it.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Instant, timeout_at};

/// A body that nobody has read of yet, and when anything of it was last read.
#[derive(Debug)]
pub(crate) struct Lender<B>(Arc<Mutex<State<B>>>);

#[derive(Debug)]
struct State<B> {
    body: Option<B>,
    /// When the last part was taken from it, or the request began.
    last: Instant,
}

impl<B> Lender<B> {
    pub(crate) fn new(body: B) -> Self {
        let last = Instant::now();
        Self(Arc::new(Mutex::new(State { body: Some(body), last })))
    }

    /// The body, unless somebody has read of it.
    pub(crate) fn lend(&self) -> Option<Lent<B>> {
        let body = self.state().body.take()?;
        Some(Lent {
            body: Some(body),
            was_read: false,
            lender: Self(Arc::clone(&self.0)),
        })
    }

    /// Waits for the answer as long as the body is still being read, and `patience` longer.
    pub(crate) async fn patiently<T>(&self, patience: Duration, answer: impl Future<Output = T>) -> Option<T> {
        let mut answer = std::pin::pin!(answer);
        loop {
            let deadline = self.state().last + patience;
            if Instant::now() >= deadline {
                return None;
            }
            if let Ok(answer) = timeout_at(deadline, &mut answer).await {
                return Some(answer);
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State<B>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A borrowed body. Goes back when it is dropped unread.
#[derive(Debug)]
pub(crate) struct Lent<B> {
    body: Option<B>,
    was_read: bool,
    lender: Lender<B>,
}

impl<B: Body + Unpin> Body for Lent<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        let polled = Pin::new(body).poll_frame(cx);
        if let Poll::Ready(frame) = &polled {
            self.was_read |= frame.is_some();
            self.lender.state().last = Instant::now();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map(Body::size_hint).unwrap_or_default()
    }
}

impl<B> Drop for Lent<B> {
    fn drop(&mut self) {
        if !self.was_read {
            self.lender.state().body = self.body.take();
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http_body_util::{BodyExt as _, Full, StreamBody};

    use super::*;

    #[tokio::test]
    async fn a_body_goes_on_to_the_next_endpoint_until_one_has_read_of_it() {
        let lender = Lender::new(Full::new(Bytes::from_static(b"posted")));
        let first = lender.lend().unwrap();
        assert!(lender.lend().is_none());
        assert_eq!(first.size_hint().exact(), Some(6));
        drop(first);
        let mut second = lender.lend().unwrap();
        assert!(second.frame().await.unwrap().unwrap().is_data());
        drop(second);
        assert!(lender.lend().is_none());
        let empty = Lender::new(Full::new(Bytes::new()));
        assert!(empty.lend().unwrap().frame().await.is_none());
        assert!(empty.lend().unwrap().is_end_stream());
    }

    #[tokio::test(start_paused = true)]
    async fn time_begins_when_the_body_has_been_read() {
        const PATIENCE: Duration = Duration::from_secs(60);
        // an upload of five minutes, part by part
        let parts = futures::stream::unfold(0, |count| async move {
            tokio::time::sleep(Duration::from_secs(30)).await;
            let part = Frame::data(Bytes::from_static(b"part"));
            (count < 10).then_some((Ok::<_, std::convert::Infallible>(part), count + 1))
        });
        let lender = Lender::new(StreamBody::new(Box::pin(parts)));
        let lent = lender.lend().unwrap();
        let answered = lender.patiently(PATIENCE, lent.collect()).await;
        assert_eq!(answered.unwrap().unwrap().to_bytes().len(), 40);
        let began = Instant::now();
        assert_eq!(lender.patiently(PATIENCE, std::future::pending::<()>()).await, None);
        assert_eq!(began.elapsed(), PATIENCE);
    }
}
