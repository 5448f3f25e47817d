//! Compose files that infrakt writes: the app's own (`docker-compose.yml`) and the override of every release (`infrakt.yml`).

use crate::domain::app::Resources;
use crate::render::yaml::compose_scalar as scalar;
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// Stands in the override for the image's digest or id, which the server finds out.
pub const IMAGE_HERE: &str = "@image@";

/// The network that every app's main service joins.
pub const NETWORK: &str = "infrakt";

/// An app of one service, from an image.
pub struct ImageApp<'a> {
    pub app: &'a str,
    pub project: &'a str,
    pub image: &'a str,
    pub host_port: u16,
    pub resources: &'a Resources,
}

/// Whose a container is: labels on everything that a deploy makes.
pub struct Owner<'a> {
    pub installation: &'a str,
    pub app: &'a str,
    pub deployment_id: i64,
    pub job_uid: &'a str,
}

impl Owner<'_> {
    pub fn labels(&self) -> [(&'static str, String); 4] {
        [
            ("infrakt.app", self.app.to_owned()),
            ("infrakt.deployment", self.deployment_id.to_string()),
            ("infrakt.installation", self.installation.to_owned()),
            ("infrakt.job", self.job_uid.to_owned()),
        ]
    }
}

/// `docker-compose.yml` of an app from an image: readable by hand, and usable with a plain `docker compose` in the app's folder.
pub fn image_app(app: &ImageApp) -> String {
    let name = scalar(app.app);
    let mut out = String::new();
    let _ = writeln!(
        out,
        "# Written by infrakt with every deploy of {}: change the app's settings, not this file.",
        app.app
    );
    let _ = writeln!(out, "name: {}\nservices:\n  {name}:", scalar(app.project));
    let _ = writeln!(out, "    image: {}", scalar(app.image));
    let _ = writeln!(out, "    restart: unless-stopped\n    env_file:\n      - .env");
    limits(&mut out, app.resources);
    let _ = writeln!(out, "    ports:");
    port(&mut out, Some("127.0.0.1"), app.host_port, app.resources.port);
    if let Some(publish) = &app.resources.publish {
        let (address, host_port) = split_publish(publish);
        port(&mut out, address, host_port, app.resources.port);
    }
    network(&mut out, app.app);
    out
}

/// The end of a file of one service: it joins the network under its name and `NAME.infrakt`.
pub(super) fn network(out: &mut String, name: &str) {
    let _ = writeln!(out, "    networks:\n      {NETWORK}:\n        aliases:");
    // The name alone is an alias already: the service is called so. Said again, so that it does not hang on that.
    let _ = writeln!(out, "          - {}\n          - {}", scalar(name), scalar(&format!("{name}.{NETWORK}")));
    let _ = writeln!(out, "networks:\n  {NETWORK}:\n    name: {NETWORK}\n    external: true");
}

/// What an app's own build is called: `infrakt/PROJECT:<deployment id>`. A project that may be no name for an image (`a-`, `a_-b`) gets one
/// that is, with 6 hex digits of its hash, so that no two meet.
pub fn built_image(project: &str, deployment_id: i64) -> String {
    let words: Vec<&str> = project.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    if words.iter().all(|word| !word.is_empty()) {
        return format!("infrakt/{project}:{deployment_id}");
    }
    let slug: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    let hash = Sha256::digest(project.as_bytes());
    format!("infrakt/{}-{:02x}{:02x}{:02x}:{deployment_id}", slug.join("-"), hash[0], hash[1], hash[2])
}

/// `infrakt.yml` of an app from an image: whose the container is, and the very image ([`IMAGE_HERE`] until the server knows it).
pub fn image_override(app: &str, owner: &Owner) -> String {
    let mut out = String::from(
        "# Written by infrakt with every deploy: the second file of `docker compose -f … -f …`.\nservices:\n",
    );
    let _ = writeln!(out, "  {}:\n    image: \"{IMAGE_HERE}\"\n    labels:", scalar(app));
    for (key, value) in owner.labels() {
        let _ = writeln!(out, "      {key}: {}", scalar(&value));
    }
    out
}

fn limits(out: &mut String, resources: &Resources) {
    if let Some(memory) = &resources.memory {
        let _ = writeln!(out, "    mem_limit: {}", scalar(memory));
    }
    if let Some(cpus) = &resources.cpus {
        let _ = writeln!(out, "    cpus: {}", scalar(cpus));
    }
}

pub(super) fn port(out: &mut String, address: Option<&str>, host_port: u16, container_port: u16) {
    let _ = writeln!(out, "      - target: {container_port}");
    if let Some(address) = address {
        let _ = writeln!(out, "        host_ip: {}", scalar(address));
    }
    let _ = writeln!(out, "        published: \"{host_port}\"\n        protocol: tcp");
}

/// `[ADDR:]PORT`, as checked by the domain; brackets of IPv6 addresses go.
pub fn split_publish(publish: &str) -> (Option<&str>, u16) {
    let (address, port) = match publish.rsplit_once(':') {
        Some((address, port)) => (Some(address.trim_start_matches('[').trim_end_matches(']')), port),
        None => (None, publish),
    };
    (address, port.parse().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_from_an_image() {
        let resources = Resources {
            port: 3000,
            memory: Some("512m".into()),
            cpus: Some("1.5".into()),
            publish: Some("[::]:8080".into()),
            ..Resources::default()
        };
        let app = ImageApp {
            app: "My.App",
            project: "infrakt-my-app-1a2b3c",
            image: "nginx:1.27",
            host_port: 20003,
            resources: &resources,
        };
        insta::assert_snapshot!(image_app(&app));
    }

    #[test]
    fn an_app_whose_name_is_a_number() {
        let resources = Resources { port: 80, ..Resources::default() };
        let app = ImageApp { app: "007", project: "infrakt-007", image: "a", host_port: 20000, resources: &resources };
        insta::assert_snapshot!(image_app(&app));
    }

    #[test]
    fn the_override() {
        let owner = Owner { installation: "0190-i", app: "web", deployment_id: 12, job_uid: "0190-j" };
        insta::assert_snapshot!(image_override("web", &owner));
    }

    #[test]
    fn builds_have_names_that_docker_takes() {
        assert_eq!(built_image("infrakt-my_app", 12), "infrakt/infrakt-my_app:12");
        assert_eq!(built_image("infrakt-a-", 1), "infrakt/infrakt-a-e3d430:1");
        assert_eq!(built_image("infrakt-a_-b", 1), "infrakt/infrakt-a-b-cde535:1");
    }

    #[test]
    fn published_ports() {
        assert_eq!(split_publish("80"), (None, 80));
        assert_eq!(split_publish("10.0.0.1:443"), (Some("10.0.0.1"), 443));
        assert_eq!(split_publish("[::1]:8080"), (Some("::1"), 8080));
    }
}
