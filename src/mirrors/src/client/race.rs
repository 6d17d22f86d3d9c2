//! Asking sources in order without waiting long for a silent one: the next is asked a moment later, but the first one that
//! answers well *in order* wins.

use std::time::Duration;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use tokio::time::{Instant, sleep_until};

/// A source that has not answered after this time gets company.
const STAGGER: Duration = Duration::from_millis(300);

/// Asks `count` sources; gives the winner's number and what it gave, and the answers of those before it.
pub async fn in_order<'a, T: Send, E: Send>(
    count: usize,
    ask: impl Fn(usize) -> BoxFuture<'a, Result<T, E>>,
) -> (Option<(usize, T)>, Vec<(usize, E)>) {
    let mut results: Vec<Option<Result<T, E>>> = (0..count).map(|_| None).collect();
    let mut running = FuturesUnordered::new();
    let start = |index: usize| {
        let answer = ask(index);
        async move { (index, answer.await) }
    };
    let mut next = 0;
    loop {
        let settled = results
            .iter()
            .take_while(|result| matches!(result, Some(Err(_))))
            .count();
        if settled == count || matches!(results.get(settled), Some(Some(Ok(_)))) {
            break;
        }
        if running.is_empty() && next < count {
            running.push(start(next));
            next += 1;
        }
        // an answer that has come makes further company needless
        let wanted = next < count && !results.iter().any(|result| matches!(result, Some(Ok(_))));
        let stagger = Instant::now() + STAGGER;
        tokio::select! {
            answer = running.next() => if let Some((index, result)) = answer {
                let failed = result.is_err();
                results[index] = Some(result);
                if failed && wanted {
                    running.push(start(next));
                    next += 1;
                }
            },
            () = sleep_until(stagger), if wanted => {
                running.push(start(next));
                next += 1;
            }
        }
    }
    let mut failed = Vec::new();
    for (index, result) in results.into_iter().enumerate() {
        match result {
            Some(Ok(found)) => return (Some((index, found)), failed),
            Some(Err(answer)) => failed.push((index, answer)),
            None => break,
        }
    }
    (None, failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::answer::{Answer, Kind};

    /// Each source answers after a number of milliseconds, well or not.
    async fn run(sources: &[(u64, bool)]) -> (Option<usize>, usize, u128) {
        let began = Instant::now();
        let ask = |index: usize| -> BoxFuture<'_, Result<usize, Answer>> {
            Box::pin(async move {
                let (after, good) = sources[index];
                tokio::time::sleep(Duration::from_millis(after)).await;
                if good {
                    Ok(index)
                } else {
                    Err(Answer::new(Kind::Missing, "no"))
                }
            })
        };
        let (won, failed) = in_order(sources.len(), ask).await;
        (won.map(|(index, _)| index), failed.len(), began.elapsed().as_millis())
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_in_order_wins_even_if_it_is_slower() {
        assert_eq!(run(&[(20, true), (1, true)]).await, (Some(0), 0, 20));
        let (won, _, took) = run(&[(900, true), (1, true)]).await;
        assert_eq!((won, took), (Some(0), 900));
    }

    #[tokio::test(start_paused = true)]
    async fn silent_sources_are_waited_for_side_by_side() {
        let (won, failed, took) = run(&[(3000, false), (3000, false), (3000, false), (5, true)]).await;
        assert_eq!((won, failed), (Some(3), 3));
        assert!(took <= 3600, "{took} ms");
    }

    #[tokio::test(start_paused = true)]
    async fn a_quick_no_leads_on_at_once() {
        assert_eq!(run(&[(5, false), (5, false), (5, true)]).await, (Some(2), 2, 15));
        assert_eq!(run(&[(5, false), (5, false)]).await, (None, 2, 10));
        assert_eq!(run(&[]).await, (None, 0, 0));
    }
}
