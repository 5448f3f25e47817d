//! `infrakt.yml` for a compose file that a user wrote: what every release adds to it, and what it does otherwise.

use crate::domain::app::Resources;
use crate::render::compose::{Owner, split_publish};
use crate::render::yaml::{compose_scalar as scalar, quoted};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

const HEAD: &str = "# Written by infrakt with every deploy: the second file of `docker compose -f … -f …`.\n";

/// What docker compose makes of a user's file: names and kinds only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// The service that has the port.
    pub main: String,
    pub services: BTreeMap<String, Service>,
    /// The networks that the project makes itself and names after itself.
    pub networks: BTreeSet<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Service {
    /// The file says itself what happens when it ends.
    pub own_restart: bool,
    /// Others wait until it has done its work.
    pub awaited: bool,
    /// It is built from the folder that the file came from.
    pub built: bool,
    /// More (or fewer) than one container.
    pub scaled: bool,
    /// As the file publishes them, in its order.
    pub ports: BTreeMap<u32, Port>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Port {
    pub target: Option<u16>,
    /// One port or a range.
    pub published: Option<String>,
    pub host_ip: Option<String>,
    pub protocol: Option<String>,
}

impl Service {
    /// Starting it again is infrakt's to decide.
    fn restarted_by_us(&self) -> bool {
        !self.own_restart && !self.awaited
    }
}

/// What the app's settings say about the main service.
pub struct MainService<'a> {
    pub project: &'a str,
    pub host_port: u16,
    pub resources: &'a Resources,
}

/// Before the shape is known: whose the release is.
pub fn provisional(owner: &Owner) -> String {
    let mut out = format!("{HEAD}services: {{}}\nx-infrakt:\n");
    labels(&mut out, "  ", &owner.labels());
    out
}

/// The image of each service is `@image:NAME@` until the server puts its digest or id there.
pub fn render(shape: &Shape, main: &MainService, owner: &Owner) -> String {
    let mut out = format!("{HEAD}services:\n");
    for (name, service) in &shape.services {
        let _ = writeln!(out, "  {}:\n    image: \"@image:{name}@\"", scalar(name));
        // Names of containers are the whole server's: two apps could not have the same.
        let _ = writeln!(out, "    container_name: !reset null");
        if service.restarted_by_us() {
            // Marked for the steps, by name: whether it is to be started again is known once it runs.
            let _ = writeln!(out, "    restart: unless-stopped # {name}");
        }
        let _ = writeln!(out, "    labels:");
        labels(&mut out, "      ", &owner.labels());
        let is_main = *name == shape.main;
        if is_main {
            main_service(&mut out, service, main);
        }
        ports(&mut out, service, is_main.then_some(main));
    }
    if !shape.networks.is_empty() {
        let _ = writeln!(out, "networks:");
    }
    for key in &shape.networks {
        // Docker asks a container's networks for a name in the order of their names: the project's own must come before the one that
        // all apps share, or another app would hide a service that is called the same.
        let _ =
            writeln!(out, "  {}:\n    name: {}\n    labels:", scalar(key), scalar(&network_name(main.project, key)));
        // Only what stays the same: compose makes a network anew when these change.
        labels(&mut out, "      ", &owner.labels().into_iter().filter(|(k, _)| lasting(k)).collect::<Vec<_>>());
    }
    out
}

/// Comes before `infrakt` in the order of names.
pub fn network_name(project: &str, key: &str) -> String {
    format!("app-{project}_{key}")
}

/// `build.yml`: what the services are called that are built, and whose the images are.
pub fn build(shape: &Shape, project: &str, deployment_id: i64, owner: &Owner) -> String {
    let mut out = format!("{HEAD}services:\n");
    for (name, _) in shape.services.iter().filter(|(_, service)| service.built) {
        let _ = writeln!(
            out,
            "  {}:\n    image: {}",
            scalar(name),
            scalar(&built_image(shape, project, deployment_id, name))
        );
        let _ = writeln!(out, "    build:\n      labels:");
        labels(&mut out, "        ", &owner.labels());
    }
    out
}

/// A tag holds letters, digits, `_`, `.` and `-`, as services do.
pub fn built_image(shape: &Shape, project: &str, deployment_id: i64, service: &str) -> String {
    let several = shape.services.values().filter(|service| service.built).count() > 1;
    let suffix = if several { format!("-{service}") } else { String::new() };
    format!("infrakt/{project}:{deployment_id}{suffix}")
}

fn lasting(label: &str) -> bool {
    matches!(label, "infrakt.app" | "infrakt.installation")
}

fn labels(out: &mut String, indent: &str, labels: &[(&str, String)]) {
    for (key, value) in labels {
        let _ = writeln!(out, "{indent}{key}: {}", scalar(value));
    }
}

fn main_service(out: &mut String, service: &Service, main: &MainService) {
    let Resources { memory, cpus, .. } = main.resources;
    let _ = writeln!(out, "    env_file:\n      - .env");
    if service.scaled {
        let _ = writeln!(out, "    scale: 1");
    }
    if service.scaled || memory.is_some() || cpus.is_some() {
        let _ = writeln!(out, "    deploy:");
    }
    if service.scaled {
        let _ = writeln!(out, "      replicas: 1");
    }
    // Said in both forms: compose refuses a file that says one and an override that says the other.
    if memory.is_some() || cpus.is_some() {
        let _ = writeln!(out, "      resources:\n        limits:");
    }
    for (key, value) in [("memory", memory), ("cpus", cpus)] {
        if let Some(value) = value {
            let _ = writeln!(out, "          {key}: {}", quoted(value));
        }
    }
    for (key, value) in [("mem_limit", memory), ("cpus", cpus)] {
        if let Some(value) = value {
            let _ = writeln!(out, "    {key}: {}", quoted(value));
        }
    }
}

