//! Whatever people type: it is refused, or it means the same to everything that reads it.

use infrakt::domain::app::Resources;
use infrakt::domain::name;
use infrakt::domain::secret::Secret;
use infrakt::render::compose::{self, ImageApp, Owner};
use infrakt::render::{caddyfile, dotenv, shell};
use infrakt::service::env;
use infrakt::vault::{EnvFile, MasterKey, VaultError};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// What breaks lines, quotes, words, files and terminals, in any order, among everything else.
fn value() -> impl Strategy<Value = String> {
    let nasty = prop::sample::select(vec![
        "\n",
        "\r\n",
        "\r",
        "\"",
        "'",
        "\\",
        "$",
        "${X}",
        "$(id)",
        "`",
        "#",
        " #",
        "=",
        " ",
        "\t",
        "\u{feff}",
        "\u{85}",
        "\u{2028}",
        "\\n",
        "\\\"",
        "{",
        "}",
        "%",
        "é",
        "😀",
        "\u{1b}[0m",
        "\u{7f}",
        "\u{1}",
        "export ",
        "KEY=",
    ]);
    let piece = prop_oneof![4 => nasty.prop_map(str::to_owned), 1 => "[^\0]{0,40}", 1 => "[a-z]{1,20}"];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn environment() -> impl Strategy<Value = BTreeMap<String, String>> {
    prop::collection::btree_map("[A-Za-z_][A-Za-z0-9_]{0,20}", value(), 0..12)
}

fn sealed(env: &BTreeMap<String, String>) -> BTreeMap<String, Secret<String>> {
    env.iter().map(|(key, value)| (key.clone(), Secret::new(value.clone()))).collect()
}

/// Names and domains as they may be, and as they may not.
fn word() -> impl Strategy<Value = String> {
    let close = "[A-Za-z0-9._ \\n\\t\"'$`{}#:;/*\\\\-]{0,30}";
    prop_oneof![2 => "[A-Za-z0-9][A-Za-z0-9._-]{0,99}", 1 => close, 1 => any::<String>()]
}

fn domain() -> impl Strategy<Value = String> {
    let good = "(http://)?(\\*\\.)?[A-Za-z0-9]([A-Za-z0-9-]{0,20}[A-Za-z0-9])?(\\.[A-Za-z0-9]{1,10}){0,4}";
    prop_oneof![3 => good, 1 => word(), 1 => word().prop_map(|word| format!("http://{word}"))]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_exported_environment_is_read_back_exactly(env in environment()) {
        let text = dotenv::render(&sealed(&env));
        let back = env::parse_file(text.expose()).unwrap();
        let back: BTreeMap<String, String> = back.into_iter().map(|(key, value)| (key, value.into_inner())).collect();
        prop_assert_eq!(back, env);
    }

    #[test]
    fn a_sealed_environment_is_opened_exactly(env in environment()) {
        let dir = tempfile::tempdir().unwrap();
        let key = MasterKey::open_or_create(&dir.path().join("master.key"), || false).unwrap();
        let file = EnvFile::new(dir.path().join("1.json"));
        file.update(|map| {
            map.extend(env.iter().map(|(name, value)| (name.clone(), key.seal(value))));
            Ok::<_, VaultError>(())
        })
        .unwrap();
        let read = file.read().unwrap();
        let opened: BTreeMap<String, String> =
            read.iter().map(|(name, token)| (name.clone(), key.open_token(token, name).unwrap().into_inner())).collect();
        prop_assert_eq!(opened, env);
    }

    /// Accepted names are one plain word to a shell, one folder, and one compose project that compose takes.
    #[test]
    fn a_name_is_refused_or_one_plain_word(name in word()) {
        if name::check_name("name", &name).is_err() {
            return Ok(());
        }
        prop_assert_eq!(shell::quote(&name), name.clone());
        prop_assert!(!name.contains('/') && !name.starts_with(['.', '-']));
        let project = name::compose_project(&name);
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
        prop_assert!(project.chars().all(plain), "{}", project);
    }

    /// No name adds a line to a compose file, or leaves the quotes that it stands in.
    #[test]
    fn a_name_is_refused_or_safe_in_compose(name in word(), image in word()) {
        if name::check_name("name", &name).is_err() || name::check_image(&image).is_err() {
            return Ok(());
        }
        let resources = Resources { port: 80, ..Resources::default() };
        let file = |app: &str, image: &str| {
            let project = name::compose_project(app);
            let owner = Owner { installation: "i", app, deployment_id: 1, job_uid: "j" };
            let app = ImageApp { app, project: &project, image, host_port: 20000, resources: &resources };
            format!("{}{}", compose::image_app(&app), compose::image_override(app.app, &owner))
        };
        let (plain, made) = (file("web", "nginx"), file(&name, &image));
        prop_assert_eq!(plain.lines().count(), made.lines().count());
        for (plain, made) in plain.lines().zip(made.lines()) {
            // A line begins as it does for any name, and what stands in quotes ends where it should.
            let indent = |line: &str| line.len() - line.trim_start().len();
            prop_assert_eq!(indent(made), indent(plain), "{}", made);
            prop_assert!(made.matches('"').count().is_multiple_of(2), "{}", made);
            prop_assert!(!made.contains('\\') && !made.contains('$'), "{}", made);
        }
    }

    /// What is written for a domain is exactly one block for exactly that domain, whoever reads it.
    #[test]
    fn a_domain_is_refused_or_one_block(domains in prop::collection::vec(domain(), 1..4), app in "[A-Za-z0-9][A-Za-z0-9._-]{0,20}") {
        let good: Vec<String> = domains.into_iter().filter(|domain| name::check_domain(domain).is_ok()).collect();
        let sites = caddyfile::parse(&caddyfile::app_blocks("inst", &app, &good, 20003));
        let mut wanted: Vec<String> = good.iter().map(|domain| domain.to_lowercase()).collect();
        wanted.sort();
        wanted.dedup();
        let read: Vec<String> = sites.iter().flat_map(|site| site.addresses.clone()).collect();
        prop_assert_eq!(read, wanted);
        for site in sites {
            prop_assert_eq!(site.port, Some(20003));
            prop_assert_eq!(site.owner, Some(("inst".to_owned(), Some(app.clone()))));
        }
        for domain in good {
            prop_assert!(domain.chars().all(|c| c.is_ascii_alphanumeric() || ".-*:/".contains(c)), "{}", domain);
        }
    }
}
