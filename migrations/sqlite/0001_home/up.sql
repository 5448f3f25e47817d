-- Servers, apps and deployments keep the names and columns of the first release; what this release adds lies beside them.
-- Times: in these three tables text as the first release wrote it (UTC, `YYYY-MM-DD HH:MM:SS`), elsewhere milliseconds UTC.
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;   -- installation (uuid), min_writer

-- AUTOINCREMENT: an id is never used twice, or a new app would inherit what an old one left behind.
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
