//! `infrakt env …`

use crate::world::World;
use insta::assert_snapshot;
use std::collections::BTreeMap;

#[test]
fn variables_are_set_read_listed_and_deleted() {
    let mut world = World::with_web();
    world
        .run("env list web")
        .run("env list web --json")
        .run("env set web B=2 \"A=two words\" EMPTY=")
        .run("env set web A=1 A=3 --json")
        .run("env list web")
        .run("env list web --show-values")
        .run("env list web --show --json")
        .run("env get web A")
        .run("env get prod-1/web B --json")
        .run("env delete web A B")
        .run("env delete web A")
        .run("env delete web EMPTY --json")
        .run("env list web");
    assert_snapshot!(world.transcript());
}

#[test]
fn values_come_from_stdin_and_files_too() {
    let mut world = World::with_web();
    world.file(".env", "# a file\nA=1\nexport B='$x'\nC=\"two\\nlines\"\n");
    world.file("bad.env", "A=1\nnonsense\n");
    world
        .run_with("env set web PEM=-", Some("-----BEGIN-----\nabc\n"))
        .run("env set web --file .env B=nearer")
        .run_with("env set web --file -", Some("D=4\n"))
        .run("env list web --show")
        .run("env set web --file bad.env")
        .run("env set web --file none.env")
        .run("env set web A=- B=-")
        .run("env get web C");
    assert_snapshot!(world.transcript());
}

#[test]
fn what_cannot_be_a_variable_is_refused_as_a_whole() {
    let mut world = World::with_web();
    world
        .run("env set web")
        .run("env set web A")
        .run("env set web GOOD=1 1BAD=2")
        .run("env set web =1")
        .run("env set none A=1")
        .run("env get web A")
        .run_with("env set web A=-", Some("nul \0 inside"))
        .run("env list web");
    assert_snapshot!(world.transcript());
}

#[test]
fn every_value_comes_back_exactly() {
    let world = World::with_web();
    let nasty = ["", " ", "a\nb\r\n", "it's \"quoted\" $HOME `id` \\", "#no comment", "k=v=w", "\u{1f600} \u{e4}\u{0}"];
    for value in nasty.iter().filter(|value| !value.contains('\0')) {
        world.output(&["env", "set", "web", "V=-"].map(str::to_owned), Some(value));
        let output = world.quiet(&["env", "get", "web", "V"]);
        assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{value}\n"));
    }
    let long = "x".repeat(64 * 1024);
    world.output(&["env", "set", "web", "V=-"].map(str::to_owned), Some(&long));
    assert_eq!(world.quiet(&["env", "get", "web", "V"]).stdout.len(), long.len() + 1);
    let too_long = world.output(&["env", "set", "web", "V=-"].map(str::to_owned), Some(&"x".repeat(1024 * 1024)));
    assert_eq!(too_long.status.code(), Some(2), "{}", String::from_utf8_lossy(&too_long.stderr));
}

#[test]
fn two_hundred_variables_set_by_ten_at_once_are_all_there() {
    let world = World::with_web();
    std::thread::scope(|scope| {
        for process in 0..10 {
            let world = &world;
            scope.spawn(move || {
                for n in 0..20 {
                    world.quiet(&["env", "set", "web", &format!("K{process}_{n}={process}.{n}")]);
                }
            });
        }
    });
    let output = world.quiet(&["env", "list", "web", "--show", "--json"]);
    let vars: Vec<BTreeMap<String, String>> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(vars.len(), 200);
    for var in vars {
        assert_eq!(var["key"], format!("K{}", var["value"].replace('.', "_")));
    }
}

#[test]
fn no_secret_lies_open_in_the_home() {
    let world = World::with_web();
    world.quiet(&["env", "set", "web", "TOKEN=correct-horse-battery"]);
    world.quiet(&["app", "deploy", "web"]);
    let mut files = vec![world.home()];
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if let Ok(bytes) = std::fs::read(&path) {
            let open = bytes.windows(13).any(|window| window == b"correct-horse");
            assert!(!open, "{} holds the secret", path.display());
        }
    }
}

#[test]
fn an_environment_goes_out_as_a_file_and_comes_back() {
    let mut world = World::with_web();
    world.app("copy", "prod-1");
    world
        .run("env export web")
        .run_with("env set web NASTY=-", Some("line one\r\n\"two\" 'three' $HOME ${X} #no \\n = ünï"))
        .run("env set web EMPTY= PLAIN=1")
        .run("env export web")
        .run("env export web --json")
        .run("env export web -o out.env")
        .run("env export web -o none/out.env")
        .run("env import copy out.env")
        .run("env get copy NASTY --json")
        .run_with("env import copy", Some("# by hand\nPLAIN=2\nMORE='$x'\n"))
        .run_with("env import copy --json", Some("PLAIN=3\n"))
        .run("env list copy --show")
        .run_with("env import copy", Some("# nothing\n"))
        .run_with("env import copy", Some("GOOD=1\n1BAD=2\n"))
        .run("env import none out.env")
        .run("env export none");
    let mode = std::fs::metadata(world.home().parent().unwrap().join("out.env")).unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode.permissions()) & 0o777, 0o600);
    assert_snapshot!(world.transcript());
}

#[test]
fn an_environment_is_pushed_to_what_was_deployed() {
    let mut world = World::with_web();
    world.app("other", "prod-1").server("prod-2").app("web", "prod-2");
    world
        .run("env push web")
        .run("env push prod-1/web")
        .run("env push none")
        .run("app deploy prod-1/web")
        .run("env push prod-1/web --no-wait")
        .run("env push web --server prod-1 --no-wait --json")
        .run("env set prod-1/web A=1")
        .run("env push prod-1/web --no-wait")
        .run("env push prod-1/web --timeout 0s");
    let args = world.db().read(|conn| infrakt::store::jobs::find(conn, 3)).unwrap().unwrap().args;
    assert!(args.starts_with("{\"env\":{\"A\":\"gAAAAA"), "{args}");
    assert_snapshot!(world.transcript());
}

#[test]
fn ten_processes_that_set_variables_at_once_lose_none() {
    let world = World::with_web();
    let set = &|process: usize, n: usize| {
        let pair = format!("K{process}_{n}=v{process}.{n}");
        let output = world.command(&["env", "set", "web", &pair]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    std::thread::scope(|scope| {
        for process in 0..10 {
            scope.spawn(move || (0..20).for_each(|n| set(process, n)));
        }
    });
    let list: serde_json::Value =
        serde_json::from_slice(&world.quiet(&["env", "list", "web", "--show", "--json"]).stdout).unwrap();
    let list: BTreeMap<&str, &str> =
        list.as_array().unwrap().iter().map(|v| (v["key"].as_str().unwrap(), v["value"].as_str().unwrap())).collect();
    assert_eq!(list.len(), 200);
    for (key, value) in list {
        assert_eq!(value, key.replace('K', "v").replace('_', "."));
    }
}
