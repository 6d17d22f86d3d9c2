//! `rkube node dns-check`: waits until the cluster's DNS answers through its service address. No resolver in between.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, UdpSocket};
use std::time::{Duration, Instant};

const PORT: u16 = 53;
/// Before the service has an endpoint, packets to it are refused or lost; the next one may not be.
const PER_TRY: Duration = Duration::from_millis(200);
const PAUSE: Duration = Duration::from_millis(15);
/// Question type `A`, class `IN`.
const A_IN: [u8; 4] = [0, 1, 0, 1];

/// Asks `server` for the addresses of `name` until it answers with one, for at most `seconds`.
pub fn run(server: &str, name: &str, seconds: &str) -> io::Result<()> {
    let invalid = |what: &str| io::Error::new(ErrorKind::InvalidInput, format!("{what:?} makes no sense here"));
    let server: IpAddr = server.parse().map_err(|_| invalid(server))?;
    let patience = Duration::from_secs(seconds.parse().map_err(|_| invalid(seconds))?);
    let question = question(name).ok_or_else(|| invalid(name))?;
    let end = Instant::now() + patience;
    loop {
        let seen = match ask(server, &question) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => "no answer".to_owned(),
            Err(error) => error.to_string(),
        };
        if Instant::now() >= end {
            return Err(io::Error::other(format!("{name} at {server}: {seen}")));
        }
        std::thread::sleep(PAUSE);
    }
}

fn ask(server: IpAddr, question: &[u8]) -> io::Result<()> {
    let any: IpAddr = if server.is_ipv4() {
        [0, 0, 0, 0].into()
    } else {
        [0_u16; 8].into()
    };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect((server, PORT))?;
    socket.set_read_timeout(Some(PER_TRY))?;
    socket.send(question)?;
    let mut answer = [0; 512];
    let length = socket.recv(&mut answer)?;
    verdict(&answer[..length])
}

/// An answer without an error that holds at least one record.
fn verdict(answer: &[u8]) -> io::Result<()> {
    let [_, _, _, flags, _, _, high, low, ..] = answer else {
        return Err(io::Error::new(ErrorKind::InvalidData, "a malformed answer"));
    };
    match (flags & 0x0f, u16::from_be_bytes([*high, *low])) {
        (0, 0) => Err(io::Error::other("an answer without an address")),
        (0, _) => Ok(()),
        (code, _) => Err(io::Error::other(format!("error code {code}"))),
    }
}

fn question(name: &str) -> Option<Vec<u8>> {
    // identifier, "recursion desired", one question
    let mut packet = vec![0x72, 0x6b, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.trim_end_matches('.').split('.') {
        let length = u8::try_from(label.len())
            .ok()
            .filter(|length| (1..64).contains(length))?;
        packet.push(length);
        packet.extend_from_slice(label.as_bytes());
    }
    packet.push(0);
    packet.extend_from_slice(&A_IN);
    Some(packet)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_labels_with_their_lengths() {
        let packet = question("a.bc").unwrap();
        assert_eq!(packet[12..], [1, b'a', 2, b'b', b'c', 0, 0, 1, 0, 1]);
        assert_eq!(question("a..b"), None);
        assert_eq!(question(&"x".repeat(64)), None);
    }

    #[test]
    fn only_an_answer_with_a_record_counts() {
        assert!(verdict(&[0, 0, 0x81, 0x80, 0, 1, 0, 1]).is_ok());
        assert!(verdict(&[0, 0, 0x81, 0x80, 0, 1, 0, 0]).is_err());
        assert!(
            verdict(&[0, 0, 0x81, 0x83, 0, 1, 0, 1])
                .unwrap_err()
                .to_string()
                .contains("code 3")
        );
        assert!(verdict(&[0, 0]).is_err());
    }
}
