//! What is said, once, when a command took a home over from the first release.

use super::out::Out;
use super::text::count;
use crate::config::Home;
use crate::service::TakenHome;

pub fn say(out: &Out, home: &Home, taken: &TakenHome) {
    let database = &taken.database;
    out.note(format!(
        "took {} over from the first release: {} and {}; the database as it was is kept as {}",
        home.dir().display(),
        count(database.servers, "server"),
        count(database.apps, "app"),
        database.copy.display(),
    ));
    if database.interrupted > 0 {
        let what = count(database.interrupted as i64, "deployment");
        let count = if database.interrupted == 1 { "counts" } else { "count" };
        out.note(format!("{what} that nobody was left to end now {count} as failed"));
    }
    if taken.orphaned > 0 {
        let what = count(taken.orphaned as i64, "environment");
        out.note(format!("moved {what} of apps that are gone to {}", home.envs().join("orphaned").display()));
    }
    out.note("what changes with each app's next deployment is said in its log");
}
