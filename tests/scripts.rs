//! The scripts of all steps: they parse, a linter agrees, and what can be tried without a server is tried.

use infrakt::domain::app::{Resources, Source};
use infrakt::domain::database::DbKind;
use infrakt::domain::plan::Plan;
use infrakt::ops::{app, database, deploy, provision, proxy, reads};
use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

#[path = "scripts/firewall.rs"]
mod firewall;
#[path = "scripts/login.rs"]
mod login;

fn plans() -> Vec<(&'static str, Plan)> {
    let deploy = deploy::DeployFacts {
        installation: "i".into(),
        job_uid: "j".into(),
        deployment_id: 1,
        server: "s".into(),
        app: "web".into(),
        project: "infrakt-web".into(),
        source: Source::Image { image: "nginx".into() },
        git_login: None,
        compose: None,
        resources: Resources { port: 80, ..Resources::default() },
        domains: Vec::new(),
        kept: Vec::new(),
        env: BTreeMap::new(),
        host_port: 20000,
        outputs: BTreeMap::new(),
    };
    let of_git = deploy::DeployFacts {
        source: Source::Git {
            url: "https://git.example/a.git".into(),
            branch: "main".into(),
            commit: None,
            login: None,
        },
        ..deploy.clone()
    };
    let provision = provision::ProvisionFacts {
        server: "s".into(),
        ssh_port: 22,
        ssh_client: None,
        options: provision::ProvisionOptions::default(),
    };
    let proxy = proxy::ProxyFacts {
        installation: "i".into(),
        job_uid: "j".into(),
        server: "s".into(),
        setup: true,
        reload: false,
        routes: Vec::new(),
        asked: Vec::new(),
        adopt: Vec::new(),
        others: false,
    };
    let facts = app::AppFacts {
        installation: "i".into(),
        job_uid: "j".into(),
        server: "s".into(),
        app: "web".into(),
        project: "infrakt-web".into(),
        service: "web".into(),
        deployment_id: Some(1),
        resources: Resources { port: 80, ..Resources::default() },
        domains: Vec::new(),
        host_port: Some(20000),
        wanted: true,
        check: app::Check::Answers,
    };
    let asked = app::AppFacts { check: app::Check::Query(DbKind::Redis), ..facts.clone() };
    let create = database::CreateFacts {
        installation: "i".into(),
        job_uid: "j".into(),
        deployment_id: 1,
        server: "s".into(),
        name: "main".into(),
        project: "infrakt-main".into(),
        image: "redis:7".into(),
        args: database::CreateArgs { kind: DbKind::Redis, volume: "v".into(), kept: false },
        env: BTreeMap::new(),
        secret_mark: "m".into(),
        host_port: 20000,
    };
    let gone = database::DestroyFacts {
        installation: "i".into(),
        job_uid: "j".into(),
        server: "s".into(),
        name: "main".into(),
        project: "infrakt-main".into(),
        deployment_id: Some(1),
        kind: DbKind::Redis,
        volume: "v".into(),
        unmarked: None,
        secret_mark: "m".into(),
        args: database::DestroyArgs { volumes: true },
    };
    let on_app = |name, action: app::Action| (name, app::plan(&facts, &action));
    vec![
        ("deploy", deploy::plan(&deploy)),
        ("deploy of git", deploy::plan(&of_git)),
        ("provision", provision::plan(&provision)),
        on_app("restart", app::Action::Restart),
        on_app("stop", app::Action::Stop),
        on_app("start", app::Action::Start),
        on_app("env push", app::Action::EnvPush(BTreeMap::new())),
        on_app("destroy", app::Action::Destroy(app::DestroyOptions { volumes: true })),
        ("proxy", proxy::plan(&proxy)),
        ("restart of a database", app::plan(&asked, &app::Action::Restart)),
        ("db create", database::create_plan(&create)),
        ("db destroy", database::destroy_plan(&gone)),
    ]
}

/// Name and text of every script.
fn scripts() -> Vec<(String, String)> {
    let mut out = Vec::new();
    for (operation, plan) in plans() {
        for step in &plan.steps {
            out.push((format!("{operation} {}", step.name), step.body.script.to_string()));
            if let Some(undo) = &step.undo {
                out.push((format!("{operation} undo {}", step.name), undo.script.to_string()));
            }
        }
    }
    for (name, read) in [
        ("login", reads::login::read()),
        ("status", reads::status::read()),
        ("app", reads::app::read("p", "/f")),
        ("logs", reads::logs::read("p", "/f", 1, false, None)),
        ("database", reads::database::read("main", "PASSWORD")),
        ("doctor", reads::doctor::read()),
        ("proxy", reads::proxy::read()),
    ] {
        out.push((format!("read {name}"), String::from_utf8(read.stdin().to_vec()).unwrap()));
    }
    out
}

