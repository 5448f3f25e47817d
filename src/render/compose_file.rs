//! A compose file as its user wrote it: what can be seen from the text alone. The full truth is docker compose's, on the server.

use serde_json::{Map, Value};

/// Why a compose file is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadCompose {
    #[error("the compose file is no YAML: {0}")]
    NoYaml(String),
    #[error("the compose file has no services")]
    NoServices,
    /// It needs what lies beside it, and only the file itself is uploaded.
    #[error("the compose file cannot be used alone: {}", .0.join("; "))]
    NotAlone(Vec<String>),
    #[error("the compose file has several services: {}", .0.join(", "))]
    WhichService(Vec<String>),
    #[error("the compose file has no service `{service}`; it has: {}", all.join(", "))]
    NoService { service: String, all: Vec<String> },
}

impl BadCompose {
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            BadCompose::NoYaml(_) => Some("`docker compose config` shows the same where the file is"),
            BadCompose::NoServices => None,
            BadCompose::NotAlone(_) => Some(
                "use images, named volumes and absolute paths, or deploy from a git repository, where all of it works",
            ),
            BadCompose::WhichService(_) => {
                Some("`--service NAME` says which has the port, the domain, the health check and the environment")
            }
            BadCompose::NoService { .. } => Some("`--service NAME`"),
        }
    }
}

/// Reads an uploaded file and refuses what cannot work without the folder that it came from. Returns the service that has the port.
pub fn check_upload(text: &str, service: Option<&str>) -> Result<String, BadCompose> {
    let file: Value =
        serde_saphyr::from_str(text).map_err(|error| BadCompose::NoYaml(first_line(&error.to_string())))?;
    let services = match file.get("services") {
        Some(Value::Object(services)) if !services.is_empty() => services,
        // What `include` brings in is not seen here.
        _ if file.get("include").is_some() => return Err(BadCompose::NotAlone(vec!["it uses `include`".into()])),
        _ => return Err(BadCompose::NoServices),
    };
    let needs = needs_neighbours(&file, services);
    if !needs.is_empty() {
        return Err(BadCompose::NotAlone(needs));
    }
    main_service(services, service)
}

/// The service that was named, or the only one that starts.
fn main_service(services: &Map<String, Value>, said: Option<&str>) -> Result<String, BadCompose> {
    let optional =
        |service: &Value| service.get("profiles").is_some_and(|p| p.as_array().is_none_or(|p| !p.is_empty()));
    let all: Vec<String> = services.iter().filter(|(_, s)| !optional(s)).map(|(name, _)| name.clone()).collect();
    match (said, all.as_slice()) {
        (Some(said), _) if services.contains_key(said) => Ok(said.to_owned()),
        (Some(said), _) => Err(BadCompose::NoService { service: said.to_owned(), all }),
        (None, [only]) => Ok(only.clone()),
        (None, []) => Err(BadCompose::NoServices),
        (None, _) => Err(BadCompose::WhichService(all)),
    }
}

fn needs_neighbours(file: &Value, services: &Map<String, Value>) -> Vec<String> {
    let mut needs = Vec::new();
    if file.get("include").is_some() {
        needs.push("it uses `include`".to_owned());
    }
    for (name, service) in services {
        for word in ["build", "extends"] {
            if service.get(word).is_some_and(|value| !value.is_null()) {
                needs.push(format!("the service `{name}` uses `{word}`"));
            }
        }
        for source in items(service.get("volumes")).filter_map(bind_source).filter(|source| is_relative(source)) {
            needs.push(format!("the service `{name}` binds the relative path `{source}`"));
        }
        for word in ["env_file", "label_file"] {
            // `.env` is there: the app's own environment.
            let own = |path: &str| word == "env_file" && matches!(path, ".env" | "./.env");
            for path in items(service.get(word)).filter_map(path_of).filter(|path| is_file_beside(path) && !own(path)) {
                needs.push(format!("the service `{name}` has the `{word}` `{path}`"));
            }
        }
    }
    for kind in ["configs", "secrets"] {
        let Some(Value::Object(all)) = file.get(kind) else { continue };
        for (name, one) in all {
            if let Some(path) = one.get("file").and_then(Value::as_str).filter(|path| is_file_beside(path)) {
                needs.push(format!("`{name}` of its {kind} is the file `{path}`"));
            }
        }
    }
    needs
}

/// A list, or one thing in the place of a list.
fn items(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    let (many, one) = match value {
        Some(Value::Array(many)) => (many.as_slice(), None),
        one => (&[][..], one),
    };
    many.iter().chain(one)
}

