// What the service says no with. The sentences are the service's own: a client tells its cases apart by them.

export class Refusal extends Error {
  readonly code: number;
  readonly description: string;
  readonly retryAfterS: number | undefined;

  constructor(code: number, description: string, retryAfterS?: number) {
    super(description);
    this.name = "Refusal";
    this.code = code;
    this.description = description;
    this.retryAfterS = retryAfterS;
  }

  /** The answer's body. */
  toBody(): object {
    const body = { ok: false, error_code: this.code, description: this.description };
    return this.retryAfterS === undefined ? body : { ...body, parameters: { retry_after: this.retryAfterS } };
  }
}

export function badRequest(what: string): Refusal {
  return new Refusal(400, `Bad Request: ${what}`);
}

export function conflict(what: string): Refusal {
  return new Refusal(409, `Conflict: ${what}`);
}

export function tooManyRequests(retryAfterS: number): Refusal {
  return new Refusal(429, `Too Many Requests: retry after ${retryAfterS}`, retryAfterS);
}
