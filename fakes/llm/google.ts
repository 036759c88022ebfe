// Google's Gemini: /v1beta/models/NAME:streamGenerateContent?alt=sse, data-only events, each a whole response with the next parts.
import { z } from "zod";
import { checkSchema, checkUnique } from "./schema.ts";
import {
  checkCalls,
  inputText,
  pieces,
  Refused,
  type Asked,
  type Call,
  type CallWords,
  type Said,
  type Turn,
  type Usage,
  type Wire,
} from "./script.ts";

const Name = z.string().regex(/^[a-zA-Z_][\w.:-]{0,63}$/, "Invalid function name");
const Part = z.union([
  z.object({
    functionCall: z.object({
      id: z.string().optional(),
      name: Name,
      args: z.record(z.string(), z.unknown()).optional(),
    }),
    thoughtSignature: z.string().optional(),
  }),
  z.object({
    functionResponse: z.object({
      id: z.string().optional(),
      name: Name,
      response: z.record(z.string(), z.unknown()),
    }),
  }),
  z.object({ text: z.string(), thought: z.boolean().optional(), thoughtSignature: z.string().optional() }),
]);
type Part = z.infer<typeof Part>;
const Content = z.object({
  role: z.enum(["user", "model"], "Please use a valid role: user, model.").default("user"),
  parts: z.array(Part).min(1, "contents.parts must not be empty."),
});
const Body = z.object({
  contents: z.array(Content).min(1, "contents is not specified"),
  systemInstruction: z
    .object({ role: z.string().optional(), parts: z.array(z.object({ text: z.string() })) })
    .optional(),
  tools: z
    .array(
      z.object({
        functionDeclarations: z.array(
          z.object({
            name: Name,
            description: z.string().optional(),
            parametersJsonSchema: z.looseObject({}).optional(),
          }),
        ),
      }),
    )
    .optional(),
  toolConfig: z
    .looseObject({
      functionCallingConfig: z
        .object({
          mode: z.enum(["AUTO", "ANY", "NONE", "VALIDATED"]).optional(),
          allowedFunctionNames: z.array(z.string()).optional(),
        })
        .optional(),
    })
    .optional(),
  generationConfig: z
    .looseObject({
      maxOutputTokens: z.number().int().min(1).nullish(),
      responseMimeType: z.string().optional(),
      responseSchema: z.unknown().optional(),
      responseJsonSchema: z.unknown().optional(),
    })
    .optional(),
});
type Body = z.infer<typeof Body>;

const PATH = /^\/v1beta\/models\/([^/:]+):streamGenerateContent$/;

const UNEQUAL =
  "Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.";
const CALL_WORDS: CallWords = { stray: () => UNEQUAL, open: () => UNEQUAL };

const read: Wire["read"] = (body, { url }) => {
  // Without it the answer is one JSON list, in pieces.
  if (url.searchParams.get("alt") !== "sse") throw new Refused("Streams are only given with alt=sse here.");
  const parsed = Body.safeParse(body);
  if (!parsed.success) throw new Refused(z.prettifyError(parsed.error));
  const { contents, systemInstruction, tools = [], toolConfig, generationConfig } = parsed.data;
  const declared = tools.flatMap(({ functionDeclarations }) => functionDeclarations);
  checkTools(declared, toolConfig?.functionCallingConfig);
  const messages = toMessages(contents);
  checkCalls(messages, CALL_WORDS);
  return {
    wire: "google",
    model: PATH.exec(url.pathname)?.[1] ?? "",
    system: (systemInstruction?.parts ?? []).map(({ text }) => text).join("\n"),
    messages,
    tools: declared.map(({ name, description = "", parametersJsonSchema = {} }) => ({
      name,
      description,
      schema: parametersJsonSchema,
    })),
    mayCall: declared.length > 0 && toolConfig?.functionCallingConfig?.mode !== "NONE",
    schema: generationConfig?.responseJsonSchema ?? generationConfig?.responseSchema ?? null,
    maxTokens: generationConfig?.maxOutputTokens ?? null,
    wantsUsage: true,
  };
};

type Declared = NonNullable<Body["tools"]>[number]["functionDeclarations"];
type Calling = NonNullable<Body["toolConfig"]>["functionCallingConfig"];

function checkTools(declared: Declared, calling: Calling): void {
  checkUnique(declared, (name) => `Duplicate function declaration found: ${name}`);
  for (const [at, { parametersJsonSchema }] of declared.entries())
    checkSchema(parametersJsonSchema ?? {}, {
      needsItems: true,
      words: (place, problem) =>
        `GenerateContentRequest.tools[0].function_declarations[${at}].parameters (${place}): ${problem}`,
    });
  const { mode, allowedFunctionNames: allowed = [] } = calling ?? {};
  if (mode === "ANY" && declared.length === 0)
    throw new Refused("Function calling config is set without function_declarations.");
  if (allowed.length > 0 && mode !== "ANY" && mode !== "VALIDATED")
    throw new Refused("Allowed function names should only be set when the function calling mode is ANY or VALIDATED.");
  const unknown = allowed.find((name) => !declared.some((one) => one.name === name));
  if (unknown !== undefined) throw new Refused(`allowed_function_names contains '${unknown}', which is not declared.`);
}

