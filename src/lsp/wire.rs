//! Messages on the wire: a header with a length, and JSON. Whatever comes, the next message is found.

use std::io::{self, BufRead, Read as _, Write};

use serde_json::Value as Json;

/// Longest message: far above any file that is read.
const MOST: u64 = 64 << 20;
/// Longest line of a header.
const LINE: u64 = 4096;

/// The next message, or what is wrong with it. `None` at the end.
///
/// # Errors
/// The stream cannot be read.
pub(super) fn read(input: &mut impl BufRead) -> io::Result<Option<Result<Json, String>>> {
    let mut length = None;
    loop {
        let mut line = Vec::new();
        if input.by_ref().take(LINE).read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        let line = String::from_utf8_lossy(&line);
        match (line.trim(), length) {
            ("", Some(length)) => return body(input, length),
            (line, _) => length = length_of(line).or(length),
        }
    }
}

fn length_of(line: &str) -> Option<u64> {
    let (name, value) = line.split_once(':')?;
    name.trim().eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
}

fn body(input: &mut impl BufRead, length: u64) -> io::Result<Option<Result<Json, String>>> {
    if length > MOST {
        io::copy(&mut input.take(length), &mut io::sink())?;
        return Ok(Some(Err(format!("a message of {length} bytes is too long"))));
    }
    let mut bytes = Vec::new();
    input.take(length).read_to_end(&mut bytes)?;
    if (bytes.len() as u64) < length {
        return Ok(None);
    }
    Ok(Some(serde_json::from_slice(&bytes).map_err(|fault| fault.to_string())))
}

/// Writes a message.
///
/// # Errors
/// The stream cannot be written.
pub(super) fn write(output: &mut impl Write, message: &Json) -> io::Result<()> {
    let text = message.to_string();
    write!(output, "Content-Length: {}\r\n\r\n{text}", text.len())?;
    output.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(mut input: &[u8]) -> Vec<Result<Json, String>> {
        let mut found = Vec::new();
        while let Ok(Some(message)) = read(&mut input) {
            found.push(message);
        }
        found
    }

    #[test]
    fn what_is_written_is_read() {
        let mut wire = Vec::new();
        let message = serde_json::json!({"method": "ä"});
        assert!(write(&mut wire, &message).and_then(|()| write(&mut wire, &message)).is_ok());
        assert_eq!(all(&wire), [Ok(message.clone()), Ok(message)]);
    }

    #[test]
    fn after_garbage_the_next_message_is_found() {
        let found = all(
            b"hello\r\n\r\nContent-Length: 2\r\n\r\n{]content-length: 2 \r\nX: y\r\n\r\n{}Content-Length: 9\r\n\r\n{",
        );
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].is_err() && found[1] == Ok(serde_json::json!({})));
    }
}
