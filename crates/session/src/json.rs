//! JSON strings written straight into a request's buffer.

/// Bytes looked at in one step. The compiler turns a step into a few vector instructions.
const STEP: usize = 32;

/// Appends `text` to `out` with the escapes that JSON demands, without the quotes around it. The same bytes as serde_json's.
///
/// Most text needs no escape for long runs, so that finding and copying those runs is what counts.
pub(crate) fn escape(text: &str, out: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    loop {
        let plain = plain_run(rest);
        out.extend_from_slice(&rest[..plain]);
        let Some(&byte) = rest.get(plain) else { return };
        escape_byte(byte, out);
        rest = &rest[plain + 1..];
    }
}

const fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// How many bytes at the start need no escape.
fn plain_run(bytes: &[u8]) -> usize {
    let mut run = 0;
    // Without an early end inside a step, or it is not turned into vector instructions.
    for step in bytes.chunks_exact(STEP) {
        if step.iter().fold(false, |found, &byte| found | needs_escape(byte)) {
            break;
        }
        run += STEP;
    }
    run + bytes[run..].iter().position(|&byte| needs_escape(byte)).unwrap_or(bytes.len() - run)
}

fn escape_byte(byte: u8, out: &mut Vec<u8>) {
    let short = match byte {
        b'"' => b'"',
        b'\\' => b'\\',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0C => b'f',
        _ => {
            let hex = |digit: u8| b"0123456789abcdef"[usize::from(digit)];
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', hex(byte >> 4), hex(byte & 0xF)]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn as_serde_writes_it(text: &str) {
        let mut ours = vec![b'"'];
        escape(text, &mut ours);
        ours.push(b'"');
        assert_eq!(String::from_utf8(ours).unwrap(), serde_json::to_string(text).unwrap());
    }

    #[test]
    fn every_ascii_character_is_escaped_as_serde_json_does() {
        for byte in 0..128_u8 {
            for before in [0, 1, STEP - 1, STEP, 2 * STEP] {
                as_serde_writes_it(&format!("{}{}tail", "x".repeat(before), char::from(byte)));
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_is_escaped_as_serde_json_does(text in "(?s).{0,200}", lines in "[a-z \"\\\\\n\u{7f}\u{2028}é👩]{0,200}") {
            as_serde_writes_it(&text);
            as_serde_writes_it(&lines);
        }
    }
}
