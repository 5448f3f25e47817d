//! Plans as text, and where secrets go.

use super::*;
use crate::ops::tests::{outline, variables};

fn facts() -> AppFacts {
    AppFacts {
        installation: "0190-installation".into(),
        job_uid: "0190-job".into(),
        server: "prod-1".into(),
        app: "web".into(),
        project: "infrakt-web".into(),
        service: "web".into(),
        deployment_id: Some(12),
        resources: Resources { port: 3000, health_path: Some("/up".into()), ..Resources::default() },
        domains: vec!["Web.example.com".into()],
        host_port: Some(20003),
        wanted: true,
        check: Check::Answers,
    }
}

fn actions() -> Vec<Action> {
    let env = [("TOKEN".to_owned(), Secret::new("it's $ecret".to_owned()))].into();
    let destroy = Action::Destroy(DestroyOptions { volumes: true });
    vec![Action::Restart, Action::Stop, Action::Start, Action::EnvPush(env), destroy]
}

#[test]
fn the_plans() {
    let all: String = actions()
        .iter()
        .map(|action| {
            let name = format!("{action:?}");
            format!("{}: {}", name.split('(').next().unwrap_or_default(), outline(&plan(&facts(), action)))
        })
        .collect();
    insta::assert_snapshot!(all);
}

#[test]
fn what_a_step_is_told() {
    let destroy = Action::Destroy(DestroyOptions { volumes: true });
    insta::assert_snapshot!(variables(&plan(&facts(), &destroy).steps[1].body));
}

#[test]
fn secrets_go_to_the_one_step_that_writes_them() {
    for action in actions() {
        let plan = plan(&facts(), &action);
        let bodies = plan.steps.iter().flat_map(|step| [Some(&step.body), step.undo.as_ref()]).flatten();
        let told = bodies.filter(|body| variables(body).contains("ecret")).count();
        assert_eq!(told, usize::from(matches!(action, Action::EnvPush(_))), "{action:?}");
    }
}

#[test]
fn facts_change_no_script() {
    for action in actions() {
        let other = AppFacts { app: "api".into(), wanted: false, check: Check::Runs, ..facts() };
        for (one, two) in plan(&facts(), &action).steps.iter().zip(&plan(&other, &action).steps) {
            assert_eq!(one.body.script, two.body.script);
        }
    }
}
