-- What jobs spend, run, may do and are told to remember. Runs with foreign keys off.

-- The ledger: what a call of a model or a sandbox may cost is written before it begins, what it did cost afterwards.
CREATE TABLE spend (
  id TEXT PRIMARY KEY NOT NULL,
  job_id TEXT NOT NULL,
  attempt INTEGER,
  -- Null: from a time before this was kept.
  worker_id TEXT,
  kind TEXT NOT NULL CHECK (kind = 'model' OR kind = 'sandbox'),
  -- 'openai', 'anthropic' …; for sandboxes 'local' or 'e2b'.
  provider TEXT NOT NULL,
  -- The model; of a sandbox the provider's own name for it, written before it is used.
  subject TEXT,
  created_at INTEGER NOT NULL,
  ended_at INTEGER,
  reserved_micro_usd INTEGER NOT NULL,
  -- Null while it is open.
  cost_micro_usd INTEGER,
  -- What the same would have cost elsewhere: a sandbox of this machine at E2B's price.
  saved_micro_usd INTEGER NOT NULL DEFAULT 0,
  -- 1: the price, or what was used, is not known for certain.
  is_estimate INTEGER NOT NULL DEFAULT 0,
  -- JSON: {"inputTokens", "outputTokens", "cachedTokens"} or {"seconds"}.
  units TEXT NOT NULL DEFAULT '{}',
  -- Of which limits ('job', 'day', 'month', with commas) this was the first to come near: people are told once.
  warned TEXT NOT NULL DEFAULT ''
) STRICT;
INSERT INTO spend (id, job_id, attempt, worker_id, kind, provider, subject, created_at, ended_at, reserved_micro_usd, cost_micro_usd)
SELECT id, coalesce(job_id, ''), attempt, worker_id, 'sandbox', provider, sandbox_id, created_at, ended_at, reserved_micro_usd,
  cost_micro_usd FROM sandboxes;
DROP TABLE sandboxes;
CREATE INDEX spend_job ON spend (job_id);
CREATE INDEX spend_time ON spend (created_at);
CREATE INDEX spend_open ON spend (worker_id) WHERE ended_at IS NULL;

-- What a job cost is what the ledger says. So far the attempts of workers that died were not counted.
UPDATE job_run SET cost_micro_usd = spent
FROM (SELECT job_id AS of_job, sum(coalesce(cost_micro_usd, reserved_micro_usd)) AS spent FROM spend GROUP BY job_id)
WHERE of_job = job_run.job_id AND spent > cost_micro_usd;
UPDATE job_attempts SET cost_micro_usd = spent
FROM (SELECT job_id AS of_job, attempt AS of_attempt, sum(coalesce(cost_micro_usd, reserved_micro_usd)) AS spent
  FROM spend GROUP BY job_id, attempt)
WHERE of_job = job_attempts.job_id AND of_attempt = job_attempts.attempt AND spent > cost_micro_usd;

-- Whoever ends an attempt, strangers too.
CREATE TRIGGER job_attempts_ai AFTER INSERT ON job_attempts
BEGIN
  UPDATE job_attempts SET cost_micro_usd = (
    SELECT coalesce(sum(coalesce(spend.cost_micro_usd, spend.reserved_micro_usd)), 0) FROM spend
    WHERE spend.job_id = NEW.job_id AND spend.attempt = NEW.attempt)
  WHERE job_id = NEW.job_id AND attempt = NEW.attempt;
END;

-- What a job has had to do with; it only grows: 'private' (a person's data), 'untrusted' (content that nobody vouches for),
-- 'network' (a way out).
CREATE TABLE job_labels (
  job_id TEXT NOT NULL,
  label TEXT NOT NULL CHECK (label = 'private' OR label = 'untrusted' OR label = 'network'),
  -- Where it comes from, in words.
  reason TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (job_id, label)
) STRICT, WITHOUT ROWID;

-- What only a person may allow: exactly what was shown, once, for a while.
CREATE TABLE approvals (
  id TEXT PRIMARY KEY NOT NULL,
  job_id TEXT NOT NULL,
  conversation_id TEXT,
  -- The tool that wants it, or 'spend'.
  kind TEXT NOT NULL,
  -- JSON: all that is decided about, and its SHA-256.
  subject TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  decision TEXT CHECK (decision = 'approved' OR decision = 'refused'),
  decided_at INTEGER,
  -- The only job that may go on with it; since when it does.
  used_by TEXT,
  used_at INTEGER
) STRICT;
CREATE INDEX approvals_job ON approvals (job_id);
CREATE INDEX approvals_used ON approvals (used_by) WHERE used_by IS NOT NULL;
CREATE INDEX approvals_decided ON approvals (kind, decided_at);

-- What was run in a conversation's sandboxes, in order: run again, it leads to the same variables and files.
CREATE TABLE cells (
  job_id TEXT NOT NULL,
  position INTEGER NOT NULL,
  kind TEXT NOT NULL CHECK (kind = 'python' OR kind = 'shell'),
  code TEXT NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome = 'ok' OR outcome = 'error'),
  -- Beginning and end of what came out.
  output TEXT NOT NULL,
  had_network INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (job_id, position)
) STRICT, WITHOUT ROWID;

-- How a job of the agent left its sandbox: a digest of each variable, as JSON.
CREATE TABLE job_states (
  job_id TEXT PRIMARY KEY NOT NULL,
  digest TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Whom a job's sandbox contacted, or tried to.
CREATE TABLE job_hosts (
  job_id TEXT NOT NULL,
  host TEXT NOT NULL,
  verdict TEXT NOT NULL CHECK (verdict = 'allowed' OR verdict = 'refused'),
  contacts INTEGER NOT NULL,
  sent_bytes INTEGER NOT NULL,
  received_bytes INTEGER NOT NULL,
  PRIMARY KEY (job_id, host, verdict)
) STRICT, WITHOUT ROWID;

-- What a person wants to be known in every conversation.
CREATE TABLE facts (
  id INTEGER PRIMARY KEY,
  text TEXT NOT NULL UNIQUE,
  job_id TEXT,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TRIGGER jobs_ad_agent AFTER DELETE ON jobs
BEGIN
  DELETE FROM job_labels WHERE job_id = OLD.id;
  DELETE FROM approvals WHERE job_id = OLD.id;
  DELETE FROM cells WHERE job_id = OLD.id;
  DELETE FROM job_states WHERE job_id = OLD.id;
  DELETE FROM job_hosts WHERE job_id = OLD.id;
END;
