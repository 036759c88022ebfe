// The certificates that programs in a room trust: what this machine trusts, since a room has no /etc/ssl.
import { readFileSync } from "node:fs";
import { rootCertificates } from "node:tls";

const PLACES = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

export function machineRoots(): string {
  for (const place of PLACES) {
    try {
      return readFileSync(place, "utf8");
    } catch {
      // Each kind of Linux has its own place.
    }
  }
  return `${rootCertificates.join("\n")}\n`;
}