/// What a program says to a text on its stdin, and whether it liked it.
fn fed(program: &str, words: &[&str], text: &str) -> std::io::Result<(bool, String)> {
    let mut child = Command::new(program)
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(text.as_bytes())?;
    drop(stdin);
    let output = child.wait_with_output()?;
    Ok((output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()))
}

#[test]
fn every_script_parses_and_says_what_it_is_for() {
    for (name, text) in scripts() {
        let (ok, said) = fed("sh", &["-n"], &text).unwrap();
        assert!(ok, "{name}: {said}");
        assert!(text.starts_with("# "), "{name}");
    }
}

#[test]
fn the_linter_finds_nothing() {
    for (name, text) in scripts() {
        // A step need not use all that it shares. A function that nobody calls is SC2317, from ShellCheck 0.11 on SC2329.
        let linted = fed("shellcheck", &["-s", "sh", "-e", "SC2317,SC2329", "-"], &text);
        let (ok, said) = linted.unwrap_or_else(|e| panic!("shellcheck cannot be run here: {e}"));
        assert!(ok, "{name}: {said}");
    }
}

/// Runs what deploys from git share, and this then; `fail` says class and code.
fn with_git(setting: &str, then: &str, words: &[&str]) -> String {
    let script = format!(
        "tab='\t' app_dir=/none SERVER=s APP=web GIT_URL=https://h/me/web.git\n{setting}\nfail() {{ echo \"$1 $2\"; exit; }}\n{}\n{}\n{}\n{then}\n",
        include_str!("../src/ops/deploy/git.sh"),
        include_str!("../src/ops/deploy/submodules.sh"),
        include_str!("../src/ops/deploy/lfs.sh")
    );
    let output = Command::new("sh").args(["-euc", &script, "sh"]).args(words).output().unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// What a person is told of what git said, asked in this way.
fn trouble_of(git_said: &str, ask: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("git"), git_said).unwrap();
    with_git(&format!("tmp={}", dir.path().display()), ask, &[])
}

fn trouble(git_said: &str) -> String {
    trouble_of(git_said, "git_trouble $tmp/git")
}

#[test]
fn what_git_says_has_a_class_and_a_code() {
    let unread =
        "fatal: Could not read from remote repository.\n\nPlease make sure you have the correct access rights\n";
    for (said, expected) in [
        ("fatal: unable to access 'https://x/a/': Could not resolve host: x", "transient git_unreachable"),
        ("fatal: unable to connect to x:\nx[0: 10.0.0.1]: errno=Connection refused", "transient git_unreachable"),
        ("ssh: connect to host x port 22: Connection timed out\n", "transient git_unreachable"),
        ("error: RPC failed; curl 56 Recv failure\nfatal: early EOF", "transient git_unreachable"),
        ("fatal: unable to access 'https://x/': The requested URL returned error: 502", "transient git_unreachable"),
        ("git@x: Permission denied (publickey).\n", "permanent repository_denied"),
        ("Host key verification failed.\n", "permanent repository_denied"),
        ("fatal: could not read Username for 'https://x': terminal prompts disabled", "permanent repository_denied"),
        (
            "remote: Invalid username or token.\nfatal: Authentication failed for 'https://x/'",
            "permanent repository_denied",
        ),
        ("fatal: unable to access 'https://x/': The requested URL returned error: 403", "permanent repository_denied"),
        ("remote: Repository not found.\nfatal: repository 'https://x/a/' not found", "permanent repository_missing"),
        ("ERROR: Repository not found.\n", "permanent repository_missing"),
        ("fatal: 'a' does not appear to be a git repository\n", "permanent repository_missing"),
        ("fatal: unable to access 'https://x/': SSL certificate problem: expired", "permanent git_failed"),
        ("fatal: write error: No space left on device", "permanent disk_full"),
        ("fatal: something else", "permanent git_failed"),
    ] {
        assert_eq!(trouble(said), expected, "{said}");
        assert_eq!(trouble(&format!("{said}\n{unread}")), expected, "{said}");
    }
}

