// The real sockets: both families, the source address of heartbeats, and their order.
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { NoIpv6 } from "../../src/host/udp_socket.ts";
import { openSocket } from "../../src/host/udp_socket.ts";
import { OwnSource, RETRY_MS } from "../../src/host/own_source.ts";
import type { Datagram, HeartbeatSource } from "../../src/world.ts";
import { freeUdpPort } from "../support/ports.ts";

Deno.test("openSocket() sends to each address in order, and waits for no other", async () => {
  const { listenDatagram } = Deno;
  const begun: string[] = [], done: string[] = [];
  const pending: (() => void)[] = [];
  const socket = {
    send(bytes: Uint8Array, { hostname }: Deno.NetAddr) {
      const name = `${hostname} ${bytes[0]}`;
      begun.push(name);
      return new Promise<void>((resolve) =>
        pending.push(() => {
          done.push(name);
          resolve();
        })
      );
    },
    close: () => done.push("closed"),
  };
  Object.assign(Deno, { listenDatagram: () => socket });
  try {
    const socket = openSocket("127.0.0.1", 1);
    for (const number of [1, 2, 3]) {
      for (const to of ["10.0.0.1", "10.0.0.2"]) socket.send(Uint8Array.of(number), to, 9);
    }
    assertEquals(begun, ["10.0.0.1 1", "10.0.0.2 1"], "the first to each leaves at once");
    const closed = socket.close();
    // The runtime may finish the newest first.
    for (let turns = 0; turns < 100 && done.length < 6; turns++) {
      pending.pop()?.();
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    await closed;
    const to = (address: string) => done.filter((name) => name.startsWith(address));
    assertEquals(to("10.0.0.1"), ["10.0.0.1 1", "10.0.0.1 2", "10.0.0.1 3"]);
    assertEquals(to("10.0.0.2"), ["10.0.0.2 1", "10.0.0.2 2", "10.0.0.2 3"]);
    assertEquals(done.at(-1), "closed", "the last word gets out");
  } finally {
    Object.assign(Deno, { listenDatagram });
  }
});

Deno.test("a heartbeat for a private network leaves from our address there, the others from the native one", async () => {
  using there = listener();
  const socket = openSocket("0.0.0.0", freeUdpPort());
  const told: HeartbeatSource[] = [];
  const send = (text: string, source?: string | null) =>
    socket.send(new TextEncoder().encode(text), "127.0.0.1", there.port, source);
  try {
    socket.sendFrom(["127.0.0.7", "127.0.0.8"], (source) => told.push(source));
    send("public");
    assertEquals((await there.next()).from, "127.0.0.7");
    send("private", "127.0.0.8");
    assertEquals((await there.next()).from, "127.0.0.8");
    send("not known", null);
    assertEquals((await there.next()).from, "127.0.0.1", "the routes choose");
    assertEquals(told, []);
    send("missing", "192.0.2.77");
    assertEquals((await there.next()).from, "127.0.0.1");
    for (let turns = 0; turns < 200 && told.length === 0; turns++) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    assertEquals(told.map(({ family, own }) => [family, own]), [["IPv4", "192.0.2.77"]]);
    assertMatch(told[0]?.trouble ?? "", /no interface of this machine has it/);
    send("public again");
    assertEquals((await there.next()).from, "127.0.0.7");
    assertEquals(told.length, 1, "each address has its own report");
  } finally {
    await socket.close();
  }
});

/** A socket of another program on loopback, and its input. */
function listener(hostname = "127.0.0.1") {
  const socket = Deno.listenDatagram({ transport: "udp", hostname, port: 0 });
  const { port } = socket.addr as Deno.NetAddr;
  return {
    port,
    /** Content and sender of the next datagram. */
    async next() {
      const [bytes, sender] = await socket.receive();
      const from = sender as Deno.NetAddr;
      return { text: new TextDecoder().decode(bytes), from: from.hostname, fromPort: from.port };
    },
    [Symbol.dispose]: () => socket.close(),
  };
}

const text = (what: string) => new TextEncoder().encode(what);

/** Collects a socket's reports about its source address. */
function reports() {
  const told: HeartbeatSource[] = [];
  return { told, report: (source: HeartbeatSource) => void told.push(source) };
}

type UdpOptions = Deno.UdpListenOptions & { transport: "udp" };
type Listen = (options: UdpOptions) => Deno.DatagramConn;

/** Runs with another `Deno.listenDatagram`. */
async function listeningWith(
  fake: (options: UdpOptions, real: Listen) => Deno.DatagramConn,
  body: () => Promise<void>,
): Promise<void> {
  const { listenDatagram } = Deno;
  const replaced = (options: UdpOptions) => fake(options, listenDatagram);
  Object.assign(Deno, { listenDatagram: replaced });
  try {
    await body();
  } finally {
    Object.assign(Deno, { listenDatagram });
  }
}

Deno.test("openSocket() sends heartbeats from the own address, and answers from the port that was asked", async () => {
  using other = listener();
  const port = freeUdpPort("0.0.0.0"), socket = openSocket("0.0.0.0", port);
  const { told, report } = reports();
  socket.send(text("before"), "127.0.0.1", other.port);
  assertEquals(await other.next(), { text: "before", from: "127.0.0.1", fromPort: port });
  socket.sendFrom(["127.0.0.7"], report);
  socket.send(text("beat"), "127.0.0.1", other.port);
  const beat = await other.next();
  assertEquals([beat.text, beat.from], ["beat", "127.0.0.7"]);
  assert(beat.fromPort !== port, "the port stays with the socket that receives");
  // Each Elastic IP of the process calls it.
  socket.sendFrom(["127.0.0.7"], report);
  socket.send(text("again"), "127.0.0.1", other.port);
  assertEquals(await other.next(), { ...beat, text: "again" });
  socket.reply(text("answer"), "127.0.0.1", other.port);
  assertEquals(await other.next(), { text: "answer", from: "127.0.0.1", fromPort: port });
  assertEquals(told, []);
  await socket.close();
});

Deno.test("openSocket() says once that the machine has not the own address, and sends from what it has", async () => {
  using other = listener();
  const port = freeUdpPort("0.0.0.0"), socket = openSocket("0.0.0.0", port);
  // A report to a caller that guesses must not be missing for one that knows.
  socket.sendFrom(["192.0.2.77"], () => {});
  socket.send(text("guess"), "127.0.0.1", other.port);
  assertEquals((await other.next()).from, "127.0.0.1");
  const { told, report } = reports();
  socket.sendFrom(["192.0.2.77"], report);
  for (const beat of ["1", "2", "3"]) {
    socket.send(text(beat), "127.0.0.1", other.port);
    assertEquals(await other.next(), { text: beat, from: "127.0.0.1", fromPort: port });
  }
  await socket.close();
  assertEquals(told, [{
    family: "IPv4",
    own: "192.0.2.77",
    trouble: "no interface of this machine has it: put it on one, exoip tries again",
  }]);
});

Deno.test("openSocket() says it although nothing can be sent from elsewhere either", async () => {
  const socket = openSocket("0.0.0.0", freeUdpPort("0.0.0.0"));
  const { told, report } = reports();
  socket.sendFrom(["192.0.2.77"], report);
  socket.send(text("beat"), "255.255.255.255", 9); // This address may not be used for sending.
  await socket.close();
  assertEquals(told.length, 1);
});

Deno.test("openSocket() uses an own address that comes later, goes, and comes back, and says when", async () => {
  using other = listener();
  const state = { present: false };
  await listeningWith((options, real) => {
    if (options.hostname !== "127.0.0.7") return real(options);
    if (!state.present) throw new Deno.errors.AddrNotAvailable("Cannot assign (os error 99)");
    const socket = real(options), send = socket.send.bind(socket);
    socket.send = (...given) =>
      state.present ? send(...given) : Promise.reject(new Error("Network is unreachable"));
    return socket;
  }, async () => {
    const socket = openSocket("0.0.0.0", freeUdpPort("0.0.0.0"));
    const { told, report } = reports();
    socket.sendFrom(["127.0.0.7"], report);
    /** Sends until the heartbeats leave from there. */
    const leavesFrom = async (address: string) => {
      for (let beats = 0; beats < 500; beats++) {
        socket.send(text("beat"), "127.0.0.1", other.port);
        if ((await other.next()).from === address) return;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      throw new Error(`they never leave from ${address}`);
    };
    for (const present of [false, true, false, true]) {
      state.present = present;
      await leavesFrom(present ? "127.0.0.7" : "127.0.0.1");
    }
    await socket.close();
    const missing = /^no interface of this machine has it: |^Network is unreachable: check the/;
    assertEquals(told.map(({ trouble }) => trouble === null || missing.test(trouble)), [
      true,
      true,
      true,
      true,
    ]);
    assertEquals(told.map(({ trouble }) => trouble === null), [false, true, false, true]);
  });
});

Deno.test("OwnSource finds out whether it is the address that has gone when a heartbeat cannot leave", async () => {
  let gone = false, nowMs = 0;
  await listeningWith((options, real) => {
    if (gone) throw new Deno.errors.AddrNotAvailable("Cannot assign (os error 99)");
    const socket = real(options);
    socket.send = () => Promise.reject(new Error("Network is unreachable"));
    return socket;
  }, async () => {
    const source = new OwnSource("127.0.0.7", () => nowMs);
    const send = () => source.send(text("beat"), "127.0.0.1", 9);
    const routes = {
      reason: "Network is unreachable: check the routes from there",
      missing: false,
    };
    assertEquals(await send(), routes);
    nowMs += RETRY_MS;
    assertEquals(await send(), routes);
    nowMs += RETRY_MS;
    gone = true;
    assertEquals((await send())?.missing, true);
    assertEquals((await send())?.missing, true);
    source.close();
  });
});

Deno.test("OwnSource tries a missing address now and then, however many heartbeats there are", async () => {
  let attempts = 0, nowMs = 0;
  await listeningWith(() => {
    attempts += 1;
    throw new Deno.errors.AddrNotAvailable("Cannot assign (os error 99)");
  }, async () => {
    const source = new OwnSource("192.0.2.77", () => nowMs);
    for (; nowMs < 10 * RETRY_MS; nowMs += RETRY_MS / 50) {
      const failure = await source.send(text("beat"), "127.0.0.1", 9);
      assertEquals(failure?.missing, true);
    }
    assertEquals(attempts, 10);
    source.close();
    nowMs += RETRY_MS;
    await source.send(text("beat"), "127.0.0.1", 9);
    assertEquals(attempts, 10, "who is closed opens nothing");
  });
});

Deno.test("openSocket() with one address sends from it, and says once when the peers do not know it", async () => {
  using other = listener();
  const port = freeUdpPort("0.0.0.0"), socket = openSocket("127.0.0.9", port);
  const { told, report } = reports();
  socket.sendFrom(["127.0.0.7"], () => {});
  for (let elasticIp = 0; elasticIp < 3; elasticIp++) socket.sendFrom(["127.0.0.7"], report);
  socket.send(text("beat"), "127.0.0.1", other.port);
  assertEquals(await other.next(), { text: "beat", from: "127.0.0.9", fromPort: port });
  const trouble = "-l names 127.0.0.9, let it name none";
  assertEquals(told, [{ family: "IPv4", own: "127.0.0.7", trouble }]);
  const known = reports();
  socket.sendFrom(["127.0.0.9", "::1"], known.report);
  socket.send(text("beat"), "127.0.0.1", other.port);
  assertEquals((await other.next()).from, "127.0.0.9");
  assertEquals(known.told, []);
  await socket.close();
});

Deno.test("openSocket() says when a family has peers and no own address, or is not listened to", async () => {
  const rows = [
    ["0.0.0.0", [], "127.0.0.1", "the cloud knows no IPv4 address of this instance, give it one"],
    ["0.0.0.0", ["127.0.0.7", "::1"], "::1", "-l listens on no IPv6 address, let it name one or"],
  ] as const;
  for (const [hostname, own, to, trouble] of rows) {
    const socket = openSocket(hostname, freeUdpPort("0.0.0.0"));
    const { told, report } = reports();
    socket.sendFrom(own, report);
    socket.send(text("beat"), to, 9);
    await socket.close();
    assertEquals(told.length, 1);
    assert(told[0]?.trouble?.startsWith(trouble), told[0]?.trouble ?? "");
  }
});

Deno.test("openSocket() keeps the order of heartbeats to one place wherever they leave from", async () => {
  using other = listener();
  let bound = 0;
  await listeningWith((options, real) => {
    const socket = real(options), send = socket.send.bind(socket);
    if (options.hostname !== "127.0.0.7") return socket;
    // Every second socket is unusable, and needs a while to report that.
    const broken = bound++ % 2 === 0;
    socket.send = async (...given) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      if (broken) throw new Error("Network is unreachable");
      return await send(...given);
    };
    return socket;
  }, async () => {
    const socket = openSocket("0.0.0.0", freeUdpPort("0.0.0.0"));
    socket.sendFrom(["127.0.0.7"], () => {});
    const beats = Array.from({ length: 20 }, (_, number) => `${number}`);
    for (const beat of beats) socket.send(text(beat), "127.0.0.1", other.port);
    const heard: string[] = [];
    for (const _ of beats) heard.push((await other.next()).text);
    assertEquals(heard, beats);
    await socket.close();
  });
});

const IPV6 = Deno.networkInterfaces().some(({ address }) => address === "::1");

Deno.test({
  name: "openSocket() on [::] sends heartbeats of each family from its own address",
  ignore: !IPV6,
  async fn() {
    using short = listener();
    using long = listener("::1");
    const port = freeUdpPort("0.0.0.0"), socket = openSocket("::", port);
    const { told, report } = reports();
    socket.sendFrom(["127.0.0.7", "::1"], report);
    socket.send(text("short"), "127.0.0.1", short.port);
    socket.send(text("long"), "::1", long.port);
    const [first, second] = [await short.next(), await long.next()];
    assertEquals([first.from, second.from], ["127.0.0.7", "::1"]);
    assert(first.fromPort !== port && second.fromPort !== port);
    socket.reply(text("answer"), "127.0.0.1", short.port);
    assertEquals(await short.next(), { text: "answer", from: "127.0.0.1", fromPort: port });
    assertEquals(told, []);
    await socket.close();
  },
});

/** A machine whose IPv6 sockets accept no IPv4, as with net.ipv6.bindv6only=1. */
const ipv6Only = (options: UdpOptions, real: Listen) =>
  real(options.hostname === "::" ? { ...options, hostname: "::1" } : options);

Deno.test({
  name: "openSocket() on [::] opens a second socket where the first takes no IPv4, and hears both",
  ignore: !IPV6,
  fn: () =>
    listeningWith(ipv6Only, async () => {
      using short = listener();
      using long = listener("::1");
      const port = freeUdpPort("0.0.0.0"), socket = openSocket("::", port);
      const heard: string[] = [];
      const hearing = (async () => {
        for await (const { bytes, from, fromPort } of socket) {
          // The next datagram must not overwrite this one, whichever socket receives it.
          await new Promise((resolve) => setTimeout(resolve, 5));
          heard.push(`${new TextDecoder().decode(bytes)} from ${from}`);
          socket.reply(text("answer"), from, fromPort);
        }
      })();
      const outlets = [openSocket("127.0.0.1", 0), openSocket("::1", 0)];
      for (let number = 1; number <= 5; number++) {
        outlets[0]?.send(text(`short ${number}`), "127.0.0.1", port);
        outlets[1]?.send(text(`long ${number}`), "::1", port);
      }
      while (heard.length < 10) await new Promise((resolve) => setTimeout(resolve, 5));
      const of = (family: string) => heard.filter((line) => line.startsWith(family));
      const numbers = [1, 2, 3, 4, 5];
      assertEquals(of("short"), numbers.map((number) => `short ${number} from 127.0.0.1`));
      assertEquals(of("long"), numbers.map((number) => `long ${number} from ::1`));
      socket.send(text("beat"), "127.0.0.1", short.port);
      socket.send(text("beat"), "::1", long.port);
      assertEquals((await short.next()).fromPort, port);
      assertEquals((await long.next()).fromPort, port);
      for (const outlet of outlets) {
        for await (const { bytes } of outlet) {
          assertEquals(new TextDecoder().decode(bytes), "answer");
          break;
        }
        await outlet.close();
      }
      await socket.close();
      await hearing;
    }),
});

Deno.test({
  name: "openSocket() on [::] refuses the start where it takes no IPv4 and another has that port",
  ignore: !IPV6,
  fn: () =>
    listeningWith(ipv6Only, () => {
      using other = listener("0.0.0.0");
      const error = assertThrows(() => openSocket("::", other.port), Deno.errors.AddrInUse);
      assertMatch(
        error.message,
        /^\[::\] takes no IPv4 here \(net.ipv6.bindv6only\), and 0.0.0.0:\d+ beside it: /,
      );
      return Promise.resolve();
    }),
});

Deno.test("openSocket() says what to do on a machine without IPv6, and needs none for IPv4", async () => {
  const without = (options: UdpOptions, real: Listen) => {
    if (!options.hostname?.includes(":")) return real(options);
    const error = new Error("Address family not supported by protocol (os error 97)");
    throw Object.assign(error, { code: "EAFNOSUPPORT" });
  };
  await listeningWith(without, async () => {
    const error = assertThrows(() => openSocket("::", 12_345), NoIpv6);
    assertMatch(
      error.message,
      /os error 97\): this machine has no IPv6, give an IPv4 address or :P/,
    );
    const socket = openSocket("0.0.0.0", freeUdpPort("0.0.0.0"));
    socket.sendFrom(["127.0.0.7", "2001:db8::1"], () => {});
    socket.send(text("beat"), "2001:db8::2", 9);
    await socket.close();
  });
});

Deno.test({
  name: "openSocket() on [::] hears and answers both families",
  ignore: !Deno.networkInterfaces().some(({ address }) => address === "::1"),
  async fn() {
    const port = freeUdpPort("::");
    const socket = openSocket("::", port);
    const heard: Datagram[] = [];
    const listening = (async () => {
      for await (const datagram of socket) {
        heard.push({ ...datagram, bytes: datagram.bytes.slice() });
        socket.send(datagram.bytes, datagram.from, datagram.fromPort);
      }
    })();
    for (const [local, target] of [["127.0.0.1", "127.0.0.1"], ["::1", "::1"]] as const) {
      const socket = Deno.listenDatagram({ transport: "udp", hostname: local, port: 0 });
      await socket.send(Uint8Array.of(7), { transport: "udp", hostname: target, port });
      const [bytes] = await socket.receive();
      assertEquals([...bytes], [7]);
      socket.close();
    }
    await socket.close();
    await listening;
    assertEquals(heard.map(({ from }) => from), ["127.0.0.1", "::1"]);
    assert(socket.localAddresses.includes("::1") && socket.localAddresses.includes("127.0.0.1"));
  },
});
