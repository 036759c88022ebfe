// The description of the API: what it says of a form is what the route takes.
import { expect, test } from "bun:test";
import { z } from "zod";
import { route, type Route } from "../../src/core/http.ts";
import { describeApi } from "../../src/core/openapi.ts";

const Body = z.object({ schema: z.looseObject({ properties: z.record(z.string(), z.unknown()) }) });
const Described = z.object({
  paths: z.record(
    z.string(),
    z.object({ post: z.object({ requestBody: z.object({ content: z.record(z.string(), Body) }) }) }),
  ),
});

test("a form has the fields of the JSON, with files in the place of their names", () => {
  const asked: Route = route({
    method: "POST",
    path: "/asked",
    summary: "Ask",
    auth: "paired",
    accepts: "multipart-or-json",
    body: z.strictObject({ files: z.array(z.string()).max(2).optional(), cron: z.string().max(9).optional() }),
    status: 200,
    handle: () => undefined,
  });
  const { content } = Described.parse(describeApi([asked], "1")).paths["/asked"]?.post.requestBody ?? {};
  const cron = { type: "string", maxLength: 9 };
  const json = content?.["application/json"]?.schema;
  expect(json?.properties).toEqual({ files: { type: "array", items: { type: "string" }, maxItems: 2 }, cron });
  const binary = { type: "string", format: "binary" };
  expect(content?.["multipart/form-data"]?.schema).toEqual({
    ...json,
    properties: { files: { type: "array", items: binary, maxItems: 2 }, cron },
  });
});
