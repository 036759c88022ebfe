// One room in reserve, with numpy, pandas and matplotlib already imported, so that a new sandbox is there at once.
import { openInterpreter } from "./interpreter/interpreter.ts";
import { openRoom } from "./room/room.ts";
import type { Quarters } from "./sandboxes.ts";
import type { Tools } from "./tools.ts";

const PRELOADED = ["numpy", "pandas", "matplotlib.pyplot"];

/** Throws AppError `unavailable` when this machine cannot make a room. */
export async function makeQuarters(tools: Tools, memoryBytes: number): Promise<Quarters> {
  const room = await openRoom(tools, memoryBytes);
  const interpreter = await openInterpreter(room.channel);
  const context = interpreter.contexts()[0]?.id;
  void room.channel.request({ op: "preload", context, modules: PRELOADED }).catch(() => undefined);
  return { room, interpreter };
}
