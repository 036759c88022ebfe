// OpenAPI 3.1 from the route table, so that the description cannot drift from what is served.
import { z } from "zod";
import type { Route } from "./http.ts";

const PARAMETER = /:(\w+)/g;

export function describeApi(routes: readonly Route[], version: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const path = route.path.replace(PARAMETER, "{$1}");
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route) };
  }
  return {
    openapi: "3.1.0",
    info: { title: "Sandpiper", version, description: "Send a message, follow its job, fetch what came out." },
    servers: [{ url: "/" }],
    components: {
      securitySchemes: { token: { type: "http", scheme: "bearer", description: "The token in data/token" } },
    },
    paths,
  };
}

function operation(route: Route): object {
  const content =
    route.body === undefined ? undefined : bodyContent(route, z.toJSONSchema(route.body, { io: "input" }));
  return {
    summary: route.summary,
    ...(route.auth === "paired" ? { security: [{ token: [] }] } : {}),
    parameters: [...pathParameters(route), ...queryParameters(route)],
    ...(content === undefined ? {} : { requestBody: { required: true, content } }),
    responses: {
      [route.status]: {
        description: "As asked",
        ...(route.response === undefined
          ? {}
          : { content: { "application/json": { schema: z.toJSONSchema(route.response) } } }),
      },
      default: { description: "{ error: { code, message } }", content: { "application/json": { schema: FAILURE } } },
    },
  };
}

const FAILURE = z.toJSONSchema(z.object({ error: z.object({ code: z.string(), message: z.string() }) }));

type Schema = z.core.JSONSchema.BaseSchema;

function bodyContent(route: Route, schema: Schema): object {
  const json = { "application/json": { schema } };
  return route.accepts === "multipart-or-json" ? { "multipart/form-data": { schema: asForm(schema) }, ...json } : json;
}

/** The same fields, but with files in the place of their ids. */
function asForm(schema: Schema): object {
  const { files, ...fields } = schema.properties ?? {};
  const items = { type: "string", format: "binary" };
  return { ...schema, properties: { ...fields, files: { ...(typeof files === "object" ? files : {}), items } } };
}

function pathParameters(route: Route): object[] {
  return [...route.path.matchAll(PARAMETER)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
}

function queryParameters(route: Route): object[] {
  if (route.query === undefined) return [];
  const schema = z.toJSONSchema(route.query, { io: "input" });
  return Object.entries(schema.properties ?? {}).map(([name, value]) => ({ name, in: "query", schema: value }));
}
