// Certificates for the hosts whose requests get headers on their way out: an authority for each sandbox, in memory only.
import { createHash, createPrivateKey, generateKeyPairSync, randomBytes, sign, type KeyObject } from "node:crypto";

/** What a TLS server shows, in PEM. */
export type Identity = { readonly key: string; readonly cert: string };

export type Authority = {
  /** The certificate that the room trusts, in PEM. */
  readonly certificate: string;
  readonly identityOf: (host: string) => Identity;
};

const DAY_MS = 86_400_000;
const KEPT_IDENTITIES = 256;
const NAME = "Sandpiper, for one sandbox alone";

/** Its key leaves this process never, and nobody but one room trusts it. A sandbox lives for a day at most. */
export function createAuthority(now = Date.now()): Authority {
  const own = keyPair();
  const theirs = keyPair();
  const name = commonName(NAME);
  const valid = { from: now - DAY_MS, to: now + 3 * DAY_MS };
  const extensions = [
    extension("551d13", true, sequence(BOOLEAN_TRUE, integer(Buffer.from([0])))),
    extension("551d0f", true, bits(0x06, 1)),
    extension("551d0e", false, octets(own.id)),
    extension("551d23", false, sequence(tagged(0x80, own.id))),
  ];
  const certificate = issue({ subject: name, publicKey: own.spki, extensions, issuer: name, key: own.key, valid });
  const known = new Map<string, Identity>();
  const make = (host: string): Identity => {
    const leaf = [
      extension("551d13", true, sequence()),
      extension("551d0f", true, bits(0x80, 7)),
      extension("551d25", false, sequence(tagged(0x06, Buffer.from("2b06010505070301", "hex")))),
      extension("551d11", true, sequence(tagged(0x82, Buffer.from(host, "latin1")))),
      extension("551d0e", false, octets(theirs.id)),
      extension("551d23", false, sequence(tagged(0x80, own.id))),
    ];
    const cert = issue({
      subject: sequence(),
      publicKey: theirs.spki,
      extensions: leaf,
      issuer: name,
      key: own.key,
      valid,
    });
    return { key: theirs.pem, cert };
  };
  return {
    certificate,
    identityOf: (host) => {
      const identity = known.get(host) ?? make(host);
      if (known.size >= KEPT_IDENTITIES) known.clear();
      known.set(host, identity);
      return identity;
    },
  };
}

type KeyPair = { readonly key: KeyObject; readonly pem: string; readonly spki: Buffer; readonly id: Buffer };

function keyPair(): KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync("ec", {
    namedCurve: "P-256",
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "der" },
  });
  const id = createHash("sha256").update(publicKey).digest().subarray(0, 20);
  return { key: createPrivateKey(privateKey), pem: privateKey, spki: publicKey, id };
}

type Wanted = {
  readonly subject: Buffer;
  readonly publicKey: Buffer;
  readonly extensions: readonly Buffer[];
  readonly issuer: Buffer;
  readonly key: KeyObject;
  readonly valid: { readonly from: number; readonly to: number };
};

/** RFC 5280, section 4.1: version 3, signed by ECDSA with SHA-256. */
function issue(wanted: Wanted): string {
  const algorithm = sequence(tagged(0x06, Buffer.from("2a8648ce3d040302", "hex")));
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  const body = sequence(
    tagged(0xa0, integer(Buffer.from([2]))),
    integer(serial),
    algorithm,
    wanted.issuer,
    sequence(time(wanted.valid.from), time(wanted.valid.to)),
    wanted.subject,
    wanted.publicKey,
    tagged(0xa3, sequence(...wanted.extensions)),
  );
  const signature = sign("sha256", body, wanted.key);
  const der = sequence(body, algorithm, tagged(0x03, Buffer.concat([Buffer.from([0]), signature])));
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

// DER: a tag, a length, a content.
function tagged(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const long = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...long]), content]);
}

const BOOLEAN_TRUE = Buffer.from([0x01, 0x01, 0xff]);

function sequence(...parts: readonly Buffer[]): Buffer {
  return tagged(0x30, Buffer.concat(parts));
}

function integer(bytes: Buffer): Buffer {
  return tagged(0x02, bytes);
}

function octets(bytes: Buffer): Buffer {
  return tagged(0x04, bytes);
}

function bits(byte: number, unused: number): Buffer {
  return tagged(0x03, Buffer.from([unused, byte]));
}

function extension(id: string, isCritical: boolean, value: Buffer): Buffer {
  return sequence(tagged(0x06, Buffer.from(id, "hex")), ...(isCritical ? [BOOLEAN_TRUE] : []), octets(value));
}

function commonName(text: string): Buffer {
  const name = sequence(tagged(0x06, Buffer.from("550403", "hex")), tagged(0x0c, Buffer.from(text)));
  return sequence(tagged(0x31, name));
}

/** UTCTime, which holds until 2049. */
function time(at: number): Buffer {
  const text = new Date(at).toISOString().replace(/^..|[-:T]|\..*$/g, "");
  return tagged(0x17, Buffer.from(`${text}Z`));
}