#[test]
fn what_git_says_of_a_submodule_and_of_lfs_has_codes_of_its_own() {
    for (said, expected) in [
        ("fatal: could not read Username for 'https://x': terminal prompts disabled", "permanent submodule_denied"),
        ("git@x: Permission denied (publickey).", "permanent submodule_denied"),
        ("fatal: repository 'https://x/a/' not found", "permanent submodule_missing"),
        ("fatal: transport 'file' not allowed", "permanent submodule_failed"),
        ("fatal: unable to access 'https://x/a/': Could not resolve host: x", "transient git_unreachable"),
    ] {
        assert_eq!(trouble_of(said, "at_module libs/one; git_trouble $tmp/git"), expected, "{said}");
    }
    for (said, expected) in [
        ("batch response: Git credentials for https://x/web.git/info/lfs not found.", "permanent lfs_denied"),
        ("batch request: git@x: Permission denied (publickey).: exit status 255", "permanent lfs_denied"),
        ("[0a1b] Object does not exist on the server: [404] Object does not exist", "permanent lfs_missing"),
        ("batch response: This repository exceeded its LFS budget.", "permanent lfs_failed"),
        (
            "batch response: Post \"https://x\": dial tcp 10.0.0.1:443: connect: connection refused",
            "transient git_unreachable",
        ),
        ("batch response: Post \"https://x\": dial tcp: lookup x: no such host", "transient git_unreachable"),
        ("write /opt/x: no space left on device", "permanent disk_full"),
    ] {
        let said =
            format!("Downloading LFS objects:   0% (0/1)\r\n{said}\nFailed to fetch some objects from 'https://x'");
        assert_eq!(trouble_of(&said, "lfs_trouble"), expected, "{said}");
    }
}

