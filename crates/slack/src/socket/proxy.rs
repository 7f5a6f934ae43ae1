//! Through the proxy that the environment names (`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`), as the Web API's calls go.

use std::io;

use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::Matcher;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};

/// Longest answer of a proxy that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 8 << 10;
/// Where a proxy listens that names no port.
const PORT: u16 = 80;

/// A connection to `url` through the proxy for it; `None` when it is reached without one.
pub(super) async fn through(url: &str) -> io::Result<Option<TcpStream>> {
    // What is not encrypted is on loopback, in tests.
    let Some(rest) = url.strip_prefix("wss://") else { return Ok(None) };
    let target: Uri = format!("https://{rest}").parse().map_err(|_| io::Error::other("the address cannot be used"))?;
    let Some(proxy) = Matcher::from_env().intercept(&target) else { return Ok(None) };
    let (Some(host), Some("http")) = (proxy.uri().host(), proxy.uri().scheme_str()) else {
        return Err(io::Error::other("HTTPS_PROXY names a proxy that is not an http:// one"));
    };
    let mut line = TcpStream::connect((host, proxy.uri().port_u16().unwrap_or(PORT))).await?;
    let place = format!("{}:{}", target.host().unwrap_or_default(), target.port_u16().unwrap_or(443));
    ask(&mut line, &place, proxy.basic_auth()).await?;
    Ok(Some(line))
}

/// Asks the proxy on this line for a way to `place` (`CONNECT`); from then on it carries what is said to that place.
async fn ask(
    line: &mut (impl AsyncRead + AsyncWrite + Unpin),
    place: &str,
    login: Option<&HeaderValue>,
) -> io::Result<()> {
    let mut request = format!("CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n").into_bytes();
    if let Some(login) = login {
        request.extend([b"Proxy-Authorization: ", login.as_bytes(), b"\r\n"].concat());
    }
    request.extend(b"\r\n");
    line.write_all(&request).await?;
    let mut answer = Vec::new();
    // Byte by byte: what stands behind the answer is the place's, and must not be taken.
    while !answer.ends_with(b"\r\n\r\n") {
        if answer.len() == ANSWER_BYTES_MAX {
            return Err(io::Error::other("the proxy's answer is too long"));
        }
        answer.push(line.read_u8().await?);
    }
    let status = answer.split(|byte| *byte == b' ').nth(1).and_then(|word| std::str::from_utf8(word).ok());
    match status {
        Some(good) if good.starts_with('2') && good.len() == 3 => Ok(()),
        Some("407") => {
            Err(io::Error::other("the proxy wants a login; write it into HTTPS_PROXY (http://user:password@host:port)"))
        }
        _ => Err(io::Error::other("the proxy named by HTTPS_PROXY refuses to connect to Slack")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a proxy that answers so is asked, and what came of it.
    async fn asked(answer: &'static str, login: Option<&HeaderValue>) -> (String, io::Result<()>) {
        let (mut ours, mut proxy) = tokio::io::duplex(1024);
        let proxy = tokio::spawn(async move {
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(proxy.read_u8().await.unwrap());
            }
            proxy.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8(request).unwrap()
        });
        let result = ask(&mut ours, "wss.slack.test:443", login).await;
        if result.is_ok() {
            assert_eq!(ours.read_u8().await.unwrap(), b'!', "the first byte of the place is left on the line");
        }
        (proxy.await.unwrap(), result)
    }

    #[tokio::test]
    async fn a_proxy_is_asked_for_a_way_and_what_comes_then_is_slacks() {
        let login = HeaderValue::from_static("Basic dTpw");
        let (request, result) = asked("HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n!", Some(&login)).await;
        result.unwrap();
        assert_eq!(
            request,
            "CONNECT wss.slack.test:443 HTTP/1.1\r\nHost: wss.slack.test:443\r\nProxy-Authorization: Basic dTpw\r\n\r\n"
        );
    }

    #[tokio::test]
    async fn a_proxy_that_refuses_is_said() {
        for (answer, says) in [
            ("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "wants a login"),
            ("HTTP/1.1 403 Forbidden\r\n\r\n", "refuses to connect"),
            ("nonsense\r\n\r\n", "refuses to connect"),
            ("", "end of file"),
        ] {
            let error = asked(answer, None).await.1.unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }
}
