//! Plans as text, and where the password goes.

use super::*;
use crate::ops::tests::{outline, variables};

fn facts(kind: DbKind) -> CreateFacts {
    CreateFacts {
        installation: "0190-installation".into(),
        job_uid: "0190-job".into(),
        deployment_id: 12,
        server: "prod-1".into(),
        name: "main".into(),
        project: "infrakt-main".into(),
        image: kind.default_image().into(),
        args: CreateArgs { kind, volume: "infrakt.main.data".into(), kept: false },
        env: database::environment(kind, "main", &Secret::new("hunter2-hunter2".into())),
        secret_mark: "0123456789abcdef".into(),
        host_port: 20007,
    }
}

#[test]
fn the_plan() {
    insta::assert_snapshot!(outline(&create_plan(&facts(DbKind::Postgres))));
}

#[test]
fn what_the_steps_are_told() {
    let plan = create_plan(&facts(DbKind::Redis));
    insta::assert_snapshot!(variables(&plan.steps[1].body));
}

#[test]
fn the_password_goes_to_the_one_step_that_writes_it() {
    for kind in DbKind::ALL {
        let plan = create_plan(&facts(kind));
        let bodies = plan.steps.iter().flat_map(|step| [Some(&step.body), step.undo.as_ref()]).flatten();
        let told: Vec<bool> = bodies.map(|body| variables(body).contains("hunter2")).collect();
        assert_eq!(told, [true, false, false, false, false, false], "{kind}");
    }
}

#[test]
fn kind_port_and_volume_change_no_script() {
    let one = create_plan(&facts(DbKind::Postgres));
    let mut other = facts(DbKind::Mongo);
    other.host_port = 20008;
    other.args = CreateArgs { kind: DbKind::Mongo, volume: "old_main_data".into(), kept: true };
    for (one, two) in one.steps.iter().zip(&create_plan(&other).steps) {
        assert_eq!(one.body.script, two.body.script);
    }
}

#[test]
fn even_a_plain_word_is_masked_where_it_is_a_password() {
    assert_eq!(secrets(Some(&Secret::new("production".into()))).mask("a production b"), "a *** b");
}
