//! Accepting work: durable with its domain rows, joined where it waits already, in place of what it makes superfluous.

use crate::world::{World, new_app, snapshot_of};
use infrakt::domain::deployment::DeploymentStatus;
use infrakt::domain::job::JobState;
use infrakt::queue::enqueue::{Enqueued, NewJob, enqueue};
use infrakt::queue::finish::Ending;
use infrakt::queue::{QueueError, idempotency};
use infrakt::store::idempotency::Answer;
use infrakt::store::{Db, Page, StoreError, apps, deployments, jobs, servers};

fn deployments_of(world: &World, app: &str) -> Vec<(i64, DeploymentStatus)> {
    let id = world.find_app(app).id;
    let all = world.db.read(|conn| deployments::list(conn, Some(id), Page::all())).unwrap();
    all.into_iter().rev().map(|d| (d.id, d.status)).collect()
}

#[test]
fn a_request_and_its_domain_rows_are_one_transaction() {
    let world = World::new().server("a");
    let server = world.find_server("a");
    let refused: Result<(), QueueError> = world.db.write(|conn| {
        let id = apps::insert(conn, 0, &new_app("blog", server.id))?;
        let app = apps::find(conn, id)?.unwrap();
        let new = NewJob::deploy((server.id, "a"), (id, "blog"), snapshot_of(&app, "h1"), "{}".to_owned(), "anna");
        enqueue(conn, 0, &new)?;
        Err(StoreError::NoPortLeft.into())
    });
    assert!(refused.is_err());
    assert_eq!(world.queue(), "");
    assert!(world.db.read(|conn| apps::list(conn, Default::default(), Page::all())).unwrap().is_empty());
}

#[test]
fn a_committed_request_is_there_for_a_process_that_opens_the_file_anew() {
    let world = World::new().server("a").app("blog");
    let job = world.deploy("blog", "h1");
    let other = Db::open(world.db.path()).unwrap();
    assert_eq!(other.read(|conn| jobs::find(conn, job.id)).unwrap().unwrap(), job);
    assert_eq!((job.state, job.run_at, job.uid.len()), (JobState::Queued, world.now(), 36));
}

#[test]
fn the_same_deploy_joins_the_one_that_waits() {
    let world = World::new().server("a").app("blog");
    let first = world.deploy("blog", "h1");
    let again = world.enqueue(&world.new_deploy("blog", "h1"));
    assert_eq!(again, Enqueued::Joined(first.clone()));
    assert_eq!(deployments_of(&world, "blog"), [(first.deployment_id.unwrap(), DeploymentStatus::InProgress)]);
}

#[test]
fn a_newer_deploy_takes_the_place_of_one_that_waits_and_says_so() {
    let world = World::new().server("a").app("blog");
    let first = world.deploy("blog", "h1");
    let second = world.enqueue(&world.new_deploy("blog", "h2"));
    assert!(matches!(second, Enqueued::Replaced { superseded, .. } if superseded == first.id));
    assert_eq!(
        world.queue(),
        "1 deploy blog on a: cancelled [cancelled/superseded] superseded by job 2\n\
         2 deploy blog on a: queued\n\
         lane a: epoch 0, runs -, held by -\n"
    );
    assert_eq!(world.find_job(1).result.as_deref(), Some(r#"{"superseded_by":2}"#));
    let (d1, d2) = (first.deployment_id.unwrap(), second.job().deployment_id.unwrap());
    assert_eq!(deployments_of(&world, "blog"), [(d1, DeploymentStatus::Cancelled), (d2, DeploymentStatus::InProgress)]);
}

#[test]
fn the_same_wish_with_other_arguments_is_another_wish() {
    let world = World::new().server("a").app("blog");
    world.deploy("blog", "h1");
    let mut forced = world.new_deploy("blog", "h1");
    forced.args = r#"{"no_cache":true}"#.to_owned();
    assert!(matches!(world.enqueue(&forced), Enqueued::Replaced { .. }));
}

#[test]
fn a_running_deploy_is_not_superseded_and_a_newer_one_waits_behind_it() {
    let mut world = World::new().server("a").app("blog");
    world.deploy("blog", "h1");
    let claim = world.claim("a");
    world.begin(&claim, 1, "fetch");
    assert!(matches!(world.enqueue(&world.new_deploy("blog", "h1")), Enqueued::Created(_)));
    assert!(matches!(world.enqueue(&world.new_deploy("blog", "h2")), Enqueued::Replaced { superseded: 2, .. }));
    world.put_back(&claim);
    assert_eq!(world.find_job(1).state, JobState::Queued, "it has begun: it keeps its turn");
}

#[test]
fn a_claimed_job_that_has_not_begun_makes_way_when_it_is_put_back() {
    let mut world = World::new().server("a").app("blog");
    let first = world.deploy("blog", "h1");
    let claim = world.claim("a");
    world.deploy("blog", "h2");
    let outcome = world.put_back(&claim);
    assert_eq!(outcome, infrakt::queue::put_back::PutBackOutcome::Superseded { by: 2 });
    assert_eq!(
        world.queue(),
        "1 deploy blog on a: cancelled [cancelled/superseded] superseded by job 2\n\
         2 deploy blog on a: queued\n\
         lane a: epoch 1, runs -, held by -\n"
    );
    assert_eq!(world.statuses(first.id), "cancelled / stopped / inactive");
}

#[test]
fn one_provisioning_of_a_server_is_alive_at_a_time() {
    let mut world = World::new().server("a").server("b");
    let first = world.provision("a");
    assert_eq!(world.enqueue(&world.new_provision("a")), Enqueued::Joined(first.clone()));
    let claim = world.claim("a");
    assert!(matches!(world.enqueue(&world.new_provision("a")), Enqueued::Joined(job) if job.id == first.id));
    let mut other = world.new_provision("a");
    other.args = r#"{"upgrade":true}"#.to_owned();
    let error = world.try_enqueue(&other).unwrap_err();
    assert_eq!(error.to_string(), "job 1 (provision a) is running already");
    assert!(matches!(world.enqueue(&world.new_provision("b")), Enqueued::Created(_)));
    world.finish(&claim, Ending::Succeeded);
    assert!(matches!(world.enqueue(&other), Enqueued::Created(_)));
}

#[test]
fn a_provisioning_that_is_being_cancelled_is_not_joined() {
    let mut world = World::new().server("a");
    let job = world.provision("a");
    let claim = world.claim("a");
    world.begin(&claim, 1, "packages");
    infrakt::queue::cancel::request(&world.db, world.now(), job.id, "anna").unwrap();
    let error = world.try_enqueue(&world.new_provision("a")).unwrap_err();
    assert_eq!(error.to_string(), "job 1 (provision a) is cancelling already");
    world.finish(&claim, Ending::Cancelled);
    assert!(matches!(world.enqueue(&world.new_provision("a")), Enqueued::Created(_)));
}

#[test]
fn of_many_equal_deploys_at_once_one_job_comes() {
    let world = World::new().server("a").app("blog");
    let new = world.new_deploy("blog", "h1");
    let ids: Vec<i64> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let (db, new) = (Db::open(world.db.path()).unwrap(), new.clone());
                scope.spawn(move || db.write(|conn| enqueue(conn, 1, &new)).unwrap().into_job().id)
            })
            .collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    assert_eq!(ids, [1; 8]);
}