/// Docker opens a published port to the world, around the firewall. So an entry stays that names its address; the rest is for the
/// app's settings to say.
fn ports(out: &mut String, service: &Service, main: Option<&MainService>) {
    let mut entries = String::new();
    if let Some(main) = main {
        let target = main.resources.port;
        entry(&mut entries, target, "127.0.0.1", &main.host_port.to_string(), "tcp");
        if let Some(publish) = &main.resources.publish {
            let (address, port) = split_publish(publish);
            entry(&mut entries, target, address.unwrap_or_default(), &port.to_string(), "tcp");
        }
    }
    for port in service.ports.values() {
        let Port { target: Some(target), published, host_ip: Some(address), protocol } = port else { continue };
        entry(
            &mut entries,
            *target,
            address,
            published.as_deref().unwrap_or_default(),
            protocol.as_deref().unwrap_or("tcp"),
        );
    }
    if entries.is_empty() {
        let _ = writeln!(out, "    ports: !override []");
    } else {
        let _ = write!(out, "    ports: !override\n{entries}");
    }
}

fn entry(out: &mut String, target: u16, address: &str, published: &str, protocol: &str) {
    let _ = writeln!(out, "      - target: {target}");
    if !address.is_empty() {
        let _ = writeln!(out, "        host_ip: {}", quoted(address));
    }
    if !published.is_empty() {
        let _ = writeln!(out, "        published: {}", quoted(published));
    }
    let _ = writeln!(out, "        protocol: {}", scalar(protocol));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner() -> Owner<'static> {
        Owner { installation: "0190-i", app: "shop", deployment_id: 12, job_uid: "0190-j" }
    }

    fn shape() -> Shape {
        let port = |target, published: &str, host_ip: Option<&str>| Port {
            target: Some(target),
            published: Some(published.to_owned()),
            host_ip: host_ip.map(str::to_owned),
            protocol: Some("tcp".into()),
        };
        let web = Service {
            scaled: true,
            ports: [(0, port(80, "80", None)), (1, port(81, "8081", Some("127.0.0.1")))].into(),
            ..Service::default()
        };
        let db = Service { own_restart: true, ports: [(0, port(5432, "5432", None))].into(), ..Service::default() };
        let migrate = Service { awaited: true, built: true, ..Service::default() };
        Shape {
            main: "web".into(),
            services: [("web".into(), web), ("db".into(), db), ("migrate".into(), migrate)].into(),
            networks: ["default".into(), "back".into()].into(),
        }
    }

    #[test]
    fn what_infrakt_adds_to_a_users_file() {
        let resources = Resources {
            port: 8080,
            memory: Some("512m".into()),
            cpus: Some("1.5".into()),
            publish: Some("[::]:8080".into()),
            ..Resources::default()
        };
        let main = MainService { project: "infrakt-shop", host_port: 20003, resources: &resources };
        insta::assert_snapshot!(render(&shape(), &main, &owner()));
    }

    #[test]
    fn names_and_values_that_yaml_would_read_as_something_else() {
        let services = ["no", "1.5", "0x1", "null", "A.b"].map(|name| (name.to_owned(), Service::default()));
        let odd = Port { host_ip: Some("::1".into()), target: Some(1), ..Port::default() };
        let mut shape =
            Shape { main: "no".into(), services: services.into(), networks: ["y".into(), "7".into()].into() };
        shape.services.entry("1.5".into()).or_default().ports.insert(0, odd);
        let resources = Resources { port: 1, memory: Some("1g".into()), ..Resources::default() };
        let main = MainService { project: "infrakt-007", host_port: 20000, resources: &resources };
        let owner = Owner { installation: "1e3", app: "007", deployment_id: 1, job_uid: "$X: \"y\"\n" };
        insta::assert_snapshot!(render(&shape, &main, &owner));
        // And it is read back as what was meant, by somebody else's reader.
        let read: serde_json::Value = serde_saphyr::from_str(&render(&shape, &main, &owner)).unwrap();
        assert_eq!(read["services"]["1.5"]["image"], "@image:1.5@");
        assert_eq!(read["services"]["null"]["labels"]["infrakt.job"], "$$X: \"y\"\n");
        assert_eq!(read["services"]["no"]["labels"]["infrakt.app"], "007");
        assert_eq!(read["networks"]["7"]["name"], "app-infrakt-007_7");
    }

    #[test]
    fn before_the_shape_is_known() {
        insta::assert_snapshot!(provisional(&owner()));
    }

    #[test]
    fn what_is_built() {
        insta::assert_snapshot!(build(&shape(), "infrakt-shop", 12, &owner()));
        let mut several = shape();
        several.services.entry("web".into()).or_default().built = true;
        assert_eq!(built_image(&several, "infrakt-shop", 12, "web"), "infrakt/infrakt-shop:12-web");
    }

    #[test]
    fn the_projects_networks_come_before_the_shared_one() {
        assert!(network_name("infrakt-a", "default").as_str() < crate::render::compose::NETWORK);
        assert!(network_name("zebra", "zoo").as_str() < crate::render::compose::NETWORK);
    }
}
