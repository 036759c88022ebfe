// The list of job types and who does them.
import type { JobType } from "../../shared/types.ts";
import { browser } from "./browser.ts";
import { chat } from "./chat.ts";
import { codeExec } from "./code_exec.ts";
import type { JobHandler } from "./handler.ts";

/** Every job type has a handler: leave one out and this file does not compile. */
export const handlers: { readonly [T in JobType]: JobHandler } = { code_exec: codeExec, browser, chat };
