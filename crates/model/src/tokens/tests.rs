use proptest::prelude::*;

use super::*;

/// Counts that OpenAI publishes for its own tokenizers; what looks like a special token is text.
#[test]
fn texts_are_counted_as_openai_does() {
    let table = [
        ("", 0, 0),
        ("hello world", 2, 2),
        ("a\n\nb", 3, 3),
        ("tiktoken is great!", 6, 6),
        ("antidisestablishmentarianism", 6, 6),
        ("2 + 2 = 4", 7, 7),
        ("お誕生日おめでとう", 8, 9),
        ("<|endoftext|>", 7, 7),
    ];
    for (text, o200k, cl100k) in table {
        let counted = (TiktokenCounter::o200k().count(text), TiktokenCounter::cl100k().count(text));
        assert_eq!(counted, (o200k, cl100k), "{text:?}");
    }
}

#[test]
fn the_vocabulary_follows_the_model_s_name() {
    let check = |model: &str, vocabulary: Option<Vocabulary>| {
        assert_eq!(TiktokenCounter::for_model(model).map(|counter| counter.vocabulary), vocabulary, "{model}");
    };
    for model in
        ["gpt-4o", "gpt-4o-2024-08-06", "gpt-4o-mini", "gpt-4.1", "gpt-5-mini", "o3", "o4-mini", "gpt-oss-20b", "gpt-9"]
    {
        check(model, Some(Vocabulary::O200k));
    }
    check("openai/gpt-4o", Some(Vocabulary::O200k));
    check("ft:gpt-4o-mini:acme::abc", Some(Vocabulary::O200k));
    for model in ["gpt-4", "gpt-4-turbo", "gpt-3.5-turbo", "azure/gpt-4"] {
        check(model, Some(Vocabulary::Cl100k));
    }
    for model in ["", "llama3.2", "mistral-large", "claude-x", "text-davinci-003", "meta/gpt"] {
        check(model, None);
    }
}

#[test]
fn an_estimate_is_rather_too_high_than_too_low() {
    let texts = [
        "The quick brown fox jumps over the lazy dog, and nobody knows why it should.",
        "Können wir die Besprechung auf Donnerstag verschieben? Die Unterlagen fehlen noch.",
        "fn main() { let x: Vec<u32> = (0..10).map(|i| i * 2).collect(); println!(\"{x:?}\"); }",
        "明日の会議は何時からですか。資料を共有してください。",
        "Привет! Как дела? Что нового у нас в проекте?",
        "1234567890 3.14159 2026-11-22T13:55:00Z 550e8400-e29b-41d4-a716-446655440000",
        "😀😀 👩‍👩‍👧 ok 🚀",
    ];
    for text in texts {
        let estimate = BytesEstimate.count(text);
        for counter in [TiktokenCounter::o200k(), TiktokenCounter::cl100k()] {
            let tokens = counter.count(text);
            assert!(tokens <= estimate && estimate <= 4 * tokens, "{tokens} tokens, estimated {estimate}: {text}");
        }
    }
}

#[test]
fn long_and_odd_texts_are_counted_too() {
    for text in ["a", " ", "\n", "a ", "é", "😀", "<|endoftext|>", " \t", "=", "\u{301}", "ab1 "] {
        let long = text.repeat(300_000 / text.len());
        for counter in [TiktokenCounter::o200k(), TiktokenCounter::cl100k()] {
            let tokens = counter.count(&long);
            assert!(tokens > 0 && tokens <= long.len(), "{text:?}: {tokens}");
        }
    }
    let prose = "Some words, and then some more of them. ".repeat(10_000);
    let (whole, pieces) = (o200k_base_singleton().count_ordinary(&prose), TiktokenCounter::o200k().count(&prose));
    assert!(pieces >= whole && pieces <= whole + 8 * 2, "{whole} against {pieces}");
}

proptest! {
    #[test]
    fn no_text_has_more_tokens_than_bytes(text in ".{0,200}") {
        for model in ["gpt-4o", "gpt-4", "llama3.2"] {
            let tokens = counter_for(model).count(&text);
            prop_assert!(tokens <= text.len() && (tokens > 0 || text.is_empty()), "{model}: {tokens}");
        }
    }
}
