-- One line for all conversations, heartbeats of workers, attempts, schedules; chats on other platforms. Runs with foreign keys off.
-- Conditions are chains of OR: SQLite builds a temporary table for IN (three values) each time it checks one.
DROP TRIGGER jobs_ai;
DROP TRIGGER jobs_ad;
DROP TRIGGER job_run_au;
DROP TRIGGER jobs_au;

CREATE TABLE jobs_2 (
  id TEXT PRIMARY KEY NOT NULL,
  type TEXT NOT NULL,
  status TEXT NOT NULL DEFAULT 'pending'
    CHECK (status = 'pending' OR status = 'running' OR status = 'completed' OR status = 'failed'),
  input_context JSON,
  output_result JSON,
  created_at INTEGER,
  updated_at INTEGER
);
INSERT INTO jobs_2 SELECT id, type, status, input_context, output_result, created_at, updated_at FROM jobs ORDER BY rowid;
DROP TABLE jobs;
ALTER TABLE jobs_2 RENAME TO jobs;

-- Pieces of output of jobs that have ended: the whole is in the result.
DELETE FROM job_events WHERE (kind = 'output-delta' OR kind = 'text-delta') AND job_id IN (SELECT job_id FROM job_run
  WHERE state = 'done' OR state = 'failed' OR state = 'dead' OR state = 'cancelled');

-- No AUTOINCREMENT, whose own table would be one more page in each commit: the newest seq is never deleted, because
-- a job that goes leaves a job-deleted event behind.
CREATE TABLE job_events_2 (
  seq INTEGER PRIMARY KEY,
  job_id TEXT NOT NULL,
  conversation_id TEXT,
  attempt INTEGER NOT NULL,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  data TEXT NOT NULL
) STRICT;
INSERT INTO job_events_2 SELECT seq, job_id, conversation_id, attempt, at, kind, data FROM job_events ORDER BY seq;
-- Seqs that were given out and deleted since must not come again.
INSERT INTO job_events_2 (seq, job_id, attempt, at, kind, data)
SELECT sqlite_sequence.seq, '', 0, 0, 'job-deleted', '{}' FROM sqlite_sequence
WHERE name = 'job_events' AND sqlite_sequence.seq > (SELECT coalesce(max(seq), 0) FROM job_events_2);
DROP TABLE job_events;
ALTER TABLE job_events_2 RENAME TO job_events;
-- A job's first event is found by job_run.created_seq: one page less in the commit that everybody waits for.
CREATE INDEX job_events_job ON job_events (job_id, seq) WHERE kind <> 'job-created';
CREATE INDEX job_events_pieces ON job_events (job_id)
  WHERE kind = 'output-delta' OR kind = 'text-delta' OR kind = 'progress-changed';
CREATE INDEX job_events_deleted ON job_events (at) WHERE kind = 'job-deleted';

CREATE TABLE job_run_2 (
  job_id TEXT PRIMARY KEY NOT NULL,
  type TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'ready'
    CHECK (state = 'ready' OR state = 'running' OR state = 'done' OR state = 'waiting' OR state = 'scheduled'
      OR state = 'retrying' OR state = 'failed' OR state = 'cancelled' OR state = 'dead'),
  conversation_id TEXT,
  priority INTEGER NOT NULL DEFAULT 0,
  -- seq of its job-created event: the order of creation, whatever the clock does.
  created_seq INTEGER NOT NULL,
  -- Its place in the line: the newest seq at the moment when it joined.
  turn INTEGER NOT NULL,
  -- For 'scheduled' and 'retrying': not before (ms since the epoch).
  run_at INTEGER,
  -- Not after (ms since the epoch).
  deadline_at INTEGER,
  -- Only ever rises: the fencing token.
  attempt INTEGER NOT NULL DEFAULT 0,
  max_attempts INTEGER NOT NULL DEFAULT 3,
  worker_id TEXT,
  cancel_at INTEGER,
  started_at INTEGER,
  finished_at INTEGER,
  -- 0 to 1.
  progress REAL,
  idempotency_key TEXT,
  cost_micro_usd INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
INSERT INTO job_run_2 (job_id, type, state, conversation_id, created_seq, turn, attempt, max_attempts, worker_id,
  cancel_at, started_at, finished_at, cost_micro_usd)
SELECT job_id, type, state, conversation_id, seq, seq, attempt, max_attempts, worker_id,
  cancel_at, started_at, finished_at, cost_micro_usd FROM job_run ORDER BY job_id;
-- Older jobs were ordered by a number of their own; what follows is ordered by events, whose numbers are higher.
UPDATE job_run_2 SET created_seq = first, turn = first
FROM (SELECT job_id AS of_job, min(seq) AS first FROM job_events GROUP BY job_id) WHERE of_job = job_run_2.job_id;
-- What strangers wrote as a time may be none, or seconds; by such a date the job would be taken for very old.
UPDATE job_run_2 SET finished_at = coalesce(
  (SELECT updated_at FROM jobs WHERE id = job_id AND typeof(updated_at) = 'integer' AND updated_at > 100000000000),
  CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER))
