// What requests are answered with.
import type { Recorded } from "./recorded.ts";

export const sent: Recorded = {
  source:
    "developers.facebook.com …/cloud-api/reference/messages; user_id: dualhook.com/docs/contacts-bsuid-api-changes",
  body: {
    messaging_product: "whatsapp",
    contacts: [{ input: "15550000001", wa_id: "15550000001" }],
    messages: [{ id: "wamid.QQ==" }],
  },
};

export const uploaded: Recorded = {
  source: "whatsapp-docs.kap.so …/whatsapp-business-phone-number/media-upload-api",
  body: { id: "1" },
};

export const media: Recorded = {
  source: "Meta's reference of media, by way of whatsapp-docs.kap.so",
  body: {
    messaging_product: "whatsapp",
    url: "https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1&ext=1764000000&hash=x",
    mime_type: "image/png",
    sha256: "00",
    file_size: 70,
    id: "1",
  },
};

export const badToken: Recorded = {
  source: "github.com/Neurotech-HQ/heyoo/issues/13",
  body: { error: { message: "Invalid OAuth access token", type: "OAuthException", code: 190, fbtrace_id: "A" } },
};

export const noSuchObject: Recorded = {
  source: "github.com/sajuthankappan/whatsapp-cloud-api-rs/issues/3",
  body: {
    error: { message: "Unsupported", type: "GraphMethodException", code: 100, error_subcode: 33, fbtrace_id: "A" },
  },
};

export const unlistedType: Recorded = {
  source: "github.com/MissaelAnda/laravel-whatsapp/issues/4",
  body: { error: { message: "(#100) Param file must be", type: "OAuthException", code: 100, fbtrace_id: "A" } },
};

/** The sample has error_subcode too, which Meta says is gone since v16. */
export const pairRate: Recorded = {
  source: "docs.ycloud.com/reference/whatsapp-errors, HTTP 429",
  body: {
    error: {
      message: "(#131056) (Business Account, Consumer Account) pair rate limit hit",
      type: "OAuthException",
      code: 131056,
      error_data: { messaging_product: "whatsapp", details: "Too many messages to the same number." },
      fbtrace_id: "A",
    },
  },
};
