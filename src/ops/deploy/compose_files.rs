//! A compose file that a user wrote: what the server found in it becomes the release's `infrakt.yml`.

use super::DeployFacts;
use crate::render::compose::Owner;
use crate::render::compose_override::{self, MainService, Service, Shape};
use std::collections::BTreeMap;

/// What the steps have told of the file; none before they did, and for apps that have no such file.
pub fn shape(outputs: &BTreeMap<String, String>) -> Option<Shape> {
    let parts: usize = outputs.get("compose")?.parse().ok()?;
    let mut hex = String::new();
    for part in 1..=parts {
        hex.push_str(outputs.get(&format!("compose.{part}"))?);
    }
    read(&String::from_utf8(bytes(&hex)?).ok()?)
}

/// Lines of words parted by tabs: `main NAME`, `service NAME`, `network KEY`, and what is true of one of them, in any order.
fn read(text: &str) -> Option<Shape> {
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
    let mut shape = Shape::default();
    for words in &lines {
        match words.as_slice() {
            ["main", name] => shape.main = (*name).to_owned(),
            ["service", name] => drop(shape.services.insert((*name).to_owned(), Service::default())),
            ["network", key] => drop(shape.networks.insert((*key).to_owned())),
            _ => {}
        }
    }
    for words in &lines {
        match words.as_slice() {
            // What others made, or what has a name of its own, is left as it is.
            ["external" | "titled", "networks", key] => drop(shape.networks.remove(*key)),
            [what, name, rest @ ..] => {
                // Something may be said of a service that does not start.
                let Some(service) = shape.services.get_mut(*name) else { continue };
                say(service, what, rest);
            }
            _ => {}
        }
    }
    shape.services.contains_key(&shape.main).then_some(shape)
}

fn say(service: &mut Service, what: &str, rest: &[&str]) {
    match (what, rest) {
        ("restarts", []) => service.own_restart = true,
        ("awaited", []) => service.awaited = true,
        ("built", []) => service.built = true,
        ("scaled", []) => service.scaled = true,
        ("port", [at, field, value]) => {
            let Ok(at) = at.parse() else { return };
            let port = service.ports.entry(at).or_default();
            let value = (*value).to_owned();
            match *field {
                "target" => port.target = value.parse().ok(),
                "published" => port.published = Some(value),
                "host_ip" => port.host_ip = Some(value),
                "protocol" => port.protocol = Some(value),
                _ => {}
            }
        }
        _ => {}
    }
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    if !hex.is_ascii() {
        return None;
    }
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok()).collect()
}

/// `infrakt.yml`; empty as long as nothing is known of the file.
pub fn override_of(facts: &DeployFacts, owner: &Owner) -> String {
    let Some(shape) = shape(&facts.outputs) else { return String::new() };
    let main = MainService { project: &facts.project, host_port: facts.host_port, resources: &facts.resources };
    compose_override::render(&shape, &main, owner)
}

/// `build.yml`; empty as long as nothing is known of the file.
pub fn build_file(facts: &DeployFacts, owner: &Owner) -> String {
    shape(&facts.outputs)
        .map(|shape| compose_override::build(&shape, &facts.project, facts.deployment_id, owner))
        .unwrap_or_default()
}

/// Lines `SERVICE IMAGE` of what is built.
pub fn built_services(facts: &DeployFacts) -> String {
    let Some(shape) = shape(&facts.outputs) else { return String::new() };
    let image = |name| compose_override::built_image(&shape, &facts.project, facts.deployment_id, name);
    let built = shape.services.iter().filter(|(_, service)| service.built);
    built.map(|(name, _)| format!("{name} {}\n", image(name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str, width: usize) -> BTreeMap<String, String> {
        let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        let parts: Vec<&[u8]> = hex.as_bytes().chunks(width).collect();
        let mut outputs: BTreeMap<String, String> = parts
            .iter()
            .enumerate()
            .map(|(at, part)| (format!("compose.{}", at + 1), String::from_utf8(part.to_vec()).unwrap()))
            .collect();
        outputs.insert("compose".into(), parts.len().to_string());
        outputs
    }

    const TOLD: &str = "main\tweb\nawaited\tmigrate\nawaited\toff\nservice\tdb\nrestarts\tdb\nport\tdb\t0\ttarget\t5432\nport\tdb\t0\tpublished\t5432\nservice\tweb\n\
        built\tweb\nscaled\tweb\nservice\tmigrate\nnetwork\tback\nnetwork\tdefault\ntitled\tnetworks\tback\n\
        network\tproxy\nexternal\tnetworks\tproxy\nvolume\tdata\nsomething\tnew\n";

    #[test]
    fn what_the_server_told_is_read_however_it_is_parted() {
        let whole = shape(&told(TOLD, 100_000)).unwrap();
        assert_eq!(shape(&told(TOLD, 7)).unwrap(), whole);
        insta::assert_debug_snapshot!(whole);
    }

    #[test]
    fn what_was_told_in_part_counts_for_nothing() {
        assert_eq!(shape(&BTreeMap::new()), None);
        let mut cut = told(TOLD, 7);
        cut.remove("compose.3");
        assert_eq!(shape(&cut), None);
        assert_eq!(shape(&told("service\tweb\n", 100)), None);
        assert_eq!(shape(&told("main\tweb\n", 100)), None);
        let masked =
            BTreeMap::from([("compose".to_owned(), "1".to_owned()), ("compose.1".to_owned(), "***ü".to_owned())]);
        assert_eq!(shape(&masked), None);
    }
}
