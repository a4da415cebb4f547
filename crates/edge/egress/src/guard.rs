//! Which addresses may be reached: none inside, unless it is allowed, whatever form they are written in and
//! whatever a name resolves to at the moment.
//!
//! | address | reached |
//! | --- | --- |
//! | of the public internet | always |
//! | loopback, private, shared (CGNAT), unique local, test networks | with `allow_private = true` |
//! | unspecified, link-local, metadata services, multicast, reserved | with `allow_private = true`, and only where the URL names that very address |
//!
//! Forms of IPv6 that carry an IPv4 address count as that address.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::Pin,
    sync::Arc,
};

use reqwest::{
    Url,
    dns::{Addrs, Name, Resolve, Resolving},
};

/// The address is not to be reached.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{host} is {} ({address}); {}", .reach.what(), .reach.hint())]
pub struct Inside {
    host: String,
    address: IpAddr,
    reach: Reach,
}

/// Who an address belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    /// The public internet.
    Public,
    /// The own network.
    Private,
    /// This machine's link or its cloud, or nobody.
    Local,
}

impl Reach {
    const fn what(self) -> &'static str {
        match self {
            Self::Public => "a public address",
            Self::Private => "a private address",
            Self::Local => "an address of this link, a metadata service or nobody",
        }
    }

    const fn hint(self) -> &'static str {
        match self {
            Self::Public | Self::Private => "allow_private = true would reach it",
            Self::Local => "allow_private = true would reach it where the URL names the address itself",
        }
    }

    fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::of_v4(address),
            IpAddr::V6(address) => Self::of_v6(address),
        }
    }

    /// IANA IPv4 special-purpose registry, and the metadata services that stand outside 169.254.0.0/16.
    fn of_v4(address: Ipv4Addr) -> Self {
        match address.octets() {
            [0 | 224..=255, ..] | [169, 254, ..] | [100, 100, 100, 200] | [192, 0, 0, 192] => Self::Local,
            [10 | 127, ..]
            | [100, 64..=127, ..]
            | [172, 16..=31, ..]
            | [192, 0, 0 | 2, _]
            | [192, 88, 99, _]
            | [192, 168, ..]
            | [198, 18..=19, ..]
            | [198, 51, 100, _]
            | [203, 0, 113, _] => Self::Private,
            _ => Self::Public,
        }
    }

    /// Global unicast only (2000::/3), less what lies in it for special purposes.
    fn of_v6(address: Ipv6Addr) -> Self {
        let v4 = |high: u16, low: u16| Self::of_v4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)));
        match address.segments() {
            // Mapped (::ffff:a.b.c.d), translated (::ffff:0:a.b.c.d) and NAT64 (64:ff9b::a.b.c.d).
            [0, 0, 0, 0, 0, 0xffff, high, low]
            | [0, 0, 0, 0, 0xffff, 0, high, low]
            | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => v4(high, low),
            // 6to4.
            [0x2002, high, low, ..] => v4(high, low),
            // ISATAP: the interface is the IPv4 address, in whatever network.
            [.., 0 | 0x0200, 0x5efe, high, low] => v4(high, low).max(Self::Private),
            [0, 0, 0, 0, 0, 0, 0, 1] => Self::Private,
            // Metadata of a cloud, in the unique local addresses.
            [0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254] => Self::Local,
            [0xfc00..=0xfdff, ..] => Self::Private,
            // Teredo, benchmarking, ORCHID (2001::/23): tunnels and nobody.
            [0x2001, 0..=0x01ff, ..] => Self::Local,
            // Documentation.
            [0x2001, 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] => Self::Private,
            [0x2000..=0x3fff, ..] => Self::Public,
            _ => Self::Local,
        }
    }
}

/// What one URL may reach; cheap to copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guard {
    allow_private: bool,
    /// The address that the URL names.
    named: Option<IpAddr>,
}

impl Guard {
    /// What this URL may reach.
    #[must_use]
    pub fn new(url: &Url, allow_private: bool) -> Self {
        let host = url.host_str().unwrap_or_default();
        Self { allow_private, named: host.trim_start_matches('[').trim_end_matches(']').parse().ok() }
    }

