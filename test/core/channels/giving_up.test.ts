// What a platform refuses, and does not say when to come again.
import { expect, test } from "bun:test";
import { DeliveryError } from "../../../src/core/channels/channel.ts";
import { openOffice } from "./office.ts";

test("an answer that is refused by a platform that names no time to come again is given up, too", async () => {
  await using office = await openOffice();
  office.notebook.troubles.push({ error: new DeliveryError("permanent", "Never."), isAfter: false });
  await office.notebook.say("One");
  await office.settle(await office.claim(), "First.");
  const state = () => office.value("SELECT state FROM deliveries WHERE job_id IS NOT NULL");
  await office.until(() => state() === "failed" || office.lines.some((line) => line.includes("outbox-failed")));
  expect(state()).toBe("failed");
});
