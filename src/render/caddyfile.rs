//! Blocks of the managed Caddyfile: what infrakt writes, and how a file that others may have written in is read.

/// The first line of the managed file.
pub const HEADER: &str =
    "# Routes of infrakt. Blocks behind a line `# infrakt …` are rewritten; anything else stays as it is.";

/// Where the routes are, and who imports them.
pub const MANAGED_FILE: &str = "/opt/infrakt/caddy/Caddyfile";
pub const MAIN_FILE: &str = "/etc/caddy/Caddyfile";

/// The mark in front of a block: whose it is. A route to a bare port belongs to no app.
pub fn mark(installation: &str, app: Option<&str>) -> String {
    format!("# infrakt {installation} {}", app.unwrap_or("-"))
}

/// A marked block that leads a domain to a port on the loopback.
pub fn block(installation: &str, app: Option<&str>, domain: &str, port: u16) -> String {
    format!("{}\n{domain} {{\n    reverse_proxy 127.0.0.1:{port}\n}}\n", mark(installation, app))
}

/// All blocks of one app, by domain, with an empty line in front of each.
pub fn app_blocks(installation: &str, app: &str, domains: &[String], port: u16) -> String {
    let mut domains: Vec<String> = domains.iter().map(|domain| domain.to_lowercase()).collect();
    domains.sort();
    domains.dedup();
    domains.into_iter().map(|domain| format!("\n{}", block(installation, Some(app), &domain, port))).collect()
}

/// The address that people open. Caddy serves TLS unless the domain says `http://`.
pub fn url(domain: &str) -> String {
    let domain = domain.to_lowercase();
    if domain.starts_with("http://") { domain } else { format!("https://{domain}") }
}

/// Whether a main file imports the managed one.
pub fn imports_managed(main: &str) -> bool {
    let words = |line| without_comment(line).split_whitespace().collect::<Vec<_>>();
    main.lines().any(|line| matches!(words(line)[..], ["import", file] if file.trim_matches('"') == MANAGED_FILE))
}

/// An address of a site as the domain of a route would be written.
pub fn plain(address: &str) -> String {
    let address = address.to_lowercase();
    let address = address.strip_prefix("https://").unwrap_or(&address);
    let address = address.strip_suffix('/').unwrap_or(address);
    if address.starts_with("http://") {
        return address.strip_suffix(":80").unwrap_or(address).to_owned();
    }
    match address.strip_suffix(":80") {
        Some(name) => format!("http://{name}"),
        None => address.strip_suffix(":443").unwrap_or(address).to_owned(),
    }
}

/// A site as read from a Caddyfile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Installation and app (none: a bare port) of the mark in front of it.
    pub owner: Option<(String, Option<String>)>,
    pub addresses: Vec<String>,
    /// The port of its one `reverse_proxy` to this machine, if that is all there is to it.
    pub port: Option<u16>,
}

/// Reads the sites of a Caddyfile. Snippets, named routes and the global options are no sites.
///
/// Caddy's own rule: a block opens with ` {` at the end of a line and closes with `}` at the beginning of one.
pub fn parse(text: &str) -> Vec<Site> {
    let mut sites = Vec::new();
    let mut depth = 0usize;
    let mut owner = None;
    let mut label = String::new();
    let mut body: Vec<&str> = Vec::new();
    for raw in text.lines() {
        let line = without_comment(raw).trim();
        if depth == 0 {
            if let Some(mark) = raw.trim().strip_prefix("# infrakt ") {
                owner = mark.split_once(' ').map(|(i, a)| (i.to_owned(), (a != "-").then(|| a.to_owned())));
                continue;
            }
            if line.is_empty() || (label.is_empty() && line.starts_with("import ")) {
                owner = None;
                continue;
            }
            label.push_str(line);
            if opens(line) {
                depth = 1;
                body.clear();
            } else {
                label.push(' ');
            }
            continue;
        }
        if line.starts_with('}') {
            depth -= 1;
        }
        if depth == 0 {
            let names = label.trim_end_matches('{').trim();
            if !names.is_empty() && !names.starts_with('(') && !names.starts_with('&') {
                sites.push(Site {
                    owner: owner.take(),
                    addresses: names.split([',', ' ', '\t']).filter(|a| !a.is_empty()).map(str::to_owned).collect(),
                    port: only_port(&body),
                });
            }
            owner = None;
            label.clear();
            continue;
        }
        if opens(line) {
            depth += 1;
        }
        if !line.is_empty() {
            body.push(line);
        }
    }
    sites
}