    /// What names may lead to.
    pub(crate) const fn of_names(allow_private: bool) -> Self {
        Self { allow_private, named: None }
    }

    /// Refuses a URL whose host is an address that may not be reached. (Names are checked when they are resolved.)
    ///
    /// # Errors
    /// [`Inside`], with what would allow it.
    pub fn check_url(self) -> Result<(), Inside> {
        self.named.map_or(Ok(()), |address| self.check(&address.to_string(), address))
    }

    fn check(self, host: &str, address: IpAddr) -> Result<(), Inside> {
        let reach = Reach::of(address);
        let allowed = match reach {
            Reach::Public => true,
            Reach::Private => self.allow_private,
            Reach::Local => self.allow_private && self.named == Some(address),
        };
        if allowed { Ok(()) } else { Err(Inside { host: host.to_owned(), address, reach }) }
    }
}

/// The addresses of a name at the moment.
pub type Found = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// Who knows the addresses of names; replaced in tests.
pub trait Lookup: Send + Sync + 'static {
    /// Asks now; nothing is remembered between two questions.
    fn lookup(&self, name: &str) -> Found;
}

/// The system's resolver.
#[derive(Debug, Clone, Copy)]
pub(crate) struct System;

impl Lookup for System {
    fn lookup(&self, name: &str) -> Found {
        let name = name.to_owned();
        Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.collect()) })
    }
}

/// Resolves names and hands on only addresses that were checked: the connection goes to one of these, so that a name
/// cannot change between check and use. One address inside makes the whole answer suspect.
#[derive(Debug)]
pub(crate) struct Checked<L> {
    pub(crate) guard: Guard,
    pub(crate) lookup: Arc<L>,
}

