// A process that sends datagrams at a steady rate for a while, and now and then prints how many it has sent.

/** Its orders, as JSON in its only argument. */
export interface Order {
  readonly from: string;
  readonly to: string;
  readonly port: number;
  /** Datagrams per second. */
  readonly rate: number;
  /** Hexadecimal, or random datagrams of any length up to 512 bytes. */
  readonly bytes: string;
  readonly forMs: number;
}

const VARIANTS = 256;
/** Shortest interval of a timer. */
const BURST_MS = 2;
const REPORT_MS = 250;

async function send({ from, to, port, rate, bytes, forMs }: Order): Promise<void> {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: from, port: 0 });
  const target = { transport: "udp", hostname: to, port } as const;
  const random = () => crypto.getRandomValues(new Uint8Array(1 + Math.floor(512 * Math.random())));
  const variants = Array.from(
    { length: VARIANTS },
    bytes === "random" ? random : () => Uint8Array.fromHex(bytes),
  );
  const beganMs = performance.now();
  let sent = 0, reportAtMs = 0;
  for (let passedMs = 0; passedMs < forMs; passedMs = performance.now() - beganMs) {
    const due = Math.floor(rate * passedMs / 1_000) - sent;
    const burst = Array.from(
      { length: due },
      (_, index) =>
        socket.send(variants[(sent + index) % VARIANTS] ?? new Uint8Array(), target).catch(
          () => {},
        ),
    );
    await Promise.all(burst);
    sent += due;
    if (passedMs >= reportAtMs) {
      console.log(sent);
      reportAtMs = passedMs + REPORT_MS;
    }
    await new Promise((resolve) => setTimeout(resolve, BURST_MS));
  }
  socket.close();
}

if (import.meta.main) await send(JSON.parse(Deno.args[0] ?? "{}"));
