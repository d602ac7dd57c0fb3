// Whether the laboratory's faults affect connections as stated: with the test's own connections, which behave like
// those of any simple client.
import { assert, assertEquals } from "@std/assert";
import { skippableTest } from "../support/skippable.ts";
import { until } from "../support/until.ts";
import { API_NAME } from "./front.ts";
import { Laboratory } from "./laboratory.ts";
import { missing } from "./requirements.ts";

/** How long to wait for an answer that should come, and for one that should not. */
const PATIENT_MS = 60_000, SILENT_MS = 3_000;

/** A connection to the front end that requests the zones repeatedly; the result is a word. */
class Client {
  readonly #connection: Deno.TlsConn;

  private constructor(connection: Deno.TlsConn) {
    this.#connection = connection;
  }

  /** Null when no connection opens in time. */
  static async open(lab: Laboratory, patienceMs = PATIENT_MS): Promise<Client | null> {
    const signal = AbortSignal.timeout(patienceMs);
    const caCerts = [await Deno.readTextFile(lab.authority.caFile)];
    let tls: Deno.TlsConn;
    try {
      const tcp = await Deno.connect({ hostname: lab.frontAddress, port: 443, signal });
      tls = await Deno.startTls(tcp, { hostname: API_NAME, caCerts });
    } catch {
      return null;
    }
    const handshake = tls.handshake().then(() => "done" as const, () => "broken" as const);
    if (await within(handshake, patienceMs) === "done") return new Client(tls);
    tls.close();
    return null;
  }

  async ask(patienceMs = PATIENT_MS): Promise<"good" | "silence" | "broken"> {
    const request = `GET /v2/zone HTTP/1.1\r\nhost: ${API_NAME}\r\n\r\n`;
    const answered = (async () => {
      await this.#connection.write(new TextEncoder().encode(request));
      return (await this.#answer()).startsWith("HTTP/1.1 200")
        ? "good" as const
        : "broken" as const;
    })().catch(() => "broken" as const);
    return await within(answered, patienceMs);
  }

  /** All of an answer, which may come in parts: a rest would be taken for the next answer. */
  async #answer(): Promise<string> {
    const bytes = new Uint8Array(4096);
    for (let text = "";;) {
      const count = await this.#connection.read(bytes);
      if (count === null) throw new Error("the connection has ended");
      text += new TextDecoder().decode(bytes.subarray(0, count));
      const [, head = "", body] = /^([^]*?)\r\n\r\n([^]*)$/.exec(text) ?? [];
      const length = /^content-length: (\d+)$/im.exec(head)?.[1];
      if (body !== undefined && body.length >= Number(length ?? 0)) return text;
    }
  }

  [Symbol.dispose](): void {
    this.#connection.close();
  }
}

async function within<Result>(
  work: Promise<Result>,
  patienceMs: number,
): Promise<Result | "silence"> {
  const { promise, resolve } = Promise.withResolvers<"silence">();
  const timer = setTimeout(resolve, patienceMs, "silence");
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** The result of a new connection. */
async function fresh(lab: Laboratory, patienceMs = PATIENT_MS): Promise<string> {
  using client = await Client.open(lab, patienceMs);
  return await client?.ask(patienceMs) ?? "none";
}

skippableTest("open connections go silent or end, and new ones work", missing, async () => {
  await using lab = await Laboratory.create();
  using one = await Client.open(lab);
  assertEquals(await one?.ask(), "good");
  await lab.packets.silenceConnections();
  assertEquals([await one?.ask(SILENT_MS), await fresh(lab)], ["silence", "good"]);

  using two = await Client.open(lab);
  assertEquals(await two?.ask(), "good");
  await lab.packets.resetConnections();
  assertEquals([await two?.ask(), await fresh(lab)], ["broken", "good"]);

  using three = await Client.open(lab);
  assertEquals(await three?.ask(), "good");
  lab.front.retire();
  await lab.front.start();
  // The old one goes on listening for a moment: what it does not take any more breaks.
  await until(async () => await fresh(lab) === "good", { title: "new ones work" });
  // Versions of haproxy differ in whether they serve one more request.
  const answers = [await three?.ask(), await three?.ask()];
  assertEquals(answers[1], "broken", "a front end that retires closes what idles");
});

skippableTest(
  "new connections fail as they are told to, and no longer than that",
  missing,
  async () => {
    await using lab = await Laboratory.create();
    using open = await Client.open(lab);
    await lab.packets.dropNew();
    assertEquals([await fresh(lab, SILENT_MS), await open?.ask()], ["none", "good"]);
    await lab.packets.undropNew();
    assertEquals(await fresh(lab), "good");

    lab.front.freeze();
    assertEquals(await open?.ask(SILENT_MS), "silence");
    assertEquals(await fresh(lab, SILENT_MS), "none");
    lab.front.thaw();
    assertEquals(await fresh(lab), "good");

    await lab.front.show("other-name");
    await lab.front.restart();
    assertEquals(await fresh(lab, SILENT_MS), "none");
    await lab.front.show("good");
    await lab.front.restart();
    assertEquals(await fresh(lab), "good");

    await lab.packets.dropData(lab.frontAddress);
    assertEquals(await fresh(lab, SILENT_MS), "none");
  },
);

skippableTest("what arrives is noted, with its protocol and its time", missing, async () => {
  await using lab = await Laboratory.create();
  const curl = [
    ..."curl --silent --fail --output /dev/null --cacert".split(" "),
    lab.authority.caFile,
  ];
  for (const [machine, version] of [[1, "--http1.1"], [2, "--http2"]] as const) {
    const url = `https://${API_NAME}/v2/zone`;
    const [command = "", ...args] = [...lab.network.wrap(machine), ...curl, version, url];
    const beforeMs = performance.now();
    const { success, stderr } = await new Deno.Command(command, { args }).output();
    assert(success, new TextDecoder().decode(stderr));
    const endMs = performance.now();
    const arrivals = () => lab.front.arrivals.filter(({ from }) => lab.machineOf(from) === machine);
    // The front end writes of a request when curl has its answer, or later.
    await until(() => arrivals().length > 0, { title: "it is noted" });
    const [arrival] = arrivals();
    assert(arrival);
    assertEquals([arrival.method, arrival.status], ["GET", 200]);
    assertEquals(arrival.protocol, machine === 1 ? "http/1.1" : "h2");
    // The log is accurate to a millisecond.
    assert(arrival.atMs > beforeMs - 2 && arrival.atMs < endMs + 2, `${arrival.atMs}`);
  }
});