WHERE finished_at IS NULL AND (state = 'done' OR state = 'failed' OR state = 'dead' OR state = 'cancelled');
-- Jobs that were put back by hand still had the marks of their end.
UPDATE job_run_2 SET worker_id = NULL, cancel_at = CASE WHEN finished_at IS NULL THEN cancel_at END,
  max_attempts = CASE WHEN attempt < max_attempts THEN max_attempts ELSE attempt + 3 END WHERE state = 'ready';
UPDATE job_run_2 SET finished_at = NULL WHERE state = 'ready' OR state = 'running';
DROP TABLE job_run;
ALTER TABLE job_run_2 RENAME TO job_run;
-- From now on one of a conversation runs at a time, the others wait behind it.
UPDATE job_run SET state = 'waiting' WHERE state = 'ready' AND conversation_id IS NOT NULL AND EXISTS (
  SELECT 1 FROM job_run AS other WHERE other.conversation_id = job_run.conversation_id AND (other.state = 'running'
    OR other.state = 'ready' AND other.created_seq < job_run.created_seq));

CREATE INDEX job_ready ON job_run (priority DESC, turn) WHERE state = 'ready';
CREATE INDEX job_due ON job_run (state, run_at) WHERE state = 'scheduled' OR state = 'retrying';
CREATE INDEX job_running ON job_run (worker_id) WHERE state = 'running';
CREATE INDEX job_open ON job_run (conversation_id, state, turn) WHERE conversation_id IS NOT NULL AND finished_at IS NULL;
CREATE INDEX job_conversation ON job_run (conversation_id, created_seq) WHERE conversation_id IS NOT NULL;
CREATE INDEX job_deadline ON job_run (deadline_at) WHERE deadline_at IS NOT NULL AND finished_at IS NULL;
CREATE INDEX job_finished ON job_run (finished_at) WHERE finished_at IS NOT NULL AND conversation_id IS NULL;
CREATE INDEX job_unhappy ON job_run (state) WHERE state = 'failed' OR state = 'dead' OR state = 'cancelled';
CREATE UNIQUE INDEX job_idempotency ON job_run (idempotency_key) WHERE idempotency_key IS NOT NULL;

-- How each attempt ended; the one that runs is in job_run.
CREATE TABLE job_attempts (
  job_id TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  worker_id TEXT,
  started_at INTEGER,
  ended_at INTEGER NOT NULL,
  -- done, failed, retrying, cancelled, handed-back, lost (its worker died), dead (lost for the last time)
  outcome TEXT NOT NULL,
  -- JSON {code, message, detail?}
  error TEXT,
  cost_micro_usd INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (job_id, attempt)
) STRICT, WITHOUT ROWID;

