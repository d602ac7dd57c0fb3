// --status: ask the watchdog of this machine how it is, as `info` does, and print its answer.
import type { Values } from "./cli.ts";
import { fallbackOf, nameOf } from "./config.ts";
import { listenOf } from "./config/peers.ts";
import { hostText } from "./core/ip.ts";
import { MESSAGE_MAX_CHARS, plain } from "./core/plain.ts";
import type { Clock, Datagram, Link } from "./world.ts";

/** Questions that are asked; one may get lost. */
const ATTEMPTS = 3, ATTEMPT_MS = 500;

/** What asking needs of the machine. */
export interface Asker {
  readonly clock: Clock;
  readonly openLink: (hostname: string, port: number) => Link;
  readonly print: (stream: "out" | "err", line: string) => void;
}

/** Resolves to 0 when the watchdog has answered, to 1 when none does. */
export async function askStatus(
  { given }: Values,
  { clock, openLink, print }: Asker,
): Promise<0 | 1> {
  const problems: string[] = [];
  const listen = listenOf(given.get("l")?.text ?? fallbackOf("l"), (ok, _, problem) => {
    if (!ok) problems.push(problem);
  });
  if (problems.length > 0) {
    for (const problem of problems) print("err", `exoip: ${nameOf("l")}: ${problem}`);
    return 1;
  }
  const any: Record<string, string> = { "0.0.0.0": "127.0.0.1", "::": "::1" };
  const hostname = any[listen.hostname] ?? listen.hostname;
  const link = openLink(hostname, 0);
  const over = new AbortController();
  const answer = firstOf(link, { from: hostname, fromPort: listen.port });
  let text: string | null = null;
  for (let attempt = 1; attempt <= ATTEMPTS && text === null; attempt++) {
    link.send(new TextEncoder().encode("info"), hostname, listen.port);
    text = await Promise.race([answer, clock.sleep(ATTEMPT_MS, over.signal).then(() => null)]);
  }
  over.abort();
  await link.close();
  if (text === null) {
    print("err", `exoip: no watchdog answers at ${hostText(hostname)}:${listen.port}`);
    return 1;
  }
  const lines = text.trimEnd().split("\n").map((line) => plain(line, MESSAGE_MAX_CHARS));
  print("out", lines.join("\n"));
  return 0;
}

/** The first answer of the one who was asked: anybody may send to an open port. */
async function firstOf(
  datagrams: AsyncIterable<Datagram>,
  { from, fromPort }: { from: string; fromPort: number },
): Promise<string | null> {
  for await (const datagram of datagrams) {
    if (datagram.from !== from || datagram.fromPort !== fromPort) continue;
    return new TextDecoder().decode(datagram.bytes);
  }
  return null;
}
