// What the fake says has the keys that were recorded from the real service, no more and no fewer.
import { expect, test } from "bun:test";
import * as answers from "../../fakes/graph/payloads/answers.ts";
import * as messages from "../../fakes/graph/payloads/messages.ts";
import * as statuses from "../../fakes/graph/payloads/statuses.ts";
import type { Recorded } from "../../fakes/graph/payloads/recorded.ts";
import { GraphFailure } from "../../fakes/graph/failure.ts";
import { FakeGraph } from "../../fakes/graph/server.ts";
import type { NewPerson } from "../../fakes/graph/people.ts";
import type { Person } from "../../fakes/graph/person.ts";
import { STRICT_PAIR_RATE } from "../../fakes/graph/rates.ts";
import { ask, idOf, openGraph, png, say, send, upload, uploaded } from "./graph_client.ts";

const NUMBER = "4915112345678";
const OLD: NewPerson = { waId: NUMBER, userId: null };
const bytes = new Uint8Array([1, 2, 3]);

/** Every path of keys; items of a list share theirs. */
function keysOf(value: unknown, path = ""): string[] {
  if (Array.isArray(value)) return [...new Set(value.flatMap((one) => keysOf(one, `${path}[]`)))];
  if (typeof value !== "object" || value === null) return [`${path}: ${typeof value}`];
  return Object.entries(value)
    .flatMap(([key, one]) => keysOf(one, `${path}.${key}`))
    .toSorted();
}

function expectKeys(value: unknown, { body, source }: Recorded): void {
  expect(source).not.toBe("");
  expect(keysOf(value)).toEqual(keysOf(body));
}

/** The post at `back` from the end, of a person who does something. */
function postOf(who: NewPerson, deed: (person: Person, graph: FakeGraph) => void, back = -1): unknown {
  const graph = new FakeGraph();
  deed(graph.person(who), graph);
  void graph[Symbol.asyncDispose]();
  return graph.webhooks.posts.at(back);
}

test.each<[string, Recorded, NewPerson, (person: Person, graph: FakeGraph) => void]>([
  ["text", messages.text, OLD, (one) => one.say("Hi")],
  ["a reaction", messages.reaction, OLD, (one) => one.react("wamid.x", "👍")],
  [
    "a document",
    messages.document,
    OLD,
    (one) => one.sendDocument({ bytes, mediaType: "text/csv", name: "a", caption: "b" }),
  ],
  ["both ids", messages.bothIds, { username: "ada" }, (one) => one.say("Hi")],
  ["an id alone", messages.userIdOnly, { waId: null, username: "ada" }, (one) => one.say("Hi")],
  ["an id that changed", messages.userIdUpdate, {}, (one) => one.changeNumber("15550000009")],
  ["an unsupported message", messages.unsupported, OLD, (one) => one.sendUnsupported()],
  [
    "an error of the account",
    statuses.accountError,
    OLD,
    (_, graph) => graph.complain(new GraphFailure(130429, "Slow")),
  ],
])("%s", (_name, recorded, who, deed) => {
  expectKeys(postOf(who, deed), recorded);
});

test("a number and an id that changed, as messages of the system", () => {
  expectKeys(
    postOf({}, (one) => one.changeNumber("15550000009"), -2),
    messages.changedNumber,
  );
  expectKeys(
    postOf({}, (one) => one.changeUserId(), -2),
    messages.changedUserId,
  );
});

test("an image whose address is not told yet", () => {
  const deed = (one: Person, graph: FakeGraph) => {
    graph.rules.isAddressInWebhook = false;
    one.sendImage({ bytes, mediaType: "image/jpeg", caption: "Look" });
  };
  expectKeys(postOf(OLD, deed), messages.image);
});

test("several messages in a change", () => {
  const deed = (one: Person, graph: FakeGraph) => {
    graph.webhooks.hold();
    one.say("Hi");
    graph.person({ waId: "15550000002", userId: null }).say("Hello");
    graph.webhooks.release({ perChange: 2 });
  };
  expectKeys(postOf(OLD, deed), messages.batch);
});

test("a button that was pressed", async () => {
  await using graph = new FakeGraph();
  const person = graph.person(OLD);
  person.say("Hi");
  const button = { type: "reply", reply: { id: "yes", title: "Yes" } };
  const interactive = { type: "button", body: { text: "Well?" }, action: { buttons: [button] } };
  await send(graph, { to: NUMBER, type: "interactive", interactive });
  person.press("yes");
  expectKeys(graph.webhooks.posts.at(-1), messages.buttonReply);
});

test("statuses, to a number alone and with ids", async () => {
  await using graph = new FakeGraph();
  const person = graph.person(OLD);
  person.say("Hi");
  const id = idOf(await say(graph, NUMBER, "Hello"));
  expectKeys(graph.webhooks.posts.at(-2), statuses.sent);
  expectKeys(graph.webhooks.posts.at(-1), statuses.delivered);
  graph.tell(id, new GraphFailure(131026, "Gone"));
  expectKeys(graph.webhooks.posts.at(-1), statuses.failed);
  graph.person({ waId: "15550000007", username: "ada" }).say("Hi");
  await send(graph, { to: "15550000007", text: { body: "Hello" }, biz_opaque_callback_data: "outbox:1" });
  expectKeys(graph.webhooks.posts.at(-1), statuses.deliveredWithIds);
});

test("answers and errors", async () => {
  const { graph } = openGraph();
  await using _ = graph;
  expectKeys((await say(graph, NUMBER, "Hi")).body, answers.sent);
  expectKeys((await upload(graph, png(), "image/png")).body, answers.uploaded);
  expectKeys((await ask(graph, await uploaded(graph, png(), "image/png"))).body, answers.media);
  expectKeys((await ask(graph, "1", { headers: { authorization: "Bearer x" } })).body, answers.badToken);
  expectKeys((await ask(graph, "4711")).body, answers.noSuchObject);
  expectKeys((await upload(graph, "a,b", "text/csv")).body, answers.unlistedType);
  graph.rules.pairRate = STRICT_PAIR_RATE;
  await say(graph, NUMBER, "One");
  expectKeys((await say(graph, NUMBER, "Two")).body, answers.pairRate);
});
