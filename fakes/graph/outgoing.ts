// What an application may send: the body of POST /messages, parsed at the door with the service's own limits.
import { z } from "zod";
import { GraphFailure } from "./failure.ts";
import type { MediaKind } from "./media.ts";

export type Button = { readonly id: string; readonly title: string };

export type Content =
  | { readonly kind: "text"; readonly text: string }
  | {
      readonly kind: MediaKind;
      readonly mediaId: string;
      readonly caption: string | null;
      readonly name: string | null;
    }
  | {
      readonly kind: "interactive";
      readonly text: string;
      readonly buttons: readonly Button[];
      /** A file in place of a title. */
      readonly header: Header | null;
    }
  | { readonly kind: "reaction"; readonly messageId: string; readonly emoji: string }
  | { readonly kind: "template"; readonly name: string; readonly language: string };

export type Header = {
  readonly kind: "image" | "document" | "video";
  readonly mediaId: string;
  readonly name: string | null;
};

export type Outgoing = {
  /** As it was given; digits only. `to` wins over `recipient`. */
  readonly to: string | null;
  readonly recipient: string | null;
  readonly replyTo: string | null;
  readonly callbackData: string | null;
  readonly content: Content;
};

export type ReadReceipt = { readonly readId: string; readonly isTyping: boolean };

const Receipt = z.object({
  status: z.literal("read"),
  message_id: z.string().min(1),
  typing_indicator: z.object({ type: z.literal("text") }).optional(),
});

const Head = z.object({
  to: z.string().min(1).optional(),
  recipient: z.string().min(1).optional(),
  recipient_type: z.literal("individual").optional(),
  type: z.string().default("text"),
  context: z.object({ message_id: z.string() }).optional(),
  biz_opaque_callback_data: z.string().max(512).optional(),
});

const Caption = z.string().max(1024).optional();
const Text = z.object({ body: z.string().min(1).max(4096), preview_url: z.boolean().optional() });
const Captioned = z.object({ id: z.string(), caption: Caption });
const Document = Captioned.extend({ filename: z.string().min(1).max(240).optional() });
const Plain = z.strictObject({ id: z.string(), voice: z.boolean().optional() });
const Reaction = z.object({ message_id: z.string(), emoji: z.string() });
const Template = z.object({ name: z.string(), language: z.object({ code: z.string() }) });
const Interactive = z.object({
  type: z.literal("button"),
  // developers.facebook.com …/cloud-api/messages/interactive-reply-buttons-messages: a text or an uploaded file.
  header: z
    .discriminatedUnion("type", [
      z.object({ type: z.literal("text"), text: z.string().min(1).max(60) }),
      z.object({ type: z.literal("image"), image: z.object({ id: z.string() }) }),
      z.object({ type: z.literal("video"), video: z.object({ id: z.string() }) }),
      z.object({
        type: z.literal("document"),
        document: z.object({ id: z.string(), filename: z.string().min(1).max(240).optional() }),
      }),
    ])
    .optional(),
  body: z.object({ text: z.string().min(1).max(1024) }),
  footer: z.object({ text: z.string().min(1).max(60) }).optional(),
  action: z.object({
    buttons: z
      .array(
        z.object({
          type: z.literal("reply"),
          reply: z.object({ id: z.string().min(1).max(256), title: z.string().min(1).max(20) }),
        }),
      )
      .min(1)
      .max(3),
  }),
});

/** Throws the failure that the service would answer. */
export function readOutgoing(body: unknown): Outgoing | ReadReceipt {
  const whole = parse(z.looseObject({}), body, "body");
  if (whole["messaging_product"] !== "whatsapp")
    throw new GraphFailure(100, "The parameter messaging_product is required.");
  if (whole["status"] !== undefined) {
    const receipt = parse(Receipt, whole, "status");
    return { readId: receipt.message_id, isTyping: receipt.typing_indicator !== undefined };
  }
  const head = parse(Head, whole, "message");
  if (head.to === undefined && head.recipient === undefined)
    throw new GraphFailure(131008, "The parameter to or recipient is required.");
  return {
    to: head.to?.replaceAll(/\D/g, "") ?? null,
    recipient: head.recipient ?? null,
    replyTo: head.context?.message_id ?? null,
    callbackData: head.biz_opaque_callback_data ?? null,
    content: readContent(head.type, whole[head.type]),
  };
}

function readContent(type: string, part: unknown): Content {
  switch (type) {
    case "text":
      return { kind: "text", text: parse(Text, part, "text").body };
    case "image":
    case "video": {
      const { id, caption = null } = parse(Captioned, part, type);
      return { kind: type, mediaId: id, caption, name: null };
    }
    case "document": {
      const { id, caption = null, filename = null } = parse(Document, part, type);
      return { kind: type, mediaId: id, caption, name: filename };
    }
    case "audio":
    case "sticker":
      return { kind: type, mediaId: parse(Plain, part, type).id, caption: null, name: null };
    case "interactive":
      return readButtons(parse(Interactive, part, type));
    case "reaction": {
      const { message_id, emoji } = parse(Reaction, part, type);
      return { kind: type, messageId: message_id, emoji };
    }
    case "template": {
      const { name, language } = parse(Template, part, type);
      return { kind: type, name, language: language.code };
    }
    default:
      throw new GraphFailure(131051, `Message type ${type} is not supported.`);
  }
}

function readButtons({ header, body, action }: z.infer<typeof Interactive>): Content {
  const buttons = action.buttons.map(({ reply }) => reply);
  if (new Set(buttons.map(({ id }) => id)).size < buttons.length)
    throw new GraphFailure(131009, "Button ids must be unique.");
  if (new Set(buttons.map(({ title }) => title)).size < buttons.length)
    throw new GraphFailure(131009, "Button titles must be unique.");
  return { kind: "interactive", text: body.text, buttons, header: readHeader(header) };
}

function readHeader(header: z.infer<typeof Interactive>["header"]): Header | null {
  if (header === undefined || header.type === "text") return null;
  if (header.type === "document")
    return { kind: header.type, mediaId: header.document.id, name: header.document.filename ?? null };
  return { kind: header.type, mediaId: header.type === "image" ? header.image.id : header.video.id, name: null };
}

/** What is missing is 131008, what is too long or of another shape is 100. */
function parse<T>(schema: z.ZodType<T>, value: unknown, place: string): T {
  const result = schema.safeParse(value, { reportInput: true });
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const path = [place, ...(issue?.path ?? [])].join(".");
  const isMissing = issue?.code === "invalid_type" && issue.input === undefined;
  throw isMissing
    ? new GraphFailure(131008, `The parameter ${path} is required.`)
    : new GraphFailure(100, `Param ${path}: ${issue?.message ?? "not valid"}`);
}
