// The list of job types and who does them.
import type { JobType } from "../../shared/types.ts";
import { browser } from "./browser.ts";
import { chat } from "./chat.ts";
import { codeExec } from "./code_exec.ts";
import type { JobHandler } from "./handler.ts";

export type Handlers = { readonly [T in JobType]: JobHandler };

/** Every job type has a handler: leave one out and this file does not compile. */
export const handlers: Handlers = { code_exec: codeExec, browser, chat };
