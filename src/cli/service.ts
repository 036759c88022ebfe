// `sandpiper service`: this folder's Sandpiper as a systemd user unit, so that it goes on after logout.
import { existsSync, rmSync } from "node:fs";
import { parseArgs } from "node:util";
import { findRunning } from "../main.ts";
import { loadConfig, readEnvironment, ROOT, settingsOfShell } from "../shared/config.ts";
import { AppError } from "../shared/errors.ts";
import { localTime, systemTimeZone } from "../shared/time_zones.ts";
import { isoTime } from "./jobs/json.ts";
import { openSystemd, type Systemd } from "./service/systemd.ts";
import { starter, unitFile, unitName, unitText, writeUnit } from "./service/unit.ts";

export const usage = `service install                keep Sandpiper running, also after logout and restart (systemd)
  service status [--json]        whether it runs; ends with 0 if it does, with 3 if not
  service remove                 stop it and take the service away; data/ and storage/ stay`;

/** As `systemctl status` has it. */
const NOT_ACTIVE = 3;

type Place = { readonly systemd: Systemd; readonly unit: string; readonly file: string };

const ACTIONS: { readonly [action: string]: (args: string[]) => Promise<number> } = { install, status, remove };

export async function service([action = "", ...args]: readonly string[]): Promise<number> {
  const run = Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined;
  if (run === undefined) throw new AppError("bad_request", `Say install, status or remove.\n\n  ${usage}`);
  return run(args);
}

function findPlace(): Place {
  const environment = readEnvironment();
  const file = unitFile(ROOT, environment["XDG_CONFIG_HOME"]);
  return { systemd: openSystemd(environment), unit: unitName(ROOT), file };
}

async function install(args: string[]): Promise<number> {
  parseArgs({ args });
  const { systemd, unit, file } = findPlace();
  await requireManager(systemd);
  const environment = readEnvironment();
  const { active } = await systemd.state(unit);
  const isByHand = active !== "active" && (await findRunning(loadConfig(environment))) !== null;
  const isChanged = writeUnit(file, unitText(ROOT, starter(environment["PATH"] ?? "")));
  await systemd.order("daemon-reload");
  await systemd.order("enable", ...(isByHand ? [] : ["--now"]), unit);
  if (isChanged && active === "active") await systemd.order("restart", unit);
  console.log(`The service ${unit} is installed: ${file}`);
  console.log(
    isByHand
      ? `Sandpiper runs already in this folder, started by hand, so no second one was started. To hand over, stop it (Ctrl+C), then run: systemctl --user start ${unit}`
      : "Sandpiper starts as a service now. See how it is: bun run service -- status. Open the dashboard: bun run link",
  );
  await keepAfterLogout(systemd);
  warnOfShell();
  return 0;
}

async function keepAfterLogout(systemd: Systemd): Promise<void> {
  const refusal = (await systemd.isLingering()) ? null : await systemd.linger();
  if (refusal === null) console.log("It goes on after logout and starts with the machine.");
  else
    console.log(
      `It ends when you log out, because lingering was refused (${refusal}). To keep it: ${systemd.lingerCommand}`,
    );
}

/** The service reads .env, not the shell in which it was installed; and its unit is no place for secrets. */
function warnOfShell(): void {
  const names = settingsOfShell().filter((name) => name !== "SANDPIPER_OPEN");
  if (names.length > 0)
    console.error(`! Only this shell has ${names.join(", ")}. The service reads .env: write them there.`);
}

async function status(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { json: { type: "boolean", default: false } } });
  const { systemd, unit, file } = findPlace();
  const problem = await systemd.missing();
  const state = problem === null ? await systemd.state(unit) : { isEnabled: false, active: "unknown", since: null };
  const isActive = state.active === "active";
  const isInstalled = existsSync(file);
  const isLingering = await systemd.isLingering();
  if (values.json)
    console.log(
      JSON.stringify({
        unit,
        file,
        installed: isInstalled,
        enabled: state.isEnabled,
        active: isActive,
        state: state.active,
        since: isoTime(state.since),
        linger: isLingering,
        logs: "bun run logs",
        problem,
      }),
    );
  else if (problem !== null) console.log(problem);
  else if (!isInstalled && !isActive) console.log("Not installed. To install it: bun run service -- install");
  else {
    const since = state.since === null ? "" : ` since ${localTime(state.since, systemTimeZone())}`;
    console.log(`State: ${state.active}${since}
Unit: ${isInstalled ? file : `${file} (gone; bun run service -- install writes it again)`}
Starts by itself: ${state.isEnabled ? "yes" : `no; to change that: systemctl --user enable ${unit}`}
Goes on after logout: ${isLingering ? "yes" : `no; to change that: ${systemd.lingerCommand}`}
Logs: bun run logs; if it does not start: journalctl --user -u ${unit}`);
  }
  return isActive ? 0 : NOT_ACTIVE;
}

async function remove(args: string[]): Promise<number> {
  parseArgs({ args });
  const { systemd, unit, file } = findPlace();
  await requireManager(systemd);
  const { active } = await systemd.state(unit);
  const isInstalled = existsSync(file);
  if (!isInstalled && ["inactive", "failed"].includes(active)) {
    console.log("There is no service of this folder, so nothing was removed.");
    return 0;
  }
  // Without its file systemd knows a unit only as long as it runs.
  await (isInstalled ? systemd.order("disable", "--now", unit) : systemd.order("stop", unit));
  rmSync(file, { force: true });
  await systemd.order("daemon-reload");
  console.log(`The service ${unit} is stopped and removed. data/ and storage/ are as they were.`);
  return 0;
}

async function requireManager(systemd: Systemd): Promise<void> {
  const problem = await systemd.missing();
  if (problem !== null) throw new AppError("unsupported", problem);
}