-- Who may hold jobs. A beat that stands still for a lease means that its worker is gone.
CREATE TABLE workers (
  id TEXT PRIMARY KEY NOT NULL,
  pid INTEGER NOT NULL,
  -- Tells a process from a later one with the same pid; null where the system does not say.
  pid_started TEXT,
  beat INTEGER NOT NULL DEFAULT 0,
  started_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- By rowid, the order of arrival.
DROP INDEX messages_conversation;
CREATE INDEX messages_conversation ON messages (conversation_id);

-- How full the storage is, by the indexes alone.
CREATE INDEX uploads_bytes ON uploads (bytes);
CREATE INDEX artifacts_bytes ON artifacts (bytes);

ALTER TABLE sandboxes ADD COLUMN attempt INTEGER;
ALTER TABLE sandboxes ADD COLUMN worker_id TEXT;
-- The provider's name for it, written before it is used.
ALTER TABLE sandboxes ADD COLUMN sandbox_id TEXT;
CREATE INDEX sandboxes_open ON sandboxes (worker_id) WHERE ended_at IS NULL;

CREATE TABLE schedules (
  id TEXT PRIMARY KEY NOT NULL,
  name TEXT NOT NULL UNIQUE,
  -- A cron expression, or null for a one-off.
  cron TEXT,
  -- IANA name.
  time_zone TEXT NOT NULL,
  -- What becomes of ticks that nobody was there for: 'skip' all, or run 'once' for all of them.
  missed TEXT NOT NULL CHECK (missed = 'skip' OR missed = 'once'),
  type TEXT NOT NULL,
  input TEXT NOT NULL,
  conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
  -- The next tick (ms since the epoch); null when there is none any more.
  next_at INTEGER,
  paused_at INTEGER,
  last_tick_at INTEGER,
  last_job_id TEXT,
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX schedules_due ON schedules (next_at) WHERE next_at IS NOT NULL AND paused_at IS NULL;

-- Chats on other platforms: who may write, what arrived, and what is to be delivered.

-- A person, by the platform's own id. Of those whom nobody let in nothing is kept but that.
CREATE TABLE contacts (
  channel TEXT NOT NULL, account TEXT NOT NULL, person TEXT NOT NULL,
  standing TEXT NOT NULL CHECK (standing = 'owner' OR standing = 'allowed' OR standing = 'asking' OR standing = 'refused'),
  created_at INTEGER NOT NULL,
  PRIMARY KEY (channel, account, person)
) STRICT, WITHOUT ROWID;

-- Other ids of the same person: a changed number, a name that the platform gives out instead.
CREATE TABLE contact_aliases (
  channel TEXT NOT NULL, account TEXT NOT NULL, alias TEXT NOT NULL, person TEXT NOT NULL,
  PRIMARY KEY (channel, account, alias)
) STRICT, WITHOUT ROWID;

-- Codes of links that make whoever opens one first the owner; only hashes are kept.
CREATE TABLE invitations (code_sha256 TEXT PRIMARY KEY NOT NULL, expires_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE chats (
  -- channel:account:chat
  id TEXT PRIMARY KEY NOT NULL,
  channel TEXT NOT NULL, account TEXT NOT NULL, chat TEXT NOT NULL, person TEXT NOT NULL,
  -- Where its next message goes; null: into a new one.
  conversation_id TEXT REFERENCES conversations (id) ON DELETE SET NULL,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX chats_conversation ON chats (conversation_id) WHERE conversation_id IS NOT NULL;

-- What platforms sent, kept before they are told that we have it. It stays as a mark against redelivery.
CREATE TABLE arrivals (
  seq INTEGER PRIMARY KEY,
  channel TEXT NOT NULL, account TEXT NOT NULL, event_id TEXT NOT NULL,
  -- chat:message of a new message: platforms may send an old one under a new event id.
  message_key TEXT,
  chat_id TEXT,
  arrived_at INTEGER NOT NULL,
  -- 'asked': files without words, whose sender was asked what to do with them.
  state TEXT NOT NULL CHECK (state = 'waiting' OR state = 'asked' OR state = 'done'),
  -- JSON; null when it has been dealt with.
  body TEXT,
  UNIQUE (channel, account, event_id)
) STRICT;
CREATE UNIQUE INDEX arrivals_message ON arrivals (channel, account, message_key) WHERE message_key IS NOT NULL;
CREATE INDEX arrivals_open ON arrivals (chat_id, state, seq) WHERE state <> 'done';
CREATE INDEX arrivals_old ON arrivals (arrived_at) WHERE state = 'done';

-- Where the answer to a job goes.
CREATE TABLE replies (
  job_id TEXT PRIMARY KEY NOT NULL,
  chat_id TEXT NOT NULL,
  -- The platform's id of the message that asked.
  asked_by TEXT,
  -- The platform's id of the one message that shows progress; the result takes its place.
  placed TEXT
) STRICT, WITHOUT ROWID;

-- What is to be said in a chat, in its order.
CREATE TABLE deliveries (
  seq INTEGER PRIMARY KEY,
  -- Its place in the chat; what a result is rendered to shares its turn.
  turn INTEGER NOT NULL,
  part INTEGER NOT NULL DEFAULT 0,
  -- job:<job>:<n>, arrival:<seq>:<n>: who does the work again makes no second one.
  id TEXT NOT NULL UNIQUE,
  chat_id TEXT NOT NULL,
  job_id TEXT,
  -- JSON
  operation TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'ready'
    CHECK (state = 'ready' OR state = 'sending' OR state = 'held' OR state = 'sent' OR state = 'failed'),
  attempts INTEGER NOT NULL DEFAULT 0,
  not_before INTEGER NOT NULL DEFAULT 0,
  -- The platform's id of a message that is there already and only waits for its words.
  placed TEXT,
  -- The platform's id of what was said.
  platform_id TEXT,
  -- How far it got, as the platform tells: sent, delivered, read.
  receipt TEXT,
  error TEXT,
  created_at INTEGER NOT NULL,
  ended_at INTEGER
) STRICT;
CREATE INDEX deliveries_open ON deliveries (chat_id, turn, part) WHERE state = 'ready' OR state = 'sending' OR state = 'held';
CREATE INDEX deliveries_platform ON deliveries (platform_id) WHERE platform_id IS NOT NULL;
CREATE INDEX deliveries_job ON deliveries (job_id) WHERE job_id IS NOT NULL;
CREATE INDEX deliveries_old ON deliveries (ended_at) WHERE ended_at IS NOT NULL;

-- Strangers write jobs; these tell job_run. Our own code writes job_run first, then jobs, and the conditions let it pass.
-- A long trigger costs every row that passes by, so the long ones hang on a view, where only strangers' rows come along.
-- Old SQLite shells run them too: no newer functions. What strangers wrote may be anything, not even text.
CREATE VIEW strangers AS SELECT id, type, status, input_context, output_result, 'insert' AS did FROM jobs;

CREATE TRIGGER jobs_ai AFTER INSERT ON jobs
WHEN NEW.status IS NOT (SELECT CASE state WHEN 'done' THEN 'completed' WHEN 'running' THEN 'running'
    WHEN 'failed' THEN 'failed' WHEN 'dead' THEN 'failed' WHEN 'cancelled' THEN 'failed' ELSE 'pending' END
  FROM job_run WHERE job_id = NEW.id)
BEGIN
  -- One that REPLACEs another takes over that one's run.
  INSERT INTO strangers VALUES (NEW.id, NEW.type, NEW.status, NEW.input_context, NEW.output_result,
    CASE WHEN EXISTS (SELECT 1 FROM job_run WHERE job_id = NEW.id) THEN 'update' ELSE 'insert' END);
END;

CREATE TRIGGER jobs_au AFTER UPDATE OF status ON jobs
WHEN NEW.status IS NOT (SELECT CASE state WHEN 'done' THEN 'completed' WHEN 'running' THEN 'running'
    WHEN 'failed' THEN 'failed' WHEN 'dead' THEN 'failed' WHEN 'cancelled' THEN 'failed' ELSE 'pending' END
  FROM job_run WHERE job_id = NEW.id)
BEGIN
  INSERT INTO strangers VALUES (NEW.id, NEW.type, NEW.status, NEW.input_context, NEW.output_result, 'update');
END;

CREATE TRIGGER strangers_insert INSTEAD OF INSERT ON strangers WHEN NEW.did = 'insert'
BEGIN
  INSERT INTO job_events (job_id, attempt, at, kind, data)
  SELECT NEW.id, 0, CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER), 'job-created',
    json_object('type', NEW.type, 'prompt',
      CASE WHEN json_type(input, '$.prompt') = 'text' THEN substr(json_extract(input, '$.prompt'), 1, 100000) ELSE '' END,
      'files', json('[]'))
  FROM (SELECT CASE WHEN typeof(NEW.input_context) = 'text' AND json_valid(NEW.input_context)
    THEN NEW.input_context ELSE 'null' END AS input);
  INSERT INTO job_run (job_id, type, state, created_seq, turn, finished_at)
  SELECT NEW.id, NEW.type,
    CASE NEW.status
      WHEN 'pending' THEN 'ready' WHEN 'running' THEN 'running' WHEN 'completed' THEN 'done' ELSE 'failed' END,
    seq, seq, CASE WHEN NEW.status = 'completed' OR NEW.status = 'failed' THEN at END
  FROM job_events WHERE seq = (SELECT max(seq) FROM job_events);
END;

-- A stranger's UPDATE of jobs.status, and the event that tells its followers. 'pending' again is a fresh start.
CREATE TRIGGER strangers_update INSTEAD OF INSERT ON strangers WHEN NEW.did = 'update'
BEGIN
  INSERT INTO job_events (job_id, conversation_id, attempt, at, kind, data)
  SELECT NEW.id, conversation_id, attempt, CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER),
    CASE NEW.status WHEN 'pending' THEN 'job-requeued' WHEN 'running' THEN 'job-started'
      WHEN 'completed' THEN 'job-completed' ELSE 'job-failed' END,
    CASE NEW.status
      WHEN 'pending' THEN '{}'
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
  WHERE job_id = NEW.id;
  -- Below that event, so that the newest seq never goes.
  DELETE FROM job_events WHERE job_id = NEW.id AND NEW.status <> 'running'
    AND (kind = 'output-delta' OR kind = 'text-delta' OR kind = 'progress-changed');
  -- Not OR IGNORE: within a trigger the stranger's own OR REPLACE would take its place.
  INSERT INTO job_attempts (job_id, attempt, worker_id, started_at, ended_at, outcome)
  SELECT job_id, attempt, worker_id, started_at, CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER),
    CASE NEW.status WHEN 'completed' THEN 'done' WHEN 'failed' THEN 'cancelled' ELSE 'handed-back' END
  FROM job_run WHERE job_id = NEW.id AND state = 'running' AND attempt > 0
    AND NOT EXISTS (SELECT 1 FROM job_attempts AS known WHERE known.job_id = NEW.id AND known.attempt = job_run.attempt);
  UPDATE job_run SET
    type = NEW.type, progress = NULL,
    state = CASE NEW.status
      WHEN 'running' THEN 'running' WHEN 'completed' THEN 'done' WHEN 'failed' THEN 'failed'
      ELSE CASE WHEN conversation_id IS NOT NULL AND EXISTS (
          SELECT 1 FROM job_run AS other WHERE other.conversation_id = job_run.conversation_id
            AND other.finished_at IS NULL AND other.job_id <> NEW.id
            AND (other.state = 'ready' OR other.state = 'running' OR other.state = 'retrying'))
        THEN 'waiting' ELSE 'ready' END END,
    worker_id = NULL, run_at = NULL, turn = (SELECT max(seq) FROM job_events),
    started_at = CASE NEW.status WHEN 'pending' THEN NULL ELSE started_at END,
    max_attempts = CASE NEW.status WHEN 'pending' THEN attempt + 3 ELSE max_attempts END,
    cancel_at = CASE NEW.status WHEN 'pending' THEN NULL ELSE cancel_at END,
    finished_at = CASE WHEN NEW.status = 'completed' OR NEW.status = 'failed'
      THEN CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) END
  WHERE job_id = NEW.id;
  UPDATE jobs SET output_result = NULL WHERE id = NEW.id AND NEW.status = 'pending';
  -- The next of its conversation joins the end of the line.
  UPDATE job_run SET state = 'ready', turn = (SELECT max(seq) FROM job_events)
  WHERE job_id = (SELECT job_id FROM job_run WHERE finished_at IS NULL AND state = 'waiting'
      AND conversation_id = (SELECT conversation_id FROM job_run WHERE job_id = NEW.id) ORDER BY turn LIMIT 1)
    AND NOT EXISTS (SELECT 1 FROM job_run WHERE finished_at IS NULL AND (state = 'ready' OR state = 'running' OR state = 'retrying')
      AND conversation_id = (SELECT conversation_id FROM job_run WHERE job_id = NEW.id));
