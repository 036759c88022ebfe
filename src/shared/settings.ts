// Every setting: its variable, default, unit and reason; docs/settings.md is made from it.

type Setting = {
  readonly env: string;
  readonly default: string;
  readonly unit: string;
  readonly about: string;
  readonly secret?: true;
  /** Set by `sandpiper start` for its children; not for people. */
  readonly internal?: true;
};

/** The list that docs/settings.md is made from. */
export const SETTINGS = [
  {
    env: "SANDPIPER_PORT",
    default: "4747",
    unit: "port",
    about: "Where the dashboard listens, on 127.0.0.1 only. 0 takes a free one.",
  },
  {
    env: "SANDPIPER_HOME",
    default: "",
    unit: "folder",
    about: "Where data/ and storage/ live. Empty: the project folder.",
  },
  {
    env: "SANDPIPER_SANDBOX",
    default: "",
    unit: "local | e2b",
    about: "Where code runs. Empty: E2B's cloud if E2B_API_KEY is set, else this machine.",
  },
  {
    env: "SANDPIPER_PYTHON",
    default: "",
    unit: "path",
    about: "Python for the local sandbox. Empty: the one that set-up found or made.",
  },
  {
    env: "SANDPIPER_BWRAP",
    default: "",
    unit: "path",
    about: "bubblewrap for the local sandbox. Empty: the one that set-up found.",
  },
  {
    env: "SANDPIPER_JOB_SECONDS",
    default: "300",
    unit: "s",
    about: "A job that runs longer is stopped and its sandbox killed. Models think for a while at each step.",
  },
  {
    env: "SANDPIPER_CONCURRENCY",
    default: "2",
    unit: "jobs",
    about: "Jobs that run side by side; two fit the smallest laptop.",
  },
  { env: "SANDPIPER_MAX_UPLOAD_MB", default: "100", unit: "MiB", about: "The largest file that is accepted." },
  {
    env: "SANDPIPER_MAX_OUTPUT_MB",
    default: "1",
    unit: "MiB",
    about: "stdout and stderr kept of one job, 1 at most; the rest is dropped and said so.",
  },
  {
    env: "SANDPIPER_MAX_ARTIFACT_MB",
    default: "200",
    unit: "MiB",
    about: "All files together that one job may bring out of its sandbox.",
  },
  {
    env: "SANDPIPER_STORAGE_GB",
    default: "5",
    unit: "GiB",
    about: "All uploads and results together; nothing new is accepted beyond it.",
  },
  {
    env: "SANDPIPER_MIN_FREE_MB",
    default: "200",
    unit: "MiB",
    about: "With less free space on the disk no job is begun and nothing new is accepted.",
  },
  {
    env: "SANDPIPER_KEEP_DAYS",
    default: "30",
    unit: "days",
    about:
      "Finished jobs that belong to no conversation (rows of other programs) are deleted with their files after so many days; 0 keeps them.",
  },
  {
    env: "SANDPIPER_SYNCHRONOUS",
    default: "full",
    unit: "full | normal",
    about: "Normal is faster on slow disks, but a power cut may take the last moments back.",
  },
  { env: "SANDPIPER_MEMORY_MB", default: "2048", unit: "MiB", about: "Memory of one local sandbox." },
  {
    env: "SANDPIPER_JOB_USD",
    default: "0.5",
    unit: "USD",
    about: "What one request may cost, models and E2B sandboxes together. Before it would cost more, you are asked.",
  },
  {
    env: "SANDPIPER_DAY_USD",
    default: "2",
    unit: "USD",
    about: "The same for a day (UTC). 0: nothing that costs anything is begun.",
  },
  { env: "SANDPIPER_MONTH_USD", default: "20", unit: "USD", about: "The same for a month (UTC)." },
  {
    env: "SANDPIPER_OPEN",
    default: "1",
    unit: "0 | 1",
    about: "Open the dashboard in the browser at start where there is a desktop.",
  },
  {
    env: "SANDPIPER_LOG",
    default: "info",
    unit: "debug | info | warn | error",
    about: "The lowest level that is logged.",
  },
  {
    env: "SANDPIPER_TELEGRAM_TOKEN",
    default: "",
    unit: "token",
    about: "The token of a Telegram bot (from @BotFather); the assistant answers there, too.",
    secret: true,
  },
  {
    env: "SANDPIPER_TELEGRAM_API",
    default: "https://api.telegram.org",
    unit: "URL",
    about: "Another server of the Bot API.",
  },
  {
    env: "SANDPIPER_TELEGRAM_WEBHOOK",
    default: "",
    unit: "URL",
    about: "Where Telegram reaches this machine. Empty: we ask Telegram instead, which needs no public address.",
  },
  {
    env: "SANDPIPER_TELEGRAM_SECRET",
    default: "",
    unit: "secret",
    about: "What Telegram must show at the webhook; needed with one.",
    secret: true,
  },
  {
    env: "SANDPIPER_WHATSAPP_TOKEN",
    default: "",
    unit: "token",
    about:
      "Of WhatsApp's Cloud API. Meta's terms forbid personal use and general-purpose assistants there: docs/whatsapp.md.",
    secret: true,
  },
  {
    env: "SANDPIPER_WHATSAPP_PHONE_ID",
    default: "",
    unit: "id",
    about: "The phone-number id of the business account.",
  },
  {
    env: "SANDPIPER_WHATSAPP_APP_SECRET",
    default: "",
    unit: "secret",
    about: "Signs what Meta sends; without it nothing is believed.",
    secret: true,
  },
  {
    env: "SANDPIPER_WHATSAPP_VERIFY_TOKEN",
    default: "",
    unit: "secret",
    about: "What Meta shows when the webhook is set up.",
    secret: true,
  },
  {
    env: "SANDPIPER_WHATSAPP_API",
    default: "https://graph.facebook.com",
    unit: "URL",
    about: "Another server of the Graph API.",
  },
  {
    env: "SANDPIPER_WEBHOOK_PORT",
    default: "8787",
    unit: "port",
    about: "Where webhooks are listened for on 127.0.0.1, apart from the dashboard; only where a channel needs one.",
  },
  {
    env: "SANDPIPER_MODEL",
    default: "",
    unit: "provider:model, …",
    about:
      "Which model answers, and which ones if it is out of order: “anthropic:claude-sonnet-5, openai”. Empty: whatever a key is there for, else the built-in planner.",
  },
  { env: "ANTHROPIC_API_KEY", default: "", unit: "key", about: "Anthropic's key.", secret: true },
  { env: "OPENAI_API_KEY", default: "", unit: "key", about: "OpenAI's key.", secret: true },
  { env: "GOOGLE_GENERATIVE_AI_API_KEY", default: "", unit: "key", about: "Google's key (Gemini).", secret: true },
  { env: "GEMINI_API_KEY", default: "", unit: "key", about: "The same by its other name.", secret: true },
  { env: "OPENROUTER_API_KEY", default: "", unit: "key", about: "OpenRouter's key.", secret: true },
  { env: "GROQ_API_KEY", default: "", unit: "key", about: "Groq's key.", secret: true },
  {
    env: "SANDPIPER_MODEL_URL",
    default: "",
    unit: "URL",
    about: "Any server that speaks OpenAI's chat completions, up to /v1; then SANDPIPER_MODEL is “compatible:name”.",
  },
  { env: "SANDPIPER_MODEL_KEY", default: "", unit: "key", about: "Its key, where it wants one.", secret: true },
  { env: "ANTHROPIC_BASE_URL", default: "", unit: "URL", about: "Another server of Anthropic's protocol, up to /v1." },
  { env: "OPENAI_BASE_URL", default: "", unit: "URL", about: "Another server of OpenAI's Responses, up to /v1." },
  { env: "GOOGLE_BASE_URL", default: "", unit: "URL", about: "Another server of Gemini's protocol, up to /v1beta." },
  { env: "OLLAMA_BASE_URL", default: "", unit: "URL", about: "Where Ollama is, up to /v1, if not on this machine." },
  {
    env: "SANDPIPER_CONTEXT_TOKENS",
    default: "0",
    unit: "tokens",
    about: "How much the model reads at once. 0: as known of it, 8192 for local ones.",
  },
  { env: "SANDPIPER_MODEL_STEPS", default: "12", unit: "steps", about: "Tools that a model may use for one request." },
  {
    env: "SANDPIPER_MODEL_REPAIRS",
    default: "3",
    unit: "times",
    about: "Failures in a row that a model may try to mend.",
  },
  { env: "E2B_API_KEY", default: "", unit: "key", about: "E2B's key; moves the work to E2B's cloud.", secret: true },
  { env: "E2B_DOMAIN", default: "", unit: "host", about: "Another E2B-compatible cloud." },
  { env: "E2B_API_URL", default: "", unit: "URL", about: "Control plane of an E2B-compatible server." },
  { env: "E2B_SANDBOX_URL", default: "", unit: "URL", about: "Data plane of an E2B-compatible server." },
  {
    env: "SANDPIPER_MODELS_SET",
    default: "",
    unit: "provider, …",
    about: "Providers of models whose keys the worker was given.",
    internal: true,
  },
  {
    env: "SANDPIPER_SANDBOXD_PORT",
    default: "0",
    unit: "port",
    about: "Where sandboxd listens on 127.0.0.1.",
    internal: true,
  },
  {
    env: "SANDPIPER_SANDBOXD_KEY",
    default: "",
    unit: "key",
    about: "What a client of sandboxd must show.",
    internal: true,
    secret: true,
  },
  {
    env: "SANDPIPER_CGROUP",
    default: "",
    unit: "folder",
    about: "Where sandboxd may make cgroups for its rooms.",
    internal: true,
  },
  {
    env: "SANDPIPER_ROOMS",
    default: "",
    unit: "plain",
    about: "How rooms are made; plain: Python is always started inside.",
    internal: true,
  },
  {
    env: "SANDPIPER_LEASE_SECONDS",
    default: "30",
    unit: "seconds",
    about: "A worker that gave no sign of life for this long is taken for dead.",
    internal: true,
  },
  {
    env: "SANDPIPER_SUPERVISED",
    default: "",
    unit: "0 | 1",
    about: "Set for the children of `sandpiper start`.",
    internal: true,
  },
] as const satisfies readonly Setting[];
