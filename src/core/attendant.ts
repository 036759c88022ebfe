// Deals with what was let in: commands and presses at once, messages one after the other, each a job in one transaction.
import { arrivalsOf, chatsWaiting, closeArrival, type KeptArrival } from "../shared/arrivals.ts";
import { readChat, type Chat } from "../shared/chats.ts";
import { pause } from "../shared/stop.ts";
import type { Channel } from "./channels/channel.ts";
import { commandIn, runCommand } from "./commands.ts";
import { Kept } from "./door.ts";
import { attendInTurn, toWaiting, waitingIn } from "./intake.ts";
import { press } from "./presses.ts";
import type { RequestDesk } from "./requests.ts";

export type AttendantDesk = RequestDesk;

export type Attendant = {
  /** Something may have been let in; cheap when nothing was. */
  readonly pump: () => void;
  readonly close: () => Promise<void>;
};

const AGAIN_MS = 1_000;

export function createAttendant(desk: AttendantDesk): Attendant {
  const stop = new AbortController();
  const busy = new Map<string, Promise<void>>();
  /** By chat whose messages are dealt with: up to where it was looked for what waits behind none of them. */
  const looked = new Map<string, number>();

  const pump = (): void => {
    if (stop.signal.aborted || desk.channels.size === 0) return;
    for (const id of desk.board.read(chatsWaiting)) {
      const chat = desk.board.read((tx) => readChat(tx, id));
      const channel = chat === null ? undefined : desk.channels.get(`${chat.channel}:${chat.account}`);
      if (chat === null || channel === undefined) continue;
      // Each lane ends when nothing of its own is left, so that looking again afterwards comes to an end, too.
      const urgent = busy.has(`${id} now`) ? [] : freshIn(id).filter((arrival) => toWaiting(arrival).length === 0);
      if (urgent.length > 0) begin(`${id} now`, id, () => attendNow(desk, channel, chat, urgent, stop.signal));
      if (!busy.has(id) && desk.board.read((tx) => waitingIn(tx, id)).length > 0)
        begin(id, id, () => attendInTurn(desk, channel, id, stop.signal));
    }
  };

  const freshIn = (id: string): KeptArrival[] => {
    const fresh = desk.board.read((tx) => arrivalsOf(tx, id, "waiting", { after: looked.get(id) ?? 0 }));
    const last = fresh.at(-1);
    if (last !== undefined) looked.set(id, last.seq);
    return fresh;
  };

  const begin = (lane: string, id: string, work: () => Promise<void>): void => {
    const done = work()
      .catch(async (error: unknown) => {
        desk.log.error("attendant-failed", { lane, error });
        await pause(AGAIN_MS, stop.signal);
        looked.delete(id);
      })
      .finally(() => {
        busy.delete(lane);
        // Numbers may begin anew when nothing is kept any more.
        if (!busy.has(id)) looked.delete(id);
      });
    busy.set(lane, done);
    // What came while it was ending is seen by the next look.
    void done.then(pump);
  };

  return {
    pump,
    close: async () => {
      stop.abort();
      await Promise.all(busy.values());
    },
  };
}

/** Commands and presses: they wait behind nothing. */
async function attendNow(
  desk: AttendantDesk,
  channel: Channel,
  chat: Chat,
  urgent: readonly KeptArrival[],
  signal: AbortSignal,
): Promise<void> {
  for (const arrival of urgent) {
    const kept = Kept.safeParse(arrival.body);
    if (!kept.success) await desk.board.write((tx) => void closeArrival(tx, arrival.seq));
    else if (kept.data.kind === "press") await press(desk, channel, chat, arrival.seq, kept.data, signal);
    else {
      const command = commandIn(kept.data);
      if (command !== null) await runCommand(desk, chat, arrival.seq, command);
    }
  }
}
