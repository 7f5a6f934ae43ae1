use super::*;

fn config(base_url: &str) -> ModelConfig {
    ModelConfig { base_url: base_url.to_owned(), api_key: Some("k-1".to_owned().into()), ..ModelConfig::default() }
}

#[test]
fn the_request_goes_to_the_right_place() {
    let check = |base_url: &str, url: &str, shown: &str| {
        let endpoint = Endpoint::of(&config(base_url)).unwrap();
        assert_eq!((endpoint.url.as_str(), endpoint.shown.as_str()), (url, shown));
    };
    let openai = "https://api.openai.com/v1/chat/completions";
    check("https://api.openai.com/v1", openai, "https://api.openai.com/v1");
    check(" https://api.openai.com/v1/ ", openai, "https://api.openai.com/v1");
    check("https://api.openai.com/v1/chat/completions", openai, "https://api.openai.com/v1");
    check("http://localhost:8080", "http://localhost:8080/chat/completions", "http://localhost:8080/");
    check("http://[::1]:8080/v1", "http://[::1]:8080/v1/chat/completions", "http://[::1]:8080/v1");
    check(
        "https://x.openai.azure.com/openai/deployments/gpt%204o/?api-version=2024-10-21#top",
        "https://x.openai.azure.com/openai/deployments/gpt%204o/chat/completions?api-version=2024-10-21",
        "https://x.openai.azure.com/openai/deployments/gpt%204o",
    );
    check("https://me:pw@host/v1?key=s", "https://me:pw@host/v1/chat/completions?key=s", "https://host/v1");
}

#[test]
fn the_key_goes_into_the_header_that_the_server_wants() {
    let check = |base_url: &str, which: KeyHeader, name: &str, value: &str| {
        let endpoint = Endpoint::of(&ModelConfig { key_header: which, ..config(base_url) }).unwrap();
        let (header, set) = endpoint.key.unwrap();
        assert_eq!((header.as_str(), set.to_str().unwrap(), set.is_sensitive()), (name, value, true), "{base_url}");
    };
    check("https://api.openai.com/v1", KeyHeader::Auto, "authorization", "Bearer k-1");
    check("https://x.openai.azure.com/openai/v1", KeyHeader::Auto, "api-key", "k-1");
    check("https://x.openai.azure.com/openai/v1", KeyHeader::Bearer, "authorization", "Bearer k-1");
    check("https://azure.example.org/openai/v1", KeyHeader::ApiKey, "api-key", "k-1");
    check("https://openai.azure.com.example.org/v1", KeyHeader::Auto, "authorization", "Bearer k-1");
}

#[test]
fn an_empty_key_is_none_and_white_space_around_one_is_no_part_of_it() {
    let key = |key: &str| {
        let config = ModelConfig { api_key: Some(key.to_owned().into()), ..ModelConfig::default() };
        Endpoint::of(&config).unwrap().key.map(|(_, value)| value.to_str().unwrap().to_owned())
    };
    assert_eq!(key(" \n"), None);
    assert_eq!(key("k-1\n").as_deref(), Some("Bearer k-1"));
}

#[test]
fn a_configuration_that_cannot_work_is_refused_with_the_name_of_the_setting() {
    let check = |wrong: ModelConfig, setting: &str| {
        let told = Endpoint::of(&wrong).unwrap_err().to_string();
        assert!(told.starts_with("the model is not set up right: ") && told.contains(setting), "{told}");
        assert!(!told.contains("hunter"), "{told}");
    };
    for base_url in
        ["", "api.openai.com/v1", "localhost:8080/v1", "ftp://host/v1", "http://", "file:///v1", "not a url"]
    {
        check(config(base_url), "model.base_url / OPENAI_BASE_URL");
    }
    let ok = ModelConfig::default;
    check(ModelConfig { name: " ".to_owned(), ..ok() }, "model.name");
    for temperature in [-0.1, 2.1, f32::NAN, f32::INFINITY] {
        check(ModelConfig { temperature: Some(temperature), ..ok() }, "model.temperature");
    }
    check(ModelConfig { max_tokens: Some(0), ..ok() }, "model.max_tokens");
    check(ModelConfig { turn_max: Duration::ZERO, ..ok() }, "model.turn_max");
    check(ModelConfig { api_key: Some("hunter\n2".to_owned().into()), ..ok() }, "model.api_key");
}

#[test]
fn debug_shows_no_key() {
    assert!(
        !format!("{:?} {:?}", config("http://h/v1"), Endpoint::of(&config("http://h/v1")).unwrap()).contains("k-1")
    );
}

#[test]
fn loopback_is_recognised() {
    for (url, loopback) in [
        ("http://localhost:1/v1", true),
        ("http://127.0.0.5/v1", true),
        ("http://[::1]:1/v1", true),
        ("http://127.0.0.1.example.org/v1", false),
        ("https://api.openai.com/v1", false),
    ] {
        assert_eq!(Endpoint::of(&config(url)).unwrap().is_loopback(), loopback, "{url}");
    }
}
