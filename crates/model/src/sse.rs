//! Server-sent events, as the WHATWG standard defines them, from bytes that may be split anywhere.

/// Largest event, and largest line, in bytes (1 MiB). A chat-completions chunk has a few hundred.
pub(crate) const EVENT_BYTES_MAX: usize = 1 << 20;

const BOM: &[u8] = "\u{feff}".as_bytes();

/// One event: what stood behind its `data:` fields, and whether its name was `error`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Event<'a> {
    pub(crate) data: &'a [u8],
    pub(crate) is_error: bool,
}

/// An event or a line grew past [`EVENT_BYTES_MAX`].
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct EventTooLong;

/// Turns bytes into events in linear time. Ends of line may be LF, CR LF or CR, a byte-order mark may come first, and
/// comments, ids, retry times and fields it does not know are skipped.
#[derive(Debug, Default)]
pub(crate) struct Parser {
    /// The beginning of a line whose end has not come yet.
    line: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    is_error: bool,
    /// The last byte was a CR: an LF that follows belongs to it.
    after_cr: bool,
    /// The first line is over, so that no byte-order mark can follow.
    begun: bool,
}

impl Parser {
    /// Reads on in `bytes` and gives each event that became complete to `on_event`. Stops at the first event that
    /// fails.
    pub(crate) fn push<E: From<EventTooLong>>(
        &mut self,
        mut bytes: &[u8],
        mut on_event: impl FnMut(Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if bytes.is_empty() {
            return Ok(());
        }
        if std::mem::take(&mut self.after_cr) {
            bytes = bytes.strip_prefix(b"\n").unwrap_or(bytes);
        }
        while let Some(end) = bytes.iter().position(|b| matches!(b, b'\n' | b'\r')) {
            let (line, ending) = bytes.split_at(end);
            bytes = match ending {
                [b'\r', b'\n', rest @ ..] => rest,
                [b'\r'] => {
                    self.after_cr = true;
                    &[]
                }
                _ => &ending[1..],
            };
            self.end_line(line, &mut on_event)?;
        }
        self.grow_line(bytes)?;
        Ok(())
    }

    /// The bytes are over. What was left without its blank line is given out all the same: whoever reads it can tell a
    /// whole JSON text from half of one, and some servers leave the last line end out.
    pub(crate) fn finish<E: From<EventTooLong>>(
        &mut self,
        mut on_event: impl FnMut(Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.end_line(b"", &mut on_event)?;
        self.dispatch(&mut on_event)
    }

    fn grow_line(&mut self, rest: &[u8]) -> Result<(), EventTooLong> {
        if self.line.len() + rest.len() > EVENT_BYTES_MAX {
            return Err(EventTooLong);
        }
        self.line.extend_from_slice(rest);
        Ok(())
    }

    fn end_line<E: From<EventTooLong>>(
        &mut self,
        end: &[u8],
        on_event: &mut impl FnMut(Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.line.is_empty() {
            return self.take_line(end, on_event);
        }
        self.grow_line(end)?;
        let mut line = std::mem::take(&mut self.line);
        let taken = self.take_line(&line, on_event);
        line.clear();
        self.line = line;
        taken
    }

    fn take_line<E: From<EventTooLong>>(
        &mut self,
        mut line: &[u8],
        on_event: &mut impl FnMut(Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if !std::mem::replace(&mut self.begun, true) {
            line = line.strip_prefix(BOM).unwrap_or(line);
        }
        if line.is_empty() {
            return self.dispatch(on_event);
        }
        let (field, value) = match line.iter().position(|&b| b == b':') {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &b""[..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => {
                if self.data.len() + value.len() >= EVENT_BYTES_MAX {
                    return Err(EventTooLong.into());
                }
                if std::mem::replace(&mut self.has_data, true) {
                    self.data.push(b'\n');
                }
                self.data.extend_from_slice(value);
            }
            b"event" => self.is_error = value == b"error",
            _ => {}
        }
        Ok(())
    }

    fn dispatch<E>(&mut self, on_event: &mut impl FnMut(Event<'_>) -> Result<(), E>) -> Result<(), E> {
        let is_error = std::mem::take(&mut self.is_error);
        if !std::mem::take(&mut self.has_data) {
            return Ok(());
        }
        let told = on_event(Event { data: &self.data, is_error });
        self.data.clear();
        told
    }
}

#[cfg(test)]
mod tests;