fn only_port(body: &[&str]) -> Option<u16> {
    let [line] = body else { return None };
    let upstream = line.strip_prefix("reverse_proxy")?.trim();
    let (host, port) = upstream.rsplit_once(':')?;
    matches!(host, "127.0.0.1" | "localhost").then(|| port.parse().ok())?
}

fn opens(line: &str) -> bool {
    line == "{" || line.ends_with(" {") || line.ends_with("\t{")
}

/// A comment begins with `#` at the beginning of a word.
fn without_comment(line: &str) -> &str {
    let mut before = ' ';
    for (at, c) in line.char_indices() {
        if c == '#' && matches!(before, ' ' | '\t') {
            return &line[..at];
        }
        before = c;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_an_app() {
        let domains = ["web.example.com".to_owned(), "http://intern".to_owned(), "web.example.com".to_owned()];
        insta::assert_snapshot!(app_blocks("0190-i", "web", &domains, 20003), @r"

        # infrakt 0190-i web
        http://intern {
            reverse_proxy 127.0.0.1:20003
        }

        # infrakt 0190-i web
        web.example.com {
            reverse_proxy 127.0.0.1:20003
        }
        ");
    }

    #[test]
    fn an_address_says_more_than_a_domain() {
        for (address, domain) in [
            ("Web.example.com", "web.example.com"),
            ("https://web.example.com:443/", "web.example.com"),
            ("web.example.com:80", "http://web.example.com"),
            ("http://intern:80", "http://intern"),
            ("web.example.com:8443", "web.example.com:8443"),
        ] {
            assert_eq!(plain(address), domain, "{address}");
        }
        assert!(imports_managed("{\n}\n  import \"/opt/infrakt/caddy/Caddyfile\" # routes\n"));
        assert!(!imports_managed("# import /opt/infrakt/caddy/Caddyfile\nimport /opt/infrakt/caddy/Caddyfile.new\n"));
    }

    /// Whatever is accepted as a domain or an app is one word of the file: every text of up to four of these pieces.
    #[test]
    fn what_is_accepted_cannot_break_out_of_its_block() {
        use crate::domain::name::{check_domain, check_name};
        const PIECES: [&str; 16] =
            ["a", "-", ".", "*.", "http://", "{", "}", " ", "\n", "#", "\"", "'", "$", "_", "\\", "é"];
        let mut texts = vec![String::new()];
        let mut from = 0;
        let (mut domains, mut apps) = (0, 0);
        for _ in 0..4 {
            let to = texts.len();
            for at in from..to {
                for piece in PIECES {
                    texts.push(format!("{}{piece}", texts[at]));
                }
            }
            from = to;
        }
        for text in &texts {
            let site = |owner: Option<&str>, address: &str, port| Site {
                owner: Some(("0190-i".into(), owner.map(str::to_owned))),
                addresses: vec![address.into()],
                port: Some(port),
            };
            if check_domain(text).is_ok() {
                domains += 1;
                assert_eq!(parse(&block("0190-i", None, text, 1)), [site(None, text, 1)], "{text:?}");
            }
            if check_name("name", text).is_ok() {
                apps += 1;
                assert_eq!(parse(&block("0190-i", Some(text), "a.b", 2)), [site(Some(text), "a.b", 2)], "{text:?}");
            }
        }
        assert!(domains > 20 && apps > 20, "{domains} {apps}");
    }

    #[test]
    fn what_is_written_is_read_back() {
        let text = format!("{HEADER}\n{}", app_blocks("0190-i", "web", &["a.example.com".to_owned()], 20003));
        assert_eq!(
            parse(&text),
            [Site {
                owner: Some(("0190-i".into(), Some("web".into()))),
                addresses: vec!["a.example.com".into()],
                port: Some(20003),
            }]
        );
    }

    #[test]
    fn files_of_others_are_read_as_caddy_reads_them() {
        let text = "\
{
    email a@example.com
}
(snippet) {
    header X {http.x}
}
a.example.com, # first
b.example.com {
    @blocked path /x
    handle @blocked {
        respond 403
    }
    reverse_proxy localhost:3000
}
old.example.com {
    reverse_proxy localhost:3001
}
# infrakt 0190-j -
c.example.com {
    reverse_proxy 127.0.0.1:9000
}
";
        let read: Vec<String> =
            parse(text).into_iter().map(|s| format!("{:?} {} {:?}", s.owner, s.addresses.join(" "), s.port)).collect();
        insta::assert_snapshot!(read.join("\n"), @r#"
        None a.example.com b.example.com None
        None old.example.com Some(3001)
        Some(("0190-j", None)) c.example.com Some(9000)
        "#);
    }
}
