//! Sources that fail, break off and lie.

use std::sync::Mutex;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

/// Answers each connection with the next of `answers`; records the requests.
async fn serve(listener: &TcpListener, answers: &[Vec<u8>], seen: &Mutex<Vec<String>>) {
    for answer in answers {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 4096];
        let read = stream.read(&mut request).await.unwrap();
        seen.lock()
            .unwrap()
            .push(String::from_utf8_lossy(&request[..read]).into_owned());
        stream.write_all(answer).await.unwrap();
        stream.shutdown().await.unwrap();
    }
}

fn answer(status: &str, length: usize, body: &[u8]) -> Vec<u8> {
    let mut answer = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n").into_bytes();
    answer.extend_from_slice(body);
    answer
}

fn wanted(base: &str, content: &[u8], urls: &[&str]) -> Wanted {
    Wanted {
        what: "thing".to_owned(),
        urls: urls.iter().map(|path| format!("{base}/{path}")).collect(),
        sha256: hex::encode(Sha256::digest(content)),
        size: content.len() as u64,
    }
}

async fn run(answers: &[Vec<u8>], urls: &[&str], content: &[u8]) -> (Result<Vec<u8>, String>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let fetcher = Fetcher::new(folder.path(), None, crate::silent()).unwrap();
    let wanted = wanted(&base, content, urls);
    let seen = Mutex::new(Vec::new());
    let (result, ()) = tokio::join!(fetcher.file(&wanted), serve(&listener, answers, &seen));
    let result = match result {
        Ok(path) => Ok(fs_err::read(path).unwrap()),
        Err(error) => Err(error.to_string()),
    };
    (result, seen.into_inner().unwrap())
}

#[tokio::test]
async fn a_broken_off_download_is_resumed_at_the_next_source() {
    let answers = [
        answer("200 OK", 10, b"01234"),
        answer("206 Partial Content", 5, b"56789"),
    ];
    let (result, seen) = run(&answers, &["a", "b"], b"0123456789").await;
    assert_eq!(result.unwrap(), b"0123456789");
    assert!(seen[1].to_lowercase().contains("range: bytes=5-"), "{}", seen[1]);
}

#[tokio::test]
async fn a_source_that_ignores_the_range_starts_over() {
    let answers = [answer("200 OK", 10, b"01234"), answer("200 OK", 10, b"0123456789")];
    let (result, _) = run(&answers, &["a", "b"], b"0123456789").await;
    assert_eq!(result.unwrap(), b"0123456789");
}

#[tokio::test]
async fn a_source_is_not_blamed_for_what_was_begun_before() {
    let answers = [
        answer("200 OK", 10, b"98765"),
        answer("206 Partial Content", 5, b"56789"),
        answer("200 OK", 10, b"0123456789"),
    ];
    let (result, seen) = run(&answers, &["a", "b"], b"0123456789").await;
    assert_eq!(result.unwrap(), b"0123456789");
    assert!(
        seen[2].starts_with("GET /b ") && !seen[2].to_lowercase().contains("range:"),
        "{}",
        seen[2]
    );
}

#[tokio::test]
async fn two_that_want_the_same_file_fetch_it_once() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let [one, other] = [(); 2].map(|()| Fetcher::new(folder.path(), None, crate::silent()).unwrap());
    let wanted = wanted(&base, b"0123456789", &["a"]);
    let seen = Mutex::new(Vec::new());
    let answers = [answer("200 OK", 10, b"0123456789")];
    let (first, second, ()) = tokio::join!(
        one.file(&wanted),
        other.file(&wanted),
        serve(&listener, &answers, &seen)
    );
    assert_eq!(first.unwrap(), second.unwrap());
    assert_eq!(seen.into_inner().unwrap().len(), 1);
}

#[tokio::test]
async fn a_silent_place_is_passed_over_soon() {
    let folder = tempfile::tempdir().unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let fetcher = Fetcher::new(folder.path(), None, crate::silent()).unwrap();
    let sum = hex::encode(Sha256::digest(b"program"));
    let answers = [
        answer("200 OK", sum.len(), sum.as_bytes()),
        answer("200 OK", 7, b""),
        answer("200 OK", 7, b"program"),
    ];
    let urls = [&silent, &listener].map(|one| format!("http://{}/kubectl", one.local_addr().unwrap()));
    let seen = Mutex::new(Vec::new());
    let began = tokio::time::Instant::now();
    let (path, ()) = tokio::join!(fetcher.published("kubectl", &urls), serve(&listener, &answers, &seen));
    assert_eq!(fs_err::read(path.unwrap()).unwrap(), b"program");
    assert!(began.elapsed() < SMALL_DEADLINE / 2, "{:?}", began.elapsed());
}

#[tokio::test]
async fn when_all_fail_the_error_quotes_each() {
    let answers = [answer("404 Not Found", 0, b""), answer("200 OK", 4, b"evil")];
    let (result, _) = run(&answers, &["first", "second"], b"good").await;
    let error = result.unwrap_err();
    assert!(
        error.contains("/first: 404") && error.contains("/second: content differs"),
        "{error}"
    );
}

#[tokio::test]
async fn a_published_program_is_what_its_sum_says() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let fetcher = Fetcher::new(folder.path(), None, crate::silent()).unwrap();
    let sum = hex::encode(Sha256::digest(b"program"));
    let answers = [
        answer("404 Not Found", 0, b""),
        answer("200 OK", sum.len(), sum.as_bytes()),
        answer("200 OK", 7, b""),
        answer("200 OK", 7, b"program"),
    ];
    let urls = ["first", "second"].map(|name| format!("{base}/{name}/kubectl"));
    let seen = Mutex::new(Vec::new());
    let (path, ()) = tokio::join!(fetcher.published("kubectl", &urls), serve(&listener, &answers, &seen));
    assert_eq!(fs_err::read(path.unwrap()).unwrap(), b"program");
    let seen = seen.into_inner().unwrap();
    assert!(seen[2].starts_with("HEAD /second/kubectl "), "{}", seen[2]);
}

#[tokio::test]
async fn a_program_that_differs_from_its_sum_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/kubectl", listener.local_addr().unwrap());
    let fetcher = Fetcher::new(folder.path(), None, crate::silent()).unwrap();
    let sum = hex::encode(Sha256::digest(b"program"));
    let answers = [
        answer("200 OK", sum.len(), sum.as_bytes()),
        answer("200 OK", 7, b""),
        answer("200 OK", 7, b"malware"),
    ];
    let seen = Mutex::new(Vec::new());
    let urls = [url];
    let (refused, ()) = tokio::join!(fetcher.published("kubectl", &urls), serve(&listener, &answers, &seen));
    assert!(refused.unwrap_err().to_string().contains("content differs"));
}
