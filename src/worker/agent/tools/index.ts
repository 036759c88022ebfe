// The list of tools. Their order and names are part of what a model is told, so they do not change within a conversation.
import { askUser } from "./ask_user.ts";
import { connect } from "./connect.ts";
import { forget, remember } from "./facts.ts";
import { listFiles, readFile } from "./files.ts";
import { findEarlierTool } from "./find_earlier.ts";
import { runPython, runShell } from "./run.ts";
import { schedule } from "./schedule.ts";
import type { Tool } from "./tool.ts";

export const TOOLS: readonly Tool[] = [
  runPython,
  runShell,
  listFiles,
  readFile,
  findEarlierTool,
  remember,
  forget,
  askUser,
  connect,
  schedule,
];