#[test]
fn the_address_of_a_submodule_is_found_as_git_does_it_and_leads_to_other_servers_alone() {
    let found = |setting: &str, base: &str, url: &str| {
        with_git(setting, r#"address=$(address_of "$1" "$2"); module=m; has_address; echo "$address""#, &[base, url])
    };
    let refused = "permanent submodule_refused";
    for (base, url, expected) in [
        ("https://h/me/web.git", "../lib.git", "https://h/me/lib.git"),
        ("https://h/me/web.git/", "../../you/lib.git/", "https://h/you/lib.git"),
        ("https://h/me/web.git", "./lib", "https://h/me/web.git/lib"),
        ("git@h:me/web.git", "../../you/lib.git", "git@h:you/lib.git"),
        ("git@h:web.git", "../lib.git", "git@h:lib.git"),
        ("git@h:me/web.git", "https://x/lib.git", "https://x/lib.git"),
        ("git@h:me/web.git", "ssh://[::1]/lib.git", "ssh://[::1]/lib.git"),
        ("https://h/me/web.git", "file:///srv/lib.git", refused),
        ("https://h/me/web.git", "/srv/lib.git", refused),
        ("https://h/me/web.git", "srv/a:b", refused),
        ("https://h/me/web.git", "ext::sh -c id", refused),
        ("https://h/me/web.git", "-oProxyCommand=id:x", refused),
    ] {
        assert_eq!(found("", base, url), expected, "{base} {url}");
    }
    // With a login: what is at its host goes over https.
    for (url, expected) in [
        ("git@h:me/lib.git", "https://h:8443/me/lib.git"),
        ("ssh://git@h:22/me/lib.git", "https://h:8443/me/lib.git"),
        ("git@other:me/lib.git", "git@other:me/lib.git"),
        ("http://h/me/lib.git", "http://h/me/lib.git"),
    ] {
        assert_eq!(found("GIT_ORIGIN=https://h:8443", "https://h:8443/me/web.git", url), expected, "{url}");
    }
    for (path, safe) in [
        ("a", true),
        ("a b/c", true),
        ("../a", false),
        ("a/../b", false),
        ("/a", false),
        ("a//b", false),
        ("a/.Git/b", false),
    ] {
        let said = with_git("", r#"if safe_path "$1"; then echo true; else echo false; fi"#, &[path]);
        assert_eq!(said, safe.to_string(), "{path}");
    }
}

/// Runs the merge of the managed Caddyfile: what stays, what was taken out, what somebody else has.
fn merged(file: &str, app: &str, domains: &str) -> String {
    merged_with(file, app, domains, ["", "", ""])
}

/// With what may be adopted, what leads to bare ports, and what is kept for apps.
fn merged_with(file: &str, app: &str, domains: &str, more: [&str; 3]) -> String {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    std::fs::write(path("Caddyfile"), file).unwrap();
    let script = format!("{}\ncaddy_merge \"$@\"\n", include_str!("../src/ops/caddy.sh"));
    let output = Command::new("sh")
        .args(["-c", &script, "sh", &path("Caddyfile"), &format!("# infrakt inst-1 {app}"), domains])
        .args([path("removed"), path("taken")])
        .args(more)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read = |name: &str| std::fs::read_to_string(path(name)).unwrap();
    format!("{}--- removed\n{}--- taken\n{}", String::from_utf8(output.stdout).unwrap(), read("removed"), read("taken"))
}

const FILE: &str = "\
# by hand: keep me

{
    email a@example.com
}

(snippet) {
    header X \"{http.x}\"
}

import /etc/caddy/sites/*

# infrakt inst-1 web
web.example.com {
    reverse_proxy 127.0.0.1:20003
}

# infrakt inst-1 web-2
two.example.com {
    reverse_proxy 127.0.0.1:20004
}

# infrakt inst-2 web
other.example.com {
    reverse_proxy 127.0.0.1:20005
}

hand.example.com,
www.hand.example.com:443 { # mine
    handle /x {
        respond \"# { no brace\"
    }
    reverse_proxy localhost:3000
}

old.example.com {
    reverse_proxy localhost:3001
}
# the end
";

#[test]
fn an_apps_own_blocks_go_and_all_else_stays() {
    insta::assert_snapshot!(merged(FILE, "web", ""));
}

#[test]
fn blocks_of_the_first_release_and_of_other_apps_of_this_home_are_taken_over() {
    insta::assert_snapshot!(merged(FILE, "new", "old.example.com two.example.com"));
}

#[test]
fn what_somebody_else_has_is_named() {
    for (domain, taken) in [
        ("hand.example.com", "hand.example.com\thand.example.com\t\n"),
        ("www.hand.example.com", "www.hand.example.com:443\twww.hand.example.com\t\n"),
        ("other.example.com", "other.example.com\tother.example.com\t# infrakt inst-2 web\n"),
        ("example.com", ""),
        ("http://hand.example.com", ""),
    ] {
        let said = merged(FILE, "web", domain);
        assert_eq!(said.rsplit("--- taken\n").next().unwrap(), taken, "{domain}");
    }
}

#[test]
fn merging_twice_changes_nothing_more() {
    let kept = |file: &str| merged(file, "web", "").split("--- removed").next().unwrap().to_owned();
    let once = kept(FILE);
    assert_eq!(kept(&once), once);
}

#[test]
fn all_blocks_of_this_home_go_where_the_whole_server_is_written() {
    insta::assert_snapshot!(merged(FILE, "*", "new.example.com"));
}

#[test]
fn a_block_of_somebody_else_gives_up_what_is_adopted_and_nothing_more() {
    insta::assert_snapshot!(merged_with(FILE, "*", "hand.example.com other.example.com", ["hand.example.com", "", ""]));
    let whole = merged_with(FILE, "*", "other.example.com", ["other.example.com", "", ""]);
    assert!(whole.contains("--- removed") && !whole.split("--- removed").next().unwrap().contains("other.example.com"));
}

#[test]
fn what_the_first_release_wrote_is_marked_for_its_app_and_foreign_for_a_bare_port() {
    let kept = merged_with(FILE, "*", "", ["", "", "old.example.com=shop two.example.com=web-2"]);
    assert!(kept.contains("# infrakt inst-1 shop\nold.example.com {\n    reverse_proxy localhost:3001\n}\n"), "{kept}");
    assert!(
        kept.contains("# infrakt inst-1 web-2\ntwo.example.com {\n    reverse_proxy 127.0.0.1:20004\n}\n"),
        "{kept}"
    );
    let taken = merged_with(FILE, "*", "old.example.com", ["", "old.example.com", ""]);
    assert!(taken.ends_with("--- taken\nold.example.com\told.example.com\t\n"), "{taken}");
}

#[test]
fn of_our_blocks_the_wanted_ones_are_picked() {
    let blocks: String = ["*.example.com", "http://intern", "web.example.com"]
        .iter()
        .map(|domain| format!("\n{}", infrakt::render::caddyfile::block("inst-1", None, domain, 9000)))
        .collect();
    let script = format!("{}\npick \"$1\"\n", include_str!("../src/ops/caddy.sh"));
    let picked = |domains: &str| fed("sh", &["-c", &script, "sh", domains], &blocks).unwrap().1;
    assert_eq!(picked("*.example.com http://intern web.example.com"), blocks);
    assert_eq!(picked(""), "");
    assert_eq!(
        picked("intern http://intern example.com"),
        "\n# infrakt inst-1 -\nhttp://intern {\n    reverse_proxy 127.0.0.1:9000\n}\n"
    );
}
