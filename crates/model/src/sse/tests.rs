use proptest::prelude::*;

use super::*;

fn events_of(pieces: &[&[u8]]) -> Result<Vec<String>, EventTooLong> {
    let mut seen = Vec::new();
    let mut note = |event: Event<'_>| {
        let name = if event.is_error { "!" } else { "" };
        seen.push(format!("{name}{}", String::from_utf8_lossy(event.data)));
        Ok(())
    };
    let mut parser = Parser::default();
    for piece in pieces {
        parser.push(piece, &mut note)?;
    }
    parser.finish(&mut note)?;
    Ok(seen)
}

#[track_caller]
fn check(stream: &str, events: &[&str]) {
    assert_eq!(events_of(&[stream.as_bytes()]).unwrap(), events, "{stream:?}");
    let bytes: Vec<&[u8]> = stream.as_bytes().chunks(1).collect();
    assert_eq!(events_of(&bytes).unwrap(), events, "byte by byte: {stream:?}");
}

#[test]
fn events_are_read_as_the_standard_says() {
    check("data: a\n\ndata: b\n\n", &["a", "b"]);
    check("data:a\n\n", &["a"]);
    check("data:  a \n\n", &[" a "]);
    check("data: a\r\n\r\ndata: b\r\n\r\n", &["a", "b"]);
    check("data: a\r\rdata: b\r\r", &["a", "b"]);
    check("\u{feff}data: a\n\n", &["a"]);
    check("data: \u{feff}a\n\n", &["\u{feff}a"]);
    check("data: a\ndata: b\ndata\ndata: c\n\n", &["a\nb\n\nc"]);
    check("data\n\n", &[""]);
    check(": ping\n\n: ping\n\ndata: a\n\n", &["a"]);
    check("id: 7\nretry: 10\nfoo: bar\nnonsense\ndata: a\n\n", &["a"]);
    check("event: error\ndata: a\n\ndata: b\n\n", &["!a", "b"]);
    check("data: a\nevent:error\n\n", &["!a"]);
    check("event: error\n\ndata: a\n\n", &["a"]);
    check("\n\n\ndata: é😀\n\n", &["é😀"]);
    check("", &[]);
}

#[test]
fn what_the_end_of_the_stream_left_open_is_still_given_out() {
    check("data: a\n\ndata: [DONE]\n", &["a", "[DONE]"]);
    check("data: a\n\ndata: [DONE]", &["a", "[DONE]"]);
    check("data: a\r\n\r\ndata: ha", &["a", "ha"]);
    check("data: a\n\nda", &["a"]);
}

#[test]
fn an_endless_line_or_event_is_refused_at_the_limit() {
    let fits = format!("data: {}\n\n", "x".repeat(EVENT_BYTES_MAX - 10));
    assert_eq!(events_of(&[fits.as_bytes()]).unwrap()[0].len(), EVENT_BYTES_MAX - 10);
    let endless = vec![b'x'; 64 * 1024];
    assert_eq!(events_of(&vec![&endless[..]; 20]), Err(EventTooLong));
    let lines = "data: 12345678901234567890\n".repeat(100_000);
    assert_eq!(events_of(&[lines.as_bytes()]), Err(EventTooLong));
}

#[test]
fn an_error_of_the_reader_stops_the_reading() {
    let mut seen = 0;
    let stopped = Parser::default().push(b"data: a\n\ndata: b\n\n", |_| {
        seen += 1;
        Err(EventTooLong)
    });
    assert_eq!((stopped, seen), (Err(EventTooLong), 1));
}

proptest! {
    #[test]
    fn any_split_of_the_bytes_gives_the_same_events(
        lines in prop::collection::vec("(data: ?[a-zé😀:]{0,6}|event: error|: hi|\u{feff}?)(\n|\r\n|\r)", 0..12),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let stream = lines.concat();
        let bytes = stream.as_bytes();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]).collect();
        prop_assert_eq!(events_of(&pieces), events_of(&[bytes]));
    }
}

#[test]
fn no_bytes_make_the_parser_panic() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let half = bytes.len() / 2;
        let whole = events_of(&[bytes]);
        assert_eq!(events_of(&[&bytes[..half], &bytes[half..]]), whole);
    });
}