/** Calls need no ids here: results then follow in the order of the calls, each with its function's name. */
function toMessages(contents: Body["contents"]): Said[] {
  let open: { readonly id: string; readonly name: string }[] = [];
  return contents.flatMap(({ role, parts }, at): Said[] => {
    const text = parts.flatMap((part) => ("text" in part && part.thought !== true ? [part.text] : []));
    if (role === "model") {
      const calls = parts.flatMap((part, index) => toCall(part, `${at}_${index}`));
      open = calls;
      if (calls.length > 0 && contents[at - 1]?.role !== "user")
        throw new Refused(
          "Please ensure that function call turn comes immediately after a user turn or after a function response turn.",
        );
      return [{ role: "assistant", text: text.join(""), calls }];
    }
    const results = parts.flatMap((part): Said[] => {
      if (!("functionResponse" in part)) return [];
      const { id, name, response } = part.functionResponse;
      const call = open.find((one) => (id === undefined ? one.name === name : one.id === id && one.name === name));
      open = open.filter((one) => one !== call);
      return [{ role: "tool", callId: call?.id ?? "", text: resultText(response) }];
    });
    return text.length === 0 ? results : [...results, { role: "user", text: text.join("\n") }];
  });
}

function toCall(part: Part, place: string): (Call & { readonly id: string })[] {
  if (!("functionCall" in part)) return [];
  const { id = place, name, args = {} } = part.functionCall;
  return [{ id, name, input: args }];
}

/** A result is an object; what is said in it stands in one field, whichever. */
function resultText(response: Readonly<Record<string, unknown>>): string {
  const { content, output, result, error } = response;
  const said = content ?? output ?? result ?? error;
  return typeof said === "string" ? said : JSON.stringify(said ?? response);
}

function events(turn: Turn, asked: Asked, usage: Usage, id: string): string[] {
  const { calls = [], reasoning = "", text = "", piece = 12 } = turn;
  const broken = calls.find((call) => !isObject(inputText(call)));
  // Calls come whole, so that a broken one cannot come at all: the answer ends instead.
  const said = broken === undefined ? calls : [];
  const parts = [
    ...pieces(reasoning, piece).map((part) => ({ text: part, thought: true })),
    ...pieces(text, piece).map((part) => ({ text: part })),
    ...said.map((call, index) => ({
      functionCall: { id: `call_${id}_${index}`, name: call.name, args: JSON.parse(inputText(call)) as unknown },
      // Of calls at once, only the first is signed.
      ...(index === 0 && { thoughtSignature: btoa(`signature-${id}`) }),
    })),
  ];
  const chunk = (candidate: object, counts: object): string =>
    `data: ${JSON.stringify({
      candidates: [{ ...candidate, index: 0 }],
      usageMetadata: counts,
      modelVersion: asked.model,
      responseId: id,
    })}\r\n\r\n`;
  const before = { promptTokenCount: usage.inputTokens, totalTokenCount: usage.inputTokens };
  const end =
    broken === undefined
      ? { finishReason: finishReason(turn) }
      : { finishReason: "MALFORMED_FUNCTION_CALL", finishMessage: `Malformed function call: ${inputText(broken)}` };
  return [
    ...parts.map((part) => chunk({ content: { parts: [part], role: "model" } }, before)),
    chunk({ content: { parts: [{ text: "" }], role: "model" }, ...end }, countsOf(usage)),
  ];
}

/** Thoughts are not among the candidates' tokens; what is 0 is left out. */
function countsOf({ inputTokens, cachedTokens, outputTokens, reasoningTokens }: Usage): object {
  return {
    promptTokenCount: inputTokens,
    candidatesTokenCount: outputTokens - reasoningTokens,
    totalTokenCount: inputTokens + outputTokens,
    ...(cachedTokens > 0 && { cachedContentTokenCount: cachedTokens }),
    promptTokensDetails: [{ modality: "TEXT", tokenCount: inputTokens }],
    ...(reasoningTokens > 0 && { thoughtsTokenCount: reasoningTokens }),
  };
}

function isObject(text: string): boolean {
  try {
    return z.record(z.string(), z.unknown()).safeParse(JSON.parse(text)).success;
  } catch {
    return false;
  }
}

function finishReason({ finish }: Turn): string {
  if (finish === "length") return "MAX_TOKENS";
  return finish === "filtered" ? "SAFETY" : "STOP";
}

const STATUSES: Readonly<Record<number, string>> = {
  400: "INVALID_ARGUMENT",
  401: "UNAUTHENTICATED",
  403: "PERMISSION_DENIED",
  404: "NOT_FOUND",
  429: "RESOURCE_EXHAUSTED",
  500: "INTERNAL",
  503: "UNAVAILABLE",
  504: "DEADLINE_EXCEEDED",
};

const BAD_KEY = "API key not valid. Please pass a valid API key.";

export const google: Wire = {
  name: "google",
  path: PATH,
  read,
  events,
  error: (code, message) => ({
    error: {
      code,
      message,
      status: STATUSES[code] ?? "UNKNOWN",
      ...(message === BAD_KEY && {
        details: [
          { "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "API_KEY_INVALID", domain: "googleapis.com" },
        ],
      }),
    },
  }),
  overflow: {
    status: 400,
    code: "INVALID_ARGUMENT",
    message: (tokens, limit) =>
      `The input token count (${tokens}) exceeds the maximum number of tokens allowed (${limit}).`,
  },
  key: (headers) => headers.get("x-goog-api-key") ?? "",
  keyRefusal: { status: 400, message: BAD_KEY },
};
