// What a person's doings look like at the webhook.
import { posted } from "./recorded.ts";

const SAMPLES = "github.com/vercel/chat packages/adapter-whatsapp/sample-messages.md";
const UNSUPPORTED = "developers.facebook.com …/webhooks/reference/messages/unsupported, 20 Mar 2026";
const DOCUMENTS =
  "Meta's reference of document messages as docs.heybot.cloud/webhook/document has it; url since Nov 2025";

const contacts = [{ profile: { name: "Ada" }, wa_id: "15550000001" }];
const head = { from: "15550000001", id: "wamid.QQ==", timestamp: "1764000000" };
const rotated = { previous: "US.1", current: "US.2" };
const reply = { type: "button_reply", button_reply: { id: "yes", title: "Yes" } };

export const text = posted(SAMPLES, { contacts, messages: [{ ...head, text: { body: "Hi" }, type: "text" }] });

export const image = posted(SAMPLES, {
  contacts,
  messages: [{ ...head, type: "image", image: { mime_type: "image/jpeg", sha256: "00=", id: "1", caption: "Look" } }],
});

export const document = posted(DOCUMENTS, {
  contacts,
  messages: [
    {
      ...head,
      type: "document",
      document: {
        caption: "Graph this",
        filename: "sales.csv",
        mime_type: "text/csv",
        sha256: "00=",
        id: "1",
        url: "https://lookaside.fbsbx.com/",
      },
    },
  ],
});

export const reaction = posted(SAMPLES, {
  contacts,
  messages: [{ ...head, type: "reaction", reaction: { message_id: "wamid.QQ==", emoji: "👍" } }],
});

export const buttonReply = posted(SAMPLES, {
  contacts,
  messages: [{ context: { from: "15550100200", id: "wamid.QQ==" }, ...head, type: "interactive", interactive: reply }],
});

/** Several messages of a change, from several people: the reference allows it everywhere, samples show one. */
export const batch = posted(SAMPLES, {
  contacts: [...contacts, { profile: { name: "Lin" }, wa_id: "15550000002" }],
  messages: [
    { ...head, text: { body: "Hi" }, type: "text" },
    { ...head, from: "15550000002", text: { body: "Hello" }, type: "text" },
  ],
});

export const bothIds = posted(SAMPLES, {
  contacts: [{ profile: { name: "Ada", username: "ada" }, wa_id: "15550000001", user_id: "US.1" }],
  messages: [{ ...head, from_user_id: "US.1", text: { body: "Hi" }, type: "text" }],
});

/** As above, "phone-based fields are omitted" taken at its word. */
export const userIdOnly = posted(SAMPLES, {
  contacts: [{ profile: { name: "Ada", username: "ada" }, user_id: "US.1" }],
  messages: [{ from_user_id: "US.1", id: "wamid.QQ==", timestamp: "1764000000", text: { body: "Hi" }, type: "text" }],
});

export const changedNumber = posted(SAMPLES, {
  messages: [
    {
      ...head,
      type: "system",
      system: { body: "changed", wa_id: "15550000009", user_id: "US.2", type: "user_changed_number" },
    },
  ],
});

export const changedUserId = posted(SAMPLES, {
  messages: [
    {
      id: "wamid.QQ==",
      timestamp: "1764000000",
      type: "system",
      system: { body: "changed", user_id: "US.2", type: "user_changed_user_id" },
    },
  ],
});

export const userIdUpdate = posted(
  SAMPLES,
  {
    contacts,
    user_id_update: [{ wa_id: "15550000009", detail: "updated", user_id: rotated, timestamp: "1764000000" }],
  },
  "user_id_update",
);

export const unsupported = posted(UNSUPPORTED, {
  contacts,
  messages: [
    {
      ...head,
      errors: [
        {
          code: 131051,
          title: "Message type unknown",
          message: "Message type unknown",
          error_data: { details: "Message type is currently not supported." },
        },
      ],
      type: "unsupported",
      unsupported: { type: "poll_update" },
    },
  ],
});
