// systemd's notification protocol through a real socket. An abstract one is in packaging/notify_test.ts.
import { assertEquals } from "@std/assert";
import { openSupervisor } from "../../src/host/systemd_notify.ts";

const PID = Deno.pid;
const LINUX = Deno.build.os === "linux";

Deno.test("openSupervisor() stays silent without a socket that it can talk to", () => {
  for (const address of [undefined, "", "/", "@", "vsock:2:1234", "relative/path"]) {
    assertEquals(openSupervisor(address === undefined ? {} : { NOTIFY_SOCKET: address }), null);
  }
});

// A supervisor is open for the life of the process, so its socket is no leak.
Deno.test({
  name: "openSupervisor() takes half of WATCHDOG_USEC, if it is meant for this process",
  ignore: !LINUX,
  sanitizeResources: false,
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
      const supervisor = openSupervisor({ NOTIFY_SOCKET: "/run/none", ...env });
      assertEquals(supervisor?.keepAliveMs, keepAliveMs, JSON.stringify(env));
    }
  },
});

Deno.test({
  name: "openSupervisor() sends what it is told to a path, in order, and survives its absence",
  ignore: !LINUX,
  sanitizeResources: false,
  async fn() {
    const path = `${await Deno.makeTempDir()}/notify`;
    const manager = Deno.listenDatagram({ transport: "unixpacket", path });
    const supervisor = openSupervisor({ NOTIFY_SOCKET: path });
    supervisor?.tell(["READY=1", "STATUS=ü"]);
    supervisor?.tell(["WATCHDOG=1"]);
    await supervisor?.flush();
    const receive = async () => new TextDecoder().decode((await manager.receive())[0]);
    assertEquals([await receive(), await receive()], ["READY=1\nSTATUS=ü", "WATCHDOG=1"]);
    manager.close();
    supervisor?.tell(["STOPPING=1"]);
    await supervisor?.flush();
    await Deno.remove(path.replace(/\/notify$/, ""), { recursive: true });
  },
});
