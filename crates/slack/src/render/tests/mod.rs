mod fences;
mod harm;
mod parts;
mod tables;

use proptest::prelude::*;

use super::*;

/// The parts of a text that comes in the given pieces.
fn streamed<'a>(deltas: impl IntoIterator<Item = &'a str>, limits: PartLimits) -> Rendered {
    let mut renderer = Renderer::new(limits);
    let mut outs = Vec::new();
    for delta in deltas {
        outs.extend(renderer.push(delta));
    }
    outs.extend(renderer.finish());
    Rendered::collect(outs, renderer.seams())
}

/// Small parts, so that short texts have many.
fn limits() -> impl Strategy<Value = PartLimits> {
    (PartLimits::CHARS_LEAST..600, PartLimits::BYTES_LEAST..900)
        .prop_map(|(chars_max, bytes_max)| PartLimits { chars_max, bytes_max })
}

/// What the machines look for, whole and in halves.
const TOKENS: &str = "<!here>¦<!channel¦&lt;!everyone¦&#60;!here¦<\\!here>¦<!subteam^S1>¦<@U1¦<#C1|x>¦@here¦@channel¦@group¦@everyone\
    ¦a@here.b¦@hereafter¦&#64;here¦@&#104;ere¦&#x202e;¦<¦&¦@¦!¦\\¦&lt¦here¦\r¦\n¦\n\n¦\r\n¦```¦````¦~~~¦```rust\n¦   ```¦\n```\n\
    ¦\n~~~\n¦`¦ ¦    ¦\0¦\u{202E}¦\u{FEFF}¦\u{200B}¦\u{1F3F4}\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}¦\u{E0041}¦\u{1F3F4}\
    ¦\u{E0067}¦\u{FE0F}¦👩🏽‍💻¦e\u{301}¦大家¦。¦| a | b |\n|---|---|\n¦- ¦1. ¦> ";

fn token() -> impl Strategy<Value = String> {
    proptest::sample::select(TOKENS.split('¦').map(String::from).collect::<Vec<_>>())
}

const SMALL: PartLimits = PartLimits { chars_max: 1_000, bytes_max: 3_000 };

/// Texts full of what the machines look for, whole, broken and in bulk.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => token(),
        2 => "[a-z ]{1,12}",
        2 => any::<char>().prop_map(String::from),
        1 => (token(), 1..80usize).prop_map(|(token, times)| token.repeat(times)),
        1 => ("[a-z]{1,9}[ \n]?", 1..120usize).prop_map(|(word, times)| word.repeat(times)),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// A text and where to split it.
fn split() -> impl Strategy<Value = (String, Vec<proptest::sample::Index>)> {
    (hostile(), proptest::collection::vec(any::<proptest::sample::Index>(), 0..12))
}

fn deltas<'a>(text: &'a str, at: &[proptest::sample::Index]) -> Vec<&'a str> {
    let mut ends: Vec<usize> = at.iter().map(|at| text.floor_char_boundary(at.index(text.len() + 1))).collect();
    ends.push(text.len());
    ends.sort_unstable();
    let begins = std::iter::once(0).chain(ends.clone());
    begins.zip(ends).map(|(begin, end)| &text[begin..end]).collect()
}
