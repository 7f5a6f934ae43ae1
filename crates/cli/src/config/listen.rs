//! Where to listen: an address, or a name that stands for one.

use std::net::{SocketAddr, ToSocketAddrs};

/// Reads `127.0.0.1:3000` or `localhost:3000`. Of a name's addresses an IPv4 one is preferred: it is what proxies and health checks
/// are told most often.
pub(super) fn resolve(text: &str) -> Option<SocketAddr> {
    let text = text.trim();
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    let (host, port) = text.rsplit_once(':')?;
    if host.is_empty() || port.parse::<u16>().is_err() {
        return None;
    }
    let found: Vec<SocketAddr> = text.to_socket_addrs().ok()?.collect();
    found.iter().find(|address| address.is_ipv4()).or(found.first()).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_as_it_is_and_a_name_is_looked_up() {
        for (text, address) in
            [("127.0.0.1:3000", "127.0.0.1:3000"), ("[::1]:0", "[::1]:0"), (" localhost:80 ", "127.0.0.1:80")]
        {
            assert_eq!(resolve(text), Some(address.parse().unwrap()), "{text:?}");
        }
        for text in ["", "3000", ":3000", "localhost", "localhost:", "localhost:99999", "no such host:80"] {
            assert_eq!(resolve(text), None, "{text:?}");
        }
    }
}