#[test]
fn of_many_different_deploys_at_once_the_last_one_waits_and_each_other_names_its_successor() {
    let world = World::new().server("a").app("blog");
    std::thread::scope(|scope| {
        for n in 0..8 {
            let (db, new) = (Db::open(world.db.path()).unwrap(), world.new_deploy("blog", &format!("h{n}")));
            scope.spawn(move || db.write(|conn| enqueue(conn, 1, &new)).unwrap());
        }
    });
    for id in 1..8 {
        let job = world.find_job(id);
        assert_eq!(job.state, JobState::Cancelled);
        assert_eq!(job.result, Some(format!(r#"{{"superseded_by":{}}}"#, id + 1)));
    }
    assert_eq!(world.find_job(8).state, JobState::Queued);
}

#[test]
fn a_key_gives_the_same_answer_again_and_is_good_for_one_request() {
    let world = World::new().server("a").app("blog");
    let ask = |principal: &str, hash: &str| -> Result<Answer, QueueError> {
        let (now, new) = (world.now(), world.new_deploy("blog", hash));
        world.db.write(|conn| {
            if let Some(answer) = idempotency::answer(conn, now, principal, "k1", hash)? {
                return Ok(answer);
            }
            let job = enqueue(conn, now, &new)?.into_job();
            let body = format!("job {}", job.id);
            let answer = Answer { request_hash: hash.to_owned(), job_id: Some(job.id), status: 202, body };
            idempotency::remember(conn, now, principal, "k1", &answer)?;
            Ok(answer)
        })
    };
    let first = ask("anna", "h1").unwrap();
    assert_eq!(ask("anna", "h1").unwrap(), first);
    assert!(matches!(ask("anna", "h2"), Err(QueueError::KeyReused)));
    assert_eq!(ask("ben", "h3").unwrap().job_id, Some(2), "keys of others are others");
    world.clock.advance(idempotency::KEPT_MS);
    assert_eq!(ask("anna", "h4").unwrap().job_id, Some(3), "an old key is a new one");
}

#[test]
fn of_many_requests_at_once_under_one_key_one_is_accepted() {
    let world = World::new().server("a");
    let mut new = world.new_provision("a");
    new.unique_key = None;
    let bodies: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let (db, new) = (Db::open(world.db.path()).unwrap(), new.clone());
                scope.spawn(move || {
                    db.write(|conn| {
                        if let Some(answer) = idempotency::answer(conn, 1, "anna", "k1", "h")? {
                            return Ok(answer.body);
                        }
                        let job = enqueue(conn, 1, &new)?.into_job();
                        let body = format!("job {}", job.id);
                        let answer = Answer {
                            request_hash: "h".to_owned(),
                            job_id: Some(job.id),
                            status: 202,
                            body: body.clone(),
                        };
                        idempotency::remember(conn, 1, "anna", "k1", &answer)?;
                        Ok::<_, QueueError>(body)
                    })
                    .unwrap()
                })
            })
            .collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    assert_eq!(bodies, ["job 1"; 8]);
    assert_eq!(world.db.read(jobs::alive_count).unwrap(), 1);
}

#[test]
fn a_server_that_is_gone_leaves_its_jobs_as_a_record() {
    let mut world = World::new().server("a");
    let job = world.provision("a");
    let claim = world.claim("a");
    world.finish(&claim, Ending::Succeeded);
    world.db.write(|conn| servers::delete(conn, job.server_id.unwrap())).unwrap();
    assert_eq!(world.find_job(job.id).server_name, "a");
}
