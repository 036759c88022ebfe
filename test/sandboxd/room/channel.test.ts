import { describe, expect, test } from "bun:test";
import { Channel, RoomError } from "../../../src/sandboxd/room/channel.ts";
import { openDescriptor } from "../../../src/sandboxd/room/descriptor.ts";
import { failureOf } from "../harness.ts";

const FRAME =
  "import json, socket, struct\ns = socket.socket(fileno=3)\ndef send(header, body=b''):\n    h = header if isinstance(header, bytes) else json.dumps(header).encode()\n    s.sendall(struct.pack('>II', len(h), len(body)) + h + body)\ns.recv(65536)\n";

/** A hostile agent: it hears one request, then does what the Python says. */
async function hostile(
  code: string,
): Promise<{ channel: Channel; broken: Promise<Error>; end: () => Promise<unknown> }> {
  const child = Bun.spawn(["/usr/bin/python3", "-c", FRAME + code], { stdio: ["ignore", "ignore", "inherit", "pipe"] });
  const broken = Promise.withResolvers<Error>();
  const fd: unknown = child.stdio[3];
  const channel = await Channel.open(openDescriptor(Number(fd)), broken.resolve);
  return {
    channel,
    broken: broken.promise,
    end: async () => {
      child.kill();
      return await child.exited;
    },
  };
}

describe("a channel to a room that lies", () => {
  const LIES: Record<string, string> = {
    "sends bytes that are no frame": "s.sendall(b'\\xff' * 4096)",
    "announces four gigabytes": "s.sendall(b'\\0\\0\\0\\2\\xff\\xff\\xff\\xff{}')",
    "sends a header that is no JSON": "send(b'{nope')",
    "sends a header of another shape": "send({'kind': 'reply'})",
    "sends a list as header": "send([1, 2])",
    "answers what nobody asked": "send({'kind': 'reply', 'id': 99, 'value': 1})",
    "sends events where none belong": "send({'kind': 'event', 'id': 1, 'event': 'stdout', 'more': False})",
    "speaks to the outside, which it was not given":
      "send({'kind': 'egress', 'connection': 1, 'what': 'open', 'bytes': 0})",
    "answers twice": "send({'kind': 'reply', 'id': 1, 'value': 1}); send({'kind': 'reply', 'id': 1, 'value': 1})",
    "hangs up": "s.close()",
  };
  for (const [name, code] of Object.entries(LIES))
    test(`ends when the room ${name}`, async () => {
      const { channel, broken, end } = await hostile(`${code}\nimport time; time.sleep(30)`);
      const request = failureOf(channel.request({ op: "stat" })).catch(() => "answered");
      expect(await broken).toBeInstanceOf(Error);
      expect(await request).not.toBe("");
      expect(await failureOf(channel.request({ op: "stat" }))).not.toBe("");
      await end();
    });

  test("hands on answers, refusals and events of many frames", async () => {
    const { channel, end } = await hostile(
      "for i in range(50): send({'kind': 'event', 'id': 1, 'event': 'stdout', 'more': False}, b'x' * 100_000)\nsend({'kind': 'reply', 'id': 1, 'value': {'a': 1}}, b'body')\nsend({'kind': 'fail', 'id': 2, 'code': 'not_found', 'message': 'no'})",
    );
    let received = 0;
    const first = channel.request(
      { op: "run" },
      new Uint8Array(2 ** 20),
      (event) => void (received += event.body.length),
    );
    const second = channel.request({ op: "stat" });
    const refused = second.catch((error: unknown) => error);
    expect((await first).value).toEqual({ a: 1 });
    expect(received).toBe(5_000_000);
    expect(await refused).toBeInstanceOf(RoomError);
    channel.close(new Error("enough"));
    await end();
  });
});
