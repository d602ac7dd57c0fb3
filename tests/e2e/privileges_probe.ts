// The program as main.ts runs it, on the real computer. After its start it tries operations that must fail by then, and
// prints their outcomes. Used by privileges_test.ts, never shipped.
import { thisComputer } from "../../main.ts";
import { openLog } from "../../src/host/log.ts";
import { runProgram } from "../../src/program.ts";

const [forbidden = "", ...args] = Deno.args;

const ATTEMPTS: Readonly<Record<string, () => unknown>> = {
  run: () => new Deno.Command("true").outputSync(),
  read: () => Deno.readTextFileSync("/etc/hosts"),
  write: () => Deno.writeTextFileSync(forbidden, "written"),
  env: () => Deno.env.get("PATH"),
  ffi: () => Deno.dlopen("libc.so.6", {}),
  sys: () => Deno.hostname(),
  import: () => Deno.permissions.querySync({ name: "import" }).state === "granted" || deny(),
  // This right cannot be given up, see SECURITY.md.
  net: () => Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 }).close(),
};

function deny(): never {
  throw new Deno.errors.NotCapable("not granted");
}

function probe(): void {
  const outcomes = Object.entries(ATTEMPTS).map(([name, attempt]) => {
    try {
      attempt();
      return [name, "done"];
    } catch (error) {
      return [name, error instanceof Deno.errors.NotCapable ? "denied" : `${error}`];
    }
  });
  console.log(`probe: ${JSON.stringify(Object.fromEntries(outcomes))}`);
}

const host = thisComputer();
// The real socket belongs to the machine that runs the tests.
const syslogPath = Deno.env.get("PROBE_SYSLOG");
const code = await runProgram(args, {
  ...host,
  openLog(options) {
    const log = syslogPath ? openLog({ ...options, syslogPath }) : host.openLog(options);
    return {
      ...log,
      write(severity, event, text) {
        log.write(severity, event, text);
        // The line appears when the rights are gone; the loop's next work has only the remaining ones.
        if (event === "privileges") setTimeout(probe, 0);
      },
    };
  },
});
Deno.exit(code);
