//! Who may come in: a browser on this machine that was given the link.
//!
//! The key in the link becomes a cookie. Another site's page cannot read or send anything: its `Host` is another (DNS rebinding),
//! its `Origin` is another (forms and scripts), and the cookie is not sent along.

use axum::http::{HeaderMap, Method, Uri, header};

/// What to do with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It comes in.
    Pass,
    /// It brought the key: it gets the cookie, and is sent where it wanted, without the key.
    Welcome {
        /// The value of `Set-Cookie`.
        cookie: String,
        /// Where to go.
        to: String,
    },
    /// It does not, for this reason.
    Refuse(&'static str),
}

/// How the page looks: the same for everybody, so a refusal is drawn with it too.
const LOOKS: &[&str] = &["/page.css", "/icon.svg"];

#[derive(Debug)]
pub(crate) struct Door {
    port: u16,
    key: String,
}

impl Door {
    pub(crate) fn new(port: u16) -> Self {
        Self { port, key: format!("{:032x}", rand::random::<u128>()) }
    }

    pub(crate) fn link(&self) -> String {
        format!("http://127.0.0.1:{}/?key={}", self.port, self.key)
    }

    pub(crate) fn check(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Verdict {
        let host = text(headers, header::HOST).unwrap_or_default();
        if !["127.0.0.1", "localhost", "[::1]"].iter().any(|name| host == format!("{name}:{}", self.port)) {
            return Verdict::Refuse("This page answers to this machine only, at the address that the demo printed.");
        }
        if !matches!(*method, Method::GET | Method::HEAD | Method::POST) {
            return Verdict::Refuse("This page knows GET and POST only.");
        }
        if method == Method::POST && text(headers, header::ORIGIN) != Some(&format!("http://{host}")) {
            return Verdict::Refuse("This came from another page.");
        }
        if self.has_cookie(headers) || (method == Method::GET && LOOKS.contains(&uri.path())) {
            return Verdict::Pass;
        }
        let given = uri.query().unwrap_or_default().split('&').find_map(|pair| pair.strip_prefix("key="));
        if method == Method::GET && given == Some(self.key.as_str()) {
            // Lax: the link may be clicked in a program that is itself a page.
            let cookie = format!("{}={}; Path=/; HttpOnly; SameSite=Lax", self.cookie(), self.key);
            return Verdict::Welcome { cookie, to: uri.path().to_owned() };
        }
        Verdict::Refuse("Open the link that `chathakase demo` printed: it holds the key to this page.")
    }

    fn has_cookie(&self, headers: &HeaderMap) -> bool {
        let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let ours = format!("{}={}", self.cookie(), self.key);
        all.flat_map(|cookies| cookies.split(';')).any(|cookie| cookie.trim() == ours)
    }

    /// Cookies of one machine are shared by all its ports.
    fn cookie(&self) -> String {
        format!("chathakase_demo_{}", self.port)
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = "127.0.0.1:7777";

    fn door() -> Door {
        Door { port: 7777, key: "k3y".into() }
    }

    #[track_caller]
    fn check(method: Method, path: &str, headers: &[(&str, &str)], passes: bool) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(header::HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        let verdict = door().check(&method, &path.parse().unwrap(), &map);
        assert_eq!(verdict == Verdict::Pass, passes, "{method} {path} {headers:?}: {verdict:?}");
    }

    const COOKIE: (&str, &str) = ("cookie", "a=b; chathakase_demo_7777=k3y");

    #[test]
    fn whoever_has_the_cookie_comes_in_from_this_machine_only() {
        check(Method::GET, "/", &[("host", HERE), COOKIE], true);
        check(Method::GET, "/", &[("host", "localhost:7777"), COOKIE], true);
        check(Method::GET, "/", &[("host", HERE)], false);
        check(Method::GET, "/", &[("host", HERE), ("cookie", "chathakase_demo_7777=other")], false);
        check(Method::GET, "/", &[("host", HERE), ("cookie", "chathakase_demo_1=k3y")], false);
        check(Method::GET, "/", &[COOKIE], false);
        for rebound in ["evil.example:7777", "127.0.0.1", "127.0.0.1:80", "localhost.evil.example:7777"] {
            check(Method::GET, "/", &[("host", rebound), COOKIE], false);
        }
    }

    #[test]
    fn what_changes_something_must_come_from_the_page_itself() {
        check(Method::POST, "/do/say", &[("host", HERE), ("origin", "http://127.0.0.1:7777"), COOKIE], true);
        check(Method::POST, "/do/say", &[("host", HERE), ("origin", "http://127.0.0.1:7777")], false);
        for foreign in
            ["http://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1:7777", "http://localhost:7777"]
        {
            check(Method::POST, "/do/say", &[("host", HERE), ("origin", foreign), COOKIE], false);
        }
        check(Method::POST, "/do/say", &[("host", HERE), COOKIE], false);
        check(Method::POST, "/do/say?key=k3y", &[("host", HERE), ("origin", "http://127.0.0.1:7777")], false);
        check(Method::DELETE, "/", &[("host", HERE), COOKIE], false);
    }

    #[test]
    fn the_link_is_good_for_a_cookie_and_leaves_no_key_in_the_address() {
        let headers: HeaderMap = [(header::HOST, HERE.parse().unwrap())].into_iter().collect();
        let verdict = door().check(&Method::GET, &"/ana?key=k3y".parse().unwrap(), &headers);
        let Verdict::Welcome { cookie, to } = verdict else { panic!("{verdict:?}") };
        assert_eq!(
            (cookie.as_str(), to.as_str()),
            ("chathakase_demo_7777=k3y; Path=/; HttpOnly; SameSite=Lax", "/ana")
        );
        for wrong in ["/?key=", "/?key=k3", "/?akey=k3y", "/?key=k3yy"] {
            let verdict = door().check(&Method::GET, &wrong.parse().unwrap(), &headers);
            assert!(matches!(verdict, Verdict::Refuse(_)), "{wrong}: {verdict:?}");
        }
    }

    #[test]
    fn every_start_has_a_key_of_its_own() {
        let keys = [Door::new(1).link(), Door::new(1).link()];
        assert!(keys[0] != keys[1] && keys[0].len() == "http://127.0.0.1:1/?key=".len() + 32, "{keys:?}");
    }
}
