//! The first release's command lines, each as its users have it in their fingers and scripts; and its faults, each with what holds it
//! away.

use crate::world::{World, words};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// In this order, in one home: what is typed, and how it ends. 5: the server is asked and does not answer.
const LINES: &[(&str, i32)] = &[
    ("init", 0),
    ("server add --name prod-1 --host 127.0.0.1 --user root --port 1 --key ~/.ssh/id --provider lab --yes", 5),
    ("server add --provider lab --key ~/.ssh/id --port 1 --user root --host 127.0.0.1 --name prod-1 --offline", 0),
    ("server add --name=prod-2 --host=127.0.0.1 --user=root --port=1 --offline", 0),
    ("server list", 0),
    ("server provision prod-1", 0),
    ("server status prod-1", 5),
    ("server ssh prod-1", 5),
    ("app create --server prod-1 --name web --domain web.example.com --port 8080 --image registry.example/web:1", 0),
    ("app create --server prod-1 --name api --git https://git.example/api.git --branch next", 0),
    ("app create --server=prod-2 --name=web --git=git@git.example:a/web.git", 0),
    ("app list", 0),
    ("app list --server prod-1", 0),
    ("app deploy api", 0),
    ("app deploy web --server prod-1", 0),
    ("app deploy --server prod-2 web", 0),
    ("app logs api", 5),
    ("app logs web --server prod-1 --lines 50", 5),
    ("app logs --lines=99999 api", 5),
    ("app logs --lines 0 api", 5),
    ("app restart api", 0),
    ("app restart web --server prod-1", 0),
    ("app stop api", 0),
    ("app stop web --server prod-1", 0),
    ("env set api KEY=value", 0),
    ("env set web A=1 B= C=a=b \"D=two words\" --server prod-1", 0),
    ("env get api KEY", 0),
    ("env get web C --server prod-1", 0),
    ("env list api", 0),
    ("env list web --server prod-1 --show-values", 0),
    ("env delete api KEY", 0),
    ("env delete web A --server prod-1", 0),
    ("env push api", 0),
    ("env push web --server prod-1", 0),
    ("db create --server prod-1 --name main --type postgres --version 15", 0),
    ("db create --server prod-1 --name shop --type mysql", 0),
    ("db create --type redis --name cache --server prod-1", 0),
    ("db create --server=prod-1 --name=docs --type=mongo --version=6", 0),
    ("db list", 0),
    ("db list --server prod-1", 0),
    ("db destroy main --server prod-1 --force", 0),
    ("proxy setup prod-1", 0),
    ("proxy add api.example.com --server prod-1 --port 9000", 0),
    ("proxy remove api.example.com --server prod-1", 0),
    ("proxy domains prod-1", 0),
    ("proxy status prod-1", 5),
    ("proxy reload prod-1", 0),
    ("app destroy api --force", 0),
    ("app destroy web --server prod-2 --force", 0),
    ("server remove prod-1 --force", 0),
    ("server remove prod-2 --force", 0),
    ("--version", 0),
];

#[test]
fn each_command_line_of_the_first_release_is_understood() {
    // Scripts of the first release go on when a command has returned: here nobody waits for a worker.
    let world = World::new();
    let mut faults = Vec::new();
    let mut commands = BTreeSet::new();
    for (line, status) in LINES {
        let output = world.command(&words(line)).env("INFRAKT_WAIT", "never").output().unwrap();
        if output.status.code() != Some(*status) {
            faults.push(format!("{line}: {:?}\n{}", output.status.code(), String::from_utf8_lossy(&output.stderr)));
        }
        commands.insert(line.split(' ').take(2).collect::<Vec<_>>().join(" "));
        if *line == "env get web C --server prod-1" {
            assert_eq!(output.stdout, b"a=b\n");
        }
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
    // Each of its groups and commands has help.
    commands.extend(["", "server", "app", "env", "db", "proxy"].map(str::to_owned));
    for command in commands.iter().filter(|command| !command.starts_with("--")) {
        world.quiet(&words(&format!("{command} --help")).iter().map(String::as_str).collect::<Vec<_>>());
    }
}

/// Its ten most visible faults, and tests that fail where one is back.
const EDGES: &[(&str, &[&str])] = &[
    (
        "a first deploy without variables fails, and a variable that was deleted stays on the server",
        &["what_is_deleted_goes_from_the_server_and_what_is_printed_comes_out_as_it_is"],
    ),
    (
        "a name on two servers means the first one",
        &[
            "a_name_on_two_servers_must_be_said_with_its_server",
            "a_database_that_is_not_there_or_stands_on_two_servers_is_said",
            "every_command_says_which_servers_have_an_app_of_that_name",
        ],
    ),
    (
        "ordinary mistakes end in tracebacks",
        &[
            "every_command_says_what_is_not_there",
            "every_command_says_that_a_server_is_down",
            "what_cannot_be_an_app_is_refused",
            "what_cannot_be_a_route_is_refused",
        ],
    ),
    (
        "what is read by programs is text of one piece",
        &["a_status_is_fresh_and_complete", "the_examples_have_the_keys_of_real_answers"],
    ),
    (
        "a database's password is lost, and only one of a type fits a server",
        &[
            "databases_are_made_listed_and_reached",
            "what_an_app_writes_is_read_back_after_a_restart_and_after_destroy_and_create",
        ],
    ),
    (
        "deploys are blind, their log is lost, and a crash leaves them in progress for ever",
        &[
            "a_failure_says_which_step_why_and_what_to_try",
            "deployments_tell_what_became_of_them",
            "a_deploy_whose_process_is_killed_goes_on_with_the_command_that_follows_it",
            "a_repository_is_deployed_again_with_another_environment_branch_tag_and_commit",
        ],
    ),
    (
        "apps with compose files of their own share a project, and nothing finds their containers",
        &[
            "an_app_in_a_shared_compose_project_is_worked_on_and_taken_over_without_its_neighbour",
            "a_file_of_several_services_is_deployed_beside_another_app_of_the_same_file",
        ],
    ),
    (
        "what others wrote on the server is overwritten, and a pushed environment is not in force",
        &[
            "routes_are_made_changed_and_taken_away_and_what_others_wrote_stays_byte_for_byte",
            "a_reboot_in_the_middle_goes_on_and_the_firewall_lets_us_in",
            "a_push_gives_the_present_environment_and_takes_it_back_where_the_app_cannot_live_with_it",
        ],
    ),
    (
        "secrets outlive their app, a failed create blocks the next, and a server that is gone keeps its apps",
        &[
            "no_id_that_was_ever_seen_comes_again_and_environments_of_nobody_are_set_aside",
            "a_create_that_failed_is_asked_for_again",
            "an_app_whose_server_is_gone_is_forgotten_also_under_its_living_job",
            "a_server_with_apps_is_removed_by_force_only",
        ],
    ),
    (
        "the first contact believes everything",
        &[
            "what_cannot_be_a_server_is_refused",
            "a_server_that_does_not_answer_is_not_recorded",
            "another_host_key_is_refused_until_it_is_trusted",
            "what_is_deleted_goes_from_the_server_and_what_is_printed_comes_out_as_it_is",
        ],
    ),
];

#[test]
fn each_of_its_ten_faults_has_a_test_that_is_there() {
    let mut code = String::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")];
    while let Some(folder) = folders.pop() {
        let entries: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        for path in entries {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                code.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    assert_eq!(EDGES.len(), 10);
    for (edge, tests) in EDGES {
        for test in *tests {
            assert!(code.contains(&format!("#[test]\nfn {test}(")), "{edge}: there is no test `{test}`");
        }
    }
}
