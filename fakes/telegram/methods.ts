// The methods that this fake has, by their lower-case names: the service does not care about case.
import * as editing from "./editing.ts";
import * as manners from "./manners.ts";
import * as receiving from "./receiving.ts";
import { sendDocument, sendMediaGroup, sendMessage, sendPhoto } from "./sending.ts";
import type { Method } from "./service.ts";

const SENDING = { sendMessage, sendPhoto, sendDocument, sendMediaGroup };

/** name as it is written → what it does. */
export const METHODS: ReadonlyMap<string, { readonly name: string; readonly run: Method }> = new Map(
  Object.entries({ ...SENDING, ...editing, ...manners, ...receiving }).map(([name, run]) => [
    name.toLowerCase(),
    { name, run },
  ]),
);
