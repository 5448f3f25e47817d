-- Keys of the API besides the first one, which lies in api_key.txt. Times: milliseconds UTC.
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
