//! The store and the queue through their public doors, on real SQLite files.

#[path = "../support/first_release/mod.rs"]
mod first_release;
#[path = "../support/world.rs"]
mod world;

mod answer;
mod cancel;
mod claim;
mod databases;
mod enqueue;
mod feed;
mod fence;
mod follow;
mod lane_heads;
mod lane_outage;
mod lists;
mod open;
mod outage;
mod processes;
mod record;
mod recover;
mod retry;
mod routes;
mod rows;
mod statements;
mod statuses;
mod takeover;
mod takeover_refused;
mod view;
mod wake;
