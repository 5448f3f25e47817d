-- The schema of a fresh database: see formats.md, section 3. Held by tests/formats/.
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE servers (
  id           INTEGER      NOT NULL PRIMARY KEY AUTOINCREMENT,
  name         VARCHAR(100) NOT NULL UNIQUE,
  host         VARCHAR(255) NOT NULL DEFAULT '',
  port         INTEGER      NOT NULL DEFAULT 22,
  user         VARCHAR(100) NOT NULL DEFAULT 'root',
  ssh_key_path VARCHAR(500),
  status       VARCHAR(20)  NOT NULL DEFAULT 'inactive',
  provider     VARCHAR(100),
  created_at   DATETIME     NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at   DATETIME     NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE apps (
  id         INTEGER      NOT NULL PRIMARY KEY AUTOINCREMENT,
  name       VARCHAR(100) NOT NULL,
  server_id  INTEGER      NOT NULL REFERENCES servers(id),
  domain     VARCHAR(255),
  port       INTEGER      NOT NULL DEFAULT 3000,
  git_repo   VARCHAR(500),
  branch     VARCHAR(100) NOT NULL DEFAULT 'main',
  image      VARCHAR(500),
  status     VARCHAR(20)  NOT NULL DEFAULT 'stopped',
  app_type   VARCHAR(50)  NOT NULL DEFAULT 'compose',
  created_at DATETIME     NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at DATETIME     NOT NULL DEFAULT CURRENT_TIMESTAMP,
  UNIQUE (name, server_id)
);
CREATE INDEX apps_of_server ON apps(server_id, id);
CREATE TABLE deployments (
  id          INTEGER     NOT NULL PRIMARY KEY AUTOINCREMENT,
  app_id      INTEGER     NOT NULL REFERENCES apps(id),
  commit_hash VARCHAR(40),
  status      VARCHAR(20) NOT NULL DEFAULT 'in_progress',
  log         TEXT,
  started_at  DATETIME    NOT NULL DEFAULT CURRENT_TIMESTAMP,
  finished_at DATETIME
);
CREATE INDEX deployments_of_app ON deployments(app_id, id);
CREATE TABLE server_ext (
  server_id INTEGER PRIMARY KEY REFERENCES servers(id) ON DELETE CASCADE,
  host_key_type TEXT, host_key_sha256 TEXT, last_seen_at INTEGER, last_error TEXT, facts TEXT
) STRICT;
CREATE TABLE app_ext (
  app_id INTEGER PRIMARY KEY REFERENCES apps(id) ON DELETE CASCADE,
  compose_project TEXT NOT NULL, service TEXT, compose TEXT, health_path TEXT, health_timeout_s INTEGER, memory TEXT, cpus TEXT,
  publish TEXT, password_sealed TEXT, git_login_sealed TEXT, current_deployment_id INTEGER
) STRICT;
CREATE TABLE route (                        -- domain -> app, or -> a port of the server
  id INTEGER PRIMARY KEY AUTOINCREMENT, server_id INTEGER NOT NULL, domain TEXT NOT NULL, app_id INTEGER, port INTEGER,
  UNIQUE (server_id, domain)
) STRICT;
CREATE INDEX route_of_app ON route(app_id, id);
CREATE TABLE host_port (                    -- loopback ports drawn for apps
  server_id INTEGER NOT NULL, port INTEGER NOT NULL, app_id INTEGER NOT NULL, role TEXT NOT NULL,
  PRIMARY KEY (server_id, port)
) STRICT, WITHOUT ROWID;
CREATE INDEX host_port_of_app ON host_port(app_id, role);
CREATE TABLE kept_volume (                  -- volumes of databases that are gone, with the password that opens them
  server_id INTEGER NOT NULL, volume TEXT NOT NULL, db_type TEXT NOT NULL, image TEXT NOT NULL, password_sealed TEXT NOT NULL,
  kept_at INTEGER NOT NULL, PRIMARY KEY (server_id, volume)
) STRICT, WITHOUT ROWID;
CREATE TABLE deployment_ext (               -- what a deployment turned out to be
  deployment_id INTEGER PRIMARY KEY REFERENCES deployments(id) ON DELETE CASCADE, commit_subject TEXT, images TEXT
) STRICT;
CREATE TABLE deployment_spec (              -- what a deployment is to put there; immutable; later the body of a release
  deployment_id INTEGER PRIMARY KEY REFERENCES deployments(id) ON DELETE CASCADE,
  app_id INTEGER NOT NULL, source TEXT NOT NULL, env_sealed TEXT NOT NULL, compose TEXT, resources TEXT NOT NULL, routes TEXT NOT NULL,
  spec_hash TEXT NOT NULL                   -- HMAC-SHA256 over the canonical plaintext: equal means the same request
) STRICT;
CREATE TABLE worker (                       -- one row per process that may run jobs
  id TEXT PRIMARY KEY,                      -- uuid made at its start, never reused; its lock file bears the name
  host TEXT NOT NULL, pid INTEGER NOT NULL, kind TEXT NOT NULL CHECK (kind IN ('serve','worker','cli')), version TEXT NOT NULL,
  started_at INTEGER NOT NULL, beat_at INTEGER NOT NULL, draining INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE TABLE lane (                         -- one row per server: 'srv:<server id>'
  id TEXT PRIMARY KEY,
  epoch INTEGER NOT NULL DEFAULT 0,         -- +1 at every claim, never down: the fencing token
  running_job INTEGER,                      -- who runs in it now
  held_by INTEGER,                          -- the job that has begun a step and has not ended: only it may be claimed
  paused_at INTEGER, pause_reason TEXT      -- JSON: {"why": "host_key", "pinned": …, "seen": …} or {"why": "by_hand", …}
, next_job INTEGER, ready_at INTEGER, out_since INTEGER, out_tries INTEGER NOT NULL DEFAULT 0, out_reason TEXT, retry_at INTEGER, spared INTEGER) STRICT, WITHOUT ROWID;
CREATE TABLE job (
  id INTEGER PRIMARY KEY AUTOINCREMENT,     -- for people
  uid TEXT NOT NULL UNIQUE,                 -- uuid v7 made at enqueue: names things on servers, so a restored database cannot collide
  kind TEXT NOT NULL, title TEXT NOT NULL, lane TEXT NOT NULL REFERENCES lane(id),
  server_id INTEGER, app_id INTEGER, deployment_id INTEGER,          -- no foreign keys: the record outlives the things
  server_name TEXT NOT NULL, app_name TEXT,
  priority INTEGER NOT NULL DEFAULT 2 CHECK (priority BETWEEN 0 AND 9),
  state TEXT NOT NULL DEFAULT 'queued' CHECK (state IN ('blocked','queued','running','attention','succeeded','failed','cancelled')),
  run_at INTEGER NOT NULL, wait_reason TEXT,                          -- queued in the future: why; attention: the question
  args TEXT NOT NULL, args_version INTEGER NOT NULL DEFAULT 1,        -- never a secret
  plan TEXT, plan_version INTEGER,          -- names, hashes, on_lost of all steps: written at the first claim, followed at every resume
  attempt INTEGER NOT NULL DEFAULT 0, max_attempts INTEGER NOT NULL DEFAULT 5,   -- counts steps that ended transient
  rescues INTEGER NOT NULL DEFAULT 0,       -- taken over from a dead worker, since the last finished step
  fence INTEGER NOT NULL DEFAULT 0,         -- = lane.epoch of the claim that runs it: guards every write of the runner
  worker TEXT, lease_until INTEGER,
  cancel_at INTEGER, cancel_by TEXT, resolution TEXT CHECK (resolution IN ('done','rerun','fail')),
  unique_key TEXT, coalesce_key TEXT, retry_of INTEGER, prev_status TEXT,
  requested_by TEXT NOT NULL, created_at INTEGER NOT NULL, started_at INTEGER, finished_at INTEGER,
  result TEXT, error TEXT, error_class TEXT,
  CHECK ((state = 'running') = (worker IS NOT NULL AND lease_until IS NOT NULL)),
  CHECK ((state IN ('succeeded','failed','cancelled')) = (finished_at IS NOT NULL))
) STRICT;
CREATE INDEX job_ready       ON job(lane, priority, id, run_at) WHERE state = 'queued';
CREATE UNIQUE INDEX job_one_running ON job(lane) WHERE state IN ('running','attention');
CREATE UNIQUE INDEX job_unique      ON job(unique_key)   WHERE unique_key   IS NOT NULL AND state IN ('blocked','queued','running','attention');
CREATE UNIQUE INDEX job_coalesce    ON job(coalesce_key) WHERE coalesce_key IS NOT NULL AND state = 'queued' AND started_at IS NULL;
CREATE INDEX job_alive       ON job(id) WHERE finished_at IS NULL;
CREATE INDEX job_finished    ON job(finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX job_ended       ON job(state, id) WHERE finished_at IS NOT NULL;
CREATE INDEX job_of_server   ON job(server_id, id);
CREATE INDEX job_of_app      ON job(app_id, id);
CREATE INDEX job_of_deployment ON job(deployment_id) WHERE deployment_id IS NOT NULL;
CREATE TABLE job_step (                     -- written BEFORE the remote command is started
  job_id INTEGER NOT NULL REFERENCES job(id) ON DELETE CASCADE, seq INTEGER NOT NULL, run INTEGER NOT NULL DEFAULT 1,
  name TEXT NOT NULL, remote_id TEXT NOT NULL,                        -- '<job uid>-<seq>-<run>'
  script_sha256 TEXT NOT NULL, on_lost TEXT NOT NULL CHECK (on_lost IN ('rerun','verify','ask')), fence INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('started','succeeded','failed','lost','skipped','cancelled')),
  log_off INTEGER NOT NULL DEFAULT 0,       -- raw bytes of the remote log already dealt with here
  log_kept INTEGER NOT NULL DEFAULT 0,      -- bytes of it kept in job_log
  started_at INTEGER NOT NULL, finished_at INTEGER, exit_code INTEGER, exit_reason TEXT, output TEXT,
  PRIMARY KEY (job_id, seq, run)
) STRICT, WITHOUT ROWID;
CREATE TABLE job_log (                      -- chunks (250 ms or 32 KiB), a rowid table: large rows
  job_id INTEGER NOT NULL REFERENCES job(id) ON DELETE CASCADE, seq INTEGER NOT NULL,   -- dense per job: the cursor of followers
  ts INTEGER NOT NULL, step_seq INTEGER, run INTEGER, chunk BLOB NOT NULL,
  UNIQUE (job_id, seq)
) STRICT;
CREATE TABLE job_attempt (                  -- every claim: who ran it, how it ended
  job_id INTEGER NOT NULL REFERENCES job(id) ON DELETE CASCADE, fence INTEGER NOT NULL, worker TEXT NOT NULL,
  started_at INTEGER NOT NULL, ended_at INTEGER, outcome TEXT, error TEXT, PRIMARY KEY (job_id, fence)
) STRICT, WITHOUT ROWID;
CREATE TABLE event (                        -- one row per change; its id is the cursor of the event stream
  id INTEGER PRIMARY KEY AUTOINCREMENT, ts INTEGER NOT NULL, kind TEXT NOT NULL,
  server_id INTEGER, app_id INTEGER, deployment_id INTEGER, job_id INTEGER, data TEXT NOT NULL   -- JSON; for a log: {seq_from, seq_to}
) STRICT;
CREATE TABLE idempotency (
  key TEXT NOT NULL, principal TEXT NOT NULL, request_hash TEXT NOT NULL, job_id INTEGER, status INTEGER NOT NULL, body TEXT NOT NULL,
  expires_at INTEGER NOT NULL, PRIMARY KEY (key, principal)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_age ON idempotency(expires_at);
CREATE TABLE api_key (
  name TEXT PRIMARY KEY,
  hash TEXT NOT NULL UNIQUE,                -- SHA-256 in hex: a key is 32 random bytes, and is told once
  scope TEXT NOT NULL CHECK (scope IN ('read','deploy','admin')),
  created_by TEXT NOT NULL, created_at INTEGER NOT NULL, last_used_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE api_session (                  -- browsers that are logged in, and links that log one in, once
  hash TEXT PRIMARY KEY,                    -- SHA-256 in hex of what the browser or the link holds
  kind TEXT NOT NULL CHECK (kind IN ('link','session')),
  key_hash TEXT NOT NULL,                   -- the key it stands for: without that key it is worth nothing
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX api_session_expires ON api_session(expires_at);
CREATE INDEX lane_ready ON lane(ready_at) WHERE ready_at IS NOT NULL;
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
CREATE TRIGGER job_came AFTER INSERT ON job WHEN NEW.state = 'queued' BEGIN
  UPDATE lane SET running_job = running_job WHERE id = NEW.lane;
END;
CREATE TRIGGER job_changed AFTER UPDATE OF state, run_at, priority, cancel_at ON job WHEN OLD.state = 'queued' OR NEW.state = 'queued' BEGIN
  UPDATE lane SET running_job = running_job WHERE id = NEW.lane;
END;
CREATE TRIGGER job_went AFTER DELETE ON job WHEN OLD.state = 'queued' BEGIN
  UPDATE lane SET running_job = running_job WHERE id = OLD.lane;
END;
