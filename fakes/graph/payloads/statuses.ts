// What becomes of a message, and of the account, as the webhook is told.
import { posted } from "./recorded.ts";

const RECORDED = "a webhook log on the open web (cronwalletlote.ibsystemclinicas.com.br/whatsAppApi.txt), June 2025";
const FAILED = "github.com/restfb/restfb/issues/1344; href from Meta's reference of errors";
const ERRORS = "developers.facebook.com …/webhooks/reference/messages/errors";
const BSUID = "dualhook.com/docs/contacts-bsuid-webhooks: contacts and recipient_user_id in statuses";

const head = { id: "wamid.QQ==", timestamp: "1764000000", recipient_id: "15550000001" };
const pricing = { billable: true, pricing_model: "CBP", category: "service" };
const origin = { type: "service" };
const error = {
  code: 131026,
  title: "Message undeliverable",
  message: "Message undeliverable",
  error_data: { details: "Message Undeliverable." },
  href: "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/",
};

export const sent = posted(RECORDED, {
  statuses: [
    { ...head, status: "sent", conversation: { id: "00", expiration_timestamp: "1764086400", origin }, pricing },
  ],
});

export const delivered = posted(RECORDED, {
  statuses: [{ ...head, status: "delivered", conversation: { id: "00", origin }, pricing }],
});

export const deliveredWithIds = posted(BSUID, {
  contacts: [{ profile: { name: "Ada", username: "ada" }, wa_id: "15550000001", user_id: "US.1" }],
  statuses: [
    {
      ...head,
      recipient_user_id: "US.1",
      biz_opaque_callback_data: "outbox:1",
      status: "delivered",
      conversation: { id: "00", origin },
      pricing,
    },
  ],
});

export const failed = posted(FAILED, { statuses: [{ ...head, status: "failed", errors: [error] }] });

export const accountError = posted(ERRORS, { errors: [error] });