impl<L: Lookup> Resolve for Checked<L> {
    fn resolve(&self, name: Name) -> Resolving {
        let (guard, found) = (self.guard, self.lookup.lookup(name.as_str()));
        Box::pin(async move {
            let found = found.await?;
            for address in &found {
                guard.check(name.as_str(), address.ip())?;
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(address: &str) -> Reach {
        Reach::of(address.parse().unwrap())
    }

    #[test]
    fn every_special_network_is_known_by_its_edges() {
        let private = [
            ("10.0.0.0", "10.255.255.255"),
            ("100.64.0.0", "100.127.255.255"),
            ("127.0.0.0", "127.255.255.255"),
            ("172.16.0.0", "172.31.255.255"),
            ("192.0.0.0", "192.0.0.8"),
            ("192.0.2.0", "192.0.2.255"),
            ("192.88.99.0", "192.88.99.255"),
            ("192.168.0.0", "192.168.255.255"),
            ("198.18.0.0", "198.19.255.255"),
            ("198.51.100.0", "203.0.113.255"),
            ("::1", "::ffff:127.0.0.1"),
            ("fc00::", "fdff:ffff::1"),
            ("2001:db8::", "2001:db8:ffff::1"),
            ("2002:7f00:1::", "2002:a00:1::"),
            ("64:ff9b::7f00:1", "64:ff9b::a00:1"),
            ("2606:4700::5efe:7f00:1", "2606:4700::200:5efe:101:101"),
        ];
        let local = [
            ("0.0.0.0", "0.255.255.255"),
            ("169.254.0.0", "169.254.169.254"),
            ("224.0.0.0", "255.255.255.255"),
            ("100.100.100.200", "192.0.0.192"),
            ("::", "::127.0.0.1"),
            ("fe80::", "febf::1"),
            ("fec0::1", "ff02::1"),
            ("fd00:ec2::254", "100::1"),
            ("2001::1", "2001:1ff:ffff::1"),
            ("64:ff9b::a9fe:a9fe", "64:ff9b:1::7f00:1"),
            ("::ffff:169.254.169.254", "::ffff:0:a9fe:a9fe"),
            ("2002:a9fe:a9fe::", "4000::1"),
        ];
        let public = [
            ("9.255.255.255", "11.0.0.0"),
            ("100.63.255.255", "100.128.0.0"),
            ("126.255.255.255", "128.0.0.0"),
            ("172.15.255.255", "172.32.0.0"),
            ("169.253.255.255", "169.255.0.0"),
            ("192.167.255.255", "192.169.0.0"),
            ("198.17.255.255", "198.20.0.0"),
            ("1.1.1.1", "223.255.255.255"),
            ("2606:4700::1111", "2a00:1450::1"),
            ("::ffff:1.1.1.1", "64:ff9b::101:101"),
            ("2001:200::1", "2002:101:101::1"),
        ];
        for (expected, pairs) in
            [(Reach::Private, &private[..]), (Reach::Local, &local[..]), (Reach::Public, &public[..])]
        {
            for (low, high) in pairs {
                assert_eq!((reach(low), reach(high)), (expected, expected), "{low} {high}");
            }
        }
    }

    /// Spellings of addresses that nobody outside may make a webhook reach.
    const SPELLINGS: &[&str] = &[
        // Loopback, as it is and in other bases.
        "http://127.0.0.1/",
        "http://127.0.0.1:22/",
        "http://127.0.0.1./",
        "http://127.1/",
        "http://127.0.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7F.0x0.0x0.0x1/",
        "http://0x7f.1/",
        "http://017700000001/",
        "http://0177.0.0.1/",
        "http://0177.0.0x0.1/",
        "http://00000177.0.0.1/",
        "http://127.255.255.254/",
        // Nobody's address is this machine's, too.
        "http://0/",
        "http://0.0.0.0/",
        "http://0x0/",
        // Private and shared networks.
        "http://10.0.0.1/",
        "http://167772161/",
        "http://012.1/",
        "http://172.16.0.1/",
        "http://172.31.255.255/",
        "http://192.168.1.1/",
        "http://0xc0a80101/",
        "http://3232235777/",
        "http://100.64.0.1/",
        "http://198.18.0.1/",
        // Metadata.
        "http://169.254.169.254/latest/meta-data/",
        "http://2852039166/",
        "http://0xa9fea9fe/",
        "http://0251.0376.0251.0376/",
        "http://169.254.43518/",
        "http://100.100.100.200/",
        "http://[fd00:ec2::254]/",
        // In IPv6, mapped, translated and tunnelled.
        "http://[::1]/",
        "http://[0:0:0:0:0:0:0:1]/",
        "http://[::]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[::ffff:169.254.169.254]/",
        "http://[0000:0000:0000:0000:0000:FFFF:0A00:0001]/",
        "http://[::127.0.0.1]/",
        "http://[64:ff9b::127.0.0.1]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://[2002:7f00:1::]/",
        "http://[2002:a9fe:a9fe::1]/",
        "http://[2001:0:7f00:1::]/",
        "http://[fe80::1]/",
        "http://[fc00::1]/",
        "http://[fd12:3456:789a::1]/",
        "http://[ff02::1]/",
        // Somebody else's name before the address.
        "http://crm.example.com@127.0.0.1/",
        "http://crm.example.com:443@10.0.0.1/",
        "http://user:pass@[::1]/",
        "http://127.0.0.1\\@crm.example.com/",
        "http://127.0.0.1#@crm.example.com/",
        "http://127.0.0.1?@crm.example.com/",
        "http:127.0.0.1/",
        "http:\\\\127.0.0.1/",
        "http:////127.0.0.1/",
        " http://127.0.0.1/",
        "http://127.0.0.1\t/",
        "HTTP://127.0.0.1/",
        // Escaped, full-width, enclosed: all are the same host to whoever connects.
        "http://%31%32%37.0.0.1/",
        "http://127%2E0%2E0%2E1/",
        "http://１２７.０.０.１/",
        "http://①②⑦.⓪.⓪.①/",
        "http://127。0。0。1/",
        "http://1\u{ad}27.0.0.1/",
    ];

    #[test]
    fn an_inside_address_is_refused_in_every_spelling() {
        assert!(SPELLINGS.len() >= 40);
        for spelling in SPELLINGS {
            let url = Url::parse(spelling).unwrap();
            let refused = Guard::new(&url, false).check_url();
            assert!(refused.is_err(), "{spelling} is {url}");
        }
        for spelling in ["https://1.1.1.1/", "https://[2606:4700::1111]/", "https://crm.example.com/"] {
            assert_eq!(Guard::new(&Url::parse(spelling).unwrap(), false).check_url(), Ok(()), "{spelling}");
        }
    }

    #[test]
    fn what_parsers_would_read_differently_is_no_url_at_all() {
        for spelling in [
            "http://127.0.0.1.1/",
            "http://256.0.0.1/",
            "http://0x100000000/",
            "http://08.0.0.1/",
            "http://[::1%25lo]/",
            "http://[127.0.0.1]/",
            "http://127.0.0.1:70000/",
            "http:///",
        ] {
            assert!(Url::parse(spelling).is_err(), "{spelling}");
        }
    }

    #[test]
    fn a_permission_reaches_the_own_network_and_what_the_url_names_and_nothing_else() {
        let check = |url: &str, address: &str| {
            let guard = Guard::new(&Url::parse(url).unwrap(), true);
            guard.check_url().and_then(|()| guard.check("crm.lan", address.parse().unwrap())).is_ok()
        };
        assert!(check("http://crm.lan/", "10.0.0.5"));
        assert!(check("http://crm.lan/", "::1"));
        assert!(check("http://crm.lan/", "1.1.1.1"));
        assert!(!check("http://crm.lan/", "169.254.169.254"), "a name leads to no metadata service");
        assert!(!check("http://crm.lan/", "fd00:ec2::254"));
        assert!(!check("http://crm.lan/", "0.0.0.0"));
        assert!(check("http://169.254.7.7/", "169.254.7.7"), "it was meant");
        assert!(!check("http://169.254.7.7/", "169.254.169.254"));
    }

    /// Names whose addresses change with each question.
    struct Stub(std::sync::Mutex<Vec<Vec<&'static str>>>);

    impl Lookup for Stub {
        fn lookup(&self, _: &str) -> Found {
            let answer = self.0.lock().unwrap().remove(0);
            let found = answer.iter().map(|address| SocketAddr::new(address.parse().unwrap(), 0)).collect();
            Box::pin(async move { Ok(found) })
        }
    }

    async fn resolve(answers: Vec<Vec<&'static str>>, times: usize) -> Vec<Result<Vec<String>, String>> {
        let guard = Guard::new(&Url::parse("https://crm.example.com/").unwrap(), false);
        let checked = Checked { guard, lookup: Arc::new(Stub(answers.into())) };
        let mut found = Vec::new();
        for _ in 0..times {
            let resolved = checked.resolve("crm.example.com".parse().unwrap()).await;
            let resolved = resolved.map(|all| all.map(|address| address.ip().to_string()).collect());
            found.push(resolved.map_err(|error| error.to_string()));
        }
        found
    }

    #[tokio::test]
    async fn a_name_is_checked_each_time_it_is_resolved() {
        let found = resolve(vec![vec!["1.1.1.1"], vec!["127.0.0.1"], vec!["2606:4700::1111"]], 3).await;
        assert_eq!(found[0], Ok(vec!["1.1.1.1".to_owned()]));
        assert!(found[1].as_ref().is_err_and(|why| why.contains("private address (127.0.0.1)")), "{found:?}");
        assert!(found[2].is_ok());
    }

    #[tokio::test]
    async fn one_inside_address_among_others_makes_the_answer_suspect() {
        for inside in ["10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1", "fe80::1"] {
            let found = resolve(vec![vec!["1.1.1.1", inside]], 1).await;
            assert!(found[0].is_err(), "{inside}");
        }
    }

    #[tokio::test]
    async fn the_systems_resolver_is_checked_as_well() {
        let guard = Guard::new(&Url::parse("http://localhost/").unwrap(), false);
        let checked = Checked { guard, lookup: Arc::new(System) };
        let refused = checked.resolve("localhost".parse().unwrap()).await;
        let message = refused.map(drop).unwrap_err().to_string();
        assert!(message.contains("localhost is a private address"), "{message}");
        assert!(message.contains("allow_private"), "{message}");
    }
}