/// `env_file: path` and `env_file: {path: …}`.
fn path_of(value: &Value) -> Option<&str> {
    value.as_str().or_else(|| value.get("path")?.as_str())
}

/// What a volume binds, if it may be a path: a named volume has neither slash nor dot in front.
fn bind_source(volume: &Value) -> Option<&str> {
    match volume {
        Value::String(short) => short.split_once(':').map(|(source, _)| source),
        Value::Object(long) if long.get("type").and_then(Value::as_str) == Some("bind") => long.get("source")?.as_str(),
        _ => None,
    }
}

/// In a volume a word is a name; a path begins with a dot or has a slash. What a variable holds is seen on the server.
fn is_relative(source: &str) -> bool {
    !source.starts_with(['/', '~', '$']) && (source.starts_with('.') || source.contains('/'))
}

fn is_file_beside(path: &str) -> bool {
    !path.starts_with(['/', '~', '$'])
}

/// Of a message with a picture of the place and with advice for programs, the sentence.
fn first_line(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    let line = line.strip_prefix("error: ").unwrap_or(line);
    [", set ", "; use "].iter().fold(line, |line, advice| line.split(advice).next().unwrap_or_default()).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, service: Option<&str>) -> String {
        match check_upload(text, service) {
            Ok(main) => main,
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_main_service_is_the_only_one_or_the_one_that_is_named() {
        let two = "services:\n  web: {image: a}\n  db: {image: b}\n  debug: {image: c, profiles: [debug]}\n";
        assert_eq!(check("services: {web: {image: a}}", None), "web");
        assert_eq!(check("services: {web: {image: a}, debug: {image: c, profiles: [debug]}}", None), "web");
        assert_eq!(check(two, Some("db")), "db");
        assert_eq!(check(two, None), "the compose file has several services: db, web");
        assert_eq!(check(two, Some("api")), "the compose file has no service `api`; it has: db, web");
        for none in ["services: {}", "services:", "a: b", "[]", "web", "", "services: [web]"] {
            assert_eq!(check(none, None), "the compose file has no services", "{none:?}");
        }
    }

    #[test]
    fn what_needs_the_folder_is_refused_with_each_reason() {
        let text = r#"
include: [other.yml]
x-base: &base
  build: .
services:
  web:
    <<: *base
    volumes:
      - ./data:/data
      - ../up:/up:ro
      - sub/dir:/sub
      - {type: bind, source: conf, target: /conf}
    env_file: [web.env, .env, {path: ./.env, required: false}, {path: more.env}]
  db:
    extends: {service: web}
    env_file: db.env
configs: {c: {file: ./c.txt}}
secrets: {s: {file: s.txt}, e: {environment: S}}
"#;
        let Err(BadCompose::NotAlone(reasons)) = check_upload(text, Some("web")) else { panic!() };
        insta::assert_snapshot!(reasons.join("\n"), @r"
        it uses `include`
        the service `db` uses `extends`
        the service `db` has the `env_file` `db.env`
        the service `web` uses `build`
        the service `web` binds the relative path `./data`
        the service `web` binds the relative path `../up`
        the service `web` binds the relative path `sub/dir`
        the service `web` has the `env_file` `web.env`
        the service `web` has the `env_file` `more.env`
        `c` of its configs is the file `./c.txt`
        `s` of its secrets is the file `s.txt`
        ");
    }

    #[test]
    fn what_stands_for_itself_is_taken() {
        let text = r#"
x-common: &common {restart: always, logging: {driver: local}}
services:
  web:
    <<: *common
    image: ${REGISTRY:-docker.io}/web:1
    env_file: .env
    volumes: [data:/data, /srv/files:/files, "~/x:/x", "${DIR}/y:/y", /anonymous, {type: volume, source: data, target: /d}, {type: tmpfs, target: /t}]
    configs: [c]
    ports: !override ["80:80"]
    container_name: !reset null
    build: !reset null
volumes: {data: }
configs: {c: {content: hello}, d: {external: true}}
"#;
        assert_eq!(check(text, None), "web");
    }

    #[test]
    fn what_is_no_yaml_says_where() {
        insta::assert_snapshot!(check("services:\n  web: [a\n  db: b\n", None), @"the compose file is no YAML: line 3 column 5: illegal placement of ':' indicator");
        insta::assert_snapshot!(check("services:\n  web: {image: a}\n  web: {image: b}\n", None), @"the compose file is no YAML: line 3 column 3: duplicate mapping key: web");
        let bomb: String = (1..12).fold("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned(), |text, n| {
            format!("{text}a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(", "))
        });
        assert!(check(&bomb, None).starts_with("the compose file is no YAML: "));
    }
}
