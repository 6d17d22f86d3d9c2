//! Waiting for something outside: with a deadline, and saying what was last seen.

use std::time::Duration;

use tokio::time::Instant;

/// First pause between two looks; grows to [`SLOWEST`].
const FASTEST: Duration = Duration::from_millis(15);
const SLOWEST: Duration = Duration::from_millis(250);

/// Looks until `look` succeeds. Its last error comes back when the deadline passes.
pub(crate) async fn until<T, F>(deadline: Duration, mut look: impl FnMut() -> F) -> Result<T, String>
where
    F: Future<Output = Result<T, String>>,
{
    let end = Instant::now() + deadline;
    let mut pause = FASTEST;
    loop {
        let seen = match tokio::time::timeout_at(end, look()).await {
            Ok(Ok(found)) => return Ok(found),
            Ok(Err(seen)) => seen,
            Err(_) => "no answer".to_owned(),
        };
        if Instant::now() + pause >= end {
            return Err(seen);
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 5 / 4).min(SLOWEST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn success_ends_the_wait_and_the_deadline_gives_what_was_last_seen() {
        let mut looks = 0;
        let found = until(Duration::from_secs(5), || {
            looks += 1;
            let now = looks;
            async move { if now == 4 { Ok(now) } else { Err("not yet".to_owned()) } }
        });
        assert_eq!(found.await, Ok(4));
        let never = until(Duration::from_secs(5), || async {
            Err::<(), _>("still starting".to_owned())
        });
        assert_eq!(never.await, Err("still starting".to_owned()));
        let hangs = until(Duration::from_secs(5), || async {
            std::future::pending::<Result<(), String>>().await
        });
        assert_eq!(hangs.await, Err("no answer".to_owned()));
    }
}
