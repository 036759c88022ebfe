// Writes docs/settings.md and .env.example from the one list of settings in src/shared/config.ts.
import { ROOT } from "../src/shared/config.ts";
import { SETTINGS } from "../src/shared/settings.ts";

type Row = readonly [setting: string, initially: string, unit: string, purpose: string];

/** What is for people; the rest is handed from `sandpiper start` to its children. */
const PUBLIC = SETTINGS.filter((setting) => !("internal" in setting));

/** docs/settings.md */
export function settingsPage(): string {
  const rows = PUBLIC.map((setting): Row => {
    const secret = "secret" in setting ? " **Secret.**" : "";
    return [`\`${setting.env}\``, code(setting.default), code(setting.unit), cell(setting.about) + secret];
  });
  return `# Settings

Every setting has a default that works; with none of them set, Sandpiper runs on this machine. Put what you want to
change into a file named \`.env\` in the project folder (\`.env.example\` is a template) or into the environment, which
wins over the file. A value that makes no sense stops the start with a sentence that names it; a misspelt
\`SANDPIPER_\` name is answered with the nearest one.

${table(["Setting", "Default", "Unit or values", "What it is for"], rows)}

A secret belongs in \`.env\` or the environment and nowhere else; no sandbox gets to see it.

This page is made from \`src/shared/config.ts\` by \`node scripts/run.mjs run scripts/settings_page.ts\`.
`;
}

/** .env.example: every line is a comment, so that a copy of it changes nothing. */
export function exampleFile(): string {
  const entries = PUBLIC.map(({ env, unit, about, ...rest }) => {
    const secret = "secret" in rest ? ". Secret: keep it out of chats, tickets and commits" : "";
    return `# ${about} (${unit}${secret})\n# ${env}=${rest.default}\n`;
  });
  return `# Copy this file to .env and take the # off the lines that you change.\n\n${entries.join("\n")}`;
}

/** Padded as the formatter does it, so that formatting the page changes nothing. */
function table(head: Row, rows: readonly Row[]): string {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((one, column) => one.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  return [head, widths.map((width) => "-".repeat(width)), ...rows].map(line).join("\n");
}

function code(value: string): string {
  return value === "" ? "" : `\`${cell(value)}\``;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}

if (import.meta.main) {
  await Bun.write(`${ROOT}/docs/settings.md`, settingsPage());
  await Bun.write(`${ROOT}/.env.example`, exampleFile());
}
