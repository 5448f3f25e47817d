//! Routes as they are asked for: what a job of the kind `proxy` is to change on its server, and what stands if it does not.

use serde::{Deserialize, Serialize};

/// Where a domain leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RouteTarget {
    /// An app, by its id.
    App(i64),
    /// A port on the server's loopback.
    Port(u16),
}

/// A route as it is to be on its server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedRoute {
    pub domain: String,
    /// None: a bare port.
    pub app: Option<String>,
    /// On the loopback. None: no deploy of this home has put the app there; what leads to it stays as it is.
    pub port: Option<u16>,
}

/// One domain's change; the row has it already, the server gets it from the job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteChange {
    pub domain: String,
    /// What stands again if the job does not do it. None: nothing led anywhere.
    pub before: Option<RouteTarget>,
    /// None: it is taken away.
    pub after: Option<RouteTarget>,
    /// A block that somebody else wrote gives the domain up.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub adopt: bool,
}

/// The arguments of a job of the kind `proxy`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProxyArgs {
    /// Make the managed file and the import first.
    pub setup: bool,
    /// Have caddy read its files also where nothing changed.
    pub reload: bool,
    pub changes: Vec<RouteChange>,
}

impl ProxyArgs {
    /// Takes in one more change. Of two of one domain the later counts, and what stood before the first.
    pub fn add(&mut self, change: RouteChange) {
        match self.changes.iter_mut().find(|one| one.domain == change.domain) {
            Some(one) => {
                one.after = change.after;
                one.adopt |= change.adopt;
            }
            None => self.changes.push(change),
        }
    }

    pub fn change_of(&self, domain: &str) -> Option<&RouteChange> {
        self.changes.iter().find(|change| change.domain == domain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_changes_of_a_domain_the_later_counts_and_what_stood_before_the_first() {
        let change = |before, after| RouteChange { domain: "a.b".into(), before, after, adopt: after.is_none() };
        let mut args = ProxyArgs::default();
        args.add(change(None, Some(RouteTarget::Port(1))));
        args.add(change(Some(RouteTarget::Port(1)), None));
        assert_eq!(args.changes, [RouteChange { adopt: true, ..change(None, None) }]);
        let text = serde_json::to_string(&ProxyArgs { setup: true, ..args }).unwrap();
        assert_eq!(
            text,
            r#"{"setup":true,"reload":false,"changes":[{"domain":"a.b","before":null,"after":null,"adopt":true}]}"#
        );
    }
}
