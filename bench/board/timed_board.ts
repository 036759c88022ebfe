// A board that remembers how long each unit of work waited for its commit, and which found the file locked.
import type { Board } from "../../src/shared/db.ts";
import { isBusy } from "../../src/shared/group_commit.ts";

export type Tally = { readonly waits: number[]; busyErrors: number };

export const newTally = (): Tally => ({ waits: [], busyErrors: 0 });

export function timedBoard(board: Board, tally: Tally): Board {
  const count = (error: unknown): never => {
    if (isBusy(error)) tally.busyErrors += 1;
    throw error;
  };
  return {
    ...board,
    read: (unit) => {
      try {
        return board.read(unit);
      } catch (error) {
        return count(error);
      }
    },
    write: async (unit, durability) => {
      const startedAt = performance.now();
      const result = await board.write(unit, durability).catch(count);
      tally.waits.push(performance.now() - startedAt);
      return result;
    },
  };
}
