-- The public contract: exactly these seven columns, in this order. Any program may INSERT a row.
CREATE TABLE jobs (
  id TEXT PRIMARY KEY NOT NULL,
  type TEXT NOT NULL,
  status TEXT NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'running', 'completed', 'failed')),
  input_context JSON,
  output_result JSON,
  created_at INTEGER,
  updated_at INTEGER
);

-- Everything else about a job. One row a job; the triggers below keep both in step.
CREATE TABLE job_run (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  job_id TEXT NOT NULL UNIQUE REFERENCES jobs (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
  state TEXT NOT NULL DEFAULT 'ready'
    CHECK (state IN ('scheduled', 'ready', 'running', 'done', 'failed', 'dead', 'cancelled')),
  type TEXT NOT NULL,
  conversation_id TEXT,
  attempt INTEGER NOT NULL DEFAULT 0,
  max_attempts INTEGER NOT NULL DEFAULT 3,
  worker_id TEXT,
  lease_until INTEGER,
  cancel_at INTEGER,
  started_at INTEGER,
  finished_at INTEGER,
  cost_micro_usd INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX job_ready ON job_run (seq) WHERE state = 'ready';
CREATE INDEX job_running ON job_run (lease_until) WHERE state = 'running';
CREATE INDEX job_conversation ON job_run (conversation_id, seq) WHERE conversation_id IS NOT NULL;

-- What happened, append-only. seq is global: the cursor of every follower.
CREATE TABLE job_events (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
  conversation_id TEXT,
  attempt INTEGER NOT NULL,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  data TEXT NOT NULL
) STRICT;
CREATE INDEX job_events_job ON job_events (job_id, seq);

CREATE TABLE artifacts (
  id TEXT PRIMARY KEY NOT NULL,
  job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  path TEXT NOT NULL UNIQUE,
  media_type TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  chart TEXT,
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX artifacts_job ON artifacts (job_id);

CREATE TABLE uploads (
  id TEXT PRIMARY KEY NOT NULL,
  name TEXT NOT NULL,
  media_type TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE conversations (
  id TEXT PRIMARY KEY NOT NULL,
  title TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE messages (
  id TEXT PRIMARY KEY NOT NULL,
  conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
  role TEXT NOT NULL CHECK (role IN ('user', 'assistant')),
  channel TEXT NOT NULL,
  channel_message_id TEXT NOT NULL,
  text TEXT NOT NULL,
  job_id TEXT,
  created_at INTEGER NOT NULL,
  UNIQUE (channel, channel_message_id)
) STRICT;
CREATE INDEX messages_conversation ON messages (conversation_id, created_at);

CREATE TABLE message_uploads (
  message_id TEXT NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  upload_id TEXT NOT NULL REFERENCES uploads (id),
  PRIMARY KEY (message_id, position)
) STRICT, WITHOUT ROWID;

-- Each sandbox is written here before it is used, so that none is forgotten and its cost is known.
CREATE TABLE sandboxes (
  id TEXT PRIMARY KEY NOT NULL,
  job_id TEXT,
  provider TEXT NOT NULL CHECK (provider IN ('local', 'e2b')),
  created_at INTEGER NOT NULL,
  ended_at INTEGER,
  reserved_micro_usd INTEGER NOT NULL,
  cost_micro_usd INTEGER
) STRICT;
CREATE INDEX sandboxes_day ON sandboxes (provider, created_at);

-- Browsers that were paired; only hashes are kept.
CREATE TABLE devices (
  id TEXT PRIMARY KEY NOT NULL,
  cookie_sha256 TEXT NOT NULL UNIQUE,
  key_sha256 TEXT NOT NULL,
  label TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;
CREATE TABLE pairings (
  token_sha256 TEXT PRIMARY KEY NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT;

-- A row from outside gets its run and its first event. Old SQLite shells run these triggers too: no newer functions.
CREATE TRIGGER jobs_ai AFTER INSERT ON jobs
WHEN NEW.status = 'pending' AND NOT EXISTS (SELECT 1 FROM job_run WHERE job_id = NEW.id)
BEGIN
  INSERT INTO job_run (job_id, type) VALUES (NEW.id, NEW.type);
  INSERT INTO job_events (job_id, attempt, at, kind, data) VALUES (
    NEW.id, 0, CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER), 'job-created',
    json_object('type', NEW.type, 'prompt',
      CASE WHEN json_valid(NEW.input_context) THEN coalesce(json_extract(NEW.input_context, '$.prompt'), '') ELSE '' END,
      'files', json('[]')));
END;

-- job_run.state → jobs.status. The guard on both sides stops the ping-pong.
CREATE TRIGGER job_run_au AFTER UPDATE OF state ON job_run
WHEN NEW.state IS NOT OLD.state
BEGIN
  UPDATE jobs SET
    status = CASE NEW.state
      WHEN 'done' THEN 'completed' WHEN 'running' THEN 'running'
      WHEN 'ready' THEN 'pending' WHEN 'scheduled' THEN 'pending' ELSE 'failed' END,
    updated_at = CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)
  WHERE id = NEW.job_id AND status IS NOT CASE NEW.state
      WHEN 'done' THEN 'completed' WHEN 'running' THEN 'running'
      WHEN 'ready' THEN 'pending' WHEN 'scheduled' THEN 'pending' ELSE 'failed' END;
END;

-- A foreign worker's UPDATE of jobs.status → job_run.state.
CREATE TRIGGER jobs_au AFTER UPDATE OF status ON jobs
WHEN NEW.status IS NOT OLD.status
BEGIN
  UPDATE job_run SET
    state = CASE NEW.status
      WHEN 'pending' THEN 'ready' WHEN 'running' THEN 'running' WHEN 'completed' THEN 'done' ELSE 'failed' END
  WHERE job_id = NEW.id AND NEW.status IS NOT CASE state
      WHEN 'done' THEN 'completed' WHEN 'running' THEN 'running'
      WHEN 'ready' THEN 'pending' WHEN 'scheduled' THEN 'pending' ELSE 'failed' END;
END;