END;

-- The id is what everything else knows the job by.
CREATE TRIGGER jobs_bu BEFORE UPDATE OF id ON jobs WHEN NEW.id IS NOT OLD.id
BEGIN
  SELECT RAISE(ABORT, 'The id of a job never changes.');
END;

-- Before, so that its seq is higher than any that goes.
CREATE TRIGGER jobs_bd BEFORE DELETE ON jobs
BEGIN
  INSERT INTO job_events (job_id, conversation_id, attempt, at, kind, data)
  SELECT OLD.id, (SELECT conversation_id FROM job_run WHERE job_id = OLD.id), 0,
    CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER), 'job-deleted', '{}';
END;

-- Strangers have foreign keys off, so their DELETE would leave all this behind.
CREATE TRIGGER jobs_ad AFTER DELETE ON jobs
BEGIN
  DELETE FROM artifacts WHERE job_id = OLD.id;
  DELETE FROM job_attempts WHERE job_id = OLD.id;
  DELETE FROM job_events WHERE job_id = OLD.id AND seq = (SELECT created_seq FROM job_run WHERE job_id = OLD.id);
  DELETE FROM job_events WHERE job_id = OLD.id AND kind <> 'job-created' AND kind <> 'job-deleted';
  DELETE FROM job_run WHERE job_id = OLD.id;
  -- The next of its conversation joins the end of the line.
  UPDATE job_run SET state = 'ready', turn = (SELECT max(seq) FROM job_events)
  WHERE job_id = (SELECT job_id FROM job_run WHERE finished_at IS NULL AND state = 'waiting'
      AND conversation_id = (SELECT conversation_id FROM job_events WHERE seq = (SELECT max(seq) FROM job_events)) ORDER BY turn LIMIT 1)
    AND NOT EXISTS (SELECT 1 FROM job_run WHERE finished_at IS NULL AND (state = 'ready' OR state = 'running' OR state = 'retrying')
      AND conversation_id = (SELECT conversation_id FROM job_events WHERE seq = (SELECT max(seq) FROM job_events)));
END;

-- Whoever ends a job, its answer is to be delivered from that very transaction on.
CREATE TRIGGER job_events_ai AFTER INSERT ON job_events WHEN NEW.kind = 'job-completed' OR NEW.kind = 'job-failed'
BEGIN
  INSERT INTO deliveries (turn, id, chat_id, job_id, operation, created_at)
  SELECT (SELECT coalesce(max(seq), 0) + 1 FROM deliveries), 'job:' || NEW.job_id || ':' || NEW.seq, chat_id, NEW.job_id,
    '{"kind":"result"}', NEW.at
  FROM replies WHERE job_id = NEW.job_id;
END;

-- A job that is deleted is answered no more.
CREATE TRIGGER replies_ad AFTER DELETE ON jobs
BEGIN
  DELETE FROM replies WHERE job_id = OLD.id;
  DELETE FROM deliveries WHERE job_id = OLD.id AND state <> 'sent' AND state <> 'failed';
END;
