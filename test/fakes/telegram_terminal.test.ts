// The program that lets a person chat with the assistant from a terminal: its input a pipe, its bot a few calls.
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { temporaryFolder } from "../shared/temporary.ts";
import { file, png } from "./telegram_client.ts";

const MAIN = resolve(import.meta.dir, "../../fakes/telegram/main.ts");

/** The program in a folder of its own; `next` is its output up to the first line that has `words`. */
function started(folder: string) {
  const child = Bun.spawn([process.execPath, MAIN, "--port", "0"], {
    cwd: folder,
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  const next = async (words: string): Promise<string> => {
    let seen = "";
    while (!seen.includes(words)) {
      const end = rest.indexOf("\n");
      if (end < 0) {
        const { value, done } = await reader.read();
        if (done) throw new Error(`It ended without "${words}": ${seen}`);
        rest += value;
        continue;
      }
      seen = rest.slice(0, end);
      rest = rest.slice(end + 1);
    }
    return seen;
  };
  const enter = (line: string) => void child.stdin.write(`${line}\n`);
  const end = async () => {
    child.kill("SIGTERM");
    return child.exited;
  };
  return { next, enter, end, [Symbol.asyncDispose]: async () => void (await end()) };
}

test("lines and files go to the bot, and what it sends, edits and asks comes back", async () => {
  using folder = temporaryFolder();
  await using program = started(folder.path);
  const token = (await program.next("SANDPIPER_TELEGRAM_TOKEN=")).split("=")[1] ?? "";
  const api = (await program.next("SANDPIPER_TELEGRAM_API=")).split("=")[1] ?? "";
  const call = async (method: string, form: Record<string, string | File>) => {
    const body = new FormData();
    for (const [name, value] of Object.entries(form)) body.append(name, value);
    return (await fetch(`${api}/bot${token}/${method}`, { method: "POST", body })).text();
  };
  await Bun.write(join(folder.path, "my sales.csv"), "a,b\n");

  program.enter("Hello");
  program.enter('/file "my sales.csv" Graph this');
  program.enter("/file nowhere.csv");
  expect(await program.next("!")).toBe("! There is no file nowhere.csv.");
  const updates = await call("getUpdates", {});
  expect(updates).toContain('"text":"Hello"');
  expect(updates).toContain('"file_name":"my sales.csv"');
  expect(updates).toContain('"caption":"Graph this"');

  const keyboard = JSON.stringify({
    inline_keyboard: [
      [
        { text: "Chart", callback_data: "c" },
        { text: "Stop", callback_data: "s" },
      ],
    ],
  });
  await call("sendMessage", { chat_id: "1001", text: "Which?", reply_markup: keyboard });
  expect(await program.next("Which?")).toBe("< [3] Which?");
  expect(await program.next("Chart")).toBe("      [1] Chart   [2] Stop");
  program.enter("/press 9");
  expect(await program.next("!")).toBe("! There is no button 9.");
  const pressed = call("getUpdates", { timeout: "20", offset: "700000003" });
  program.enter("/press 2");
  const query = /"id":"(\d+)","from"/.exec(await pressed)?.[1] ?? "";
  await call("answerCallbackQuery", { callback_query_id: query, text: "Stopped" });
  expect(await program.next("Stopped")).toBe("  (Stopped)");

  await call("editMessageText", { chat_id: "1001", message_id: "3", text: "Done" });
  expect(await program.next("Done")).toBe("~ [3] Done");
  await call("sendChatAction", { chat_id: "1001", action: "upload_photo" });
  expect(await program.next("upload")).toBe("  … upload photo");
  const picture = png(6, 6);
  await call("sendPhoto", { chat_id: "1001", photo: file("../chart.png", picture), caption: "Sales" });
  expect(await program.next("Sales")).toBe("< [4] Sales");
  expect(await program.next("photo:")).toBe(`      photo: fake-telegram/4_chart.png (${picture.length} bytes)`);
  expect(new Uint8Array(readFileSync(join(folder.path, "fake-telegram/4_chart.png")))).toEqual(picture);
  await call("deleteMessage", { chat_id: "1001", message_id: "3" });
  expect(await program.next("deleted")).toBe("  [3] deleted");
  expect(await program.end()).toBe(0);
});
