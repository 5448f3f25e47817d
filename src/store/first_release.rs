//! What the first release means by what it writes into the three tables, also after they were taken over.

use crate::domain::name;

/// What its column `domain` holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Domains {
    None,
    One(String),
    /// A JSON object with one entry.
    OfService {
        service: String,
        domain: String,
    },
    /// Domains of several services, or something else that is no domain: as it stands.
    Other(String),
}

impl Domains {
    /// What leads to the app.
    pub(crate) fn routed(&self) -> Option<&str> {
        let domain = match self {
            Domains::One(domain) | Domains::OfService { domain, .. } => domain,
            Domains::None | Domains::Other(_) => return None,
        };
        Some(domain.as_str()).filter(|domain| name::check_domain(domain).is_ok())
    }

    /// What is shown.
    pub(crate) fn text(self) -> Option<String> {
        match self {
            Domains::None => None,
            Domains::One(text) | Domains::Other(text) => Some(text),
            Domains::OfService { domain, .. } => Some(domain),
        }
    }
}

pub(crate) fn domains(column: Option<&str>) -> Domains {
    let text = column.unwrap_or_default().trim();
    if text.is_empty() {
        return Domains::None;
    }
    if !text.starts_with('{') {
        return Domains::One(text.to_lowercase());
    }
    let entries: Option<serde_json::Map<String, serde_json::Value>> = serde_json::from_str(text).ok();
    let mut filled = entries.iter().flatten().filter_map(|(service, domain)| {
        let domain = domain.as_str()?.trim();
        (!domain.is_empty()).then(|| (service.clone(), domain.to_lowercase()))
    });
    match (filled.next(), filled.next(), entries.is_some()) {
        (Some((service, domain)), None, _) => Domains::OfService { service, domain },
        (None, _, true) => Domains::None,
        _ => Domains::Other(text.to_owned()),
    }
}

/// The compose project of an app's folder, as docker compose derives it; `None` where others may share it: it is the folder `repo` of
/// each app with a compose file of its own, or could be the project of another app of ours.
pub(crate) fn folder_project(app_name: &str) -> Option<String> {
    let lower = app_name.to_lowercase();
    let kept: String = lower.chars().filter(|c| matches!(c, 'a'..='z' | '0'..='9' | '_' | '-')).collect();
    let project = kept.trim_start_matches(['_', '-']);
    (!project.is_empty() && project != "repo" && !project.starts_with("infrakt-")).then(|| project.to_owned())
}

/// The path of a health check that is written as an address of the app itself.
pub(crate) fn health_path(url: Option<&str>) -> Option<String> {
    let url = url?.trim();
    if url.starts_with('/') {
        return Some(url.to_owned());
    }
    let rest = url.strip_prefix("http://")?;
    let (host, path) = rest.split_once('/')?;
    let name = host.split(':').next().unwrap_or_default();
    matches!(name, "localhost" | "127.0.0.1" | "0.0.0.0").then(|| format!("/{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_domain_column_means() {
        let one = |text: &str| Domains::One(text.into());
        for (column, expect) in [
            ("", Domains::None),
            ("  ", Domains::None),
            ("Web.Example.com\n", one("web.example.com")),
            ("{}", Domains::None),
            (
                r#"{"web": "A.example.com", "db": ""}"#,
                Domains::OfService { service: "web".into(), domain: "a.example.com".into() },
            ),
            (r#"{"a": "a.example.com", "b": "b.example.com"}"#, {
                Domains::Other(r#"{"a": "a.example.com", "b": "b.example.com"}"#.into())
            }),
            ("{broken", Domains::Other("{broken".into())),
        ] {
            assert_eq!(domains(Some(column)), expect, "{column}");
        }
        assert_eq!(domains(None), Domains::None);
        assert_eq!(one("not a domain").routed(), None);
    }

    #[test]
    fn projects_of_folders() {
        for (name, project) in [
            ("web", Some("web")),
            ("My.App", Some("myapp")),
            ("_x-1", Some("x-1")),
            ("repo", None),
            ("infrakt-web", None),
            ("...", None),
        ] {
            assert_eq!(folder_project(name).as_deref(), project, "{name}");
        }
    }

    #[test]
    fn health_checks() {
        for (url, path) in [
            ("/up", Some("/up")),
            ("http://localhost:3000/up", Some("/up")),
            ("https://example.com/up", None),
            ("http://localhost", None),
        ] {
            assert_eq!(health_path(Some(url)).as_deref(), path, "{url}");
        }
    }
}
