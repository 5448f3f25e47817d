//! The supervisor: one address per lane with work, made when it is needed, made anew when it is gone.

use super::Shared;
use super::server::{Due, Poke, ServerActor};
use crate::ssh::Remote;
use actix::prelude::*;
use std::collections::HashMap;
use std::rc::Rc;

/// These lanes have work that is due.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct LanesDue(pub Vec<String>);

/// Something was asked of the jobs that run in these lanes: they look.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct LanesAsked(pub Vec<String>);

pub(super) struct Supervisor<R: Remote + Clone + Unpin + 'static> {
    shared: Rc<Shared<R>>,
    lanes: HashMap<String, Addr<ServerActor<R>>>,
}

impl<R: Remote + Clone + Unpin + 'static> Supervisor<R> {
    pub(super) fn new(shared: Rc<Shared<R>>) -> Self {
        Self { shared, lanes: HashMap::new() }
    }

    /// The lane's actor. An idle one is kept: it costs less than a kilobyte, and an address that is dropped stops its actor.
    fn lane(&mut self, lane: String) -> &Addr<ServerActor<R>> {
        let shared = self.shared.clone();
        self.lanes.entry(lane).or_insert_with_key(|lane| ServerActor::new(lane.clone(), shared).start())
    }
}

impl<R: Remote + Clone + Unpin + 'static> Actor for Supervisor<R> {
    type Context = Context<Self>;
}

impl<R: Remote + Clone + Unpin + 'static> Handler<LanesDue> for Supervisor<R> {
    type Result = ();

    fn handle(&mut self, LanesDue(lanes): LanesDue, _: &mut Context<Self>) {
        // A panic outside of a job closes its actor's address: a new one takes its place.
        self.lanes.retain(|_, addr| addr.connected());
        for lane in lanes {
            self.lane(lane).do_send(Due);
        }
    }
}

impl<R: Remote + Clone + Unpin + 'static> Handler<LanesAsked> for Supervisor<R> {
    type Result = ();

    fn handle(&mut self, LanesAsked(lanes): LanesAsked, _: &mut Context<Self>) {
        lanes.iter().filter_map(|lane| self.lanes.get(lane)).for_each(|addr| addr.do_send(Poke));
    }
}
