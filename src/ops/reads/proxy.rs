//! A server's proxy: caddy, whether its main file imports ours, and how the blocks there stand to the routes of this home.

use crate::domain::route::WantedRoute;
use crate::ops::reads::status::Part;
use crate::ops::reads::{Read, ReadError, answers};
use crate::render::caddyfile::{self, MAIN_FILE, MANAGED_FILE, Site};
use serde::Serialize;

/// What lies there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub caddy: Part,
    /// None: no such file.
    pub main: Option<String>,
    pub managed: Option<String>,
}

/// How a route of this home stands on its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RouteState {
    InPlace,
    Missing,
    /// A block of ours is there, and leads elsewhere.
    Differs,
    /// A block that is not ours has the domain.
    Taken,
    /// It comes with the first deploy of its app.
    Waiting,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RouteThere {
    pub domain: String,
    pub app: Option<String>,
    pub port: Option<u16>,
    pub state: RouteState,
}

/// A block on the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Block {
    pub file: &'static str,
    pub addresses: Vec<String>,
    /// The home that wrote it, where it was an infrakt.
    pub installation: Option<String>,
    pub app: Option<String>,
    /// Where it leads, where it is a plain route to this machine.
    pub port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Proxy {
    pub caddy: Part,
    /// The managed file is there and the main file imports it.
    pub set_up: bool,
    pub managed_file: bool,
    pub imported: bool,
    pub routes: Vec<RouteThere>,
    /// Blocks of this home that no route stands for.
    pub stale: Vec<Block>,
    /// Blocks that somebody else wrote.
    pub foreign: Vec<Block>,
}

pub fn read() -> Read {
    Read::new(include_str!("proxy.sh"), &[])
}

pub fn parse(text: &str) -> Result<Found, ReadError> {
    let mut found = Found::default();
    for (key, words) in answers(text)? {
        let file = |which: &str| if which == "main" { 0 } else { 1 };
        match key {
            "caddy" => {
                let word = |at: usize| words.get(at).filter(|word| !word.is_empty());
                let version = word(0).map(|version| version.trim_start_matches('v').to_owned());
                let up = word(1) == Some(&"active");
                found.caddy = if up { Part::Up { version } } else { Part::Down { version } };
            }
            "has" | "main" | "managed" => {
                let which = if key == "has" { words.first().copied().unwrap_or_default() } else { key };
                let text = [&mut found.main, &mut found.managed][file(which)].get_or_insert_default();
                if key != "has" {
                    text.push_str(&words.join("\t"));
                    text.push('\n');
                }
            }
            // A newer script may say more.
            _ => {}
        }
    }
    Ok(found)
}

/// How what was found stands to what is wanted.
pub fn compare(installation: &str, wanted: &[WantedRoute], found: &Found) -> Proxy {
    let sites = |file: &'static str, text: &Option<String>| -> Vec<(&'static str, Site)> {
        caddyfile::parse(text.as_deref().unwrap_or_default()).into_iter().map(|site| (file, site)).collect()
    };
    let all = [sites(MANAGED_FILE, &found.managed), sites(MAIN_FILE, &found.main)].concat();
    let (ours, others): (Vec<_>, Vec<_>) = all
        .into_iter()
        .partition(|(file, site)| *file == MANAGED_FILE && site.owner.as_ref().is_some_and(|o| o.0 == installation));
    let has = |site: &Site, domain: &str| site.addresses.iter().any(|address| caddyfile::plain(address) == domain);
    let state = |route: &WantedRoute| {
        let there = ours.iter().find(|(_, site)| has(site, &route.domain)).map(|(_, site)| site);
        let taken = others.iter().any(|(_, site)| has(site, &route.domain));
        match (there, route.port) {
            (Some(_), None) => RouteState::InPlace,
            (Some(site), Some(port)) if site.port == Some(port) => RouteState::InPlace,
            (Some(_), Some(_)) => RouteState::Differs,
            (None, _) if taken => RouteState::Taken,
            (None, Some(_)) => RouteState::Missing,
            (None, None) => RouteState::Waiting,
        }
    };
    let routes = wanted
        .iter()
        .map(|route| RouteThere {
            domain: route.domain.clone(),
            app: route.app.clone(),
            port: route.port,
            state: state(route),
        })
        .collect();
    let stale = ours.iter().filter(|(_, site)| !wanted.iter().any(|route| has(site, &route.domain)));
    let imported = found.main.as_deref().is_some_and(caddyfile::imports_managed);
    Proxy {
        caddy: found.caddy.clone(),
        set_up: imported && found.managed.is_some(),
        managed_file: found.managed.is_some(),
        imported,
        routes,
        stale: stale.map(block).collect(),
        foreign: others.iter().map(block).collect(),
    }
}

fn block((file, site): &(&'static str, Site)) -> Block {
    let (installation, app) = site.owner.clone().map_or((None, None), |(installation, app)| (Some(installation), app));
    Block { file, addresses: site.addresses.clone(), installation, app, port: site.port }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_route_and_each_block_has_its_place() {
        let text = "\
@caddy\tv2.6.2\tactive
@has\tmain
@main\timport /opt/infrakt/caddy/Caddyfile # routes
@main\thand.example.com {
@main\t\trespond hello
@main\t}
@has\tmanaged
@managed\t# infrakt here web
@managed\tweb.example.com {
@managed\t    reverse_proxy 127.0.0.1:20003
@managed\t}
@managed\t# infrakt here -
@managed\tgone.example.com {
@managed\t    reverse_proxy 127.0.0.1:1
@managed\t}
@managed\t# infrakt there shop
@managed\tshop.example.com {
@managed\t    reverse_proxy 127.0.0.1:2
@managed\t}
@managed\tHTTPS://Old.example.com:443 {
@managed\t    reverse_proxy localhost:3
@managed\t}
@end
";
        let found = parse(text).unwrap();
        let route = |domain: &str, app: Option<&str>, port| WantedRoute {
            domain: domain.into(),
            app: app.map(str::to_owned),
            port,
        };
        let wanted = [
            route("web.example.com", Some("web"), Some(20003)),
            route("new.example.com", None, Some(9000)),
            route("old.example.com", None, Some(3)),
            route("hand.example.com", Some("web"), Some(20003)),
            route("later.example.com", Some("later"), None),
        ];
        insta::assert_json_snapshot!(compare("here", &wanted, &found));
        let moved = [route("web.example.com", Some("web"), Some(20004))];
        assert_eq!(compare("here", &moved, &found).routes[0].state, RouteState::Differs);
    }

    #[test]
    fn a_server_without_caddy_has_nothing() {
        let proxy = compare("here", &[], &parse("@end\n").unwrap());
        assert_eq!((proxy.caddy, proxy.set_up, proxy.foreign.len()), (Part::Missing, false, 0));
        let empty = parse("@has\tmain\n@end\n").unwrap();
        assert_eq!((empty.main.as_deref(), empty.managed), (Some(""), None));
    }
}
