-- What a look at the lanes costs no longer depends on what waits in them: each lane's row names the job that its next claim takes.
-- Triggers keep it, so that it holds whichever version of the program writes.
ALTER TABLE lane ADD COLUMN next_job INTEGER;   -- the job that a claim takes: who holds the lane, or the oldest of the lowest priority
ALTER TABLE lane ADD COLUMN ready_at INTEGER;   -- from when on; null: nothing can be claimed, whatever the time
-- An outage: the server could not be reached before a job's first step. It is the lane's, and no single job's.
ALTER TABLE lane ADD COLUMN out_since INTEGER;  -- null: there is none
ALTER TABLE lane ADD COLUMN out_tries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE lane ADD COLUMN out_reason TEXT;
ALTER TABLE lane ADD COLUMN retry_at INTEGER;   -- nothing that has not begun is claimed before
ALTER TABLE lane ADD COLUMN spared INTEGER;     -- jobs up to this id waited when the outage failed one: it fails none of them
-- The lanes' own index takes its place.
DROP INDEX job_due;
CREATE INDEX lane_ready ON lane(ready_at) WHERE ready_at IS NOT NULL;

-- Few rows are in each of these.
CREATE INDEX job_asked ON job(lane) WHERE cancel_at IS NOT NULL AND state IN ('queued','running');
CREATE INDEX job_of_routes ON job(lane, id) WHERE kind = 'proxy' AND finished_at IS NULL;
CREATE INDEX deployments_open ON deployments(id) WHERE status = 'in_progress';

CREATE TRIGGER lane_head AFTER UPDATE OF running_job, held_by, paused_at, retry_at ON lane BEGIN
  UPDATE lane SET next_job = CASE
    WHEN running_job IS NOT NULL THEN NULL
    WHEN held_by IS NOT NULL THEN
      (SELECT j.id FROM job j WHERE j.id = lane.held_by AND j.state = 'queued' AND (lane.paused_at IS NULL OR j.cancel_at IS NOT NULL))
    WHEN paused_at IS NOT NULL THEN
      (SELECT min(j.id) FROM job j WHERE j.lane = lane.id AND j.cancel_at IS NOT NULL AND j.state IN ('queued','running') AND j.state = 'queued')
    ELSE (SELECT j.id FROM job j WHERE j.lane = lane.id AND j.state = 'queued' ORDER BY j.priority, j.id LIMIT 1)
  END WHERE id = NEW.id;
  UPDATE lane SET ready_at = (SELECT CASE WHEN j.started_at IS NULL THEN max(j.run_at, coalesce(lane.retry_at, j.run_at)) ELSE j.run_at END
    FROM job j WHERE j.id = lane.next_job) WHERE id = NEW.id;
END;
-- Setting a column to what it is makes the lane's own trigger look again.
CREATE TRIGGER job_came AFTER INSERT ON job WHEN NEW.state = 'queued' BEGIN
  UPDATE lane SET running_job = running_job WHERE id = NEW.lane;
END;
CREATE TRIGGER job_changed AFTER UPDATE OF state, run_at, priority, cancel_at ON job WHEN OLD.state = 'queued' OR NEW.state = 'queued' BEGIN
  UPDATE lane SET running_job = running_job WHERE id = NEW.lane;
END;
CREATE TRIGGER job_went AFTER DELETE ON job WHEN OLD.state = 'queued' BEGIN
  UPDATE lane SET running_job = running_job WHERE id = OLD.lane;
END;
UPDATE lane SET running_job = running_job;
