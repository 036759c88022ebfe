// Shapes as they were seen, each with its source; names, numbers and words are ours. The test holds the fake to their keys.

export type Recorded = { readonly source: string; readonly body: unknown };

/** The envelope that all posts share, around one value. */
export function posted(source: string, value: object, field = "messages"): Recorded {
  const metadata = { display_phone_number: "15550100200", phone_number_id: "100200300400500" };
  const change = { value: { messaging_product: "whatsapp", metadata, ...value }, field };
  const entry = [{ id: "900800700600500", changes: [change] }];
  return { source, body: { object: "whatsapp_business_account", entry } };
}
