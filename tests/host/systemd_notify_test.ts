// systemd's notification protocol through a real socket. An abstract one is in packaging/notify_test.ts.
import { assertEquals } from "@std/assert";
import { openServiceManager, serviceManager } from "../../src/host/systemd_notify.ts";
import "../support/libraries.ts";

const PID = Deno.pid;
const LINUX = Deno.build.os === "linux";

Deno.test("openServiceManager() stays silent without a socket that it can talk to", () => {
  for (const address of [undefined, "", "/", "@", "vsock:2:1234", "relative/path"]) {
    assertEquals(openServiceManager(address === undefined ? {} : { NOTIFY_SOCKET: address }), null);
  }
});

Deno.test({
  name: "openServiceManager() takes half of WATCHDOG_USEC, if it is meant for this process",
  ignore: !LINUX,
  fn() {
    const rows: ReadonlyArray<readonly [Record<string, string>, number]> = [
      [{}, Infinity],
      [{ WATCHDOG_USEC: "" }, Infinity],
      [{ WATCHDOG_USEC: "0" }, Infinity],
      [{ WATCHDOG_USEC: "soon" }, Infinity],
      [{ WATCHDOG_USEC: "30000000" }, 15_000],
      [{ WATCHDOG_USEC: "30000000", WATCHDOG_PID: `${PID}` }, 15_000],
      [{ WATCHDOG_USEC: "30000000", WATCHDOG_PID: "1" }, Infinity],
    ];
    for (const [env, keepAliveMs] of rows) {
      const manager = openServiceManager({ NOTIFY_SOCKET: "/run/none", ...env });
      assertEquals(manager?.keepAliveMs, keepAliveMs, JSON.stringify(env));
    }
  },
});

Deno.test({
  name: "openServiceManager() sends what it is told to a path, in order, and survives its absence",
  ignore: !LINUX,
  async fn() {
    const path = `${await Deno.makeTempDir()}/notify`;
    const manager = Deno.listenDatagram({ transport: "unixpacket", path });
    const told = openServiceManager({ NOTIFY_SOCKET: path });
    told?.ready();
    told?.status("ü");
    told?.stopping(26_000);
    await told?.flush();
    const receive = async () => new TextDecoder().decode((await manager.receive())[0]);
    assertEquals([await receive(), await receive(), await receive()], [
      "READY=1",
      "STATUS=ü",
      "STOPPING=1\nEXTEND_TIMEOUT_USEC=26000000",
    ]);
    manager.close();
    told?.alive();
    await told?.flush();
    await Deno.remove(path.replace(/\/notify$/, ""), { recursive: true });
  },
});

/** The messages that the manager received since the last call. */
function hearing(monotonicUsec: () => number | null = () => 12_345_678) {
  const heard: string[] = [];
  const manager = serviceManager((message) => void heard.push(message), {
    keepAliveMs: Infinity,
    monotonicUsec,
  });
  return { manager, heard: () => heard.splice(0) };
}

Deno.test("a service manager is told once that the start is over, and once that the end has begun", () => {
  const { manager, heard } = hearing();
  manager.ready();
  manager.ready();
  assertEquals(heard(), ["READY=1"]);
  // Differences between instants are not exact.
  manager.stopping(1_000 + 1e-9);
  manager.stopping(500);
  manager.ready();
  assertEquals(heard(), ["STOPPING=1\nEXTEND_TIMEOUT_USEC=1000000"]);
});

Deno.test("a service manager hears of a reload between ready and stopping only, and of its end once", () => {
  const { manager, heard } = hearing();
  const reload = () => {
    manager.reloading();
    manager.reloaded();
    return heard();
  };
  assertEquals(reload(), [], "nothing is ready yet");
  manager.ready();
  heard();
  assertEquals(reload(), ["RELOADING=1\nMONOTONIC_USEC=12345678", "READY=1"]);
  manager.reloading();
  manager.reloading();
  manager.ready();
  assertEquals(heard(), ["RELOADING=1\nMONOTONIC_USEC=12345678"], "a second one in between");
  manager.reloaded();
  manager.reloaded();
  assertEquals(heard(), ["READY=1"]);
  manager.reloading();
  manager.stopping(0);
  heard();
  manager.reloaded();
  assertEquals([heard(), reload()], [[], []], "it stops: nobody waits for its READY");
  const dark = hearing(() => null);
  dark.manager.ready();
  dark.manager.reloading();
  assertEquals(dark.heard(), ["READY=1", "RELOADING=1"]);
});

Deno.test("a service manager hears at any time what goes on, that it lasts, and that the loop is alive", () => {
  const { manager, heard } = hearing();
  manager.status("waiting for the cloud");
  manager.extend(120_000);
  manager.stopping(1);
  heard();
  manager.status("backup");
  manager.extend(0.001);
  manager.alive();
  assertEquals(heard(), ["STATUS=backup", "EXTEND_TIMEOUT_USEC=1", "WATCHDOG=1"]);
});
