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

-- A row from outside gets its first event and its run; one that REPLACEs another takes over that one's run.
-- Old SQLite shells run these triggers too: no newer functions. What strangers wrote may be anything, not even text.
CREATE TRIGGER jobs_ai AFTER INSERT ON jobs
BEGIN
  UPDATE job_run SET
    state = CASE NEW.status
      WHEN 'pending' THEN 'ready' WHEN 'running' THEN 'running' WHEN 'completed' THEN 'done' ELSE 'failed' END,
    worker_id = NULL, lease_until = NULL, cancel_at = NULL, finished_at = NULL
  WHERE job_id = NEW.id AND NEW.status IS NOT CASE state
      WHEN 'done' THEN 'completed' WHEN 'running' THEN 'running'
      WHEN 'ready' THEN 'pending' WHEN 'scheduled' THEN 'pending' ELSE 'failed' END;
  INSERT INTO job_events (job_id, attempt, at, kind, data)
  SELECT NEW.id, 0, CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER), 'job-created',
    json_object('type', NEW.type, 'prompt',
      CASE WHEN json_type(input, '$.prompt') = 'text' THEN json_extract(input, '$.prompt') ELSE '' END,
      'files', json('[]'))
  FROM (SELECT CASE WHEN typeof(NEW.input_context) = 'text' AND json_valid(NEW.input_context)
    THEN NEW.input_context ELSE 'null' END AS input)
  WHERE NOT EXISTS (SELECT 1 FROM job_run WHERE job_id = NEW.id);
  INSERT INTO job_run (job_id, type, state)
  SELECT NEW.id, NEW.type, CASE NEW.status
      WHEN 'pending' THEN 'ready' WHEN 'running' THEN 'running' WHEN 'completed' THEN 'done' ELSE 'failed' END
  WHERE NOT EXISTS (SELECT 1 FROM job_run WHERE job_id = NEW.id);
END;

-- Strangers have foreign keys off, so their DELETE would leave a run of nothing behind.
CREATE TRIGGER jobs_ad AFTER DELETE ON jobs
BEGIN
  DELETE FROM artifacts WHERE job_id = OLD.id;
  DELETE FROM job_events WHERE job_id = OLD.id;
  DELETE FROM job_run WHERE job_id = OLD.id;
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

-- A foreign worker's UPDATE of jobs.status → job_run.state, and the event that tells its followers.
CREATE TRIGGER jobs_au AFTER UPDATE OF status ON jobs
WHEN NEW.status IS NOT OLD.status
BEGIN
  INSERT INTO job_events (job_id, conversation_id, attempt, at, kind, data)
  SELECT NEW.id, conversation_id, attempt, CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER),
    CASE NEW.status WHEN 'running' THEN 'job-started' WHEN 'completed' THEN 'job-completed' ELSE 'job-failed' END,
    CASE NEW.status
      WHEN 'running' THEN json_object('attempt', attempt)
      WHEN 'completed' THEN json_object('output', json(output), 'costUsd', 0)
      ELSE json_object('output', json(output), 'costUsd', 0, 'error',
        json_object('code', 'internal', 'message', 'Another program ended this job and says that it failed.')) END
  FROM job_run, (
    SELECT json_object(
      'stdout', CASE WHEN json_type(result, '$.stdout') = 'text' THEN json_extract(result, '$.stdout') ELSE '' END,
      'text', CASE WHEN json_type(result, '$.text') = 'text' THEN json_extract(result, '$.text') ELSE '' END,
      'artifacts', json('[]')) AS output
    FROM (SELECT CASE WHEN typeof(NEW.output_result) = 'text' AND json_valid(NEW.output_result)
      THEN NEW.output_result ELSE 'null' END AS result))
  WHERE job_id = NEW.id AND NEW.status <> 'pending' AND NEW.status IS NOT CASE state
      WHEN 'done' THEN 'completed' WHEN 'running' THEN 'running'
      WHEN 'ready' THEN 'pending' WHEN 'scheduled' THEN 'pending' ELSE 'failed' END;
  UPDATE job_run SET
    state = CASE NEW.status
      WHEN 'pending' THEN 'ready' WHEN 'running' THEN 'running' WHEN 'completed' THEN 'done' ELSE 'failed' END
  WHERE job_id = NEW.id AND NEW.status IS NOT CASE state
      WHEN 'done' THEN 'completed' WHEN 'running' THEN 'running'
      WHEN 'ready' THEN 'pending' WHEN 'scheduled' THEN 'pending' ELSE 'failed' END;
END;
