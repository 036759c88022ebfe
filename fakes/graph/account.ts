// The business account that the fake is: what a developer would copy from Meta's pages.

export type Account = {
  readonly token: string;
  readonly phoneNumberId: string;
  readonly businessId: string;
  readonly displayPhoneNumber: string;
  readonly verifiedName: string;
  readonly appSecret: string;
  readonly verifyToken: string;
};

/** The same at every start, so that a .env stays good. None of these opens anything but the fake. */
export const DEFAULT_ACCOUNT: Account = {
  token: "fake-whatsapp-token-0123456789",
  phoneNumberId: "100200300400500",
  businessId: "900800700600500",
  displayPhoneNumber: "15550100200",
  verifiedName: "Sandpiper",
  appSecret: "fake-whatsapp-app-secret",
  verifyToken: "fake-whatsapp-verify-token",
};
